//! What YAML would take in silence for something else: numbers that lose digits, tags that mean
//! nothing here, characters that cannot be seen.
//!
//! A text is looked through a second time, event by event, only where it has what may be such a
//! thing: most files have not.

use std::sync::Arc;

use serde_yaml::granit_parser::{self, Event, Parser, ScalarStyle, Span as Range, Tag};

use super::invisible::{self, is_invisible};
use super::number;
use super::yaml_error::tab_first;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, nearest};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The site's own YAML: a value has no invisible character at its ends by will.
    Config,
    /// Data, whose texts are taken as they are.
    Data,
}

/// Tags of YAML's own types, 1.1's too; but `timestamp` and `binary`: a date is a text here, and
/// bytes are not read.
const TAGS: &[&str] = &[
    "str", "int", "float", "bool", "null", "seq", "map", "set", "omap", "pairs", "merge", "value",
];

/// All of it in a file, in order; what comes after a syntax error is not looked at.
pub(crate) fn surprises(file: &Arc<SourceFile>, reading: Reading) -> Vec<Diagnostic> {
    let tab = tab_first(file);
    if tab.is_none() && !may_surprise(&file.text) {
        return Vec::new();
    }
    let found = tab.into_iter().collect();
    let mut scan = Scan { file, reading, inside: Vec::new(), found };
    for event in Parser::new_from_str(&file.text) {
        let Ok((event, range)) = event else { break };
        scan.event(&event, &range);
    }
    scan.found
}

/// The names that are marked with `&`, in order, as far as the text can be read.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let options = granit_parser::options! {
        emit_anchor_events: true,
        emit_unresolved_aliases: true,
    };
    let mut names = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::Anchor(_, name), _)) => names.push(name.into_owned()),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names
}

/// Whether a text has signs of what is looked for: a tag, digits in a row, a large exponent, a
/// number that is none, a character that cannot be seen.
fn may_surprise(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut digits = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let next = |n: usize| bytes.get(at + n).copied().unwrap_or(b' ');
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        let is_sign = match byte {
            b'!' => !next(1).is_ascii_whitespace(),
            b'.' => {
                let word = bytes.get(at + 1..at + 4).unwrap_or_default();
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }
            b'e' | b'E' => {
                let sign = usize::from(matches!(next(1), b'+' | b'-'));
                (1..=3).all(|n| next(n + sign).is_ascii_digit())
            }
            b'0' => matches!(next(1), b'x' | b'o' | b'b'),
            _ => digits == 19,
        };
        if is_sign {
            return true;
        }
    }
    !text.is_ascii() && text.chars().any(is_invisible)
}

/// A mapping or list that is open.
enum Inside {
    List,
    Map { is_key_next: bool },
}

struct Scan<'f> {
    file: &'f Arc<SourceFile>,
    reading: Reading,
    inside: Vec<Inside>,
    found: Vec<Diagnostic>,
}

impl Scan<'_> {
    fn event(&mut self, event: &Event<'_>, range: &Range) {
        match event {
            Event::Scalar(text, style, _, tag) => {
                let is_key = self.is_key();
                let tagged = tag.as_deref().map(|tag| self.tag(tag, range));
                if *style == ScalarStyle::Plain {
                    self.plain(text, is_key, tagged.is_some(), &self.span(range));
                }
            }
            Event::Alias(_) => _ = self.is_key(),
            Event::SequenceStart(_, _, tag) => self.open(Inside::List, tag.as_deref(), range),
            Event::MappingStart(_, _, tag) => {
                self.open(Inside::Map { is_key_next: true }, tag.as_deref(), range);
            }
            Event::SequenceEnd | Event::MappingEnd => _ = self.inside.pop(),
            _ => {}
        }
    }

    fn open(&mut self, inside: Inside, tag: Option<&Tag>, range: &Range) {
        self.is_key();
        if let Some(tag) = tag {
            self.tag(tag, range);
        }
        self.inside.push(inside);
    }

    /// Whether the node that begins here is a key.
    fn is_key(&mut self) -> bool {
        match self.inside.last_mut() {
            Some(Inside::Map { is_key_next }) => {
                *is_key_next = !*is_key_next;
                !*is_key_next
            }
            _ => false,
        }
    }

    fn span(&self, range: &Range) -> Span {
        Span::new(self.file, range.byte_range().unwrap_or_default())
    }

    fn tag(&mut self, tag: &Tag, range: &Range) {
        let own = tag.suffix_in_namespace("tag:yaml.org,2002:");
        let is_text = tag.suffix_in_namespace("!").is_some_and(|rest| matches!(&*rest, "" | "!"));
        if is_text || own.as_deref().is_some_and(|name| TAGS.contains(&name)) {
            return;
        }
        let place = range.tag_span().map_or_else(|| self.span(range), |range| self.span(&range));
        let written = place.text().to_owned();
        let help = match nearest(written.trim_start_matches('!'), TAGS.iter().copied()) {
            Some(near) => format!("did you mean `!!{near}`? a text that begins with `!` is quoted"),
            None => "remove it; a text that begins with `!` is quoted".to_owned(),
        };
        let message = format!("`{written}` is a tag, and larder knows none of that name");
        self.found.push(Diagnostic::new(Code::YamlSyntax, message, &place).help(help));
    }

    fn plain(&mut self, text: &str, is_key: bool, is_tagged: bool, span: &Span) {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        if is_number && !is_key && !is_tagged {
            let digits = text.trim_start_matches(['+', '-']);
            let is_word = !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            self.found.extend(number::inexact(text, span).filter(|_| !is_word));
        }
        if text.is_ascii() {
            return;
        }
        let of_site = self.reading == Reading::Config;
        // A key is a name, and nobody sees why it is another one.
        let in_name = is_key && of_site && text.contains(is_invisible);
        let at_end = text.trim_matches(is_invisible).len() < text.len();
        // `body:` and then no space, so that it is no field.
        let field = text.split_once(':').is_some_and(|(name, rest)| {
            rest.starts_with(is_invisible) && !name.contains(char::is_whitespace)
        });
        if in_name || (is_key || of_site) && at_end || field {
            self.found.extend(invisible::named(span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, reading: Reading) -> Vec<String> {
        let file = SourceFile::new("r.yaml", text);
        surprises(&file, reading).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_yaml_would_take_in_silence_is_found_where_it_stands_and_nothing_else_is() {
        for (text, places) in [
            ("a: 12345678901234567890123\nb: [1e999, -.inf]\n", "1:4 2:5 2:12"),
            ("12345678901234567890123: { 1e999: 1 }\n", ""),
            ("a: '1e999'\nb: \"1e999\"\nc: >\n  1e999\nd: !!str 1e999\ne: 1e999 x\n", ""),
            ("a: [inf, nan, +inf, -nan, infinity, 1.2.3, 0x, 1e5]\n", ""),
            ("a: !x\nb: !y {}\nc: !z []\n!k d: 1\n", "1:4 2:4 3:4 4:1"),
            ("a: !!str 1\nb: !!map {}\nc: !!seq []\nd: !!null ''\ne: ! 1\n", ""),
            ("a: Hi!\nb: '!x'\nc: \"a !x\"\nd: a !x\n# !x\n", ""),
            ("\u{a0}a: 1\nb\u{200b}: 2\nc d: \u{a0}x\n", "1:1 2:2 3:6"),
            ("a\u{a0}b: 1\n'c\u{a0}': x\nd: x\u{a0}y\n", "1:2"),
            ("a:\n  b:\u{a0}1\n", "2:5"),
            ("a: '\u{a0}x'\nb: |\n  \u{a0}x\u{200b}\nc: 👩\u{200d}💻\n# \u{a0}\n", ""),
        ] {
            let expected: Vec<String> =
                places.split_whitespace().map(|place| format!("r.yaml:{place}: ")).collect();
            let found = found(text, Reading::Config);
            let alike = found.iter().zip(&expected).all(|(it, place)| it.starts_with(place));
            assert!(alike && found.len() == expected.len(), "{text}{found:?}");
        }
        assert!(found("a: x\u{a0}\nb\u{200b}c: 1\n", Reading::Data).is_empty());
    }
}
