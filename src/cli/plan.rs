//! `larder plan NEWFILE`: what an edit would change, before it is saved.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::target::{Offline, Reach, Target, Trouble, compiled};
use super::{OK, say};
use crate::build::{root_and_name, site_of_text};
use crate::clock::Clock;
use crate::inspect::{Plan, planned};
use crate::source::file::Disk;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file as it would be saved.
    file: PathBuf,
    /// How it is said.
    #[arg(long, value_enum, default_value = "human")]
    format: super::ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// Says what `arguments.file` in place of `config` would change.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, Trouble> {
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|why| format!("{} cannot be read: {why}", arguments.file.display()))?;
    let plan = match Target::find(config, &arguments.reach) {
        Ok(Target::Running(running)) => {
            let name = arguments.file.display().to_string();
            let answer = running.post("/api/plan", &json!({ "file": name, "text": text }))?;
            serde_json::from_value(answer)
                .map_err(|why| format!("the running larder answers oddly: {why}"))?
        }
        Ok(Target::Files(offline)) => local(config, &offline, &text)?,
        Err(Trouble::Failed(_)) if arguments.reach.admin.is_none() => {
            local(config, &Offline::new(compiled(config)?, "memory")?, &text)?
        }
        Err(trouble) => return Err(trouble),
    };
    match arguments.format {
        super::ListFormat::Json => {
            say(&format!("{}\n", serde_json::to_string_pretty(&plan).unwrap_or_default()));
        }
        super::ListFormat::Human => say(&shown(&plan)),
    }
    Ok(OK)
}

fn local(config: &Path, offline: &Offline, text: &str) -> Result<Plan, Trouble> {
    let (root, main) = root_and_name(config);
    let clock = Clock::system();
    let made = site_of_text(&main, text, &mut Disk::new(&root, clock.wall()), &clock);
    let new = made.site.ok_or(Trouble::BadConfig(made.report))?;
    Ok(offline.wait(planned(&offline.site, &new, &offline.cache, &clock)))
}

fn shown(plan: &Plan) -> String {
    let mut out = String::new();
    for route in &plan.routes {
        let _infallible = match route.entries {
            0 => writeln!(out, "{} {}", route.change, route.path),
            1 => writeln!(out, "{} {}  1 stored entry", route.change, route.path),
            many => writeln!(out, "{} {}  {many} stored entries", route.change, route.path),
        };
    }
    if plan.routes.is_empty() {
        out.push_str("no route changes\n");
    }
    let sign = if plan.is_at_least { "≥ " } else { "" };
    let entries = if plan.entries == 1 { "entry" } else { "entries" };
    let _infallible = writeln!(out, "{sign}{} stored {entries} would be made again", plan.entries);
    if let Some(why) = &plan.store_trouble {
        let _infallible = writeln!(out, "the store could not be counted: {why}");
    }
    out
}
