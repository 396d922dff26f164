//! A path as typed in the file → what it matches.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::foreign;
use super::kind::{MAX_PARAMS, ParamKind, PathParam};
use crate::diagnostic::{At, Code, Diagnostic, Span, did_you_mean, nearest};

/// Bytes of a pattern, at most.
const MAX_BYTES: usize = 2_048;

/// The path of a route: literal text, written decoded, and parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Arc<str>,
    pub(super) segments: Arc<[Segment]>,
    pub(super) params: Arc<[PathParam]>,
}

/// What one segment must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// This text.
    Literal(Box<str>),
    /// A parameter, with text around it.
    Param(ParamSegment),
    /// This and all that follow.
    Rest,
}

/// A parameter between two texts, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ParamSegment {
    pub(super) prefix: Box<str>,
    pub(super) kind: ParamKind,
    pub(super) suffix: Box<str>,
}

impl ParamSegment {
    /// The parameter's value in a segment, where that is one of these.
    pub(super) fn value<'s>(&self, segment: &'s str) -> Option<&'s str> {
        let inside = segment.strip_prefix(&*self.prefix)?.strip_suffix(&*self.suffix)?;
        self.kind.accepts(inside).then_some(inside)
    }
}

impl Ord for ParamSegment {
    /// More literal text first, then the more specific kind, then any fixed order.
    fn cmp(&self, other: &Self) -> Ordering {
        let literal = |it: &Self| it.prefix.len() + it.suffix.len();
        literal(other)
            .cmp(&literal(self))
            .then(self.kind.cmp(&other.kind))
            .then(other.prefix.len().cmp(&self.prefix.len()))
            .then_with(|| (&self.prefix, &self.suffix).cmp(&(&other.prefix, &other.suffix)))
    }
}

impl PartialOrd for ParamSegment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Pattern {
    /// Reads the path of a route.
    ///
    /// # Errors
    /// `bad_pattern`; `foreign_syntax` with the path as larder writes it; `reserved_path` for what
    /// is under `/_larder/`.
    pub fn parse(typed: &At<String>) -> Result<Self, Diagnostic> {
        let text = typed.value.as_str();
        let Some(rest) = text.strip_prefix('/') else {
            return Err(not_absolute(typed));
        };
        if let Some(help) = foreign::translate(text) {
            let message = format!("`{text}` is written in another framework's syntax");
            let help = format!("larder writes `{help}`");
            return Err(Diagnostic::new(Code::ForeignSyntax, message, &typed.span).help(help));
        }
        if text == "/_larder" || text.starts_with("/_larder/") {
            let message = format!("`{text}`: larder keeps paths under `/_larder/` for itself");
            return Err(Diagnostic::new(Code::ReservedPath, message, &typed.span)
                .help("give the route another path"));
        }
        if text.len() > MAX_BYTES {
            let message = format!("the path is longer than {MAX_BYTES} bytes");
            return Err(Diagnostic::new(Code::BadPattern, message, &typed.span));
        }
        let mut reader = Reader { typed, start: 1, segments: Vec::new(), params: Vec::new() };
        for segment in rest.split('/') {
            reader.segment(segment)?;
            reader.start += segment.len() + 1;
        }
        Ok(Self {
            text: Arc::from(text),
            segments: reader.segments.into(),
            params: reader.params.into(),
        })
    }

    /// The path as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameters in the order of the path.
    pub(crate) fn params(&self) -> &[PathParam] {
        &self.params
    }

    pub(crate) fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|param| *param.name == *name)
    }

    /// Whether a parameter takes all that is left of the path.
    pub(crate) fn is_rest(&self, name: &str) -> bool {
        self.params.iter().any(|param| *param.name == *name && param.kind == ParamKind::Rest)
    }

    /// What to write instead of `params.name`, which it does not have.
    pub(crate) fn params_help(&self, name: &str) -> String {
        let names: Vec<&str> = self.params.iter().map(|param| &*param.name).collect();
        match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `params.{near}`?"),
            None if names.is_empty() => "the path has no parameters".to_owned(),
            None => format!("the path has: {}", names.join(", ")),
        }
    }

    /// Whether it has no parameters, and so matches one path.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.params.is_empty()
    }

    /// The name of a route that says none: `/` is `index`, `/hello/{name}` is `hello-name`.
    ///
    /// Characters other than `[A-Za-z0-9_.-]` become `-`, several in a row one.
    #[must_use]
    pub fn default_name(&self) -> String {
        let mut name = String::with_capacity(self.text.len());
        let mut params = self.params.iter().map(|param| &*param.name);
        for segment in &*self.segments {
            name.push('-');
            let words = match segment {
                Segment::Literal(text) => [text, "", ""],
                Segment::Param(it) => [&*it.prefix, params.next().unwrap_or_default(), &*it.suffix],
                Segment::Rest => ["", params.next().unwrap_or_default(), ""],
            };
            for word in words {
                push_words(&mut name, word);
            }
        }
        let name = name.trim_matches('-');
        if name.is_empty() { "index".to_owned() } else { name.to_owned() }
    }

    /// The path with other texts for its literal parts and its parameters.
    pub(crate) fn written(
        &self,
        literal: impl Fn(&str) -> String,
        param: impl Fn(&PathParam) -> String,
    ) -> String {
        let mut params = self.params.iter().map(param);
        let mut out = String::new();
        for segment in &*self.segments {
            out.push('/');
            match segment {
                Segment::Literal(text) => out.push_str(&literal(text)),
                Segment::Param(ParamSegment { prefix, suffix, .. }) => {
                    out.push_str(&literal(prefix));
                    out.extend(params.next());
                    out.push_str(&literal(suffix));
                }
                Segment::Rest => out.extend(params.next()),
            }
        }
        out
    }
}

/// Appends a run of a default name; where two runs of letters would touch, a `-` keeps them apart.
fn push_words(name: &mut String, text: &str) {
    let ends_in_word = name.ends_with(|char: char| char.is_ascii_alphanumeric());
    if ends_in_word && text.starts_with(|char: char| char.is_ascii_alphanumeric()) {
        name.push('-');
    }
    for char in text.chars() {
        let kept = char.is_ascii_alphanumeric() || "_.".contains(char);
        if kept {
            name.push(char);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn not_absolute(typed: &At<String>) -> Diagnostic {
    let text = &typed.value;
    let message = format!("the path `{text}` does not begin with `/`");
    let help = match text.split_once(' ') {
        Some((method, path)) if path.starts_with('/') => {
            format!("methods are written in capitals: `{} {path}`", method.to_uppercase())
        }
        _ if text.contains("://") => "routes are paths of this site, without a host".to_owned(),
        _ => format!("write `/{text}`"),
    };
    Diagnostic::new(Code::BadPattern, message, &typed.span).help(help)
}

/// Reads one segment after the other.
struct Reader<'t> {
    typed: &'t At<String>,
    /// Where the segment begins in the path.
    start: usize,
    segments: Vec<Segment>,
    params: Vec<PathParam>,
}

impl Reader<'_> {
    fn segment(&mut self, segment: &str) -> Result<(), Diagnostic> {
        if matches!(self.segments.last(), Some(Segment::Rest)) {
            return Err(self
                .wrong(segment, "nothing can follow a parameter that takes the rest of the path")
                .help("put it last"));
        }
        if self.segments.last().is_some_and(|last| *last == Segment::Literal("".into())) {
            return Err(self
                .wrong(segment, "two slashes in a row")
                .help("write one `/` between segments"));
        }
        let segment = match segment.split_once('{') {
            None => Segment::Literal(self.literal(segment)?),
            Some((prefix, rest)) => self.param(segment, prefix, rest)?,
        };
        self.segments.push(segment);
        Ok(())
    }

    fn param(&mut self, whole: &str, prefix: &str, rest: &str) -> Result<Segment, Diagnostic> {
        let Some((inside, suffix)) = rest.split_once('}') else {
            return Err(self.wrong(whole, "`{` without `}`").help("write `{name}`"));
        };
        if suffix.contains('{') {
            let help = "write one parameter a segment, with text around it at most";
            return Err(self.wrong(whole, "two parameters in one segment").help(help));
        }
        let (prefix, suffix) = (self.literal(prefix)?, self.literal(suffix)?);
        let (name, kind) = self.name_and_kind(whole, inside)?;
        if self.params.iter().any(|param| *param.name == *name) {
            let what = format!("the parameter `{name}` stands twice in `{}`", self.typed.value);
            return Err(self.wrong(whole, what).help("give one another name"));
        }
        if self.params.len() == MAX_PARAMS {
            return Err(self.wrong(whole, format!("more than {MAX_PARAMS} parameters")));
        }
        self.params.push(PathParam { name: Arc::from(name), kind });
        if kind != ParamKind::Rest {
            return Ok(Segment::Param(ParamSegment { prefix, kind, suffix }));
        }
        if prefix.is_empty() && suffix.is_empty() {
            return Ok(Segment::Rest);
        }
        let what = format!("text beside `{{*{name}}}`");
        Err(self.wrong(whole, what).help("the rest of a path is a segment of its own"))
    }

    fn name_and_kind<'i>(
        &self,
        whole: &str,
        inside: &'i str,
    ) -> Result<(&'i str, ParamKind), Diagnostic> {
        let (name, kind) = match inside.strip_prefix('*') {
            Some(name) => (name, ParamKind::Rest),
            None => match inside.split_once(':') {
                None => (inside, ParamKind::Text),
                Some((name, word)) => {
                    let kind = ParamKind::parse(word).ok_or_else(|| self.no_kind(whole, word))?;
                    (name, kind)
                }
            },
        };
        let first = name.chars().next();
        let begins = first.is_some_and(|char| char.is_ascii_alphabetic() || char == '_');
        if begins && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return Ok((name, kind));
        }
        let what = format!("`{name}` is no name of a parameter");
        let help = "names are letters, digits and `_`, not beginning with a digit";
        Err(self.wrong(whole, what).help(help))
    }

    fn no_kind(&self, whole: &str, word: &str) -> Diagnostic {
        let diagnostic = self.wrong(whole, format!("`{word}` is no type of a parameter"));
        let near = did_you_mean(word, ParamKind::WORDS.map(|(word, _)| word));
        diagnostic.help(near.unwrap_or_else(|| "the types are uuid, date, int, slug".to_owned()))
    }

    fn literal(&self, text: &str) -> Result<Box<str>, Diagnostic> {
        if text == "." || text == ".." {
            let help = "a request with `.` or `..` as a segment gets 400";
            return Err(self.wrong(text, format!("nothing can reach `{text}`")).help(help));
        }
        if text.contains(['?', '#']) {
            let help = "declare the parameters of the query under `query`";
            return Err(self.wrong(text, "a path ends before `?` and `#`").help(help));
        }
        if text.contains('}') {
            return Err(self.wrong(text, "`}` without `{`").help("write `{name}`"));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong(text, "a control character in a path"));
        }
        if text.as_bytes().windows(3).any(|three| super::canonical::escape(three).is_some()) {
            let help =
                "write the character itself: a request's path is decoded before it is matched";
            return Err(self.wrong(text, format!("`{text}` is percent-encoded")).help(help));
        }
        Ok(Box::from(text))
    }

    /// A `bad_pattern` at the segment, where the file holds the path as it is.
    fn wrong(&self, segment: &str, what: impl Into<String>) -> Diagnostic {
        let span = part(self.typed, self.start, segment.len());
        Diagnostic::new(Code::BadPattern, what, &span).remark(format!("in `{}`", self.typed.value))
    }
}

/// The place of `len` bytes at `start` of a value; all of it where it is quoted with escapes.
pub(crate) fn part(typed: &At<String>, start: usize, len: usize) -> Span {
    let span = &typed.span;
    match span.text().find(&typed.value) {
        Some(offset) => {
            let begin = span.range().start + offset + start;
            Span::new(span.file(), begin..begin + len)
        }
        None => span.clone(),
    }
}
