//! A builder and what a response reads → the plan by which its keys are written.

use super::facts::Facts;
use super::inputs::{InputKind, InputName, Inputs};
use super::piece::Piece;
use super::spec::{Builder, KeySpec, Part};
use super::write::{cut_key, push_fingerprint};
use crate::diagnostic::{Code, Diagnostic, Report, Span};
use crate::fingerprint::Fingerprint;
use crate::site::route::Pattern;

/// What a plan needs to know of its route.
#[derive(Clone, Copy, Debug)]
pub struct KeyContext<'c> {
    /// `cache.prefix`.
    pub prefix: &'c str,
    /// The route's namespace, or that of the cache.
    pub namespace: &'c str,
    /// The route's name.
    pub route_name: &'c str,
    /// The route's path.
    pub pattern: &'c Pattern,
    /// What the response reads: template, layout, partials, `load` addresses.
    pub inputs: &'c Inputs,
}

/// Where a response reads an input: the place, and the partial calls that lead there.
pub(crate) type KeyReads<'c> = dyn Fn(&InputName) -> Option<(Span, Vec<Span>)> + 'c;

/// How the keys of a route are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    pub(super) pieces: Vec<Piece>,
    /// Bytes of `prefix:namespace:`.
    pub(super) lead: usize,
    pub(super) form: KeyForm,
    /// The path of the route, for messages.
    pub(super) route: String,
    /// What the key tells apart, and so what a render may be given.
    pub covers: Inputs,
}

/// What becomes of the pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// They are the key; a named builder made them.
    Named,
    /// They are the key; a pattern made them.
    Pattern,
    /// Their digest is the key.
    Hash,
}

impl KeyPlan {
    /// The plan of a route. A plan whose report has errors must not be used.
    pub fn new(context: KeyContext<'_>, spec: &KeySpec, reads: &KeyReads<'_>) -> (Self, Report) {
        let mut report = Report::default();
        let lead = format!("{}:{}:", context.prefix, context.namespace);
        let length = lead.len();
        let (pieces, form) = match &spec.builder {
            Builder::Pattern(parts) => {
                check_params(parts, context.pattern, &mut report);
                (pattern_pieces(parts, &lead, &context), KeyForm::Pattern)
            }
            Builder::Auto => (auto_pieces(lead, &context), KeyForm::Named),
            Builder::Hash => (auto_pieces(lead, &context), KeyForm::Hash),
            Builder::Path => (path_pieces(lead, &context), KeyForm::Named),
            Builder::Url => {
                let mut pieces = path_pieces(lead, &context);
                pieces.push(Piece::WholeQuery("?"));
                (pieces, KeyForm::Named)
            }
        };
        let covers = covers(&pieces, context.pattern);
        let route = context.pattern.to_string();
        let plan = Self { pieces, lead: length, form, route, covers };
        for input in context.inputs.iter().filter(|input| !plan.covers.contains(input)) {
            report.push(ignores(&plan.route, spec, input, reads(input).as_ref()));
        }
        plan.check_bounds(spec, reads, &mut report);
        (plan, report)
    }

    /// The key of a request.
    #[must_use]
    pub fn build(&self, facts: &Facts<'_>) -> String {
        let mut out = String::with_capacity(self.lead + facts.path.text().len() + 96);
        self.pieces.iter().for_each(|piece| piece.push(facts, &mut out));
        cut_key(&mut out, self.lead);
        if self.form == KeyForm::Hash {
            let digest = Fingerprint::of(out.as_bytes());
            out.truncate(self.lead);
            push_fingerprint(&mut out, digest);
        }
        out
    }

    /// Whether its keys are those of `other`, however either was asked for.
    pub(crate) fn writes_as(&self, other: &Self) -> bool {
        let is_hash = |plan: &Self| plan.form == KeyForm::Hash;
        self.pieces == other.pieces && self.lead == other.lead && is_hash(self) == is_hash(other)
    }

    /// The namespace that its keys are in.
    pub(crate) fn namespace(&self) -> &str {
        let lead = self.lead_text().trim_end_matches(':');
        // An empty one leaves the colon before it too.
        let is_empty = self.lead_text().ends_with("::");
        lead.rsplit(':').next().filter(|_| !is_empty).unwrap_or_default()
    }

    /// `prefix:namespace:`.
    pub(super) fn lead_text(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text.get(..self.lead).unwrap_or(text),
            _ => "",
        }
    }

    /// Warns where any value of an input that clients choose freely makes an entry.
    fn check_bounds(&self, spec: &KeySpec, reads: &KeyReads<'_>, report: &mut Report) {
        for input in self.pieces.iter().flat_map(Piece::inputs) {
            let help = match (input.kind, input.name.as_deref()) {
                (InputKind::Query, None) => "`key: auto` takes only what the response reads",
                (InputKind::Headers, None) => "read only the headers needed",
                (InputKind::Cookies, None) => "read only the cookies needed",
                (InputKind::Headers, Some("accept-language")) => {
                    "`languages` and `{{language}}` bound Accept-Language"
                }
                (InputKind::Headers, _) => {
                    "a parameter of the path or the query can be declared and bounded"
                }
                _ => continue,
            };
            let message =
                format!("any value of `{input}` makes an entry for route `{}`", self.route);
            let diagnostic =
                Diagnostic::new(Code::KeyUnbounded, message, &spec.typed.span).help(help);
            report.push(match reads(&input) {
                Some((span, _)) => diagnostic.label(&span, "read here"),
                None => diagnostic,
            });
        }
    }
}

fn path_pieces(lead: String, context: &KeyContext<'_>) -> Vec<Piece> {
    vec![Piece::Text(lead + context.route_name + ":"), Piece::Path]
}

fn auto_pieces(lead: String, context: &KeyContext<'_>) -> Vec<Piece> {
    let mut pieces = path_pieces(lead, context);
    let inputs = context.inputs;
    if inputs.contains(&InputKind::Query.all()) {
        pieces.push(Piece::WholeQuery("?"));
    } else if inputs.any(InputKind::Query) {
        let names = inputs.of(InputKind::Query).filter_map(|input| input.name.clone());
        pieces.push(Piece::Query(names.collect()));
    }
    let marked = [InputKind::Headers, InputKind::Cookies, InputKind::Language];
    pieces.extend(marked.iter().flat_map(|kind| inputs.of(*kind)).cloned().map(Piece::Mark));
    pieces
}

fn pattern_pieces(parts: &[(Part, Span)], lead: &str, context: &KeyContext<'_>) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(parts.len() + 1);
    if !has_lead(parts) {
        push_text(&mut pieces, lead);
    }
    for (part, _) in parts {
        match part {
            Part::Text(text) => push_text(&mut pieces, text),
            Part::Prefix => push_text(&mut pieces, context.prefix),
            Part::Namespace => push_text(&mut pieces, context.namespace),
            Part::Route => push_text(&mut pieces, context.route_name),
            Part::Input(input) => pieces.push(match (input.kind, &input.name) {
                (InputKind::Path, _) => Piece::Path,
                (InputKind::Query, None) => Piece::WholeQuery(""),
                _ => Piece::Value(input.clone()),
            }),
        }
    }
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

/// Whether a pattern begins with `{{prefix}}:{{namespace}}:`.
fn has_lead(parts: &[(Part, Span)]) -> bool {
    use Part::{Namespace, Prefix, Text};
    matches!(
        parts,
        [(Prefix, _), (Text(one), _), (Namespace, _), (Text(two), _), ..]
            if one == ":" && two.starts_with(':')
    )
}

fn check_params(parts: &[(Part, Span)], pattern: &Pattern, report: &mut Report) {
    for (part, span) in parts {
        let Part::Input(InputName { kind: InputKind::Params, name: Some(name) }) = part else {
            continue;
        };
        if !pattern.has_param(name) {
            let message =
                format!("the key names `params.{name}`, which the path `{pattern}` does not have");
            let diagnostic = Diagnostic::new(Code::KeyUnknownInput, message, span);
            report.push(diagnostic.help(pattern.params_help(name)));
        }
    }
}

/// What pieces tell apart. The path tells its parameters, and a path without parameters is always
/// the same; the header `cookie` tells cookies, and `accept-language` the language.
fn covers(pieces: &[Piece], pattern: &Pattern) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.extend(pieces.iter().flat_map(Piece::inputs));
    inputs.extend(pattern.is_literal().then_some(InputKind::Path.all()));
    let all = pattern.params().iter().all(|param| inputs.has(InputKind::Params, &param.name));
    if inputs.any(InputKind::Path) || all {
        inputs.insert(InputKind::Params.all());
    }
    if inputs.has(InputKind::Headers, "cookie") {
        inputs.insert(InputKind::Cookies.all());
    }
    if inputs.has(InputKind::Headers, "accept-language") {
        inputs.insert(InputKind::Language.all());
    }
    inputs
}

fn ignores(
    route: &str,
    spec: &KeySpec,
    input: &InputName,
    read: Option<&(Span, Vec<Span>)>,
) -> Diagnostic {
    let place = read.map_or(String::new(), |(span, _)| format!(" ({span})"));
    let key = &spec.typed.value;
    let message = format!(
        "route `{route}` renders `{input}`{place} but its key `{key}` ({}) leaves it out: \
         visitors would get each other's pages",
        &spec.typed.span
    );
    let mut diagnostic =
        Diagnostic::new(Code::KeyIgnoresInput, message, &spec.typed.span).remark("leaves it out");
    if let Some((span, chain)) = read {
        diagnostic = diagnostic.label(span, format!("`{input}` is read here"));
        for call in chain {
            diagnostic = diagnostic.label(call, "which is reached from here");
        }
    }
    diagnostic.help(mend(spec, input))
}

/// The smallest change that makes a key cover an input.
fn mend(spec: &KeySpec, input: &InputName) -> String {
    let pattern = matches!(spec.builder, Builder::Pattern(_));
    let whole_query = spec.typed.value.trim_end().ends_with("query}}");
    match (input.kind, &input.name) {
        (InputKind::Headers | InputKind::Cookies, None) => "`key: auto`".to_owned(),
        (InputKind::Params, None) => "`key: auto`, or name the path: `\"…{{path}}\"`".to_owned(),
        _ if pattern && !whole_query => {
            format!("add it: `\"{}:{{{{{input}}}}}\"`, or write `key: auto`", spec.typed.value)
        }
        _ => format!("`key: auto`, or name it: `\"…{{{{{input}}}}}\"`"),
    }
}
