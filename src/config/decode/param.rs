//! `query` and `params`: declared parameters.

use regex::Regex;

use super::scalar::{scalar_text, shown};
use super::{Decoder, Fields};
use crate::config::fields::{PARAM, PARAM_TYPES};
use crate::config::model::{ParamConfig, ParamType};
use crate::config::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Span};

/// `max_length` where nothing is said, in characters.
const MAX_LENGTH: usize = 200;

impl Decoder<'_> {
    /// The declarations under `query` or `params`.
    pub(super) fn params(&mut self, section: &str, node: Option<&Node>) -> Vec<ParamConfig> {
        let mut params = Vec::new();
        for (name, node) in self.entries(&format!("`{section}`"), node) {
            if !name.value.starts_with("x-")
                && let Some(param) = self.param(section, name, node)
            {
                params.push(param);
            }
        }
        params
    }

    fn param(&mut self, section: &str, name: &At<String>, node: &Node) -> Option<ParamConfig> {
        let what = format!("{section} parameter `{}`", name.value);
        if let NodeValue::Text(_) = node.value {
            let kind = self.param_type(&what, node)?;
            return Some(plain(name, kind));
        }
        let fields = self.fields(&PARAM, &what, &name.span, node)?;
        let kind = match fields.get("type") {
            Some(node) => self.param_type("`type`", node)?,
            None => At::new(ParamType::String, name.span.clone()),
        };
        let max_length = self.whole(&fields, "max_length", 1..=8192);
        let param = ParamConfig {
            default: self.written(&fields, "default", kind.value),
            required: self.flag(&fields, "required").unwrap_or(false),
            choices: self.choices(&fields, kind.value),
            min: self.number(&fields, "min"),
            max: self.number(&fields, "max"),
            max_length: max_length.and_then(|n| usize::try_from(n).ok()).unwrap_or(MAX_LENGTH),
            pattern: self.pattern(&fields),
            description: self.text(&fields, "description").map(|text| text.value),
            ..plain(name, kind)
        };
        self.check_param(&what, &fields, &param);
        Some(param)
    }

    fn param_type(&mut self, what: &str, node: &Node) -> Option<At<ParamType>> {
        let kind = match self.word_of(what, node, PARAM_TYPES)? {
            0 => ParamType::String,
            1 => ParamType::Int,
            2 => ParamType::Number,
            _ => ParamType::Bool,
        };
        Some(At::new(kind, node.span.clone()))
    }

    /// A value as a request would write it, of the parameter's own type.
    fn written(&mut self, fields: &Fields, name: &str, kind: ParamType) -> Option<At<String>> {
        let node = fields.get(name)?;
        self.written_of(&format!("`{name}`"), node, kind)
    }

    fn choices(&mut self, fields: &Fields, kind: ParamType) -> Vec<At<String>> {
        let mut choices: Vec<At<String>> = Vec::new();
        for node in self.items("`enum`", fields.get("enum")) {
            let Some(choice) = self.written_of("an item of `enum`", node, kind) else { continue };
            if let Some(first) = choices.iter().find(|other| other.value == choice.value) {
                let message = format!("`{}` is in `enum` twice", shown(node));
                let diagnostic = Diagnostic::new(Code::BadQuery, message, &choice.span)
                    .label(&first.span, "first here");
                self.report.push(diagnostic);
                continue;
            }
            choices.push(choice);
        }
        choices
    }

    fn written_of(&mut self, what: &str, node: &Node, kind: ParamType) -> Option<At<String>> {
        let Some(text) = scalar_text(node) else {
            self.wrong_type(what, "a string, number or boolean", node);
            return None;
        };
        if !is_of(kind, &text) {
            let message = format!("{what} is `{}`, which is {}", shown(node), not_of(kind));
            self.error(Code::BadQuery, message, &node.span, "");
            return None;
        }
        Some(At::new(text, node.span.clone()))
    }

    fn pattern(&mut self, fields: &Fields) -> Option<At<String>> {
        let text = self.text(fields, "pattern")?;
        // Checked in the form in which it is used: the whole value has to match.
        let whole = format!("^(?:{})$", text.value);
        if let Err(error) = regex::RegexBuilder::new(&whole).size_limit(1 << 20).build() {
            let reason = match Regex::new(&text.value) {
                Err(regex::Error::Syntax(words)) => {
                    let last = words.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
                _ => match error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    other => other.to_string(),
                },
            };
            let message = format!("`pattern` is no regular expression: {reason}");
            self.error(Code::BadPattern, message, &text.span, "");
            return None;
        }
        Some(text)
    }

    /// Whether the parts of a declaration go together.
    fn check_param(&mut self, what: &str, fields: &Fields, param: &ParamConfig) {
        let numeric = matches!(param.kind.value, ParamType::Int | ParamType::Number);
        for (name, bound) in [("min", &param.min), ("max", &param.max)] {
            if let Some(bound) = bound
                && !numeric
            {
                let message = format!("`{name}` is for numbers, and {what} is none");
                let help = "write `type: int` or `type: number`, or remove it";
                self.error(Code::BadQuery, message, &bound.span, help);
            }
        }
        if param.pattern.is_some() && param.kind.value != ParamType::String {
            let span = fields.key("pattern").unwrap_or(&param.name.span).clone();
            let message = format!("`pattern` is for strings, and {what} is none");
            self.error(Code::BadQuery, message, &span, "");
        }
        if let (Some(min), Some(max)) = (&param.min, &param.max)
            && min.value > max.value
        {
            let message = format!("{what} has a `min` above its `max`");
            let diagnostic = Diagnostic::new(Code::BadQuery, message, &min.span)
                .label(&max.span, "no number is both");
            self.report.push(diagnostic);
        }
        if let (Some(default), true) = (&param.default, param.required) {
            let message = format!("{what} is required and has a default");
            let mut diagnostic = Diagnostic::new(Code::BadQuery, message, &default.span)
                .help("one of the two: a default is for requests that do not have it");
            if let Some(key) = fields.key("required") {
                diagnostic = diagnostic.label(key, "required here");
            }
            self.report.push(diagnostic);
        }
        self.check_default(what, fields, param);
    }

    fn check_default(&mut self, what: &str, fields: &Fields, param: &ParamConfig) {
        let Some(default) = &param.default else { return };
        let fails = |span: &Span, why: String| (span.clone(), why);
        let number = default.value.parse::<f64>().ok();
        let enum_key = fields.key("enum").unwrap_or(&default.span);
        let reason = if !param.choices.is_empty()
            && !param.choices.iter().any(|choice| choice.value == default.value)
        {
            Some(fails(enum_key, "it is not one of these".to_owned()))
        } else if let (Some(min), Some(number)) = (&param.min, number)
            && number < min.value
        {
            Some(fails(&min.span, "it is below this".to_owned()))
        } else if let (Some(max), Some(number)) = (&param.max, number)
            && number > max.value
        {
            Some(fails(&max.span, "it is above this".to_owned()))
        } else if default.value.chars().count() > param.max_length {
            let span = fields.key("max_length").unwrap_or(&param.name.span);
            Some(fails(span, format!("it is longer than {} characters", param.max_length)))
        } else {
            let whole = param.pattern.as_ref().map(|p| (format!("^(?:{})$", p.value), &p.span));
            whole
                .and_then(|(whole, span)| Some((Regex::new(&whole).ok()?, span)))
                .filter(|(regex, _)| !regex.is_match(&default.value))
                .map(|(_, span)| fails(span, "it does not match this".to_owned()))
        };
        if let Some((span, why)) = reason {
            let message = format!("{what} has a default that it would refuse");
            let diagnostic =
                Diagnostic::new(Code::BadQuery, message, &default.span).label(&span, why);
            self.report.push(diagnostic);
        }
    }
}

fn plain(name: &At<String>, kind: At<ParamType>) -> ParamConfig {
    ParamConfig {
        name: name.clone(),
        kind,
        default: None,
        required: false,
        choices: Vec::new(),
        min: None,
        max: None,
        max_length: MAX_LENGTH,
        pattern: None,
        description: None,
    }
}

fn is_of(kind: ParamType, text: &str) -> bool {
    match kind {
        ParamType::String => true,
        ParamType::Int => text.parse::<i64>().is_ok(),
        ParamType::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        ParamType::Bool => text == "true" || text == "false",
    }
}

fn not_of(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "no string",
        ParamType::Int => "no whole number",
        ParamType::Number => "no number",
        ParamType::Bool => "neither true nor false",
    }
}
