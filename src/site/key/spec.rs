//! `key:` as typed → what it asks for.

use super::inputs::{InputKind, InputName};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span, nearest};
use crate::site::route::part;

/// The builders that have a name.
const BUILDERS: [&str; 4] = ["auto", "path", "url", "hash"];

/// What may stand in the braces of a pattern.
const VARIABLES: &str =
    "prefix namespace route path query language params. query. headers. cookies.";

/// How a route's keys are built, as the file asks for it.
#[derive(Clone, Debug)]
pub struct KeySpec {
    pub(super) builder: Builder,
    pub(super) typed: At<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Builder {
    Auto,
    Path,
    Url,
    Hash,
    /// The parts of a pattern, each with its place.
    Pattern(Vec<(Part, Span)>),
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Prefix,
    Namespace,
    Route,
    Input(InputName),
}

impl KeySpec {
    /// Reads `auto`, `path`, `url`, `hash`, or a pattern.
    ///
    /// # Errors
    /// `key_unknown_builder`, `key_unknown_input`, `key_ambiguous`; `template_syntax` where braces
    /// do not pair.
    pub fn parse(typed: &At<String>) -> Result<Self, Report> {
        let builder = match typed.value.as_str() {
            "auto" => Builder::Auto,
            "path" => Builder::Path,
            "url" => Builder::Url,
            "hash" => Builder::Hash,
            text if text.contains("{{") => Builder::Pattern(parse_pattern(typed)?),
            _ => return Err(Report::from_iter([unknown_builder(typed)])),
        };
        Ok(Self { builder, typed: typed.clone() })
    }
}

fn unknown_builder(typed: &At<String>) -> Diagnostic {
    let text = &typed.value;
    let diagnostic = Diagnostic::new(
        Code::KeyUnknownBuilder,
        format!("`{text}` is no key builder"),
        &typed.span,
    );
    match nearest(text, BUILDERS) {
        _ if text.contains('{') => diagnostic.help("variables have two braces: `{{path}}`"),
        Some(builder) => diagnostic.help(format!("did you mean `{builder}`?")),
        None => diagnostic.help(
            "the builders are auto, path, url, hash; or write a pattern: `{{route}}:{{path}}`",
        ),
    }
}

fn parse_pattern(typed: &At<String>) -> Result<Vec<(Part, Span)>, Report> {
    let mut report = Report::default();
    let mut parts = Vec::new();
    let mut rest = typed.value.as_str();
    while !rest.is_empty() {
        let at = typed.value.len() - rest.len();
        let Some((text, after)) = rest.split_once("{{") else {
            push_text(&mut parts, rest, &part(typed, at, rest.len()), &mut report);
            break;
        };
        push_text(&mut parts, text, &part(typed, at, text.len()), &mut report);
        let begin = at + text.len();
        let Some((inside, after)) = after.split_once("}}") else {
            let span = part(typed, begin, rest.len() - text.len());
            let message = "`{{` without `}}` in the key";
            report.push(Diagnostic::new(Code::TemplateSyntax, message, &span).help("close it"));
            break;
        };
        let span = part(typed, begin, inside.len() + 4);
        match variable(inside.trim()) {
            Some(variable) => parts.push((variable, span)),
            None if inside.contains('{') => {
                let message = "variables of a key have two braces";
                let help = "write `{{path}}`: what a key needs encoded is encoded";
                report.push(Diagnostic::new(Code::TemplateSyntax, message, &span).help(help));
            }
            None => report.push(unknown_variable(inside.trim(), &span)),
        }
        rest = after;
    }
    check_separation(&parts, &mut report);
    check_own(&parts, &mut report);
    if report.has_errors() { Err(report) } else { Ok(parts) }
}

fn push_text(parts: &mut Vec<(Part, Span)>, text: &str, span: &Span, report: &mut Report) {
    if text.contains(['{', '}']) {
        // A brace in a key would also move it to another slot of a cluster than its lease.
        let message = "a single brace in the key";
        let help = "variables have two braces: `{{path}}`; leave out other ones";
        report.push(Diagnostic::new(Code::TemplateSyntax, message, span).help(help));
    }
    if text.chars().any(char::is_control) {
        let message = "a control character in the key";
        report.push(Diagnostic::new(Code::TemplateSyntax, message, span).help("leave it out"));
    }
    if !text.is_empty() {
        parts.push((Part::Text(text.to_owned()), span.clone()));
    }
}

fn variable(word: &str) -> Option<Part> {
    use InputKind::{Cookies, Headers, Params};
    match word {
        "prefix" => Some(Part::Prefix),
        "namespace" => Some(Part::Namespace),
        "route" => Some(Part::Route),
        _ => InputName::parse(word)
            .filter(|it| it.name.is_some() || !matches!(it.kind, Params | Headers | Cookies))
            .map(Part::Input),
    }
}

fn unknown_variable(word: &str, span: &Span) -> Diagnostic {
    let message = format!("`{{{{{word}}}}}` is nothing that a key can hold");
    let diagnostic = Diagnostic::new(Code::KeyUnknownInput, message, span);
    let (of, name) = word.split_once('.').map_or((word, None), |(of, name)| (of, Some(name)));
    let known = VARIABLES.split(' ').filter_map(|known| match name {
        None => Some(known.trim_end_matches('.')),
        Some(_) => known.strip_suffix('.'),
    });
    match (nearest(of, known), name) {
        (Some(near @ ("params" | "headers" | "cookies")), None | Some("")) => {
            diagnostic.help(format!("name one of them: `{{{{{near}.x}}}}`"))
        }
        (Some(near), Some(name)) => diagnostic.help(format!("did you mean `{near}.{name}`?")),
        (Some(near), None) => diagnostic.help(format!("did you mean `{near}`?")),
        (None, _) => diagnostic.help(
            "prefix, namespace, route, path, query, language, \
             or one of params, query, headers, cookies: `{{query.x}}`",
        ),
    }
}

/// Values hold none of these characters: they are encoded there.
const SEPARATORS: [char; 5] = [':', '?', '&', '=', '#'];

fn check_separation(parts: &[(Part, Span)], report: &mut Report) {
    let mut last: Option<&(Part, Span)> = None;
    let mut separated = true;
    for piece in parts {
        let is_text = if let Part::Text(text) = &piece.0 {
            separated |= text.contains(SEPARATORS);
            true
        } else {
            false
        };
        match last {
            Some((Part::Input(InputName { kind: InputKind::Query, name: None }), query)) => {
                let message = "what follows `{{query}}` could be mistaken for a part of the query";
                let diagnostic = Diagnostic::new(Code::KeyAmbiguous, message, query);
                report.push(diagnostic.help("put `{{query}}` last"));
            }
            Some((_, before)) if !is_text && !separated => {
                let message =
                    "two variables touch in the key, so that two requests could give one key";
                let diagnostic = Diagnostic::new(Code::KeyAmbiguous, message, &piece.1)
                    .label(before, "nothing ends this one")
                    .help("put `:` between them (or one of `? & = #`)");
                report.push(diagnostic);
            }
            _ => {}
        }
        if !is_text {
            last = Some(piece);
            separated = false;
        }
    }
}

/// Refuses a part that begins as those of larder's own keys do.
fn check_own(parts: &[(Part, Span)], report: &mut Report) {
    let mut begins = true;
    for (part, span) in parts {
        let Part::Text(text) = part else {
            begins = false;
            continue;
        };
        if text.contains(":~") || (begins && text.starts_with('~')) {
            let message = "a part of the key begins with `~`, as those of larder's own keys do";
            let found = Diagnostic::new(Code::ReservedName, message, span);
            report.push(found.help("write another sign"));
        }
        begins = text.ends_with(':');
    }
}
