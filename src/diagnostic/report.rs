//! All that one run found, and what of it is shown: in order of place, bounded, without secrets.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use super::{Diagnostic, SourceFile, Span};

/// So many errors are shown, and so many warnings: who has more mends these first.
const MAX_SHOWN: usize = 100;
/// The longest message or remark, in characters.
const MAX_MESSAGE: usize = 500;
/// The longest help, which may list names.
const MAX_HELP: usize = 1000;
/// The longest text in backticks.
const MAX_QUOTED: usize = 120;

/// What the environment filled in, by the names of its variables.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct FilledIn(pub(crate) BTreeMap<String, String>);

impl fmt::Debug for FilledIn {
    /// The names alone: the values may be passwords.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// All that one run found, in no particular order until [`Report::sorted`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    list: Vec<Diagnostic>,
    /// The digests of all that was added.
    known: HashSet<u64>,
    /// How many errors and warnings there are beside those in the list.
    more: (u64, u64),
}

impl Report {
    /// Adds a diagnostic, unless the same one is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.known.insert(digest(&diagnostic)) {
            self.list.push(diagnostic);
        }
    }

    /// Adds all of another report.
    pub fn extend(&mut self, other: Report) {
        self.more = (self.more.0 + other.more.0, self.more.1 + other.more.1);
        other.list.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Whether more was found than is shown at once.
    pub(crate) fn is_long(&self) -> bool {
        self.list.len() > 2 * MAX_SHOWN
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many errors and how many warnings were found, and how many of either are not shown.
    pub(super) fn counts(&self) -> ((u64, u64), u64) {
        let errors = self.list.iter().filter(|diagnostic| diagnostic.is_error()).count() as u64;
        let warnings = self.list.len() as u64 - errors;
        ((errors + self.more.0, warnings + self.more.1), self.more.0 + self.more.1)
    }

    /// The diagnostics, as added.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// In order of place: file by file as first met, then by offset.
    #[must_use]
    pub fn sorted(self) -> Self {
        let places = self.list.iter().filter_map(Diagnostic::place);
        let files: Vec<_> = places.map(|place| Arc::clone(&place.file.name)).collect();
        self.in_order_of(&files)
    }

    /// In order of place: file by file as `files` has their names, then by offset.
    pub(crate) fn in_order_of(mut self, files: &[Arc<str>]) -> Self {
        let mut order = HashMap::with_capacity(files.len());
        for name in files {
            let next = order.len();
            order.entry(&**name).or_insert(next);
        }
        self.list.sort_by_key(|diagnostic| {
            let place = diagnostic.place()?;
            Some((order.get(&*place.file.name).copied(), place.range_in_file().start))
        });
        self
    }

    /// The same with each place in the whole file, where it is in a part of one of `files`: what is
    /// shown together is of one text, and stays as it is when the parts move.
    pub(crate) fn in_whole(mut self, files: &[Arc<SourceFile>]) -> Self {
        for label in self.list.iter_mut().flat_map(|diagnostic| &mut diagnostic.labels) {
            if let Some(whole) = files.iter().find(|file| file.name == label.span.file.name) {
                label.span = Span::new(whole, label.span.range_in_file());
            }
        }
        self
    }

    /// What is shown of it: in order of place, the first [`MAX_SHOWN`] of each severity, with
    /// places as from where the process stands, what is quoted cut, and nothing of what the
    /// environment filled in.
    pub(crate) fn shown(self, directory: Option<&Path>, environment: &FilledIn) -> Self {
        let mut report = self.sorted();
        let (mut errors, mut warnings) = (0, 0);
        report.list.retain(|diagnostic| {
            let seen = if diagnostic.is_error() { &mut errors } else { &mut warnings };
            *seen += 1;
            *seen <= MAX_SHOWN
        });
        let beyond = |seen: usize| seen.saturating_sub(MAX_SHOWN) as u64;
        report.more = (report.more.0 + beyond(errors), report.more.1 + beyond(warnings));
        for diagnostic in &mut report.list {
            if let Some(directory) = directory {
                diagnostic.labels.iter().for_each(|it| it.span.file.stands_in(directory));
            }
            hide(diagnostic, environment);
            cut(diagnostic);
        }
        report
    }

    /// Keeps what `keep` holds for.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }
}

impl IntoIterator for Report {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl FromIterator<Diagnostic> for Report {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        let mut report = Self::default();
        iter.into_iter().for_each(|diagnostic| report.push(diagnostic));
        report
    }
}

fn digest(diagnostic: &Diagnostic) -> u64 {
    let mut hasher = DefaultHasher::new();
    (diagnostic.code, &diagnostic.message, &diagnostic.help).hash(&mut hasher);
    for label in &diagnostic.labels {
        (&label.span.file.name, label.span.range_in_file(), &label.text).hash(&mut hasher);
    }
    hasher.finish()
}

/// Takes what the environment filled in out of the words: what is written stands there instead.
fn hide(diagnostic: &mut Diagnostic, environment: &FilledIn) {
    let Diagnostic { message, labels, help, .. } = diagnostic;
    for (name, value) in &environment.0 {
        let (value, variable) = (value.trim(), format!("${{{name}}}"));
        if value.is_empty() {
            continue;
        }
        // What is written where a text that holds the variable is marked.
        let start = format!("${{{name}");
        let places = labels.iter().map(|label| label.span.text());
        let written = places.filter(|place| place.contains(&start)).min_by_key(|it| it.len());
        let written = written.map(|place| place.trim_matches(['"', '\'']).to_owned());
        let words = [&mut *message].into_iter().chain(help.as_mut());
        for text in words.chain(labels.iter_mut().map(|label| &mut label.text)) {
            *text = hidden(text, value, &variable, written.as_deref());
        }
    }
}

/// Values from this length on, in bytes, are found anywhere, shorter ones in backticks.
const LONG: usize = 6;
/// The shortest part of a value that tells something of it.
const TELLING: usize = 3;

/// The text without `value`, for which `variable` stands; what is quoted and has to do with it is
/// as `written`, where the variable is marked.
fn hidden(text: &str, value: &str, variable: &str, written: Option<&str>) -> String {
    let text = if value.len() >= LONG { text.replace(value, variable) } else { text.to_owned() };
    let lower = value.to_lowercase();
    let words = |text: &str| -> HashSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|it| it.len() >= TELLING);
        words.map(ToOwned::to_owned).collect()
    };
    let of_value = words(&lower);
    let pieces = text.split('`').enumerate().map(|(index, piece)| {
        let is_told = |written: &&str| {
            let piece = piece.to_lowercase();
            let is_part = piece.len() >= TELLING && lower.contains(&piece)
                || lower.len() >= TELLING && piece.contains(&lower);
            let is_own = written.to_lowercase().contains(&piece);
            !is_own && (is_part || !words(&piece).is_disjoint(&of_value))
        };
        match written.filter(is_told) {
            _ if index % 2 == 0 => piece.to_owned(),
            Some(written) => written.to_owned(),
            None if value.len() < LONG => word_replaced(piece, value, variable),
            None => piece.to_owned(),
        }
    });
    pieces.collect::<Vec<_>>().join("`")
}

/// The text with each `value` that is not the middle of a longer word replaced.
fn word_replaced(text: &str, value: &str, shown: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(value) {
        let alone =
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        out.push_str(before);
        out.push_str(if alone { shown } else { value });
        rest = after;
    }
    out + rest
}

fn cut(diagnostic: &mut Diagnostic) {
    shorten(&mut diagnostic.message, MAX_MESSAGE);
    diagnostic.labels.iter_mut().for_each(|label| shorten(&mut label.text, MAX_MESSAGE));
    if let Some(help) = &mut diagnostic.help {
        shorten(help, MAX_HELP);
    }
}

/// Cuts the middle out of what stands in backticks and is too long, and then the end of the whole.
fn shorten(text: &mut String, bound: usize) {
    if text.len() <= MAX_QUOTED {
        return;
    }
    let first = |text: &str, count: usize| text.chars().take(count).collect::<String>();
    let pieces = text.split('`').enumerate().map(|(index, piece)| {
        let length = piece.chars().count();
        if index % 2 == 0 || length <= MAX_QUOTED {
            return piece.to_owned();
        }
        let end: String = piece.chars().skip(length - MAX_QUOTED / 3).collect();
        first(piece, MAX_QUOTED / 2) + "…" + &end
    });
    *text = pieces.collect::<Vec<_>>().join("`");
    if text.chars().count() > bound {
        *text = first(text, bound) + "…";
    }
}

#[cfg(test)]
mod tests;
