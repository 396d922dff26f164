//! `larder dev`: runs the site for who works on it, with live reload.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{Listening, stderr_is_coloured};
use crate::app::{DevOptions, Mode, Opened};
use crate::dev::LineForm;
use crate::diagnostic::render::human;
use crate::telemetry::{LogFormat, log_text};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) listening: Listening,
    /// Opens the site in the browser.
    #[arg(long)]
    pub(super) open: bool,
    /// A name or address by which other machines (a phone, a container, a proxy) get live reload
    /// too; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = super::host)]
    pub(super) host: Vec<String>,
    /// A directory of the site with files such as weather.json, which stand in for what servers
    /// send to the loads of these names.
    #[arg(long, value_name = "DIR")]
    pub(super) stub: Option<PathBuf>,
}

/// For who works on the site: it is served also where its file is wrong. `open` opens a browser.
pub(super) fn mode(open: bool, hosts: Vec<String>, stub: Option<PathBuf>, log: LogFormat) -> Mode {
    let form = match log {
        LogFormat::Json => LineForm::Json,
        LogFormat::Text if stderr_is_coloured() => LineForm::Coloured,
        LogFormat::Text => LineForm::Plain,
    };
    let opened = move |opened: &Opened| {
        // A log of JSON says it in its own lines.
        if form != LineForm::Json {
            let is_coloured = form == LineForm::Coloured;
            let report = opened.wrong.as_ref().map(|report| human(report, is_coloured, None));
            log_text(&(report.unwrap_or_default() + &banner(opened, is_coloured)));
        }
        if open && let Err(why) = open::that_detached(&opened.site) {
            log_text(&format!("larder: no browser could be opened: {why}\n"));
        }
    };
    Mode::Dev(DevOptions { lines: form, hosts, stub, opened: Arc::new(opened) })
}

/// Where everything is.
fn banner(opened: &Opened, is_coloured: bool) -> String {
    let strong = |text: &str| {
        if is_coloured { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut out = String::from("\n");
    // Writing into a String cannot fail.
    for address in &opened.taken {
        let _infallible = writeln!(out, "  {address} is taken: using the next free port");
    }
    let line = |name: &str, value: &str| format!("  {name:<8}{value}\n");
    out.push_str(&line("Site", &strong(&format!("{}/", opened.site))));
    if let Some(docs) = &opened.docs {
        out.push_str(&line("Docs", docs));
    }
    if let Some(admin) = &opened.admin {
        out.push_str(&line("Keys", &format!("{admin}/")));
    }
    out.push_str(&line("Store", &opened.store));
    if opened.wrong.is_some() {
        out.push_str("\n  The file has errors: every page shows them until it is mended.\n");
    }
    if opened.is_far {
        out.push_str("\n  Other machines get live reload by the names that --host gives.\n");
    }
    out.push_str("\n  Pages reload when they change. Ctrl-C stops.\n\n");
    out
}
