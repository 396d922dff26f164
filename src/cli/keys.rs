//! `larder keys`: what is stored; `larder purge`: what is to be made anew.

use std::path::Path;

use serde_json::json;

use super::target::{CommandError, Reach, Target};
use super::{ListFormat, OK, say, seconds};
use crate::cache::Listing;
use crate::inspect::{EntryPage, EntryRow, PurgeRequest, Purged, list_entries};
use crate::units::counted;

/// The arguments of `larder keys`.
#[derive(Debug, clap::Args)]
pub(super) struct KeysArguments {
    /// A Redis glob: for the whole key, or for what follows the prefix.
    #[arg(long = "match", value_name = "GLOB")]
    glob: Option<String>,
    /// Only entries of this route.
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// How they are said.
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// The arguments of `larder purge`: exactly one kind of thing to delete.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(false)
    .args(["keys", "route", "glob", "uses", "all"])))]
pub(super) struct PurgeArguments {
    /// Keys, whole.
    keys: Vec<String>,
    /// All entries of this route.
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// All keys that this Redis glob matches.
    #[arg(long = "match", value_name = "GLOB")]
    glob: Option<String>,
    /// All entries of the routes that use this data, source, template or file.
    #[arg(long, value_name = "NAME")]
    uses: Option<String>,
    /// Everything under the prefix.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

/// How many keys are asked for at a time.
const PAGE: usize = 1000;

/// Lists the keys.
pub(super) fn list(config: &Path, arguments: &KeysArguments) -> Result<u8, CommandError> {
    let target = Target::find(config, &arguments.reach)?;
    let is_human = arguments.format == ListFormat::Human;
    if is_human {
        say(&line(["LEFT", "AGE", "BYTES", "STATUS", "ROUTE", "KEY"]));
    }
    let (mut cursor, mut count) = (None, 0);
    loop {
        let page = page(&target, arguments, cursor)?;
        for row in &page.keys {
            say(&if is_human { shown(row) } else { format!("{}\n", json!(row)) });
        }
        count += page.keys.len() as u64;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if is_human {
        say(&format!("{}\n", counted(count, "key", "keys")));
    }
    Ok(OK)
}

fn page(
    target: &Target,
    arguments: &KeysArguments,
    cursor: Option<String>,
) -> Result<EntryPage, CommandError> {
    let (match_glob, route) = (arguments.glob.clone(), arguments.route.clone());
    match target {
        Target::Running(running) => {
            let limit = PAGE.to_string();
            let query = [
                ("limit", Some(&limit)),
                ("match", match_glob.as_ref()),
                ("route", route.as_ref()),
                ("cursor", cursor.as_ref()),
            ];
            let said =
                query.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.as_str())));
            running.get("/api/keys", &said.collect::<Vec<_>>())
        }
        Target::Files(offline) => {
            let (limit, examine_limit) = (PAGE, PAGE * 10);
            let listing = Listing { match_glob, route, cursor, limit, examine_limit };
            let page =
                offline.runtime.block_on(list_entries(&offline.site, &offline.cache, listing));
            Ok(page.map_err(|why| format!("Redis cannot be asked: {why}"))?)
        }
    }
}

fn shown(row: &EntryRow) -> String {
    let status = row.stored.status.map_or("-".to_owned(), |status| status.to_string());
    line([
        &seconds(row.stored.ttl_ms),
        &seconds(row.stored.age_ms),
        &row.stored.size_bytes.to_string(),
        &status,
        row.route.as_deref().unwrap_or("-"),
        &row.key.escape_debug().to_string(),
    ])
}

fn line([left, age, bytes, status, route, key]: [&str; 6]) -> String {
    format!("{left:>9} {age:>9} {bytes:>9} {status:>6}  {route:<16} {key}\n")
}

/// Purges.
pub(super) fn purge(config: &Path, arguments: &PurgeArguments) -> Result<u8, CommandError> {
    let Purged { deleted } = match Target::find(config, &arguments.reach)? {
        Target::Running(running) => running.post("/api/purge", &request(arguments))?,
        Target::Files(offline) => offline
            .runtime
            .block_on(request(arguments).run(&offline.site, &offline.cache))
            .map_err(|why| why.to_string())?,
    };
    say(&format!("{} deleted\n", counted(deleted, "key", "keys")));
    Ok(OK)
}

/// What to purge: clap lets through exactly one.
fn request(arguments: &PurgeArguments) -> PurgeRequest {
    match arguments.clone() {
        PurgeArguments { route: Some(route), .. } => PurgeRequest::Route(route),
        PurgeArguments { glob: Some(glob), .. } => PurgeRequest::Match(glob),
        PurgeArguments { uses: Some(uses), .. } => PurgeRequest::Uses(uses),
        PurgeArguments { all: true, .. } => PurgeRequest::All(true),
        PurgeArguments { keys, .. } => PurgeRequest::Keys(keys),
    }
}
