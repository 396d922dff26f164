//! The log: fields, one event per fact, to standard error.

use std::io::{self, IsTerminal, Write as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

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
    let _ = writeln!(io::stdout().lock(), "{line}");
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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // An error here means that a log is there already, which is what is wanted.
    let _ = match format {
        LogFormat::Text => log.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
