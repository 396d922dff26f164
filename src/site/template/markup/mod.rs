//! Whether a value from outside may stand where a template prints it.
//!
//! The walk hands on a template's text, in the order in which it is sent, and asks at each value.
//! What it keeps meanwhile is a set: after branches that end in different places, all of them.

mod address;
mod html;
mod name;
mod refuse;
mod script;
mod tag;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};

pub(super) use self::address::Given;
use self::address::Prefix;
use self::html::{At, Context};
use super::kind::Escape;
use super::reads::Step;
use crate::diagnostic::Span;
pub(crate) use refuse::Refusal;

/// How many places the text may be at once.
const PLACES: usize = 16;

/// By what a type that is sent is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    Html,
    /// HTML's elements in XML's syntax, escaped as HTML.
    Xhtml,
    Xml,
    JavaScript,
    Css,
    Json,
    /// Whatever no browser runs.
    Text,
}

impl Language {
    /// By the media type without its parameters, in lower case.
    pub(crate) fn of(essence: &str) -> Self {
        match essence {
            "text/html" => Self::Html,
            "application/xhtml+xml" => Self::Xhtml,
            "text/xml" | "application/xml" | "text/xsl" => Self::Xml,
            "text/css" => Self::Css,
            "application/json" | "text/json" => Self::Json,
            // Its parts are of types that stand in its text, which may be pages.
            _ if essence.starts_with("multipart/") => Self::Html,
            _ if essence.ends_with("+xml") => Self::Xml,
            _ if essence.ends_with("+json") => Self::Json,
            "text/jscript" | "text/livescript" => Self::JavaScript,
            _ if essence.contains("javascript") || essence.contains("ecmascript") => {
                Self::JavaScript
            }
            _ => Self::Text,
        }
    }

    /// How what is printed into it is escaped.
    pub(crate) fn escape(self) -> Escape {
        match self {
            Self::Html | Self::Xhtml => Escape::Html,
            Self::Xml => Escape::Xml,
            Self::JavaScript | Self::Css | Self::Json | Self::Text => Escape::None,
        }
    }
}

/// Who wrote a value that is not the site's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// A visitor: it is a part of the request.
    Visitor,
    /// A server that the site asks.
    Server,
}

/// What became of a value's text on its way to where it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coding {
    /// It may hold any character.
    Plain,
    /// The same, of the path that was asked for: it begins with `/`.
    Path,
    /// Percent-encoded: letters, digits and `-._~%`.
    Url,
    /// JSON without `<`, `>`, `&` and `'`.
    Json,
    /// Markdown as HTML, with tags as text.
    Markdown,
    /// Markdown as HTML, with tags as they stand.
    Html,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Escaped for the type that is sent.
    Escaped,
    /// As it stands.
    Raw,
}

/// A place where a value may not be printed, if it comes from outside.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The value's way from the root.
    pub(crate) value: Vec<Step>,
    pub(crate) refusal: Refusal,
    /// For [`Refusal::Between`]: the way to the value that decides it; where that is never empty,
    /// nothing is wrong.
    pub(crate) between: Option<Vec<Step>>,
    pub(crate) place: Span,
    /// The calls of partials that lead there, from the outside in.
    pub(crate) via: Vec<Span>,
}

/// Where the text may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    list: Vec<Context>,
    /// Whether what is printed in two braces is escaped.
    escapes: bool,
}

impl Places {
    /// At the beginning of what is sent.
    pub(super) fn start(language: Language) -> Self {
        let at = match language {
            Language::Html | Language::Xhtml | Language::Xml => At::Text,
            Language::JavaScript | Language::Json => At::ScriptFile,
            Language::Css => At::StyleFile,
            Language::Text => return Self::default(),
        };
        let xml = matches!(language, Language::Xhtml | Language::Xml);
        let escapes = language.escape() != Escape::None;
        Self { list: vec![Context::new(at, xml)], escapes }
    }

    /// Whether nothing is judged.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Past some of the template's text.
    pub(super) fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let [one] = self.list.as_slice()
                && one.is_plain_text()
                && c != '<'
            {
                let next = rest.find('<').unwrap_or(rest.len());
                rest = rest.get(next..).unwrap_or_default();
                continue;
            }
            let twins: Vec<_> =
                self.list.iter_mut().filter_map(|context| context.step(c)).collect();
            if !twins.is_empty() || matches!(c, '\n' | '>' | ';') {
                self.list.extend(twins);
                self.settle();
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        self.list.iter_mut().for_each(Context::pause);
        self.settle();
    }

    /// Whether a value may stand behind the first slash of an address.
    pub(super) fn is_behind_slash(&self) -> bool {
        self.list.iter().any(|context| context.attribute.prefix == Prefix::Slash)
    }

    /// Past a value.
    pub(super) fn value(&mut self, given: Given) {
        let list = std::mem::take(&mut self.list);
        self.list = list.into_iter().flat_map(|context| context.after_value(given)).collect();
        self.settle();
    }

    /// Also where `other` may be.
    pub(super) fn join(&mut self, other: &Self) {
        self.list.extend_from_slice(&other.list);
        self.settle();
    }

    /// Whether it may be nowhere but where `other` may be.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.list.iter().all(|context| other.list.contains(context))
    }

    /// Nothing more is known.
    pub(super) fn give_up(&mut self) {
        self.list.iter_mut().for_each(|context| *context = Context::new(At::Undecided, false));
        self.settle();
    }

    /// Why a value from outside may not be printed here; nothing where it may.
    pub(super) fn refuses(&self, coding: Coding, form: Form) -> Option<Refusal> {
        // Where nothing is escaped, JSON is as it stands.
        let form = if self.escapes { form } else { Form::Raw };
        self.list.iter().find_map(|context| refuse::refusal(context, coding, form))
    }

    /// Each place once; those where nothing runs only where all are such.
    fn settle(&mut self) {
        if self.list.len() < 2 {
            return;
        }
        if self.list.iter().any(|context| !context.is_dead()) {
            self.list.retain(|context| !context.is_dead());
        }
        let mut kept: Vec<Context> = Vec::new();
        for context in &self.list {
            if !kept.contains(context) {
                kept.push(*context);
            }
        }
        self.list = kept;
        if self.list.len() > PLACES {
            self.list = vec![Context::new(At::Undecided, false)];
        }
    }
}

/// What `json` is called where its output is escaped as HTML.
pub(super) const ESCAPED_JSON: &str = "larder json";

/// Has `json` escaped where it stands in text or in a quoted attribute, as far as one template
/// alone shows: what is in its text decides, so that a partial is the same wherever it is called.
/// One that does not begin with a tag may be called inside a script, where JSON is code: in its
/// text there is nothing to escape, since `json` writes no `<` and no `&`. A place where this is
/// not enough is refused.
pub(super) fn escape_json(template: &mut Template, is_file: bool) {
    let is_markup = (!is_file).then_some(true);
    escape_json_from(template, Reading { places: Places::start(Language::Html), is_markup });
}

/// How far a template alone was read.
#[derive(Clone)]
struct Reading {
    places: Places,
    /// Whether its first text begins with a tag; nothing before there was any.
    is_markup: Option<bool>,
}

impl Reading {
    fn text(&mut self, text: &str) {
        let begin = text.trim_start();
        if !begin.is_empty() {
            self.is_markup.get_or_insert(begin.starts_with('<'));
        }
        self.places.text(text);
    }

    fn is_of_html(&self) -> bool {
        let places = &self.places.list;
        let in_text = |context: &Context| matches!(context.at, At::Text | At::Raw);
        places.iter().any(|context| matches!(context.at, At::Value(_)))
            || self.is_markup == Some(true) && places.iter().all(in_text)
    }
}

fn escape_json_from(template: &mut Template, mut reading: Reading) -> Reading {
    for element in &mut template.elements {
        match element {
            TemplateElement::RawString(text) => reading.text(text),
            TemplateElement::Expression(call) => {
                if is_json(call) && reading.is_of_html() {
                    call.name = Parameter::Name(ESCAPED_JSON.to_owned());
                }
                reading.places.value(Given::Any);
            }
            TemplateElement::HtmlExpression(_) => reading.places.value(Given::Any),
            TemplateElement::HelperBlock(call) => {
                let mut ends = reading.clone();
                for part in call.template.iter_mut().chain(call.inverse.iter_mut()) {
                    let end = escape_json_from(part, reading.clone());
                    ends.places.join(&end.places);
                    ends.is_markup = ends.is_markup.or(end.is_markup);
                }
                reading = ends;
            }
            TemplateElement::DecoratorBlock(call) | TemplateElement::PartialBlock(call) => {
                if let Some(body) = &mut call.template {
                    escape_json(body, true);
                }
            }
            _ => {}
        }
    }
    reading
}

fn is_json(call: &HelperTemplate) -> bool {
    // Without an argument it is the variable of that name.
    !call.params.is_empty()
        && matches!(call.name, Parameter::Path(_) | Parameter::Name(_))
        && call.name.as_name() == Some("json")
}

/// What a helper's result is made from: which of its arguments, and coded how.
pub(super) fn made_by(name: &str, untrusted: bool) -> (Arguments, Coding) {
    match name {
        "if" | "unless" | "each" | "with" | "raw" | "log" | "eq" | "ne" | "lt" | "le" | "lte"
        | "gt" | "ge" | "gte" | "and" | "or" | "not" | "contains" | "add" | "sub" | "mul"
        | "div" | "mod" | "round" | "len" | "now" | "uuid" | "random" | "asset" | "trusted" => {
            (Arguments::None, Coding::Plain)
        }
        // The date is read and written anew; the format is not.
        "date" => (Arguments::Rest, Coding::Plain),
        "urlencode" => (Arguments::All, Coding::Url),
        "json" => (Arguments::All, Coding::Json),
        "markdown" if untrusted => (Arguments::All, Coding::Markdown),
        "markdown" => (Arguments::All, Coding::Html),
        _ => (Arguments::All, Coding::Plain),
    }
}

/// Which arguments of a helper are in what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    None,
    /// All but the first.
    Rest,
    All,
}

/// Values by their ways, each with what became of it.
pub(super) type Made = BTreeSet<(Vec<Step>, Coding)>;
