//! The tags of a template, found without parsing them: for bounds before the engine's recursive
//! parser runs, for saying in words what it stumbled over, and for finding places inside tags.

use std::collections::BTreeMap;
use std::ops::Range;

/// How many characters of a tag are looked at for quotes and brackets around braces; past them, the
/// next braces end it.
const TAG: usize = 512;

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{x}}`, `{{{x}}}`, `{{&x}}`.
    Print,
    /// `{{#x}}`.
    Open,
    /// `{{#> x}}`.
    PartialOpen,
    /// `{{#*x}}`.
    DecoratorOpen,
    /// `{{/x}}`.
    Close,
    /// `{{else}}`, `{{else if x}}`, `{{^}}`.
    Else,
    /// `{{> x}}`.
    Partial,
    /// `{{*x}}`.
    Decorator,
    /// `{{! x}}`.
    Comment,
    /// `{{{{x}}}} … {{{{/x}}}}`, as a whole.
    Raw,
}

/// A tag and its place in the text.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    /// From the first brace to after the last.
    pub(super) range: Range<usize>,
    /// What is between braces, `~` and the sign of the kind, trimmed.
    pub(super) inner: Range<usize>,
    /// How deep its parentheses are inside each other.
    pub(super) parens: usize,
}

/// All tags of a text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tags: Vec<Tag>,
    /// Where braces begin that never end.
    pub(super) unclosed: Option<usize>,
    /// How deep blocks are inside each other.
    pub(super) depth: usize,
    /// For a block, by its start: the starts of its `else` tags in order.
    pub(super) elses: BTreeMap<usize, Vec<usize>>,
}

/// Finds the tags of `text`.
pub(super) fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    let mut from = 0;
    while let Some(at) = find(text, from, "{{") {
        let before = text.get(from..at).unwrap_or_default();
        let slashes = before.len() - before.trim_end_matches('\\').len();
        if slashes == 1 {
            from = at + if starts(text, at, "{{{{") { 4 } else { 2 };
            continue;
        }
        let Some(tag) = tag_at(text, at) else {
            scan.unclosed = Some(at);
            break;
        };
        from = tag.range.end;
        scan.tags.push(tag);
    }
    nest(&mut scan);
    scan
}

impl Scan {
    /// The tag that begins at `start`.
    pub(super) fn tag(&self, start: usize) -> Option<&Tag> {
        let index = self.tags.partition_point(|tag| tag.range.start < start);
        self.tags.get(index).filter(|tag| tag.range.start == start)
    }
}

fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    text.get(from..).and_then(|rest| rest.find(what)).map(|at| from + at)
}

fn starts(text: &str, at: usize, what: &str) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(what))
}

fn tag_at(text: &str, at: usize) -> Option<Tag> {
    if starts(text, at, "{{{{") {
        let close = find(text, at + 4, "{{{{/")?;
        let end = find(text, close, "}}}}")? + 4;
        return Some(Tag { kind: Kind::Raw, range: at..end, inner: at + 4..end, parens: 0 });
    }
    if starts(text, at, "{{!--")
        && let Some(end) = find(text, at + 5, "--}}")
    {
        return Some(comment(at..end + 4));
    }
    if starts(text, at, "{{!") {
        return find(text, at + 3, "}}").map(|end| comment(at..end + 2));
    }
    let (close, parens) = end_of(text, at + 2)?;
    let mut end = close + 2;
    let mut inner = at + 2..close;
    trim(text, &mut inner, '~');
    let kind = kind_of(text, &mut inner);
    if starts(text, at, "{{{") || text.get(inner.start..).is_some_and(|t| t.starts_with('{')) {
        inner.start += usize::from(starts(text, inner.start, "{"));
        if starts(text, close, "}}}") {
            end = close + 3;
        } else if text.get(inner.clone()).is_some_and(|t| t.ends_with('}')) {
            inner.end -= 1;
        }
        trim(text, &mut inner, '~');
    }
    Some(Tag { kind, range: at..end, inner, parens })
}

fn comment(range: Range<usize>) -> Tag {
    Tag { kind: Kind::Comment, inner: range.clone(), range, parens: 0 }
}

/// The offset of the braces that end a tag, those in strings and `[ ]` left out, and how deep its
/// parentheses go.
fn end_of(text: &str, from: usize) -> Option<(usize, usize)> {
    let plain = find(text, from, "}}")?;
    let mut quote = None;
    let (mut parens, mut deepest) = (0_usize, 0);
    let mut chars = text.get(from..)?.char_indices().take(TAG);
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => quote = Some(']'),
            (None, '(') => {
                parens += 1;
                deepest = deepest.max(parens);
            }
            (None, ')') => parens = parens.saturating_sub(1),
            (None, '}') if starts(text, from + at, "}}") => return Some((from + at, deepest)),
            _ => {}
        }
    }
    Some((plain, deepest))
}

/// Takes the sign of the kind off `inner`.
fn kind_of(text: &str, inner: &mut Range<usize>) -> Kind {
    let written = text.get(inner.clone()).unwrap_or_default();
    let (kind, sign) = match written.as_bytes() {
        [b'#', b'>', ..] => (Kind::PartialOpen, 2),
        [b'#', b'*', ..] => (Kind::DecoratorOpen, 2),
        [b'#', ..] => (Kind::Open, 1),
        [b'/', ..] => (Kind::Close, 1),
        [b'>', ..] => (Kind::Partial, 1),
        [b'*', ..] => (Kind::Decorator, 1),
        [b'^', ..] => (Kind::Else, 1),
        [b'&', ..] => (Kind::Print, 1),
        _ => match written.strip_prefix("else") {
            // `{{elsewhere}}` is `else where` to the engine.
            Some(rest) if !rest.starts_with(['.', '/', '=']) => (Kind::Else, 4),
            _ => (Kind::Print, 0),
        },
    };
    inner.start += sign;
    trim(text, inner, ' ');
    kind
}

fn trim(text: &str, range: &mut Range<usize>, also: char) {
    let cut = |c: char| c.is_whitespace() || c == also;
    let written = text.get(range.clone()).unwrap_or_default();
    let front = written.trim_start_matches(cut);
    range.start += written.len() - front.len();
    range.end = range.start + front.trim_end_matches(cut).len();
}

fn nest(scan: &mut Scan) {
    let mut open: Vec<usize> = Vec::new();
    for tag in &scan.tags {
        match tag.kind {
            Kind::Open | Kind::PartialOpen | Kind::DecoratorOpen => {
                open.push(tag.range.start);
                scan.depth = scan.depth.max(open.len());
            }
            Kind::Else => {
                if let Some(block) = open.last() {
                    scan.elses.entry(*block).or_default().push(tag.range.start);
                }
            }
            Kind::Close => drop(open.pop()),
            _ => {}
        }
    }
}
