//! A file's bytes → a value, by the file's extension. Pure; called by `site` for each `load` that
//! names files.

mod loaded;
#[cfg(test)]
mod tests;
mod yaml;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::FileContent;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};
use loaded::Loaded;

/// Extensions that are read as values, as shown to people.
const KNOWN: &str = "yaml, yml, json, toml, csv, md, txt";

/// The value in a file: YAML, JSON and TOML as they are; CSV as a list of mappings of strings,
/// named by its first row; Markdown as its front matter and `body`, the text below it; other text
/// as a string. Mappings keep the order of the file.
///
/// # Errors
/// A `load_failed` at the place where the file is not what its extension says, where it has a key
/// twice, or a number that JSON does not have (`.nan`, `.inf`).
pub(crate) fn parse(file: &FileContent) -> Result<Value, Diagnostic> {
    let source = text(file)?;
    match extension(&file.path).as_str() {
        "yaml" | "yml" => yaml::parse(&source, &source.text, 0),
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

/// The file as text, without a byte order mark.
fn text(file: &FileContent) -> Result<Arc<SourceFile>, Diagnostic> {
    match std::str::from_utf8(&file.bytes) {
        Ok(text) => Ok(SourceFile::new(&file.path, text.trim_start_matches('\u{feff}'))),
        Err(error) => {
            let good = file.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let source = SourceFile::new(&file.path, String::from_utf8_lossy(good));
            let end = source.text.len();
            let message = format!("`{}` is not UTF-8 from here on", file.path);
            Err(failed(message, &Span::new(&source, end..end)))
        }
    }
}

fn extension(path: &str) -> String {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.unwrap_or_default().to_ascii_lowercase()
}

fn failed(message: impl Into<String>, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::LoadFailed, message, span)
}

fn json(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    serde_json::from_str(&source.text).map(|Loaded(value)| value).map_err(|error| {
        let words = error.to_string();
        // The place is in the span.
        let words = words.split(" at line ").next().unwrap_or_default();
        failed(format!("this is not JSON: {words}"), &place(source, error.line(), error.column()))
    })
}

/// A place as a parser counts it: column 0 is the end of the line before, or of the file.
fn place(source: &Arc<SourceFile>, line: usize, column: usize) -> Span {
    Span::at(source, line.max(1), column.max(1), 1)
}

fn toml(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    let failed_at = |words: &str, range: std::ops::Range<usize>| {
        let words = words.trim().replace('\n', ", ");
        failed(format!("this is not TOML: {words}"), &Span::new(source, range))
    };
    let table: toml::Table = toml::from_str(&source.text)
        .map_err(|error| failed_at(error.message(), error.span().unwrap_or_default()))?;
    from_toml(toml::Value::Table(table)).map_err(|number| {
        let start = source.text.find(&number).unwrap_or_default();
        failed_at(
            &format!("`{number}` is a number that JSON does not have"),
            start..start + number.len(),
        )
    })
}

/// The same in JSON's terms; dates and times as RFC 3339 writes them. The error is the number that
/// JSON can't hold.
fn from_toml(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| if number.is_nan() { "nan" } else { "inf" }.to_owned())?,
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(items) => {
            Value::Array(items.into_iter().map(from_toml).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(fields) => {
            let fields = fields.into_iter().map(|(key, value)| Ok((key, from_toml(value)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
    })
}

fn csv(source: &Arc<SourceFile>) -> Result<Value, Diagnostic> {
    let mut reader = ::csv::Reader::from_reader(source.text.as_bytes());
    let names = reader.headers().map_err(|error| csv_failed(source, &error))?.clone();
    for (at, name) in names.iter().enumerate() {
        if names.iter().take(at).any(|earlier| earlier == name) {
            let span = Span::at(source, 1, 1, source.text.lines().next().unwrap_or_default().len());
            return Err(failed(format!("two columns are called `{name}`"), &span));
        }
    }
    let rows = reader.records().map(|record| {
        let record = record.map_err(|error| csv_failed(source, &error))?;
        let fields = names.iter().zip(record.iter());
        let fields = fields.map(|(name, text)| (name.to_owned(), Value::String(text.to_owned())));
        Ok(Value::Object(fields.collect()))
    });
    rows.collect::<Result<_, _>>().map(Value::Array)
}

fn csv_failed(source: &Arc<SourceFile>, error: &::csv::Error) -> Diagnostic {
    let at = error.position().and_then(|position| usize::try_from(position.byte()).ok());
    let at = at.unwrap_or_default();
    let words = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} fields, the first one has {expected_len}")
        }
        _ => format!("this is not CSV: {error}"),
    };
    let line = source.text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    failed(words, &Span::new(source, at..at + line.len()))
}

/// Front matter between two lines `---`, and `body`, all that follows.
fn markdown(source: &Arc<SourceFile>) -> Result<Map<String, Value>, Diagnostic> {
    let body = |text: &str| ("body".to_owned(), Value::String(text.to_owned()));
    let Some((front, text)) = front_matter(source)? else {
        return Ok(Map::from_iter([body(&source.text)]));
    };
    let start = Span::at(source, 1, 1, 3);
    let mut fields = match yaml::parse(source, front, 1)? {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err(failed("front matter has to be a mapping: `title: …`", &start)),
    };
    if fields.contains_key("body") {
        let message = "the front matter names `body`, which is the text below it";
        let line = front.lines().position(|line| line.starts_with("body")).unwrap_or_default();
        let at = Span::at(source, line + 2, 1, 4);
        return Err(failed(message, &at).help("give it another name"));
    }
    fields.extend([body(text)]);
    Ok(fields)
}

/// The text between the lines `---`, and what follows; nothing where the file does not begin so.
fn front_matter(source: &Arc<SourceFile>) -> Result<Option<(&str, &str)>, Diagnostic> {
    let mut lines = source.text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
        return Ok(None);
    };
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            let front = source.text.get(first.len()..end).unwrap_or_default();
            let text = source.text.get(end + line.len()..).unwrap_or_default();
            return Ok(Some((front, text)));
        }
        end += line.len();
    }
    let message = "front matter begins here and does not end";
    Err(failed(message, &Span::at(source, 1, 1, 3)).help("end it with a line `---`"))
}
