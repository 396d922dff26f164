//! The commands; all but the shortest have a file each. Only this module prints and decides exit
//! codes.

mod check;
mod client;
mod dev;
mod explain;
mod init;
mod keys;
mod plan;
mod routes;
mod target;
mod tls;
mod warm;

use std::error::Error as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use self::target::{CommandError, Reach, Target};
use crate::app::{self, Mode, Options};
use crate::cache::{StoreUrlError, check_store};
use crate::config;
use crate::diagnostic::render::human;
use crate::telemetry::{self, LogFormat, Reader};
use crate::units::inert;

/// All went well.
const OK: u8 = 0;
/// It did not work.
const FAILED: u8 = 1;
/// It was called with what it does not take.
const MISUSED: u8 = 2;
/// The config is wrong (`EX_CONFIG` of sysexits.h).
const BAD_CONFIG: u8 = 78;

/// Serves a site from one YAML file and keeps every rendered response in Redis.
#[derive(Debug, Parser)]
#[command(name = "larder", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    listening: Listening,
}

#[derive(Debug, Args)]
struct Common {
    /// The site's file.
    #[arg(long, global = true, value_name = "FILE", default_value = "routes.yaml")]
    config: PathBuf,
    /// How the log is written.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log: LogFormat,
}

/// What a running server can be told instead of the file's `server` and `cache` sections.
#[derive(Debug, Default, Args)]
struct Listening {
    /// Where the site is served, instead of `server.listen`.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<String>,
    /// Where the admin listener is, instead of `server.admin`; `off` for none.
    #[arg(long, value_name = "ADDRESS", value_parser = address_or_off)]
    admin: Option<String>,
    /// Where responses are kept, instead of `cache.store`.
    #[arg(long, value_name = "URL", value_parser = store)]
    store: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the site (what `larder` alone does).
    Serve(Listening),
    /// Serves the site for who works on it: browsers reload what changed, errors are shown there.
    Dev(dev::Arguments),
    /// Says all that is wrong with the site's file, without any other effect.
    Check {
        /// How it is said.
        #[arg(long, value_enum, default_value = "human")]
        format: ReportFormat,
    },
    /// Says what a response is made from, under which key, and whether it is stored.
    Explain(explain::Arguments),
    /// Says what an edit would change, before it is saved.
    Plan(plan::Arguments),
    /// Lists the routes of the site's file.
    Routes {
        /// How they are said.
        #[arg(long, value_enum, default_value = "human")]
        format: ListFormat,
    },
    /// Lists what is stored.
    Keys(keys::KeysArguments),
    /// Deletes what is stored, so that it is made anew.
    Purge(keys::PurgeArguments),
    /// Renders every route without parameters, and the addresses given.
    Warm(warm::Arguments),
    /// Writes the JSON Schema of the site's file, for editors.
    Schema,
    /// Writes a small site that works into a directory.
    Init {
        /// The directory; made where it is not there.
        directory: PathBuf,
    },
    /// Writes the completions of a shell to standard output.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Says whether a running site answers, for container health checks.
    Health(Reach),
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people.
    Human,
    /// JSON.
    Json,
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people, coloured on a terminal.
    Human,
    /// One JSON document.
    Json,
    /// Annotations of GitHub's CI.
    Github,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return misused(&usage),
    };
    let Arguments { command, common, listening } = arguments;
    let command = command.unwrap_or(Command::Serve(Listening::default()));
    let reader = match command {
        Command::Serve(_) | Command::Dev(_) => Reader::Operator,
        _ => Reader::Caller,
    };
    telemetry::start(common.log, reader);
    let file = &common.config;
    let done = match command {
        Command::Serve(own) => serve(file, own.over(listening), Mode::Serve),
        Command::Dev(dev::Arguments { listening: own, open, host, stub }) => {
            serve(file, own.over(listening), dev::mode(open, host, stub, common.log))
        }
        Command::Check { format } => Ok(check::run(file, format)),
        Command::Explain(arguments) => explain::run(file, &arguments),
        Command::Plan(arguments) => plan::run(file, &arguments),
        Command::Routes { format } => routes::run(file, format),
        Command::Keys(arguments) => keys::list(file, &arguments),
        Command::Purge(arguments) => keys::purge(file, &arguments),
        Command::Warm(arguments) => warm::run(file, &arguments),
        Command::Schema => {
            say(&format!("{:#}\n", config::schema()));
            Ok(OK)
        }
        Command::Init { directory } => init::run(&directory),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "larder", &mut text);
            say(&String::from_utf8_lossy(&text));
            Ok(OK)
        }
        Command::Health(reach) => health(file, &reach),
    };
    let code = done.unwrap_or_else(|error| report_and_exit_code(&error));
    telemetry::flush();
    ExitCode::from(code)
}

/// An address to listen at, by the rules of the file.
fn address(text: &str) -> Result<String, String> {
    config::read_address(text).map(|()| text.to_owned())
}

fn host(text: &str) -> Result<String, String> {
    config::read_host(text).map(|()| text.to_owned())
}

fn address_or_off(text: &str) -> Result<String, String> {
    if text == "off" { Ok(text.to_owned()) } else { address(text) }
}

/// The address of a store, by the rules of what opens it.
fn store(text: &str) -> Result<String, StoreUrlError> {
    let text = text.trim();
    if text != "memory" {
        check_store(text)?;
    }
    Ok(text.to_owned())
}

/// Says how the program is called.
fn misused(usage: &clap::Error) -> ExitCode {
    match usage.source().and_then(|why| why.downcast_ref::<StoreUrlError>()) {
        // The address is not repeated: it may hold a password.
        Some(why) => complain(&format!("error: `--store` is no address of a store: {why}\n")),
        // Fails only where the terminal is gone, and then nobody reads it.
        None => drop(usage.print()),
    }
    if let Some(file) = file_in(usage) {
        complain(&format!("\nhelp: a file is named by `--config {file}`\n"));
    }
    ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(MISUSED))
}

/// What was given where no file is taken: a word for which there is no place, or, in a command's
/// place, one that looks like a file.
fn file_in(usage: &clap::Error) -> Option<&str> {
    use clap::error::ContextKind::{InvalidArg, InvalidSubcommand};
    use clap::error::{ContextValue::String, ErrorKind};
    match (usage.kind(), usage.get(InvalidArg), usage.get(InvalidSubcommand)) {
        (ErrorKind::UnknownArgument, Some(String(given)), _) => {
            (!given.starts_with('-')).then_some(given)
        }
        (ErrorKind::InvalidSubcommand, _, Some(String(given))) => {
            let path = Path::new(given);
            let is_yaml = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
            (is_yaml || path.is_file()).then_some(given)
        }
        _ => None,
    }
}

/// Serves the site whose main file is `config` until it is told to stop.
fn serve(config: &Path, listening: Listening, mode: Mode) -> Result<u8, CommandError> {
    let Listening { listen, admin, store } = listening;
    app::run(&Options { config: config.to_owned(), listen, admin, store, mode }).map(|()| OK)
}

/// 0 where the site's admin listener answers, else 1.
fn health(config: &Path, reach: &Reach) -> Result<u8, CommandError> {
    match Target::running(config, reach) {
        Ok(running) => running.check_ready()?,
        Err(why) => {
            say(&format!("{why}\n"));
            return Ok(FAILED);
        }
    }
    say("ready\n");
    Ok(OK)
}

/// Says why a command failed; gives its exit code.
fn report_and_exit_code(error: &CommandError) -> u8 {
    match error {
        CommandError::BadConfig(report) => {
            complain_raw(&human(report, stderr_is_coloured(), None));
            BAD_CONFIG
        }
        CommandError::Failed(why) => {
            complain(&format!("larder: {why}\n"));
            FAILED
        }
    }
}

impl Listening {
    /// What was said after the command, else before it.
    fn over(self, before: Self) -> Self {
        Self {
            listen: self.listen.or(before.listen),
            admin: self.admin.or(before.admin),
            store: self.store.or(before.store),
        }
    }
}

/// Writes to standard output; a closed pipe is no error (`larder check | head`).
fn say(text: &str) {
    let _ = io::stdout().lock().write_all(inert(text).as_bytes());
}

/// Writes to standard error, after what was logged.
fn complain(text: &str) {
    complain_raw(&inert(text));
}

/// The same for what may colour the terminal.
fn complain_raw(text: &str) {
    telemetry::flush();
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a value as JSON, or as `text` puts it for people.
fn print<T: Serialize>(
    format: ListFormat,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CommandError> {
    let text = match format {
        ListFormat::Human => text(value),
        ListFormat::Json => {
            serde_json::to_string_pretty(value).map_err(|why| why.to_string())? + "\n"
        }
    };
    say(&text);
    Ok(())
}

/// Milliseconds as whole seconds; `-` for none.
fn seconds(ms: Option<impl Into<i128>>) -> String {
    ms.map_or("-".to_owned(), |ms| format!("{} s", ms.into().div_euclid(1000)))
}

/// Whether standard error is a terminal that wants colour (<https://no-color.org>).
fn stderr_is_coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !refused
}

#[cfg(test)]
mod tests {
    use crate::units::inert;

    #[test]
    fn nothing_that_is_said_moves_a_terminal() {
        for (text, said) in [
            ("a b\n\u{e9}\tc", "a b\n\u{e9}\tc"),
            ("\u{1b}[2Jx", "\\u001b[2Jx"),
            ("a\rb\u{7f}\u{9b}\u{202e}", "a\\u000db\\u007f\\u009b\\u202e"),
        ] {
            assert_eq!(inert(text), said);
        }
    }
}
