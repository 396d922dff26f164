//! `larder check`: all that is wrong with a site's file, and nothing done.

use std::path::Path;

use super::target::made;
use super::{BAD_CONFIG, OK, ReportFormat, complain, say, stderr_is_coloured};
use crate::build::Made;
use crate::diagnostic::render::{github, human, json};
use crate::units::counted;

/// Checks the site whose main file is `config`; 0 where it has no errors, else 78.
pub(super) fn run(config: &Path, format: ReportFormat) -> u8 {
    let made = made(config);
    let Made { site, report, .. } = &made;
    let code = if report.has_errors() { BAD_CONFIG } else { OK };
    match format {
        ReportFormat::Human => {
            complain(&human(report, stderr_is_coloured(), None));
            if let Some(site) = site {
                say(&format!(
                    "{} is good: {}\n",
                    config.display(),
                    counted(site.routes.len() as u64, "route", "routes")
                ));
            }
        }
        ReportFormat::Json => say(&format!("{}\n", json(report))),
        ReportFormat::Github => say(&github(report)),
    }
    // The process ends here: to take apart what was made would be a fifth of the whole work.
    std::mem::forget(made);
    code
}
