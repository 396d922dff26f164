//! The page's HTML. All text that is not the page's own goes through [`Text`].

use std::cmp::Reverse;
use std::fmt::{self, Write as _};

use super::super::Inner;
use super::super::entries::is_current;
use super::super::fields::encoded;
use super::super::status::{rfc3339, url_of};
use super::Filter;
use crate::cache::{Inspection, KeyInfo};
use crate::diagnostic::render;
use crate::site::Site;

/// How much of a body is shown, in bytes.
const BODY_SHOWN: usize = 64 * 1024;
/// What is shown of what Redis says of itself.
const ABOUT: [(&str, &str); 6] = [
    ("redis_version", "version"),
    ("used_memory_human", "memory"),
    ("maxmemory_human", "bound"),
    ("maxmemory_policy", "policy"),
    ("connected_clients", "clients"),
    ("evicted_keys", "evicted"),
];

/// What the list page shows beside the status.
pub(super) struct Shown<'a> {
    pub(super) keys: &'a [KeyInfo],
    pub(super) next: Option<&'a str>,
    pub(super) trouble: Option<String>,
    pub(super) said: Option<u64>,
    pub(super) about: Vec<(String, String)>,
}

/// The order of a page's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Key,
    Route,
    Left,
    Age,
    Size,
    Status,
}

impl Sort {
    const ALL: [Self; 6] =
        [Self::Key, Self::Route, Self::Left, Self::Age, Self::Size, Self::Status];

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.name() == name).unwrap_or_default()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Route => "route",
            Self::Left => "left",
            Self::Age => "age",
            Self::Size => "size",
            Self::Status => "status",
        }
    }

    pub(super) fn apply(self, keys: &mut [KeyInfo]) {
        keys.sort_by(|one, other| one.key.cmp(&other.key));
        match self {
            Self::Key => {}
            Self::Route => keys.sort_by(|one, other| one.route.cmp(&other.route)),
            Self::Left => keys.sort_by_key(|info| info.ttl_ms),
            Self::Age => keys.sort_by_key(|info| info.age_ms),
            Self::Size => keys.sort_by_key(|info| Reverse(info.size_bytes)),
            Self::Status => keys.sort_by_key(|info| Reverse(info.status)),
        }
    }
}

/// Text in HTML, between tags and in quoted attributes; signs that would hide or turn it are shown.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                '\n' | '\t' => out.write_char(char)?,
                '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(out, "{}", char.escape_unicode())?;
                }
                char if char.is_control() => write!(out, "{}", char.escape_unicode())?,
                char => out.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// Writes into a page; a string takes everything.
macro_rules! put {
    ($out:expr, $($rest:tt)*) => {{ let _infallible = write!($out, $($rest)*); }};
}

fn frame(title: &str, script: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} · larder</title>\n<link rel=\"icon\" href=\"/icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"/admin.css\">\n{script}</head>\n<body>\n{body}</body>\n\
         </html>\n",
        Text(title)
    )
}

const MARK: &str = "<a class=\"mark\" href=\"/\"><img src=\"/icon.svg\" alt=\"\" width=\"24\" \
    height=\"24\"> larder</a>";
const LIVE: &str = "<script src=\"/admin.js\" defer></script>\n";

/// The login form.
pub(super) fn login_page(form: &str, wrong: Option<&str>) -> String {
    let mut body = format!("<header>{MARK}</header>\n<main class=\"login\">\n<h1>Admin</h1>\n");
    if let Some(wrong) = wrong {
        put!(body, "<p class=\"bad\" role=\"alert\">{}</p>\n", Text(wrong));
    }
    put!(
        body,
        "<form method=\"post\" action=\"/login\">\n\
         <input type=\"hidden\" name=\"form\" value=\"{form}\">\n\
         <label for=\"token\">Admin token</label>\n<input type=\"password\" id=\"token\" \
         name=\"token\" required autocomplete=\"current-password\" autofocus>\n\
         <button>Log in</button>\n</form>\n</main>\n"
    );
    frame("Log in", "", &body)
}

/// The list of keys, with how things stand.
pub(super) fn list_page(inner: &Inner, site: &Site, filter: &Filter, shown: &Shown<'_>) -> String {
    let mut body = format!("<header>{MARK}{}</header>\n<main>\n", log_out(inner));
    state(&mut body, inner, shown);
    body.push_str("<h1>Keys</h1>\n");
    filter_form(&mut body, site, filter);
    let form = inner.guard.sessions.form_token();
    put!(
        body,
        "<form method=\"post\" action=\"/delete\" id=\"keys\">\n\
         <input type=\"hidden\" name=\"form\" value=\"{form}\">\n"
    );
    for (name, value) in [("q", &filter.text), ("route", &filter.route)] {
        let value = value.as_deref().unwrap_or_default();
        put!(body, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">\n", Text(value));
    }
    table(&mut body, site, filter, shown);
    actions(&mut body, filter, shown);
    body.push_str("</form>\n</main>\n");
    frame("Keys", LIVE, &body)
}

fn log_out(inner: &Inner) -> String {
    if !inner.guard.has_token() {
        return String::new();
    }
    let form = inner.guard.sessions.form_token();
    format!(
        "<form method=\"post\" action=\"/logout\"><input type=\"hidden\" name=\"form\" \
         value=\"{form}\"><button class=\"quiet\">Log out</button></form>"
    )
}

/// How config, store and memory are doing.
fn state(out: &mut String, inner: &Inner, shown: &Shown<'_>) {
    let (reload, store) = (inner.parts.reload.status(), inner.parts.cache.state());
    out.push_str("<section id=\"state\" aria-label=\"State\">\n<dl>\n");
    let loaded = reload.loaded_at.and_then(rfc3339).unwrap_or_default();
    let (class, word) = if inner.is_current() { ("good", "current") } else { ("bad", "stale") };
    put!(
        out,
        "<div><dt>Config</dt><dd><b class=\"{class}\">{word}</b> <small>version {}, loaded \
         <time datetime=\"{loaded}\">{loaded}</time></small></dd></div>\n",
        reload.generation
    );
    let (class, word) = if store.up { ("good", "up") } else { ("bad", "down") };
    let url = url_of(&inner.parts.store);
    put!(out, "<div><dt>Store</dt><dd><b class=\"{class}\">{word}</b> <small>{}", Text(&url));
    for (name, label) in ABOUT {
        if let Some((_, value)) = shown.about.iter().find(|(of, _)| of == name) {
            // Redis' word for no bound at all.
            let value = if value == "0B" { "none" } else { value };
            put!(out, ", {label} {}", Text(value));
        }
    }
    out.push_str("</small></dd></div>\n");
    let near = store.near.figures;
    let used = if store.near.in_use { "" } else { "not in use, " };
    put!(
        out,
        "<div><dt>Memory</dt><dd><b>{}</b> <small>{used}{} of {}, {} evicted</small></dd></div>\n",
        counted(near.entries, "entry", "entries"),
        bytes(near.bytes),
        bytes(near.capacity_bytes),
        near.evictions
    );
    out.push_str("</dl>\n<div id=\"notes\">\n");
    for trouble in [&store.trouble, &shown.trouble, &store.near.trouble].into_iter().flatten() {
        put!(out, "<p class=\"bad\">{}</p>\n", Text(trouble));
    }
    let pending = inner.pending_restart();
    if !pending.is_empty() {
        put!(out, "<p class=\"odd\">A restart is needed for {}.</p>\n", pending.join(", "));
    }
    let report = inner.diagnostics();
    if !report.is_empty() {
        let serving = format!("still serving what was loaded at {loaded}");
        let footer = (!inner.is_current()).then_some(serving.as_str());
        let text = render::human(&report, false, footer);
        put!(out, "<pre tabindex=\"0\" aria-label=\"Diagnostics\">{}</pre>\n", Text(&text));
    }
    out.push_str("</div>\n</section>\n");
}

fn filter_form(out: &mut String, site: &Site, filter: &Filter) {
    let text = filter.text.as_deref().unwrap_or_default();
    put!(
        out,
        "<form method=\"get\" action=\"/\" id=\"filter\" role=\"search\">\n\
         <p><label for=\"q\">Key</label>\n<input type=\"search\" id=\"q\" name=\"q\" value=\"{}\" \
         placeholder=\"a part of it, or a pattern with *\" autocomplete=\"off\" \
         spellcheck=\"false\"></p>\n<p><label for=\"route\">Route</label>\n\
         <select id=\"route\" name=\"route\">\n<option value=\"\">all</option>\n",
        Text(text)
    );
    let chosen = filter.route.as_deref();
    let stored = site.routes.iter().filter(|route| route.key.is_some());
    for name in stored.map(|route| &*route.name) {
        let mark = if chosen == Some(name) { " selected" } else { "" };
        put!(out, "<option{mark}>{}</option>\n", Text(name));
    }
    put!(
        out,
        "</select>\n<button class=\"quiet\">Filter</button></p>\n\
         <input type=\"hidden\" name=\"sort\" value=\"{}\">\n</form>\n",
        filter.sort.name()
    );
}

fn table(out: &mut String, site: &Site, filter: &Filter, shown: &Shown<'_>) {
    put!(out, "<p id=\"said\" role=\"status\">{}</p>\n", said(shown));
    out.push_str("<table>\n<thead><tr><td><input type=\"checkbox\" id=\"all\" hidden ");
    out.push_str("aria-label=\"All keys of this page\"></td>");
    let columns = [
        (Sort::Key, "Key", ""),
        (Sort::Route, "Route", ""),
        (Sort::Left, "Life left", " class=\"number\""),
        (Sort::Age, "Age", " class=\"number\""),
        (Sort::Size, "Size", " class=\"number\""),
        (Sort::Status, "Status", " class=\"number\""),
    ];
    for (sort, label, class) in columns {
        let current = if sort == filter.sort { " aria-current=\"true\"" } else { "" };
        let address = filter.address(&[("sort", sort.name())]);
        put!(
            out,
            "<th scope=\"col\"{class}><a href=\"{}\"{current}>{label}</a></th>",
            Text(&address)
        );
    }
    out.push_str("</tr></thead>\n<tbody id=\"rows\">\n");
    for info in shown.keys {
        row(out, info, site);
    }
    out.push_str("</tbody>\n</table>\n");
}

fn said(shown: &Shown<'_>) -> String {
    let mut said = shown
        .said
        .map_or(String::new(), |count| format!("{} deleted. ", counted(count, "key", "keys")));
    if shown.keys.is_empty() {
        let more = shown.next.map_or("No keys.", |_| "No keys among those looked at so far.");
        said.push_str(more);
    } else {
        let plus = if shown.next.is_some() { ", and there are more" } else { "" };
        put!(said, "{} on this page{plus}.", counted(shown.keys.len() as u64, "key", "keys"));
    }
    said
}

fn row(out: &mut String, info: &KeyInfo, site: &Site) {
    let name = name_of(info);
    let outdated = if is_current(info, site) { "" } else { " <small>not current</small>" };
    let status = info.status.map_or("–".to_owned(), |status| status.to_string());
    put!(
        out,
        "<tr data-key=\"{name}\"><td><input type=\"checkbox\" name=\"key\" value=\"{name}\" \
         aria-label=\"Select {key}\"></td><td class=\"key\"><a href=\"/key?key={name}\">{key}</a>\
         <span data-live>{outdated}</span></td><td data-live>{}</td>\
         <td class=\"number\" data-live>{}</td><td class=\"number\" data-live>{}</td>\
         <td class=\"number\" data-live>{}</td><td class=\"number\" data-live>{status}</td></tr>\n",
        Text(info.route.as_deref().unwrap_or("–")),
        time(info.ttl_ms),
        time(info.age_ms),
        bytes(info.size_bytes),
        key = Text(&info.key),
    );
}

fn actions(out: &mut String, filter: &Filter, shown: &Shown<'_>) {
    let all = filter.text.is_none() && filter.route.is_none();
    let what = if all { "Delete all keys" } else { "Delete all that match" };
    put!(
        out,
        "<div class=\"actions\">\n\
         <button name=\"what\" value=\"keys\" id=\"delete\">Delete selected</button>\n\
         <details id=\"whole\"><summary>{what}…</summary>\n<button name=\"what\" \
         value=\"filter\" class=\"grave\">{what}, on every page</button></details>\n\
         <div id=\"more\">"
    );
    if let Some(next) = shown.next {
        let address = filter.address(&[("cursor", next)]);
        put!(out, "<a href=\"{}\">More keys</a>", Text(&address));
    }
    out.push_str("</div>\n</div>\n");
}

/// One key, with the stored headers and body.
pub(super) fn key_page(
    inner: &Inner,
    site: &Site,
    key: &[u8],
    found: Option<&Inspection>,
    trouble: Option<String>,
) -> String {
    let text = String::from_utf8_lossy(key);
    let mut body = format!("<header>{MARK}{}</header>\n<main>\n", log_out(inner));
    put!(body, "<p><a href=\"/\">All keys</a></p>\n<h1 class=\"key\">{}</h1>\n", Text(&text));
    match (found, trouble) {
        (Some(found), _) => one_entry(&mut body, inner, site, key, found),
        (None, Some(why)) => put!(body, "<p class=\"bad\">{}</p>\n", Text(&why)),
        (None, None) => body.push_str("<p>Nothing is stored under this key.</p>\n"),
    }
    body.push_str("</main>\n");
    frame(&text, "", &body)
}

fn one_entry(out: &mut String, inner: &Inner, site: &Site, key: &[u8], found: &Inspection) {
    let info = &found.info;
    out.push_str("<dl class=\"entry\">\n");
    let mut line = |name: &str, value: &str| put!(out, "<dt>{name}</dt><dd>{}</dd>\n", Text(value));
    line("Route", info.route.as_deref().unwrap_or("–"));
    line("Path", info.path.as_deref().unwrap_or("–"));
    line("Life left", &time(info.ttl_ms));
    line("Age", &time(info.age_ms));
    line("Size", &bytes(info.size_bytes));
    line("Current", if is_current(info, site) { "yes" } else { "no: it would be made anew" });
    out.push_str("</dl>\n");
    let (head, content) = match &found.entry {
        Some(entry) => {
            let head = format!(
                "HTTP {}\ncontent-type: {}\netag: {}",
                entry.status, entry.content_type, entry.etag
            );
            (head, &entry.body[..])
        }
        None => ("no record of larder".to_owned(), &found.text[..]),
    };
    put!(out, "<h2>Stored headers</h2>\n<pre>{}</pre>\n<h2>Body</h2>\n", Text(&head));
    let part = content.get(..BODY_SHOWN).unwrap_or(content);
    match std::str::from_utf8(content) {
        Ok(_) => {
            let shown = String::from_utf8_lossy(part);
            put!(out, "<pre tabindex=\"0\" aria-label=\"Body\">{}</pre>\n", Text(&shown));
            if part.len() < content.len() {
                put!(out, "<p>The first 64 KiB of {}.</p>\n", bytes(content.len() as u64));
            }
        }
        Err(_) => put!(out, "<p>{} that are no text.</p>\n", bytes(content.len() as u64)),
    }
    put!(
        out,
        "<form method=\"post\" action=\"/delete\"><input type=\"hidden\" name=\"form\" \
         value=\"{}\"><input type=\"hidden\" name=\"key\" value=\"{}\">\
         <button name=\"what\" value=\"keys\">Delete this key</button></form>\n",
        inner.guard.sessions.form_token(),
        encoded(key)
    );
}

fn name_of(info: &KeyInfo) -> String {
    encoded(info.bytes.as_deref().unwrap_or(info.key.as_bytes()))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `950 ms` is `0 s`; `4 m 05 s`; `2 d 3 h`.
fn time(ms: Option<u64>) -> String {
    let Some(seconds) = ms.map(|ms| ms / 1000) else { return "–".to_owned() };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn bytes(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit * 10 / unit);
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{} KiB", tenths(1024)),
        _ => format!("{} MiB", tenths(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_as_text() {
        let shown = Text("<script>\"'&\u{202e}\u{7}\u{9b}").to_string();
        assert_eq!(shown, "&lt;script&gt;&quot;&#39;&amp;\\u{202e}\\u{7}\\u{9b}");
    }

    #[test]
    fn times_and_sizes_read_at_a_glance() {
        for (ms, expected) in [
            (Some(950), "0 s"),
            (Some(245_000), "4 m 05 s"),
            (Some(3_720_000), "1 h 02 m"),
            (Some(183_600_000), "2 d 3 h"),
            (None, "–"),
        ] {
            assert_eq!(time(ms), expected);
        }
        for (count, expected) in [(1023, "1023 B"), (1536, "1.5 KiB"), (268_435_456, "256.0 MiB")] {
            assert_eq!(bytes(count), expected);
        }
    }
}
