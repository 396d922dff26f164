//! `larder plan NEWFILE`: what an edit would change, before it is saved.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::target::{CommandError, Reach, Target, compiled};
use super::{ListFormat, OK, print};
use crate::admin::Plan;
use crate::build::root_and_name;
use crate::units::counted;

/// The arguments of `larder plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The file as it would be saved: one of the site, or an edited copy of its main file.
    file: PathBuf,
    /// Which file of the site it is a copy of.
    #[arg(long = "as", value_name = "FILE")]
    stands_for: Option<String>,
    /// How it is said.
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// Says what it would change if `arguments.file` were saved.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, CommandError> {
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|why| format!("{} cannot be read: {why}", arguments.file.display()))?;
    let target = Target::find(config, &arguments.reach, true)?;
    let name = arguments.stands_for.clone();
    let name = name.unwrap_or_else(|| name_in_site(config, &arguments.file));
    if matches!(target, Target::Here(..)) {
        // What is wrong with it is said as `check` says it.
        compiled(config, Some((&name, &text)))?;
    }
    let mut plan: Plan = target.post("/api/plan", &json!({ "file": name, "text": text }))?;
    if let Some(why) = target.unseen() {
        (plan.is_at_least, plan.store_trouble) = (true, Some(why.to_owned()));
    }
    print(arguments.format, &plan, shown)?;
    Ok(OK)
}

/// A file by its path from the directory of the site; as typed where it is elsewhere.
fn name_in_site(config: &Path, file: &Path) -> String {
    let inside = || {
        let (root, _) = root_and_name(config);
        let (root, file) = (root.canonicalize().ok()?, file.canonicalize().ok()?);
        Some(file.strip_prefix(root).ok()?.display().to_string())
    };
    inside().unwrap_or_else(|| file.display().to_string())
}

fn shown(plan: &Plan) -> String {
    let stored = |count| counted(count, "stored entry", "stored entries");
    let mut out = String::new();
    for route in &plan.routes {
        let _infallible = write!(out, "{} {}", route.change, route.path);
        if !route.fields.is_empty() {
            let _infallible = write!(out, " ({})", route.fields.join(", "));
        }
        let _infallible = match route.entries {
            0 => writeln!(out),
            count if route.change == '-' => writeln!(out, "  {} of no use", stored(count)),
            count => writeln!(out, "  {}", stored(count)),
        };
    }
    if plan.routes.is_empty() {
        out.push_str("no answer changes\n");
    }
    for name in &plan.pending_restart {
        let _infallible = writeln!(out, "{name} needs a restart");
    }
    let sign = if plan.is_at_least { "≥ " } else { "" };
    let _infallible = writeln!(out, "{sign}{} would be made again", stored(plan.entries));
    if let Some(why) = &plan.store_trouble {
        let _infallible = writeln!(out, "the store could not be counted: {why}");
    }
    out
}
