//! `larder explain URL`: what a response is made from, under which key, and whether it is stored.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use super::target::{Offline, Reach, Running, Target, Trouble, compiled};
use super::{OK, say};
use crate::inspect::{Explained, explained};
use crate::site::key::Headers;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The address: a path with its query, or a whole address.
    url: String,
    /// A header of the request: `name: value`; may be said more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// How it is said.
    #[arg(long, value_enum, default_value = "human")]
    format: super::ListFormat,
    #[command(flatten)]
    reach: Reach,
}

/// Explains an address.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, Trouble> {
    let url = target_of(&arguments.url);
    let headers = SaidHeaders::new(&arguments.headers)?;
    let store = arguments.reach.store.clone();
    let (explained, store) = match Target::find(config, &arguments.reach) {
        Ok(Target::Running(running)) => {
            let explained = ask(&running, &url, &arguments.headers)?;
            let status = running.get("/api/status")?;
            let address = status.pointer("/store/url").and_then(|url| url.as_str());
            (explained, address.map(str::to_owned))
        }
        Ok(Target::Files(offline)) => {
            let url = store.unwrap_or_else(|| offline.site.cache.store.value.to_string());
            (local(&offline, &target_of(&arguments.url), &headers), Some(url))
        }
        Err(Trouble::Failed(_)) if arguments.reach.admin.is_none() => {
            let offline = Offline::new(compiled(config)?, "memory")?;
            (local(&offline, &url, &headers), None)
        }
        Err(trouble) => return Err(trouble),
    };
    match arguments.format {
        super::ListFormat::Json => {
            say(&format!("{}\n", serde_json::to_string_pretty(&explained).unwrap_or_default()));
        }
        super::ListFormat::Human => say(&text(&explained, store.as_deref())),
    }
    Ok(OK)
}

fn local(offline: &Offline, url: &str, headers: &SaidHeaders) -> Explained {
    offline.wait(explained(&offline.site, &offline.cache, "GET", url, headers))
}

fn ask(running: &Running, url: &str, headers: &[String]) -> Result<Explained, Trouble> {
    let encode = super::encoded;
    let mut path = format!("/api/explain?url={}", encode(url));
    for header in headers {
        let _infallible = write!(path, "&header={}", encode(header));
    }
    serde_json::from_value(running.get(&path)?)
        .map_err(|why| Trouble::Failed(format!("the running larder answers oddly: {why}")))
}

/// Path and query of an address.
fn target_of(url: &str) -> String {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    };
    let rest = rest.split('#').next().unwrap_or(rest);
    if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
}

/// The headers that the command line says.
#[derive(Debug)]
pub(super) struct SaidHeaders(Vec<(String, String)>);

impl SaidHeaders {
    /// Reads `name: value` lines.
    pub(super) fn new(lines: &[String]) -> Result<Self, Trouble> {
        let pairs = lines.iter().map(|line| match line.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
            None => Err(Trouble::Failed(format!("`{line}` is no header: write `name: value`"))),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

impl Headers for SaidHeaders {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let gap = if name == "cookie" { "; " } else { ", " };
        let values: Vec<&str> =
            self.0.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| Cow::Owned(values.join(gap)))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(Cow::Borrowed).collect()
    }
}

fn text(told: &Explained, store: Option<&str>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let _infallible = writeln!(out, "{name:<10} {value}");
    };
    let site = &told.site;
    line("url", &site.url);
    line("answer", &site.answer);
    if let Some(route) = &site.route {
        line("route", &format!("{} ({}, {})", route.name, route.path, route.place));
        route.summary.iter().for_each(|summary| line("", summary));
    }
    for input in &site.inputs {
        let value = input.value.as_ref().map_or("absent".to_owned(), |value| format!("{value:?}"));
        let mut read = format!("{} = {value}, read at {}", input.input, input.read_at);
        for step in input.through.iter().rev() {
            let _infallible = write!(read, ", by way of {step}");
        }
        line("reads", &read);
    }
    for name in &site.unread {
        line("ignores", &format!("query.{name}: nothing reads it, so it makes no entry"));
    }
    if let Some(key) = &site.key {
        line("key", key);
        if let Some(command) = store.and_then(|url| redis_cli(url, key)) {
            line("see it", &command);
        }
        line("stored", &stored(told));
    }
    if let Some(miss) = &told.miss {
        line("miss", miss);
    }
    out
}

fn stored(told: &Explained) -> String {
    let Some(held) = &told.stored else { return "no".to_owned() };
    let seconds = |ms: Option<u64>| ms.map_or("?".to_owned(), |ms| format!("{} s", ms / 1000));
    format!(
        "yes: {} bytes, {} old, {} left",
        held.size_bytes,
        seconds(held.age_ms),
        seconds(held.ttl_ms)
    )
}

/// The line that shows a key in a terminal; a password is left out, `redis-cli` asks for it by
/// `REDISCLI_AUTH`.
fn redis_cli(url: &str, key: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split('?').next().unwrap_or(rest);
    let key = shell_quoted(key);
    match scheme {
        "redis" | "rediss" => Some(format!(
            "redis-cli -u {} --raw GET {key}",
            shell_quoted(&format!("{scheme}://{rest}"))
        )),
        "redis+unix" | "unix" => {
            Some(format!("redis-cli -s {} --raw GET {key}", shell_quoted(rest)))
        }
        _ => None,
    }
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
            assert_eq!(redis_cli(url, key).as_deref(), expected, "{url}");
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
            assert_eq!(target_of(typed), expected);
        }
    }
}
