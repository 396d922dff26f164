//! What a route declares about its parameters → checked, canonical values.

use std::borrow::Cow;
use std::collections::HashSet;

use regex::{Regex, RegexBuilder};

use serde_json::Value;

use super::super::template::is_unwanted;
use super::body::RawBody;
use super::kind::{MAX_PARAMS, ParamKind};
use super::params::Params;
use super::pattern::Pattern;
use super::query::{Query, QueryPair, RawQuery};
use super::value::{canonical, json_of};
use crate::config::{ParamConfig, ParamType, text_as_written};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span, did_you_mean};

/// Bytes of a compiled regular expression, at most.
const REGEX_BYTES: usize = 1 << 20;

/// The rules of a route's parameters.
#[derive(Debug, Default)]
pub struct Rules {
    query: Vec<Rule>,
    /// Of the body.
    fields: Vec<Rule>,
    /// A rule or none for each parameter of the path, in its order; empty where none is declared.
    path: Vec<Option<Rule>>,
    /// What the parameters of the path are; empty where nothing is to be made canonical.
    path_types: Vec<ParamType>,
}

/// A value that breaks a rule: 422 in a query or a body, 404 in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The parameter.
    pub name: String,
    /// What is wrong with it, for the client: `must be a whole number`. Does not repeat the value.
    pub detail: String,
}

impl Rules {
    /// Checks what a route declares. Where something is wrong with a declaration it is left out of
    /// the rules: a report with errors means that they must not be used.
    pub fn new(query: &[ParamConfig], params: &[ParamConfig], pattern: &Pattern) -> (Self, Report) {
        let mut report = Report::default();
        let mut rules = Self { query: rules_of(query, &mut report), ..Self::default() };
        let unknown_names = params.iter().filter(|typed| !pattern.has_param(&typed.name.value));
        report.extend(unknown_names.map(|typed| unknown(typed, pattern)).collect());
        for param in pattern.params() {
            let typed = params.iter().find(|typed| *typed.name.value == *param.name);
            rules.path.push(typed.and_then(|typed| {
                check_for_path(typed, param.kind, &mut report);
                Rule::new(typed, path_type(typed.kind.value, param.kind), &mut report)
            }));
            let declared = typed.map_or(ParamType::String, |typed| typed.kind.value);
            rules.path_types.push(path_type(declared, param.kind));
        }
        if rules.path_types.iter().all(|kind| *kind == ParamType::String) {
            rules.path_types.clear();
        }
        if rules.path.iter().all(Option::is_none) {
            rules.path.clear();
        }
        (rules, report)
    }

    /// The same with what is declared about the fields of the body.
    pub(crate) fn with_fields(self, fields: &[ParamConfig], report: &mut Report) -> Self {
        Self { fields: rules_of(fields, report), ..self }
    }

    /// Checks a query: declared parameters in canonical text and with their defaults, at most once
    /// each; others as they are.
    ///
    /// # Errors
    /// The first declared parameter, in the order of the file, that breaks its rule.
    pub fn query<'q>(&'q self, raw: &RawQuery<'q>) -> Result<Query<'q>, Violation> {
        self.query_where(raw, |_| true)
    }

    /// The same where a required parameter may be absent that is not to be seen.
    ///
    /// # Errors
    /// As [`Rules::query`].
    pub(crate) fn query_where<'q>(
        &'q self,
        raw: &RawQuery<'q>,
        is_shown: impl Fn(&str) -> bool,
    ) -> Result<Query<'q>, Violation> {
        checked(&self.query, raw, is_shown)
    }

    /// Checks a body: declared fields as the types that they have, and with their defaults; others
    /// as they are.
    ///
    /// # Errors
    /// The first declared field, in the order of the file, that breaks its rule.
    pub(crate) fn body(&self, raw: RawBody<'_>) -> Result<Value, Violation> {
        match raw {
            RawBody::Form(raw) => {
                let pairs = checked(&self.fields, &raw, |_| true)?;
                let value = |(name, _)| Some((str::to_owned(name), pairs.json(name)?));
                Ok(Value::Object(pairs.iter().filter_map(value).collect()))
            }
            RawBody::Json(Value::Object(mut sent)) => {
                for rule in &self.fields {
                    match rule.accept_json(sent.get(&*rule.name))? {
                        Some(value) => _ = sent.insert(rule.name.to_string(), value),
                        None => _ = sent.shift_remove(&*rule.name),
                    }
                }
                Ok(Value::Object(sent))
            }
            RawBody::Json(other) => match self.fields.first() {
                Some(rule) => Err(rule.broken("is a field of an object, and the body is none")),
                None => Ok(other),
            },
        }
    }

    /// Checks the values of a path and makes them canonical, in place.
    ///
    /// # Errors
    /// The first parameter, in the order of the path, that breaks its rule.
    pub fn path<'r>(&'r self, params: &mut Params<'r>) -> Result<(), Violation> {
        if self.path.is_empty() && self.path_types.is_empty() {
            return Ok(());
        }
        let mut values: [Cow<'_, str>; MAX_PARAMS] = Default::default();
        let mut same = true;
        for ((at, (_, sent)), slot) in params.iter().enumerate().zip(&mut values) {
            *slot = match (self.path.get(at), self.path_types.get(at)) {
                (Some(Some(rule)), _) => rule.accept(sent)?,
                // The router has checked the kind: what it took for a number is one.
                (_, Some(kind)) => canonical(*kind, sent).unwrap_or(Cow::Borrowed(sent)),
                _ => Cow::Borrowed(sent),
            };
            same &= matches!(slot, Cow::Borrowed(_));
        }
        let values = (!same).then(|| params.with_values(&values));
        if let Some(values) = values {
            *params = values;
        }
        params.set_types(&self.path_types);
        Ok(())
    }
}

fn rules_of(declared: &[ParamConfig], report: &mut Report) -> Vec<Rule> {
    declared.iter().filter_map(|typed| Rule::new(typed, typed.kind.value, report)).collect()
}

/// Names and texts as `rules` take them: what they declare in canonical text and with its default,
/// at most once each; others as they are. A required one may be absent that is not to be seen.
fn checked<'q>(
    rules: &'q [Rule],
    raw: &RawQuery<'q>,
    is_shown: impl Fn(&str) -> bool,
) -> Result<Query<'q>, Violation> {
    if rules.is_empty() && raw.pairs.is_empty() {
        return Ok(Query::default());
    }
    let mut pairs = Vec::with_capacity(raw.pairs.len() + rules.len());
    for rule in rules {
        let mut sent = raw.pairs.iter().filter(|(name, _)| *name == *rule.name);
        let value = match (sent.next(), sent.next()) {
            (Some(_), Some(_)) => return Err(rule.broken("is given more than once")),
            (Some((_, Cow::Borrowed(value))), None) => Some(rule.accept(value)?),
            (Some((_, Cow::Owned(value))), None) => {
                Some(Cow::Owned(rule.accept(value)?.into_owned()))
            }
            (None, _) if rule.required && is_shown(&rule.name) => {
                return Err(rule.broken("is required"));
            }
            (None, _) => rule.default.as_deref().map(Cow::Borrowed),
        };
        if let Some(value) = value {
            let name = Cow::Borrowed(&*rule.name);
            pairs.push(QueryPair { name, value, kind: rule.kind });
        }
    }
    let declared = |name: &str| rules.iter().any(|rule| *rule.name == *name);
    for (name, value) in raw.pairs.iter().filter(|(name, _)| !declared(name)) {
        let (name, value) = (name.clone(), value.clone());
        pairs.push(QueryPair { name, value, kind: ParamType::String });
    }
    Ok(Query::new(pairs))
}

fn unknown(typed: &ParamConfig, pattern: &Pattern) -> Diagnostic {
    let name = &typed.name.value;
    let message = format!("`{name}` is no parameter of the path `{pattern}`");
    let diagnostic = Diagnostic::new(Code::ParamUnknown, message, &typed.name.span);
    let near = did_you_mean(name, pattern.params().iter().map(|param| &*param.name));
    let help = "parameters of the query are declared under `query`";
    diagnostic.help(near.unwrap_or_else(|| help.to_owned()))
}

/// A parameter that its pattern makes a number is one, whatever else is declared about it.
fn path_type(declared: ParamType, kind: ParamKind) -> ParamType {
    match (declared, kind) {
        (ParamType::String, ParamKind::Int) => ParamType::Int,
        (declared, _) => declared,
    }
}

fn check_for_path(typed: &ParamConfig, kind: ParamKind, report: &mut Report) {
    let name = &typed.name.value;
    if let Some(default) = &typed.default {
        let message = format!("`{name}` is part of the path, so that its default is never used");
        report.push(Diagnostic::new(Code::BadQuery, message, &default.span).help("remove it"));
    }
    let shortest = match kind {
        ParamKind::Uuid => 36,
        ParamKind::Date => 10,
        ParamKind::Int | ParamKind::Slug | ParamKind::Text | ParamKind::Rest => 1,
    };
    if typed.max_length < shortest {
        let longest = typed.max_length;
        let message = format!("`{name}` is a {kind}, and none has at most {longest} characters");
        let help = "remove `max_length`: no address would be the route's";
        report.push(Diagnostic::new(Code::BadQuery, message, &typed.name.span).help(help));
    }
    let fits = match kind {
        ParamKind::Uuid | ParamKind::Date => typed.kind.value == ParamType::String,
        ParamKind::Int => typed.kind.value != ParamType::Bool,
        ParamKind::Slug | ParamKind::Text | ParamKind::Rest => true,
    };
    if !fits {
        let kind_typed = word(typed.kind.value);
        let message = format!("`{name}` is {kind} in the path and cannot be {kind_typed} too");
        let help = "remove `type`: the path says it";
        report.push(Diagnostic::new(Code::BadQuery, message, &typed.kind.span).help(help));
    }
}

/// One parameter's rule.
#[derive(Debug)]
struct Rule {
    name: Box<str>,
    kind: ParamType,
    required: bool,
    /// In canonical text.
    default: Option<Box<str>>,
    /// In canonical text; empty where anything goes.
    choices: Vec<Box<str>>,
    min: Option<f64>,
    max: Option<f64>,
    /// In characters.
    max_length: usize,
    pattern: Option<Regex>,
}

impl Rule {
    fn new(typed: &ParamConfig, kind: ParamType, report: &mut Report) -> Option<Self> {
        let before = report.iter().count();
        check_shape(typed, kind, report);
        let mut rule = Self {
            name: Box::from(typed.name.value.as_str()),
            kind,
            required: typed.required,
            default: None,
            choices: Vec::new(),
            min: typed.min.as_ref().map(|min| min.value),
            max: typed.max.as_ref().map(|max| max.value),
            max_length: typed.max_length,
            pattern: typed.pattern.as_ref().and_then(|pattern| compile(pattern, report)),
        };
        let mut choices = Vec::with_capacity(typed.choices.len());
        for choice in &typed.choices {
            match rule.accept(&choice.value) {
                Ok(value) => choices.push(Box::from(value)),
                Err(broken) => report.push(bad(choice, &rule.name, "choice", &broken)),
            }
        }
        rule.choices = choices;
        if let Some(default) = &typed.default {
            match rule.accept(&default.value) {
                Ok(value) => rule.default = Some(Box::from(value)),
                Err(broken) => report.push(bad(default, &rule.name, "default", &broken)),
            }
        }
        (report.iter().count() == before).then_some(rule)
    }

    /// The value in place of one in JSON; nothing for an absent one without a default. A text that
    /// reads as the type is taken too: pages send what stands in their inputs.
    fn accept_json(&self, value: Option<&Value>) -> Result<Option<Value>, Violation> {
        let text = match value {
            None | Some(Value::Null) if self.required => return Err(self.broken("is required")),
            None | Some(Value::Null) => self.default.as_deref().map(Cow::Borrowed),
            Some(Value::String(text)) => Some(self.accept(text)?),
            Some(Value::Array(_) | Value::Object(_)) => return Err(self.other_type()),
            Some(_) if self.kind == ParamType::String => return Err(self.other_type()),
            Some(scalar) => Some(self.accept(&scalar.to_string())?.into_owned().into()),
        };
        Ok(text.map(|text| json_of(self.kind, &text)))
    }

    /// The canonical text of a value.
    fn accept<'v>(&self, value: &'v str) -> Result<Cow<'v, str>, Violation> {
        // A length in bytes is at least that in characters: the common case needs no counting.
        if value.len() > self.max_length && value.chars().count() > self.max_length {
            return Err(self.broken(format!("has more than {} characters", self.max_length)));
        }
        let value = canonical(self.kind, value).ok_or_else(|| self.other_type())?;
        if let Some(out) = self.out_of_range(&value) {
            return Err(self.broken(out));
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| **choice == *value) {
            return Err(self.broken(format!("must be one of: {}", self.choices.join(", "))));
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(&value)) {
            return Err(self.broken("does not have the form that is asked for"));
        }
        Ok(value)
    }

    fn out_of_range(&self, value: &str) -> Option<String> {
        if self.min.is_none() && self.max.is_none() {
            return None;
        }
        let number: f64 = value.parse().ok()?;
        match (self.min, self.max) {
            (Some(min), _) if number < min => Some(format!("must be at least {min}")),
            (_, Some(max)) if number > max => Some(format!("must be at most {max}")),
            _ => None,
        }
    }

    fn other_type(&self) -> Violation {
        self.broken(match self.kind {
            ParamType::Int => "must be a whole number",
            ParamType::Number => "must be a number",
            ParamType::Bool => "must be true or false",
            ParamType::String => "must be text",
        })
    }

    fn broken(&self, detail: impl Into<String>) -> Violation {
        Violation { name: self.name.to_string(), detail: detail.into() }
    }
}

fn bad(typed: &At<String>, name: &str, what: &str, broken: &Violation) -> Diagnostic {
    let value = text_as_written(&typed.value, &typed.span);
    let message = format!("the {what} `{value}` of `{name}` breaks its own rule");
    Diagnostic::new(Code::BadQuery, message, &typed.span)
        .remark(format!("`{name}` {}", broken.detail))
}

/// Declarations that contradict themselves.
fn check_shape(typed: &ParamConfig, kind: ParamType, report: &mut Report) {
    let name = &typed.name.value;
    let mut wrong = |message: String, span: &Span, help: &str| {
        report.push(Diagnostic::new(Code::BadQuery, message, span).help(help));
    };
    let numeric = matches!(kind, ParamType::Int | ParamType::Number);
    for (word, bound) in [("min", &typed.min), ("max", &typed.max)] {
        let Some(bound) = bound else { continue };
        if !numeric {
            let message = format!("`{word}` bounds numbers, and `{name}` is no number");
            wrong(message, &bound.span, "give it `type: int` or `type: number`");
        } else if !bound.value.is_finite() {
            let message = format!("`{word}` of `{name}` is no finite number");
            wrong(message, &bound.span, "write a number");
        }
    }
    if let (Some(min), Some(max)) = (&typed.min, &typed.max)
        && min.value > max.value
    {
        let message = format!("`min` of `{name}` is greater than its `max`");
        wrong(message, &min.span, "swap them");
    }
    if let (Some(pattern), true) = (&typed.pattern, kind != ParamType::String) {
        let message = format!("`pattern` is for strings, and `{name}` is {}", word(kind));
        wrong(message, &pattern.span, "use `min`, `max` or `enum`");
    }
    if let (Some(default), true) = (&typed.default, typed.required) {
        let message = format!("`{name}` is required, so that its default is never used");
        wrong(message, &default.span, "remove `default` or `required`");
    }
    let mut seen = HashSet::new();
    for choice in &typed.choices {
        let value = canonical(kind, &choice.value).unwrap_or(Cow::Borrowed(&choice.value));
        if !seen.insert(value.into_owned()) {
            let value = text_as_written(&choice.value, &choice.span);
            let message = format!("`{value}` stands twice among the choices of `{name}`");
            wrong(message, &choice.span, "remove one");
        }
    }
}

fn word(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "string",
        ParamType::Int => "int",
        ParamType::Number => "number",
        ParamType::Bool => "bool",
    }
}

/// A regular expression that the whole value has to match.
fn compile(typed: &At<String>, report: &mut Report) -> Option<Regex> {
    // The most that compiling a site does at a time.
    if is_unwanted() {
        return None;
    }
    // Alone first: `a)|(b` is no expression, though it would become one between the anchors.
    let build = |text: &str| RegexBuilder::new(text).size_limit(REGEX_BYTES).build();
    let anchored = build(&typed.value).and_then(|_| {
        build(&format!("\\A(?:{})\\z", typed.value))
            // With `(?x)` a comment swallows the closing anchor, unless a line's end closes it.
            .or_else(|_| build(&format!("\\A(?:{}\n)\\z", typed.value)))
    });
    match anchored {
        Ok(regex) => Some(regex),
        Err(error) => {
            let words = match error {
                regex::Error::CompiledTooBig(_) => "it is too large when compiled".to_owned(),
                other => other.to_string(),
            };
            // The last line says it; those before show the place in the expression.
            let words = words.lines().last().unwrap_or(&words).trim_start_matches("error: ");
            let written = text_as_written(&typed.value, &typed.span);
            let message = format!("`{written}` is no regular expression that larder takes");
            let help = "the syntax is that of Rust's regex: no look-around, no back references";
            let diagnostic = Diagnostic::new(Code::BadPattern, message, &typed.span);
            report.push(diagnostic.remark(words).help(help));
            None
        }
    }
}
