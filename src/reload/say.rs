//! What the log says about reloads: each fact once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::{error, info, warn};

use super::attempt::Done;
use super::{Outcome, Reloader};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::source::file::Inputs;
use crate::units::counted;
use crate::watch::{WatchFailure, Watches};

/// Diagnostics of one reload that are written out; the status has them all.
const MAX_SAID: usize = 50;

/// What was said before and is not said again.
#[derive(Debug, Default)]
pub(super) struct Said {
    warnings: Report,
    networks: BTreeSet<&'static str>,
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
    /// Notes and says what keeps edits from being seen, where that is news.
    pub(super) fn watched(&mut self, seen: &Inputs, watches: &Watches) {
        // Network disks, each kind once: there is nothing to mend.
        for (kind, file) in &seen.networks {
            if !self.said.networks.insert(kind) {
                continue;
            }
            info!(
                file,
                "files are on a network disk ({kind}), which does not tell of all edits: they are \
                 looked for, and found within 4 seconds"
            );
        }
        let stale = seen.unlinked.iter().map(|path| stale_mount(path));
        let now: Report = stale.chain(watches.failures().iter().map(polled)).collect();
        self.status.send_if_modified(|status| {
            let is_news = status.watching != now;
            if is_news {
                let old = std::mem::replace(&mut Arc::make_mut(status).watching, now);
                for warning in fresh(&status.watching, &old) {
                    warn!(code = warning.code.as_str(), "{warning}");
                }
            }
            is_news
        });
    }

    /// Says how a reload went.
    pub(super) fn say(&mut self, done: &Done) {
        let status = self.handle.status();
        match &done.outcome {
            Outcome::Applied { changes } => {
                let old = std::mem::replace(&mut self.said.warnings, status.warnings.clone());
                for warning in fresh(&status.warnings, &old).take(MAX_SAID) {
                    warn!(code = warning.code.as_str(), "{warning}");
                }
                let ms = done.took.as_millis();
                info!(generation = status.generation, "reloaded in {ms} ms: {changes}");
            }
            Outcome::Refused(report) => {
                let report = report.clone().sorted();
                for diagnostic in report.iter().take(MAX_SAID) {
                    if diagnostic.is_error() {
                        error!(code = diagnostic.code.as_str(), "{diagnostic}");
                    } else {
                        warn!(code = diagnostic.code.as_str(), "{diagnostic}");
                    }
                }
                error!("{}", footer(&report, status.loaded_at));
            }
            Outcome::Unchanged | Outcome::Stopping => {}
        }
    }
}

/// What is in `now` and was not in `old`.
fn fresh<'r>(now: &'r Report, old: &'r Report) -> impl Iterator<Item = &'r Diagnostic> {
    now.iter().filter(|warning| !old.iter().any(|known| known == *warning))
}

/// A mounted file that no directory holds any more: its next save will not be seen either.
fn stale_mount(file: &str) -> Diagnostic {
    let message = format!(
        "`{file}` was replaced outside of this container, whose mount still shows the old one"
    );
    let help = Some("mount the directory that holds it, not the file alone");
    unplaced(Code::MountStale, message, help)
}

fn polled(failure: &WatchFailure) -> Diagnostic {
    unplaced(Code::WatchPolled, failure.to_string(), failure.help())
}

/// What is wrong with no line of a file.
pub(super) fn unplaced(code: Code, message: String, help: Option<&str>) -> Diagnostic {
    Diagnostic { code, message, labels: Vec::new(), help: help.map(str::to_owned) }
}

/// `2 errors, 1 warning; still serving what was loaded at 14:03:22`
fn footer(report: &Report, loaded_at: Option<SystemTime>) -> String {
    let (errors, warnings): (Vec<_>, Vec<_>) = report.iter().partition(|found| found.is_error());
    let mut text = counted(errors.len() as u64, "error", "errors");
    if !warnings.is_empty() {
        text += ", ";
        text += &counted(warnings.len() as u64, "warning", "warnings");
    }
    match loaded_at.and_then(|at| jiff::Timestamp::try_from(at).ok()) {
        // UTC, as log lines have them.
        Some(time) => {
            format!("{text}; still serving what was loaded at {}", time.strftime("%H:%M:%S"))
        }
        None => format!("{text}; nothing was loaded yet"),
    }
}
