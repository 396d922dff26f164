//! Where each part of a scalar's value is written: quotes, escapes, folded lines, indentation and
//! what the environment filled in stand between the two.
//!
//! Both are walked side by side. What is no blank stands in both in the same order; blanks meet as
//! runs, whatever folding or indentation made of them.

use crate::diagnostic::Span;

/// A part of a value, and where it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// From this offset of the value on,
    pub(super) from: usize,
    /// this offset of the file,
    pub(super) to: usize,
    /// and so on for as many bytes;
    pub(super) length: usize,
    /// what follows is all of what is written up to this offset of the file.
    pub(super) end: usize,
}

/// The parts of `text`, written at `span`, in order; never empty.
pub(super) fn shifts(text: &str, span: &Span) -> Vec<Shift> {
    let written = span.text();
    let quote = written.chars().next().filter(|c| "\"'".contains(*c) && !is_block(span));
    let start = quote.map_or(0, char::len_utf8);
    let shifts = vec![Shift { from: 0, to: start, length: 0, end: start }];
    let mut walk = Walk { text, at: 0, written, place: start, quote, shifts };
    while walk.step() {}
    let base = span.range().start;
    walk.shifts
        .iter()
        .map(|shift| Shift { to: base + shift.to, end: base + shift.end, ..*shift })
        .collect()
}

/// Whether a scalar stands below a `|` or `>`: its first character is then one of its text.
fn is_block(span: &Span) -> bool {
    let before = span.file().text.get(..span.range().start).unwrap_or_default();
    let Some((lines, "")) = before.rsplit_once('\n').map(|(lines, rest)| (lines, rest.trim()))
    else {
        return false;
    };
    let header = lines.trim_end().rsplit('\n').next().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default().trim_end();
    header.trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c)).ends_with(['|', '>'])
}

struct Walk<'t> {
    text: &'t str,
    /// How far in the text.
    at: usize,
    written: &'t str,
    /// How far in what is written.
    place: usize,
    /// The quote around it.
    quote: Option<char>,
    shifts: Vec<Shift>,
}

impl Walk<'_> {
    /// Meets one character or one run of blanks; `false` at the end, and where the two part.
    fn step(&mut self) -> bool {
        let (text, written) = (rest(self.text, self.at), rest(self.written, self.place));
        let Some(wanted) = text.chars().next() else { return false };
        if let Some(inner) = written.strip_prefix("${") {
            return self.filled_in(inner);
        }
        let blank = self.blanks();
        if is_blank(wanted) {
            let run = text.len() - text.trim_start_matches(is_blank).len();
            self.meet(run, blank, run.min(blank));
            return run.max(blank) > 0;
        }
        if blank > 0 {
            self.place += blank;
            return true;
        }
        match (written.chars().next(), self.quote) {
            (Some('$'), _) if written.starts_with("$$") => self.meet(1, 2, 1),
            (Some('\\'), Some('"')) => self.meet(wanted.len_utf8(), escape(written), 0),
            (Some('\''), Some('\'')) if wanted == '\'' => self.meet(1, 2, 1),
            (Some(found), _) if found == wanted => {
                self.meet(found.len_utf8(), found.len_utf8(), found.len_utf8());
            }
            _ => {
                self.meet(text.len(), 0, 0);
                return false;
            }
        }
        true
    }

    /// So many bytes of the text are so many of what is written, the first `alike` one by one.
    fn meet(&mut self, text: usize, written: usize, alike: usize) {
        let end = self.place + written;
        let shift = Shift { from: self.at, to: self.place, length: alike, end };
        match self.shifts.last_mut() {
            Some(last)
                if last.from + last.length == self.at && last.to + last.length == self.place =>
            {
                (last.length, last.end) = (last.length + alike, end);
            }
            _ => self.shifts.push(shift),
        }
        (self.at, self.place) = (self.at + text, end);
    }

    /// How many bytes of blanks are written here, those written as escapes with them.
    fn blanks(&self) -> usize {
        let written = rest(self.written, self.place);
        let mut left = written;
        loop {
            left = left.trim_start_matches(is_blank);
            let escaped = left.strip_prefix('\\').filter(|_| self.quote == Some('"'));
            match escaped.and_then(|left| left.strip_prefix(['n', 't', 'r', ' ', '\n', '\r'])) {
                Some(after) => left = after,
                None => return written.len() - left.len(),
            }
        }
    }

    /// What a variable gave is all at the variable; where the text goes on is told by the next word
    /// that is written.
    fn filled_in(&mut self, inner: &str) -> bool {
        let mut open = 1_usize;
        let length = inner.find(|c| {
            open = if c == '{' { open + 1 } else { open - usize::from(c == '}') };
            open == 0
        });
        let after = length.map_or("", |length| rest(inner, length + 1));
        let next = after.trim_start_matches(is_blank);
        let ends = |c: char| is_blank(c) || c == '$' || c == '\\' || Some(c) == self.quote;
        let word = next.split(ends).next().unwrap_or_default();
        let text = rest(self.text, self.at);
        let given = match (word, text.find(word)) {
            ("", _) if after.len() == next.len() && !next.starts_with('$') => text.len(),
            (_, Some(at)) => {
                let before = text.get(..at).unwrap_or_default();
                if after.len() == next.len() { at } else { before.trim_end_matches(is_blank).len() }
            }
            (_, None) => text.len(),
        };
        let written = rest(self.written, self.place).len() - after.len();
        self.meet(given, written, 0);
        true
    }
}

fn rest(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// How many bytes an escape of double quotes has.
fn escape(written: &str) -> usize {
    match written.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + written.chars().nth(1).map_or(0, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::config::{FileContent, FileError, Files, NodeValue, load};
    use crate::diagnostic::At;
    use crate::site::template::origin::Origin;

    fn after(text: &str, at: usize) -> &str {
        text.get(at..).expect("a place in it")
    }

    /// One file.
    struct One(String);

    impl Files for One {
        fn read(&mut self, path: &str, _: u64) -> Result<FileContent, FileError> {
            let bytes = bytes::Bytes::from(self.0.clone());
            let digest = crate::fingerprint::Fingerprint::of(&bytes);
            Ok(FileContent { path: path.to_owned(), bytes, digest, modified: None })
        }

        fn glob(&mut self, _: &str) -> Result<Vec<String>, FileError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn every_tag_of_a_scalar_is_marked_where_it_is_written_in_whatever_way_it_is_written() {
        let env = |name: &str| {
            let value = ["X", "some words, and {{t9}}", "E", ""];
            value.chunks(2).find(|pair| pair[0] == name).map(|pair| pair[1].to_owned())
        };
        for scalar in [
            "plain {{t1}} on\n    two {{t2}} lines\n\n    and {{t3}} {{  t4 }}\n",
            ">\n    <p>one {{t1}}\n    two {{t2}}\n\n      deeper {{t3}}\n    é {{t4}}\n\n",
            ">- # why\n\n    {{t1}}\n\n\n    {{t2}}\n",
            "|\n    {{t1}}\n      {{t2}}\n\n    \"{{t3}}\" '{{t4}}\n",
            "|+2\n     \"{{t1}}\"\n    {{t2}}\n\n\n",
            "|\n    '{{t1}}'\n    it''s {{t2}}\n",
            "\"dq {{t1}}\n    next \\\"{{t2}}\\\" \\u00e9{{t3}}\\\n    x {{t4}}\"\n",
            "\"{{t1}}\\n{{t2}}\n\n    {{t3}}\"\n",
            "'sq it''s {{t1}}\n    {{t2}} ''{{t3}}'''\n",
            "\"$$ {{t1}} ${X} {{t2}} $${X} {{t3}}${E}{{t4}}${N:-${E:-{{t9}}}} {{t5}}\"\n",
            "${X}{{t1}} ${E} {{t2}}${X}${X} {{t3}}\n",
            "\r\n    plain {{t1}}\r\n    {{t2}}\r\n",
            "|\r\n    {{t1}}\r\n\r\n      {{t2}}\r\n",
        ] {
            let text = format!("data:\n  v: {scalar}routes: {{ /: {{ body: x }} }}\n");
            let loaded = load("routes.yaml", &mut One(text), &env);
            let config = loaded.config.unwrap_or_else(|| panic!("{scalar}: {:?}", loaded.report));
            let (_, node) = &config.data[0];
            let NodeValue::Text(value) = &node.value else { panic!("{scalar}: {node:?}") };
            let origin = Origin::scalar(&At::new(value.clone(), node.span.clone()));
            let tags =
                value.match_indices("{{").filter(|(at, _)| !after(value, *at).starts_with("{{t9"));
            let mut seen = 0;
            for (at, _) in tags {
                let end = at + after(value, at).find("}}").expect("its end") + 2;
                let marked = origin.span(at..end);
                let tag = after(value, at).get(..end - at).expect("a tag");
                assert_eq!(marked.text(), tag, "{}", Value::from(scalar));
                seen += 1;
            }
            assert!(seen >= 2, "{}", Value::from(scalar));
        }
    }
}
