//! What the log says about reloads: each fact once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::{error, info, warn};

use super::attempt::Done;
use super::{Outcome, Reloader};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::source::file::Inputs;
use crate::watch::{WatchFailure, Watches};

/// Diagnostics of one reload that are written out; the status has them all.
const MAX_SAID: usize = 50;

/// What was said before and is not said again.
#[derive(Debug, Default)]
pub(super) struct Said {
    warnings: Report,
    networks: BTreeSet<&'static str>,
}

impl Said {
    /// Tells of network disks, each kind once: there is nothing to mend.
    fn networks(&mut self, inputs: &Inputs) {
        for (kind, file) in inputs.networks() {
            if self.networks.insert(kind) {
                info!(
                    file,
                    "files are on a network disk ({kind}), which does not tell of all edits: they \
                     are looked for, and found within 4 seconds"
                );
            }
        }
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
    /// Notes and says what keeps edits from being seen, where that is news.
    pub(super) fn watched(&mut self, seen: &Inputs, watches: &Watches) {
        self.said.networks(seen);
        let stale = seen.unlinked().map(stale_mount);
        let now: Report = stale.chain(watches.failures().iter().map(polled)).collect();
        self.status.send_if_modified(|status| {
            let is_news = status.watching != now;
            if is_news {
                let old = std::mem::replace(&mut Arc::make_mut(status).watching, now);
                for warning in fresh(&status.watching, &old) {
                    warn!(code = %warning.code, "{warning}");
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
                    warn!(code = %warning.code, "{warning}");
                }
                let ms = done.took.as_millis();
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

/// What is in `now` and was not in `old`.
fn fresh<'r>(now: &'r Report, old: &'r Report) -> impl Iterator<Item = &'r Diagnostic> {
    now.iter().filter(|warning| !old.iter().any(|known| known == *warning))
}

/// A mounted file that no directory holds any more: its next save will not be seen either.
fn stale_mount(file: &str) -> Diagnostic {
    Diagnostic {
        code: Code::MountStale,
        message: format!(
            "`{file}` was replaced outside of this container, whose mount still shows the old one"
        ),
        labels: Vec::new(),
        help: Some("mount the directory that holds it, not the file alone".to_owned()),
    }
}

fn polled(failure: &WatchFailure) -> Diagnostic {
    Diagnostic {
        code: Code::WatchPolled,
        message: failure.to_string(),
        labels: Vec::new(),
        help: failure.help().map(str::to_owned),
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
