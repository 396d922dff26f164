//! `larder check`: all that is wrong with a site's file, and nothing done.

use std::path::Path;

use super::{BAD_CONFIG, OK, ReportFormat, complain, say, stderr_is_coloured};
use crate::build::{root_and_name, site_of};
use crate::clock::Clock;
use crate::diagnostic::Report;
use crate::diagnostic::render::{github, human, json};
use crate::source::file::Disk;

/// Checks the site whose main file is `config`; 0 where it has no errors, else 78.
pub(super) fn run(config: &Path, format: ReportFormat) -> u8 {
    let (root, main) = root_and_name(config);
    let clock = Clock::system();
    let made = site_of(&main, &mut Disk::new(&root, clock.wall()), &clock);
    let report = made.report;
    let code = if report.has_errors() { BAD_CONFIG } else { OK };
    match format {
        ReportFormat::Human => {
            complain(&human(&report, stderr_is_coloured(), None));
            if let Some(site) = &made.site {
                say(&format!("{} is good: {}\n", config.display(), counted(site.routes.len())));
            }
        }
        ReportFormat::Json => say(&format!("{}\n", json(&report))),
        ReportFormat::Github => say(&github(&report)),
    }
    code
}

/// Shows a report that stops a command.
pub(super) fn show(report: &Report) {
    complain(&human(report, stderr_is_coloured(), None));
}

fn counted(routes: usize) -> String {
    match routes {
        1 => "1 route".to_owned(),
        many => format!("{many} routes"),
    }
}
