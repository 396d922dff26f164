//! A file's bytes → a value, by the file's extension. Pure; called by `site` for each `load` that
//! names files.

mod answer;
mod loaded;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use serde_yaml::Error;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use crate::config::{
    FileContent, Reading, diagnose_yaml, inexact, invisible_near, is_invisible, surprises,
    yaml_place,
};
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
pub(crate) use answer::{AnswerType, parse_answer};
use loaded::Loaded;

/// Extensions that are read as values, as shown to people.
const KNOWN: &str = "yaml, yml, json, toml, csv, md, txt";

/// Mappings and lists inside each other.
const MAX_DEPTH: usize = 64;
/// Mappings, lists and scalars of one file.
const MAX_NODES: usize = 2_000_000;
/// Parser events that all aliases together may repeat.
const MAX_ALIASED_EVENTS: usize = 500_000;
/// What is said of a file beyond these.
const TOO_MUCH: &str = "this is deeper, larger or repeats more than a file may";

/// The value in a file: YAML, JSON and TOML as they are; CSV as a list of mappings of strings,
/// named by its first row; Markdown as its front matter and `body`, the text below it; other text
/// as a string. Mappings keep the order of the file.
///
/// # Errors
/// A `load_failed` at the place where the file is not what its extension says, or has a key twice;
/// `number_inexact` and `invisible_character`.
pub(crate) fn parse(file: &FileContent) -> Result<Value, Diagnostic> {
    let source = text(file)?;
    match extension(&file.path).as_str() {
        "yaml" | "yml" => yaml(&source),
        "json" => json(&source),
        "toml" => toml(&source),
        "csv" => csv(&source),
        "md" | "markdown" => markdown(&source).map(Value::Object),
        "txt" | "text" => Ok(Value::String(source.text.clone())),
        other => {
            let what = if other.is_empty() { "no extension" } else { "an unknown extension" };
            let message = format!("`{}` has {what}, so how to read it is not known", file.path);
            Err(failed(message, &Span::new(&source, 0..0)).help(format!("known are: {KNOWN}")))
        }
    }
}

/// One item of a glob: a mapping, with `slug` from the file's name where it has none of its own. A
/// text becomes `{ body, slug }`.
///
/// # Errors
/// As [`parse`], and where the value is no mapping.
pub(crate) fn parse_item(file: &FileContent) -> Result<Value, Diagnostic> {
    let mut item = match parse(file)? {
        Value::Object(item) => item,
        Value::String(text) => Map::from_iter([("body".to_owned(), Value::String(text))]),
        other => {
            let kind = if other.is_array() { "a list" } else { "a single value" };
            let message = format!(
                "`{}` is {kind}, but each file that a glob names has to be a mapping",
                file.path
            );
            return Err(failed(message, &Span::new(&text(file)?, 0..0)));
        }
    };
    let slug = Path::new(&file.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    item.entry("slug").or_insert_with(|| Value::String(slug.to_owned()));
    Ok(Value::Object(item))
}

/// The value that a client sent as JSON; nothing where it is none, or has a key twice.
pub(crate) fn json_of_client(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok().map(|Loaded(value)| value)
}

/// The file as text, without a byte order mark.
fn text(file: &FileContent) -> Result<Arc<SourceFile>, Diagnostic> {
    let source = file.text(Code::LoadFailed)?;
    match source.text.trim_start_matches('\u{feff}') {
        text if text.len() == source.text.len() => Ok(source),
        text => Ok(SourceFile::new(&file.path, text)),
    }
}

fn extension(path: &str) -> String {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}

fn failed(message: impl Into<String>, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::LoadFailed, message, span)
}

/// The value of a text. No document is `null`.
fn yaml(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    if let Some(found) = surprises(source, Reading::Data).into_iter().next() {
        let is_own = matches!(found.code, Code::NumberInexact | Code::InvisibleCharacter);
        let code = if is_own { found.code } else { Code::LoadFailed };
        return Err(Diagnostic { code, ..found });
    }
    yaml_value(source)
}

/// The same, whatever else there is in it.
fn yaml_value(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    let parsed = serde_yaml::from_str_with_options::<Option<Loaded>>(&source.text, yaml_options());
    let value = parsed.map(|loaded| loaded.map_or(Value::Null, |Loaded(value)| value));
    value.map_err(|error| yaml_failed(source, &error))
}

fn yaml_options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 2,
            max_documents: 2,
            max_recorded_anchor_events: MAX_ALIASED_EVENTS,
            flow_nesting_limit: MAX_DEPTH,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_EVENTS,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

fn yaml_failed(source: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let said = |message: String| failed(message, &yaml_place(source, error));
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            said(format!("the key `{key}` is here twice"))
        }
        Error::NullIntoString { .. } => said("a key is empty".to_owned()),
        Error::Message { msg, .. } => said(msg.clone()),
        _ => match diagnose_yaml(source, error) {
            // What helps there is for the site's own files.
            found if found.code == Code::YamlBudget => said(TOO_MUCH.to_owned()),
            found if found.code == Code::InvisibleCharacter => found,
            found => Diagnostic { code: Code::LoadFailed, ..found },
        },
    }
}

fn json(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    // The parser rounds what has too many digits.
    if let Some(found) = json_numbers(source).find_map(|span| inexact(span.text(), &span)) {
        return Err(found);
    }
    json_value(source)
}

/// The same, whatever numbers there are in it.
fn json_value(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    let parsed = serde_json::from_str(&source.text).map(|Loaded(value)| value);
    parsed.map_err(|error| {
        let place = place(source, error.line(), error.column());
        let words = error.to_string();
        // The place is in the span.
        let words = words.split(" at line ").next().unwrap_or_default();
        misread(&place, format!("this is not JSON: {words}"))
    })
}

/// The words outside of strings that begin as a number does.
fn json_numbers(source: &Arc<SourceFile>) -> impl Iterator<Item = Span> {
    let bytes = source.text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut in_string = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if in_string => at += 1,
                b'"' => in_string = !in_string,
                _ if !in_string && (byte.is_ascii_digit() || *byte == b'-') => {
                    let span = word(source, at);
                    at = span.range().end;
                    return Some(span);
                }
                _ => {}
            }
            at += 1;
        }
        None
    })
}

/// The letters, digits and signs of a number that the byte at `at` is among.
fn word(source: &Arc<SourceFile>, at: usize) -> Span {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
    let (before, after) = source.text.as_bytes().split_at_checked(at).unwrap_or_default();
    let before = before.iter().rev().take_while(|byte| of_word(byte)).count();
    let after = after.iter().take_while(|byte| of_word(byte)).count();
    Span::new(source, at - before..at + after)
}

/// What is said where a parser stopped: a number that cannot be kept and a character that cannot
/// be seen are named, for all else there are its `words`.
fn misread(place: &Span, words: String) -> Diagnostic {
    let (file, range) = (place.file(), place.range());
    let starts = file.text.get(range.clone()).unwrap_or_default().char_indices();
    let after_none = starts.scan(false, |in_word, (at, c)| {
        let begins = !std::mem::replace(in_word, c.is_alphanumeric() || "+-._".contains(c));
        Some((begins, range.start + at))
    });
    let mut found = after_none.filter(|(begins, _)| *begins).map(|(_, at)| word(file, at));
    let number = found.find_map(|word| inexact(&word.text().replace('_', ""), &word));
    number.or_else(|| invisible_near(place)).unwrap_or_else(|| failed(words, place))
}

/// A place as a parser counts it: column 0 is the end of the line before, or of the file.
fn place(source: &Arc<SourceFile>, line: usize, column: usize) -> Span {
    Span::at(source, line.max(1), column.max(1), 1)
}

fn toml(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    toml::from_str(&source.text).map(|Loaded(value)| value).map_err(|error| {
        let words = error.message().trim().replace('\n', ", ");
        let place = Span::new(source, error.span().unwrap_or_default());
        misread(&place, format!("this is not TOML: {words}"))
    })
}

fn csv(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    let mut reader = ::csv::Reader::from_reader(source.text.as_bytes());
    let names = reader.headers().map_err(|error| csv_failed(source, &error))?.clone();
    // A blank after the comma is none of the name.
    let unseen = |c: char| c.is_whitespace() || is_invisible(c);
    let names: Vec<&str> = names.iter().map(|name| name.trim_matches(unseen)).collect();
    let mut seen = HashSet::with_capacity(names.len());
    if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
        let span = Span::at(source, 1, 1, source.text.lines().next().unwrap_or_default().len());
        return Err(failed(format!("two columns are called `{name}`"), &span));
    }
    let (mut rows, mut cells) = (Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(|error| csv_failed(source, &error))?;
        cells += record.len();
        if cells > MAX_NODES {
            let message = format!("this table has more than {MAX_NODES} cells");
            return Err(failed(message, &csv_row(source, record.position())));
        }
        let fields = names.iter().zip(record.iter());
        let fields =
            fields.map(|(name, text)| ((*name).to_owned(), Value::String(text.to_owned())));
        rows.push(Value::Object(fields.collect()));
    }
    Ok(Value::Array(rows))
}

/// The line where a row begins.
fn csv_row(source: &Arc<SourceFile>, at: Option<&::csv::Position>) -> Span {
    let at = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or_default();
    let line = source.text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    Span::new(source, at..at + line.len())
}

fn csv_failed(source: &Arc<SourceFile>, error: &::csv::Error) -> Diagnostic {
    let words = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} fields, the first one has {expected_len}")
        }
        _ => format!("this is not CSV: {error}"),
    };
    failed(words, &csv_row(source, error.position()))
}

/// Front matter between two lines `---` (YAML) or `+++` (TOML), and `body`, all that follows.
fn markdown(source: &Arc<SourceFile>) -> Result<Map<String, Value>, Diagnostic> {
    let body = |text: &str| ("body".to_owned(), Value::String(text.to_owned()));
    let Some((mark, front, text)) = front_matter(source)? else {
        return Ok(Map::from_iter([body(&source.text)]));
    };
    // The line above it stays, so that places are right: YAML begins a document with it, and for
    // TOML it is made a comment.
    let value = match mark {
        "+++" => toml(&SourceFile::new(&source.name, format!("#{}", front.split_at(1).1))),
        _ => yaml(&SourceFile::new(&source.name, front)),
    };
    let mut fields = match value? {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => {
            let start = Span::at(source, 1, 1, 3);
            return Err(failed("front matter has to be a mapping: `title: …`", &start));
        }
    };
    if fields.contains_key("body") {
        let message = "the front matter names `body`, which is the text below it";
        let line = front.lines().position(|line| line.starts_with("body")).unwrap_or_default();
        let at = Span::at(source, line + 1, 1, 4);
        return Err(failed(message, &at).help("give it another name"));
    }
    fields.extend([body(text)]);
    Ok(fields)
}

/// What front matter stands between, it with the line above it, and what follows; nothing where
/// the file does not begin so.
fn front_matter(source: &Arc<SourceFile>) -> Result<Option<(&str, &str, &str)>, Diagnostic> {
    let mut lines = source.text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let mark = first.trim_end();
    if mark != "---" && mark != "+++" {
        return Ok(None);
    }
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == mark {
            let front = source.text.get(..end).unwrap_or_default();
            let text = source.text.get(end + line.len()..).unwrap_or_default();
            return Ok(Some((mark, front, text)));
        }
        end += line.len();
    }
    let message = "front matter begins here and does not end";
    let help = format!("end it with a line `{mark}`");
    Err(failed(message, &Span::at(source, 1, 1, 3)).help(help))
}
