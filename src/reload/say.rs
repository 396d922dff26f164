//! What the log says about reloads: each fact once.

use std::collections::BTreeSet;
use std::time::SystemTime;

use tracing::{error, info, warn};

use super::attempt::Done;
use super::{Outcome, Reloader};
use crate::diagnostic::{Diagnostic, Report};
use crate::source::file::Inputs;

/// Diagnostics of one reload that are written out; the status has them all.
const MAX_SAID: usize = 50;

/// What was said before and is not said again.
#[derive(Debug, Default)]
pub(super) struct Said {
    warnings: Report,
    unlinked: BTreeSet<String>,
}

impl Said {
    /// Complains of files that no directory holds any more: their next save will not be seen.
    pub(super) fn unlinked(&mut self, inputs: &Inputs) {
        let now: BTreeSet<String> = inputs.unlinked().map(str::to_owned).collect();
        for file in now.difference(&self.unlinked) {
            warn!(
                %file,
                "the file was replaced outside of this container, and its mount still shows the \
                 old one: edits will not be seen; mount the directory that holds it, not the file"
            );
        }
        self.unlinked = now;
    }
}

/// Says to who asked for a reload that there was nothing to do.
pub(super) fn unchanged(outcome: &Outcome) {
    if matches!(outcome, Outcome::Refused(_)) {
        error!("asked to reload: the files are as bad as they were");
    } else {
        info!("asked to reload: the files are what they were");
    }
}

impl Reloader {
    /// Says how a reload went.
    pub(super) fn say(&mut self, done: &Done) {
        let status = self.handle.status();
        match &done.outcome {
            Outcome::Applied { changes } => {
                let old = std::mem::replace(&mut self.said.warnings, status.warnings.clone());
                let new = |warning: &&Diagnostic| !old.iter().any(|known| known == *warning);
                for warning in status.warnings.iter().filter(new).take(MAX_SAID) {
                    warn!(code = %warning.code, "{warning}");
                }
                let ms = done.took.as_millis();
                let mended = if done.was_stale { "the files are good again; " } else { "" };
                let nothing = format!("{mended}nothing that is served changed");
                let changes = if changes.is_empty() { &nothing } else { changes };
                info!(generation = status.generation, "reloaded in {ms} ms: {changes}");
            }
            Outcome::Refused(report) => {
                let report = report.clone().sorted();
                for diagnostic in report.iter().take(MAX_SAID) {
                    if diagnostic.is_error() {
                        error!(code = %diagnostic.code, "{diagnostic}");
                    } else {
                        warn!(code = %diagnostic.code, "{diagnostic}");
                    }
                }
                error!("{}", footer(&report, status.loaded_at));
            }
            Outcome::Unchanged | Outcome::Stopping => {}
        }
    }
}

/// `2 errors, 1 warning; still serving what was loaded at 14:03:22`
fn footer(report: &Report, loaded_at: Option<SystemTime>) -> String {
    let errors = report.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = report.iter().count() - errors;
    let mut text = counted(errors, "error");
    if warnings > 0 {
        text = format!("{text}, {}", counted(warnings, "warning"));
    }
    match loaded_at.and_then(time_of_day) {
        Some(time) => format!("{text}; still serving what was loaded at {time}"),
        None => format!("{text}; nothing was loaded yet"),
    }
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

/// Hours, minutes and seconds, UTC, as log lines have them.
fn time_of_day(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%H:%M:%S").to_string())
}
