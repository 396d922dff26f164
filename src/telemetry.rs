//! The log (fields, one event per fact, to standard error) and the access log (to standard output).
//!
//! A thread a stream writes them; whoever has a line to write never waits for its reader.
//!
//! What a client sent gets into it, in the words of a template that failed for instance. It is
//! shown so that it neither begins a line of its own nor reaches a terminal.

mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::fmt::Debug;
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use self::writer::LineWriter;
use crate::units::{escaped, is_active};

static ACCESS_LOG: LineWriter = LineWriter::new();
static LOG: LineWriter = LineWriter::new();

/// How long what is left is waited for at the end of the process, for each of the two streams.
const FLUSH_BOUND: Duration = Duration::from_millis(500);

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text an event.
    #[default]
    Text,
    /// A line of JSON an event.
    Json,
}

/// Writes lines of the access log to standard output, where tools expect it: each with its end, and
/// nothing in them left to be escaped.
pub(crate) fn access_lines(lines: &[u8]) {
    ACCESS_LOG.push(lines);
}

/// Writes text for people to standard error, among the lines of the log; it ends with a line's end.
pub(crate) fn log_text(text: &str) {
    LOG.push(text.as_bytes());
}

/// Writes a line of the log, made visible.
pub(crate) fn log_line(line: &str) {
    log_text(&format!("{}\n", visible(line)));
}

/// Lines of either log that were dropped since the process began, since nobody read what was
/// there.
pub(crate) fn lines_dropped() -> u64 {
    ACCESS_LOG.dropped() + LOG.dropped()
}

/// Waits until all lines are written, a second at most. To be called before the process ends, and
/// before something else is written to the same streams.
pub(crate) fn flush() {
    LOG.flush(FLUSH_BOUND);
    ACCESS_LOG.flush(FLUSH_BOUND);
}

/// Who reads the log, which decides what is in it where `RUST_LOG` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Of a server: all that it does.
    Operator,
    /// Of a command that prints something else: only what fails.
    Caller,
}

/// Starts the log for the whole process; `RUST_LOG` chooses what is in it, `larder=info` by
/// default.
///
/// A second call changes nothing.
pub(crate) fn start(format: LogFormat, reader: Reader) {
    let default = match reader {
        Reader::Operator => "larder=info",
        Reader::Caller => "larder=error",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || LogLines(format));
    let started = match format {
        LogFormat::Text => log
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .fmt_fields(debug_fn(field_in_text).delimited(" "))
            .try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // An error means that a log is there already, which is what is wanted.
    if started.is_ok() {
        LOG.start(io::stderr(), |lines| tracing::warn!(lines, "lines of this log were dropped"));
        ACCESS_LOG.start(io::stdout(), |lines| {
            tracing::warn!(lines, "lines of the access log were dropped");
        });
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// The standard library's own hook writes to standard error itself, and would make who panics wait
/// for its reader.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let message = info.to_string().replacen('\n', " ", 1);
    if tracing::enabled!(tracing::Level::ERROR) {
        tracing::error!(thread = thread.name(), "{message}");
    } else {
        log_line(&message);
    }
    // Where `RUST_BACKTRACE` asks for one; it keeps its lines.
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        log_text(&backtrace.to_string());
    }
    // The program ends with this one, and nobody else flushes.
    if thread.name() == Some("main") {
        flush();
    }
}

fn field_in_text(out: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => out.write_str(&visible(&text)),
        name => write!(out, "{name}={}", visible(&text)),
    }
}

/// The text with nothing in it that moves a cursor, ends a line or turns the direction of reading.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_active)
}

/// The log, a line an event.
struct LogLines(LogFormat);

impl io::Write for LogLines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match self.0 {
            // Each field is made visible where it is written.
            LogFormat::Text => LOG.push(event),
            LogFormat::Json => {
                let line = String::from_utf8_lossy(event);
                log_line(line.strip_suffix('\n').unwrap_or(&line));
            }
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, pipe};
    use std::panic::{catch_unwind, set_hook, take_hook};

    use super::*;

    #[test]
    fn a_panic_is_a_line_of_the_log() {
        let (reader, stream) = pipe().unwrap();
        LOG.start(stream, |_| {});
        let before = take_hook();
        set_hook(Box::new(log_panic));
        let _panic = catch_unwind(|| panic!("a bug\nin two lines"));
        set_hook(before);
        let line = BufReader::new(reader).lines().next().unwrap().unwrap();
        let expected = "panicked at src/telemetry.rs:";
        assert!(line.starts_with(expected) && line.ends_with("a bug\\u000ain two lines"), "{line}");
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, expected) in [
            ("plain \u{e5} text", "plain \u{e5} text"),
            ("a\nb\r\tc", "a\\u000ab\\u000d\\u0009c"),
            ("\u{1b}[2J\u{9b}31m\u{7f}", "\\u001b[2J\\u009b31m\\u007f"),
            ("\u{202e}\u{2066}\u{2028}\u{61c}", "\\u202e\\u2066\\u2028\\u061c"),
        ] {
            assert_eq!(visible(text), expected);
            let json = serde_json::Value::from(text).to_string();
            assert_eq!(serde_json::from_str::<String>(&visible(&json)).unwrap(), text);
        }
    }
}
