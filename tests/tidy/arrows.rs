//! Which module may use which: a module sees only those that stand before it.

use regex::Regex;

use super::{nothing_in, program};

const WORDS: &[&str] = &["clock", "diagnostic", "fingerprint", "glob", "measure", "panic", "units"];

/// A module and those that it may use, besides itself and the words.
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("diagnostic", &[]),
    ("fingerprint", &[]),
    ("glob", &[]),
    ("measure", &[]),
    ("panic", &[]),
    ("units", &[]),
    ("config", &[]),
    ("source", &["config"]),
    ("site", &["config", "source"]),
    ("cache", &[]),
    ("http", &["config", "site", "source", "cache", "telemetry"]),
    ("watch", &["config", "source"]),
    ("telemetry", &[]),
    ("reload", &["config", "source", "watch"]),
    ("build", &["config", "site", "source", "cache", "http", "reload"]),
    (
        "admin",
        &["config", "site", "source", "cache", "http", "watch", "telemetry", "reload", "build"],
    ),
    ("dev", &["config", "site", "cache", "http", "telemetry", "reload"]),
    (
        "app",
        &["config", "site", "source", "cache", "http", "admin", "dev", "watch", "reload", "build"],
    ),
    ("embed", &["cache", "http", "app"]),
    (
        "cli",
        &["config", "site", "source", "cache", "http", "build", "telemetry", "admin", "dev", "app"],
    ),
];

#[test]
fn modules_use_only_what_stands_before_them() {
    let arrow = Regex::new(r"\bcrate::([a-z_]+)").expect("a pattern");
    let mut found = Vec::new();
    for file in program() {
        let inner = file.path.strip_prefix("src/").unwrap_or_default();
        let module = inner.split(['/', '.']).next().unwrap_or_default();
        if ["lib", "main", "parts"].contains(&module) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
            found.push(format!("{}: `{module}` is not in the table of arrows", file.path));
            continue;
        };
        for (line, text) in file.deeds() {
            for name in arrow.captures_iter(text).filter_map(|captures| captures.get(1)) {
                let used = name.as_str();
                let known = used == module || WORDS.contains(&used) || allowed.contains(&used);
                if !known {
                    found.push(format!("{}:{line}: `{module}` uses `{used}`", file.path));
                }
            }
        }
    }
    nothing_in(&found);
}

/// What may be used where: a pattern, and the beginnings of the paths that may hold it.
const HOMES: &[(&str, &[&str])] = &[
    (r"(^|[^:\w])warp::", &["src/http/", "src/dev/", "src/admin/", "src/embed.rs"]),
    (
        r"(^|[^:\w])(redis::|use redis;)",
        &["src/cache/store/redis", "src/cache/tracking", "src/source/redis"],
    ),
    (r"\b(Instant|SystemTime)::now\b", &["src/clock.rs"]),
    (r"\b(e?println|e?print)!|\bprocess::exit\b", &["src/cli/"]),
    // Who writes there waits for who reads there.
    (r"\bio::(stdout|stderr)\b", &["src/cli/", "src/telemetry"]),
    (
        r"\bstd::fs\b|\btokio::fs\b",
        // The last reads what the system says of the process.
        &["src/source/", "src/watch", "src/cli/", "src/http/files/", "src/admin/metrics/process"],
    ),
    (
        r"\btokio::spawn\b|\btask::spawn\b|\bthread::(spawn|Builder)\b",
        &["src/app", "src/telemetry/writer"],
    ),
];

#[test]
fn what_belongs_in_one_place_is_used_there_only() {
    let mut found = Vec::new();
    for (pattern, homes) in HOMES {
        let pattern = Regex::new(pattern).expect("a pattern");
        for file in program() {
            if homes.iter().any(|home| file.path.starts_with(home)) {
                continue;
            }
            for (line, text) in file.deeds().filter(|(_, text)| pattern.is_match(text)) {
                found.push(format!("{}:{line}: {}", file.path, text.trim()));
            }
        }
    }
    nothing_in(&found);
}

#[test]
fn the_site_and_the_configuration_do_no_io() {
    let pattern = Regex::new(r"\b(tokio|std::fs|std::env|hyper|warp)::|\b(Tcp|Udp|Unix)Stream\b")
        .expect("a pattern");
    let mut found = Vec::new();
    for file in program() {
        if !file.path.starts_with("src/site/") && !file.path.starts_with("src/config/") {
            continue;
        }
        for (line, text) in file.deeds().filter(|(_, text)| pattern.is_match(text)) {
            found.push(format!("{}:{line}: {}", file.path, text.trim()));
        }
    }
    nothing_in(&found);
}
