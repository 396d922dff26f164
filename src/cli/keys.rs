//! `larder keys`: what is stored; `larder purge`: what is to be made anew.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use serde_json::{Value, json};

use super::target::{CommandError, Reach, Target};
use super::{ListFormat, OK, say, seconds};
use crate::admin::{ALL_NAMESPACES, EntryPage, EntryRow, PurgeRequest, SentPurge};
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
    /// In other sites' namespaces too.
    #[arg(long)]
    all_namespaces: bool,
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
    /// Everything.
    #[arg(long)]
    all: bool,
    /// In other sites' namespaces too.
    #[arg(long)]
    all_namespaces: bool,
    #[command(flatten)]
    reach: Reach,
}

/// How many keys are asked for at a time.
const PAGE: usize = 1000;

/// Lists the keys.
pub(super) fn list(config: &Path, arguments: &KeysArguments) -> Result<u8, CommandError> {
    let target = Target::find(config, &arguments.reach, false)?;
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
    let query = [
        ("limit", Some(PAGE.to_string())),
        ("match", arguments.glob.clone()),
        ("route", arguments.route.clone()),
        ("namespaces", arguments.all_namespaces.then(|| ALL_NAMESPACES.to_owned())),
        ("cursor", cursor),
    ];
    let said = query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    target.get("/api/keys", &said.collect::<Vec<_>>())
}

fn shown(row: &EntryRow) -> String {
    let status = row.info.stored.status.map_or("-".to_owned(), |status| status.to_string());
    line([
        &seconds(row.info.stored.ttl_ms),
        &seconds(row.info.stored.age_ms),
        &row.info.stored.size_bytes.to_string(),
        &status,
        row.info.route.as_deref().unwrap_or("-"),
        &shown_key(row),
    ])
}

/// A key that can be copied from here: what is no plain text has its bytes encoded.
fn shown_key(row: &EntryRow) -> String {
    let encoded = row.encoded_key();
    let bytes: Vec<u8> = percent_decode_str(&encoded).collect();
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for char in part.valid().chars() {
            if char.is_control() {
                out.extend(percent_encode(
                    char.encode_utf8(&mut [0; 4]).as_bytes(),
                    NON_ALPHANUMERIC,
                ));
            } else {
                out.push(char);
            }
        }
        out.extend(percent_encode(part.invalid(), NON_ALPHANUMERIC));
    }
    out
}

fn line([left, age, bytes, status, route, key]: [&str; 6]) -> String {
    format!("{left:>9} {age:>9} {bytes:>9} {status:>6}  {route:<16} {key}\n")
}

/// Purges.
pub(super) fn purge(config: &Path, arguments: &PurgeArguments) -> Result<u8, CommandError> {
    let target = Target::find(config, &arguments.reach, false)?;
    let namespaces = arguments.all_namespaces.then_some(ALL_NAMESPACES);
    let sent = SentPurge { what: request(arguments), namespaces };
    let purged: Value = target.post("/api/purge", &sent)?;
    let deleted = purged["deleted"].as_u64().unwrap_or_default();
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
