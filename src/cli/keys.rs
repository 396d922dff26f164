//! `larder keys`: what is stored; `larder purge`: what is to be made anew.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::target::{Reach, Running, Target, Trouble};
use super::{OK, say};
use crate::cache::{Cache, Listing, Purge};
use crate::site::Site;

/// What `larder keys` is told.
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
    format: super::ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// What `larder purge` is told: exactly one kind of thing.
#[derive(Debug, clap::Args)]
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

/// A key as it is listed.
#[derive(Debug, Deserialize)]
struct Row {
    key: String,
    route: Option<String>,
    ttl_ms: Option<u64>,
    age_ms: Option<u64>,
    size_bytes: u64,
    status: Option<u16>,
}

/// Lists the keys.
pub(super) fn list(config: &Path, arguments: &KeysArguments) -> Result<u8, Trouble> {
    let target = Target::find(config, &arguments.reach)?;
    if arguments.format == super::ListFormat::Human {
        say(&format!(
            "{:>9} {:>9} {:>9} {:>6}  {:<16} KEY\n",
            "LEFT", "AGE", "BYTES", "STATUS", "ROUTE"
        ));
    }
    let (mut cursor, mut count) = (None, 0_usize);
    loop {
        let page = match &target {
            Target::Running(running) => page_of(running, arguments, cursor.as_deref())?,
            Target::Files(offline) => {
                offline.wait(page_in(&offline.cache, arguments, cursor.clone()))?
            }
        };
        let rows = page.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        count += rows.len();
        for row in &rows {
            say(&shown(row, arguments.format));
        }
        cursor = page.get("cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if arguments.format == super::ListFormat::Human {
        say(&counted(count as u64, ""));
    }
    Ok(OK)
}

fn page_of(
    running: &Running,
    arguments: &KeysArguments,
    cursor: Option<&str>,
) -> Result<Value, Trouble> {
    let mut path = format!("/api/keys?limit={PAGE}");
    let pairs = [
        ("match", arguments.glob.as_deref()),
        ("route", arguments.route.as_deref()),
        ("cursor", cursor),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            let _infallible = write!(path, "&{name}={}", super::encoded(value));
        }
    }
    running.get(&path)
}

async fn page_in(
    cache: &Cache,
    arguments: &KeysArguments,
    cursor: Option<String>,
) -> Result<Value, Trouble> {
    let listing = Listing {
        match_glob: arguments.glob.clone(),
        route: arguments.route.clone(),
        cursor,
        limit: PAGE,
        examine_limit: PAGE * 10,
    };
    let page = cache.list(listing).await.map_err(|why| format!("Redis cannot be asked: {why}"))?;
    let keys: Vec<Value> = page
        .keys
        .iter()
        .map(|info| {
            json!({
                "key": info.key, "route": info.route, "path": info.path,
                "ttl_ms": info.ttl_ms, "age_ms": info.age_ms, "size_bytes": info.size_bytes,
                "status": info.status, "content_type": info.content_type,
            })
        })
        .collect();
    Ok(json!({ "keys": keys, "cursor": page.cursor }))
}

fn shown(row: &Value, format: super::ListFormat) -> String {
    if format == super::ListFormat::Json {
        return format!("{row}\n");
    }
    let Ok(row) = serde_json::from_value::<Row>(row.clone()) else { return String::new() };
    let seconds = |ms: Option<u64>| ms.map_or("-".to_owned(), |ms| format!("{} s", ms / 1000));
    format!(
        "{:>9} {:>9} {:>9} {:>6}  {:<16} {}\n",
        seconds(row.ttl_ms),
        seconds(row.age_ms),
        row.size_bytes,
        row.status.map_or("-".to_owned(), |status| status.to_string()),
        row.route.as_deref().unwrap_or("-"),
        row.key.escape_debug(),
    )
}

fn counted(keys: u64, what: &str) -> String {
    match keys {
        1 => format!("1 key{what}\n"),
        many => format!("{many} keys{what}\n"),
    }
}

/// Purges.
pub(super) fn purge(config: &Path, arguments: &PurgeArguments) -> Result<u8, Trouble> {
    let deleted = match Target::find(config, &arguments.reach)? {
        Target::Running(running) => {
            let answer = running.post("/api/purge", &wanted(arguments))?;
            answer.get("deleted").and_then(Value::as_u64).unwrap_or_default()
        }
        Target::Files(offline) => {
            let what = purge_of(arguments, &offline.site)?;
            offline
                .wait(offline.cache.purge(what))
                .map_err(|why| format!("Redis could not be told: {why}"))?
        }
    };
    say(&counted(deleted, " deleted"));
    Ok(OK)
}

fn wanted(arguments: &PurgeArguments) -> Value {
    match arguments {
        PurgeArguments { route: Some(route), .. } => json!({ "route": route }),
        PurgeArguments { glob: Some(glob), .. } => json!({ "match": glob }),
        PurgeArguments { uses: Some(uses), .. } => json!({ "uses": uses }),
        PurgeArguments { all: true, .. } => json!({ "all": true }),
        PurgeArguments { keys, .. } => json!({ "keys": keys }),
    }
}

fn purge_of(arguments: &PurgeArguments, site: &Site) -> Result<Purge, Trouble> {
    Ok(match arguments {
        PurgeArguments { route: Some(route), .. } => {
            if site.route_named(route).is_none() {
                return Err(Trouble::Failed(format!("there is no route `{route}`")));
            }
            Purge::Routes(vec![route.clone()])
        }
        PurgeArguments { glob: Some(glob), .. } => Purge::Glob(glob.clone()),
        PurgeArguments { uses: Some(uses), .. } => {
            let routes = site.routes_using(uses);
            if routes.is_empty() {
                return Err(Trouble::Failed(format!("no route uses `{uses}`")));
            }
            Purge::Routes(routes)
        }
        PurgeArguments { all: true, .. } => Purge::All,
        PurgeArguments { keys, .. } => Purge::Keys(keys.clone()),
    })
}
