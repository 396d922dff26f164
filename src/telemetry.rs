//! The log: fields, one event per fact, to standard error.
//!
//! What a client sent gets into it, in the words of a template that failed for instance. It is
//! shown so that it neither begins a line of its own nor reaches a terminal.

use std::borrow::Cow;
use std::fmt::{Debug, Write as _};
use std::io::{self, IsTerminal, Write as _};

use clap::ValueEnum;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text an event.
    #[default]
    Text,
    /// A line of JSON an event.
    Json,
}

/// Writes a line of the access log to standard output, where tools expect it.
pub fn access_line(line: &str) {
    // A closed pipe is nobody who reads.
    let _ = writeln!(io::stdout().lock(), "{}", visible(line));
}

/// Writes a line about a request to standard error, among those of the log.
pub fn request_line(line: &str) {
    // A closed pipe is nobody who reads.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Who reads the log, which decides what is in it where `RUST_LOG` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Of a server: all that it does.
    Operator,
    /// Of a command that prints something else: only what fails.
    Caller,
}

/// Starts the log for the whole process; `RUST_LOG` chooses what is in it, `larder=info` by
/// default.
///
/// A second call changes nothing.
pub fn start(format: LogFormat, reader: Reader) {
    let default = match reader {
        Reader::Operator => "larder=info",
        Reader::Caller => "larder=error",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // An error here means that a log is there already, which is what is wanted.
    let _ = match format {
        LogFormat::Text => log
            .with_writer(io::stderr)
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .fmt_fields(debug_fn(field_in_text).delimited(" "))
            .try_init(),
        LogFormat::Json => log.with_writer(|| Lines).json().flatten_event(true).try_init(),
    };
}

fn field_in_text(out: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => out.write_str(&visible(&text)),
        name => write!(out, "{name}={}", visible(&text)),
    }
}

/// The text with the characters that move a cursor, end a line or turn the direction of reading
/// written as `\u001b` is: in JSON, where they stand in strings alone, that is the same string.
fn visible(text: &str) -> Cow<'_, str> {
    let dark =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(dark) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if dark(c) {
            // All of these are of the first plane: four digits do. Writing into a String cannot
            // fail.
            let _infallible = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Standard error, a line an event.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(event);
        let line = visible(line.strip_suffix('\n').unwrap_or(&line)).into_owned();
        io::stderr().lock().write_all((line + "\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, expected) in [
            ("plain \u{e5} text", "plain \u{e5} text"),
            ("a\nb\r\tc", "a\\u000ab\\u000d\\u0009c"),
            ("\u{1b}[2J\u{9b}31m\u{7f}", "\\u001b[2J\\u009b31m\\u007f"),
            ("\u{202e}\u{2066}\u{2028}", "\\u202e\\u2066\\u2028"),
        ] {
            assert_eq!(visible(text), expected);
            let json = serde_json::Value::from(text).to_string();
            assert_eq!(serde_json::from_str::<String>(&visible(&json)).unwrap(), text);
        }
    }
}
