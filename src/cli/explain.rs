//! `larder explain URL`: what a response is made from, under which key, and whether it is stored.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::target::{CommandError, Reach, Target};
use super::{ListFormat, OK, print, seconds};
use crate::admin::Explained;
use crate::config::Secret;

/// The arguments of `larder explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The address: a path with its query, or a whole address.
    url: String,
    /// A header of the request: `name: value`; may be said more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// How it is said.
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// Explains an address.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, CommandError> {
    let (url, headers) = (path_and_query(&arguments.url), &arguments.headers);
    let target = Target::find(config, &arguments.reach, true)?;
    let mut query = vec![("url", &*url)];
    query.extend(headers.iter().map(|line| ("header", &**line)));
    let mut explained: Explained = target.get("/api/explain", &query)?;
    let unseen = target.unseen().filter(|_| explained.site.key.is_some());
    if let Some(why) = unseen {
        explained.miss = Some(why.to_owned());
    }
    let status: Value = target.get("/api/status", &[])?;
    let store = status.pointer("/store/url").and_then(Value::as_str);
    let unsaid = || "the running larder does not say where its store is".to_owned();
    let store = Secret::new(store.ok_or_else(unsaid)?);
    print(arguments.format, &explained, |explained| text(explained, &store, unseen.is_none()))?;
    Ok(OK)
}

/// Path and query of an address.
fn path_and_query(url: &str) -> String {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
}

fn text(explained: &Explained, store: &Secret, is_seen: bool) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let _infallible = writeln!(out, "{name:<10} {value}");
    };
    let site = &explained.site;
    line("url", &site.url);
    line("answer", &site.answer);
    if let Some(route) = &site.route {
        line("route", &format!("{} ({}, {})", route.name, route.path, route.place));
        route.summary.iter().for_each(|summary| line("", summary));
    }
    for input in &site.inputs {
        let value = input.value.as_ref().map_or("absent".to_owned(), |value| format!("{value:?}"));
        let is_all = matches!(&*input.input, "params" | "query" | "headers" | "cookies");
        let all = if is_all { " (all of it)" } else { "" };
        let mut read = format!("{}{all} = {value}, read at {}", input.input, input.read_at);
        for step in input.through.iter().rev() {
            let _infallible = write!(read, ", by way of {step}");
        }
        line("reads", &read);
    }
    for source in &explained.sources {
        line("source", &source.line());
    }
    for name in &site.unread {
        line("ignores", &format!("query.{name}: nothing reads it, so it makes no entry"));
    }
    if let Some(key) = &site.key {
        line("key", key);
        if let Some(command) = redis_cli(store, key) {
            line("see it", &command);
        }
        let is_known = is_seen && !explained.is_unknown;
        line("stored", &if is_known { stored(explained) } else { "unknown".to_owned() });
        if let Some(detail) = &explained.memory {
            line("memory", &format!("requests are answered from it (detail={detail})"));
        }
    }
    if let Some(miss) = &explained.miss {
        line(if is_seen { "miss" } else { "" }, miss);
    }
    out
}

fn stored(explained: &Explained) -> String {
    let Some(stored) = &explained.stored else { return "no".to_owned() };
    let left = match (stored.ttl_ms, explained.stale_ms) {
        (Some(left), more) if left <= 0 => {
            let served = more.map(|more| {
                format!(", served for {} more while a new one is made", seconds(Some(more)))
            });
            format!("stale for {}{}", seconds(Some(-left)), served.unwrap_or_default())
        }
        (left, _) => format!("{} left", seconds(left)),
    };
    format!("yes: {} bytes, {} old, {left}", stored.size_bytes, seconds(stored.age_ms))
}

/// The line that shows a key in a terminal; a password is left out, `redis-cli` asks for it by
/// `REDISCLI_AUTH`.
fn redis_cli(store: &Secret, key: &str) -> Option<String> {
    let address = store.public_address();
    let (scheme, path) = address.split_once("://")?;
    let reach = match scheme {
        "redis" | "rediss" => format!("-u {}", shell_quoted(&address)),
        "redis+unix" | "unix" => format!("-s {}", shell_quoted(path)),
        _ => return None,
    };
    Some(format!("redis-cli {reach} --raw GET {}", shell_quoted(key)))
}

/// A word that a shell takes as it is.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_redis_holds_no_password_and_any_key() {
        for (url, key, expected) in [
            (
                "redis://127.0.0.1:6379",
                "api:cache::index:/",
                Some("redis-cli -u 'redis://127.0.0.1:6379' --raw GET 'api:cache::index:/'"),
            ),
            (
                "redis://me:secret@h:1/2?protocol=resp3",
                "it's",
                Some(r"redis-cli -u 'redis://h:1/2' --raw GET 'it'\''s'"),
            ),
            ("redis+unix:///run/r.sock", "k", Some("redis-cli -s '/run/r.sock' --raw GET 'k'")),
            ("memory", "k", None),
        ] {
            assert_eq!(redis_cli(&Secret::new(url), key).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn an_address_may_be_whole_or_a_path() {
        for (typed, expected) in [
            ("/a?b=c", "/a?b=c"),
            ("a", "/a"),
            ("http://127.0.0.1:8000/a?b#c", "/a?b"),
            ("http://127.0.0.1:8000", "/"),
        ] {
            assert_eq!(path_and_query(typed), expected);
        }
    }
}
