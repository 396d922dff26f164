//! `larder plan NEWFILE`: what an edit would change, before it is saved.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::target::{CommandError, Offline, Reach, Target};
use super::{ListFormat, OK, print};
use crate::build::{root_and_name, site_of};
use crate::clock::Clock;
use crate::inspect::{Plan, plan};
use crate::source::file::Disk;
use crate::units::counted;

/// The arguments of `larder plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file as it would be saved.
    file: PathBuf,
    /// How it is said.
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// Says what `arguments.file` in place of `config` would change.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, CommandError> {
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|why| format!("{} cannot be read: {why}", arguments.file.display()))?;
    let plan: Plan = match Target::find_or_empty(config, &arguments.reach)? {
        Target::Running(running) => {
            let name = arguments.file.display().to_string();
            running.post("/api/plan", &json!({ "file": name, "text": text }))?
        }
        Target::Files(offline) => local(config, &offline, &text)?,
    };
    print(arguments.format, &plan, shown)?;
    Ok(OK)
}

fn local(config: &Path, offline: &Offline, text: &str) -> Result<Plan, CommandError> {
    let (root, main) = root_and_name(config);
    let clock = Clock::system();
    let mut disk = Disk::new(&root, clock.wall()).with_text(&main, text.to_owned());
    let made = site_of(&main, &mut disk, &clock);
    let new = made.site.ok_or(CommandError::BadConfig(made.report))?;
    Ok(offline.runtime.block_on(plan(&offline.site, &new, &offline.cache, &clock)))
}

fn shown(plan: &Plan) -> String {
    let stored = |count| counted(count, "stored entry", "stored entries");
    let mut out = String::new();
    for route in &plan.routes {
        let _infallible = match route.entries {
            0 => writeln!(out, "{} {}", route.change, route.path),
            count => writeln!(out, "{} {}  {}", route.change, route.path, stored(count)),
        };
    }
    if plan.routes.is_empty() {
        out.push_str("no route changes\n");
    }
    let sign = if plan.is_at_least { "≥ " } else { "" };
    let _infallible = writeln!(out, "{sign}{} would be made again", stored(plan.entries));
    if let Some(why) = &plan.store_trouble {
        let _infallible = writeln!(out, "the store could not be counted: {why}");
    }
    out
}
