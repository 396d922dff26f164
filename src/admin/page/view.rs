//! The pages' HTML. maud escapes all text; what others wrote goes through [`visible`] too.

use std::cmp::Ordering;

use maud::{DOCTYPE, Markup, html};

use super::super::State;
use super::super::status::rfc3339;
use super::KeyFilter;
use crate::cache::{Inspection, StoreError};
use crate::diagnostic::render;
use crate::inspect::{EntryRow, percent_encoded};
use crate::site::Site;
use crate::units::counted;

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
pub(super) struct ListPage<'a> {
    pub(super) filter: &'a KeyFilter,
    pub(super) keys: &'a [EntryRow],
    /// Where the next page begins.
    pub(super) cursor: Option<String>,
    /// Why there are no keys.
    pub(super) trouble: Option<String>,
    /// How many keys the form before this page deleted.
    pub(super) deleted: Option<u64>,
    /// What Redis says of itself, by name.
    pub(super) about: Vec<(String, String)>,
}

/// A column of the table of keys.
pub(super) struct Column {
    /// Its name in the page's address.
    pub(super) name: &'static str,
    label: &'static str,
    is_number: bool,
    /// The order into which a click puts the keys.
    pub(super) compare: fn(&EntryRow, &EntryRow) -> Ordering,
}

/// The first is the one by which keys are sorted where nothing is said.
pub(super) static COLUMNS: [Column; 6] = [
    column("key", "Key", false, |one, two| one.key.cmp(&two.key)),
    column("route", "Route", false, |one, two| one.route.cmp(&two.route)),
    column("left", "Life left", true, |one, two| one.stored.ttl_ms.cmp(&two.stored.ttl_ms)),
    column("age", "Age", true, |one, two| one.stored.age_ms.cmp(&two.stored.age_ms)),
    column("size", "Size", true, |one, two| two.stored.size_bytes.cmp(&one.stored.size_bytes)),
    column("status", "Status", true, |one, two| two.stored.status.cmp(&one.stored.status)),
];

const fn column(
    name: &'static str,
    label: &'static str,
    is_number: bool,
    compare: fn(&EntryRow, &EntryRow) -> Ordering,
) -> Column {
    Column { name, label, is_number, compare }
}

impl Column {
    /// The column of that name; the first where there is none.
    pub(super) fn named(name: &str) -> &'static Self {
        COLUMNS.iter().find(|column| column.name == name).unwrap_or(&COLUMNS[0])
    }
}

/// Text in which signs that would hide or turn it are shown as what they are.
fn visible(text: &str) -> String {
    let is_hidden = |char: char| match char {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        char => char.is_control(),
    };
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) { out.extend(char.escape_unicode()) } else { out.push(char) }
    }
    out
}

/// A page around its parts; with `live`, the script that keeps it so.
fn frame(title: &str, live: bool, header: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (visible(title)) " · larder" }
                link rel="icon" href="/icon.svg";
                link rel="stylesheet" href="/admin.css";
                @if live { script src="/admin.js" defer {} }
            }
            body {
                header {
                    a.mark href="/" { img src="/icon.svg" alt="" width="24" height="24"; " larder" }
                    (header)
                }
                (main)
            }
        }
    }
}

fn form_token(token: &str) -> Markup {
    html! { input type="hidden" name="form" value=(token); }
}

/// The login form.
pub(in super::super) fn login_page(form: &str, wrong: Option<&str>) -> Markup {
    let main = html! {
        main.login {
            h1 { "Admin" }
            @if let Some(wrong) = wrong { p.bad role="alert" { (wrong) } }
            form method="post" action="/login" {
                (form_token(form))
                label for="token" { "Admin token" }
                input type="password" id="token" name="token" required
                    autocomplete="current-password" autofocus;
                button { "Log in" }
            }
        }
    };
    frame("Log in", false, &html! {}, &main)
}

/// The list of keys, with how things stand.
pub(super) fn list_page(state: &State, site: &Site, page: &ListPage<'_>) -> Markup {
    let KeyFilter { text, route, .. } = page.filter;
    let main = html! {
        main {
            (state_section(state, page))
            h1 { "Keys" }
            (filter_form(site, page.filter))
            form method="post" action="/delete" id="keys" {
                (form_token(&state.guard.sessions.form))
                input type="hidden" name="q" value=(visible(text.as_deref().unwrap_or("")));
                input type="hidden" name="route" value=(visible(route.as_deref().unwrap_or("")));
                (table(page))
                (actions(page))
            }
        }
    };
    frame("Keys", true, &log_out(state), &main)
}

fn log_out(state: &State) -> Markup {
    html! {
        @if state.guard.token.is_some() {
            form method="post" action="/logout" {
                (form_token(&state.guard.sessions.form))
                button.quiet { "Log out" }
            }
        }
    }
}

/// How config, store and memory are doing.
fn state_section(state: &State, page: &ListPage<'_>) -> Markup {
    let (reload, store) = (state.parts.reload.status(), state.parts.cache.state());
    let loaded = reload.loaded_at.and_then(rfc3339).unwrap_or_default();
    let near = store.near;
    let entries = counted(near.entries, "entry", "entries");
    let notes = [&store.trouble, &page.trouble, &store.near_trouble].into_iter().flatten();
    let pending = state.pending_restart();
    let report = state.diagnostics();
    let serving = format!("still serving what was loaded at {loaded}");
    let footer = (!state.is_current()).then_some(serving.as_str());
    html! {
        section id="state" aria-label="State" {
            dl {
                (fact("Config", &good_or_bad(state.is_current(), "current", "stale"), &html! {
                    "version " (reload.generation) ", loaded "
                    time datetime=(loaded) { (loaded) }
                }))
                (fact("Store", &good_or_bad(store.up, "up", "down"), &html! {
                    (visible(&state.parts.store.public_address())) (about_store(&page.about))
                }))
                (fact("Memory", &html! { b { (entries) } }, &html! {
                    @if !store.near_in_use { "not in use, " }
                    (bytes(near.bytes)) " of " (bytes(near.capacity_bytes)) ", "
                    (near.evictions) " evicted"
                }))
            }
            div id="notes" {
                @for trouble in notes { p.bad { (visible(trouble)) } }
                @if !pending.is_empty() {
                    p.odd { "A restart is needed for " (pending.join(", ")) "." }
                }
                @if !report.is_empty() {
                    pre tabindex="0" aria-label="Diagnostics" {
                        (visible(&render::human(&report, false, footer)))
                    }
                }
            }
        }
    }
}

fn fact(name: &str, value: &Markup, note: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) " " small { (note) } } } }
}

fn good_or_bad(is_good: bool, good: &str, bad: &str) -> Markup {
    html! { @if is_good { b.good { (good) } } @else { b.bad { (bad) } } }
}

fn about_store(about: &[(String, String)]) -> Markup {
    html! {
        @for (name, label) in ABOUT {
            @if let Some((_, value)) = about.iter().find(|(of, _)| of == name) {
                // Redis' word for no bound at all.
                ", " (label) " " (visible(if value == "0B" { "none" } else { value }))
            }
        }
    }
}

fn filter_form(site: &Site, filter: &KeyFilter) -> Markup {
    let stored = site.routes.iter().filter(|route| route.key.is_some());
    html! {
        form method="get" action="/" id="filter" role="search" {
            p {
                label for="q" { "Key" }
                input type="search" id="q" name="q"
                    value=(visible(filter.text.as_deref().unwrap_or("")))
                    placeholder="a part of it, or a pattern with *" autocomplete="off"
                    spellcheck="false";
            }
            p {
                label for="route" { "Route" }
                select id="route" name="route" {
                    option value="" { "all" }
                    @for name in stored.map(|route| &*route.name) {
                        option selected[filter.route.as_deref() == Some(name)] { (visible(name)) }
                    }
                }
                button.quiet { "Filter" }
            }
            input type="hidden" name="sort" value=(filter.sort.name);
        }
    }
}

fn table(page: &ListPage<'_>) -> Markup {
    html! {
        p id="said" role="status" { (summary(page)) }
        table {
            thead {
                tr {
                    td {
                        input type="checkbox" id="all" hidden aria-label="All keys of this page";
                    }
                    @for column in &COLUMNS {
                        @let current = (column.name == page.filter.sort.name).then_some("true");
                        @let address = page.filter.address(&[("sort", column.name)]);
                        th class=[column.is_number.then_some("number")] scope="col" {
                            a href=(address) aria-current=[current] { (column.label) }
                        }
                    }
                }
            }
            tbody id="rows" { @for row in page.keys { (table_row(row)) } }
        }
    }
}

/// What the last form did, and how many keys there are.
fn summary(page: &ListPage<'_>) -> Markup {
    html! {
        @if let Some(deleted) = page.deleted { (counted(deleted, "key", "keys")) " deleted. " }
        @match (page.keys.len() as u64, &page.cursor) {
            (0, None) => { "No keys." }
            (0, Some(_)) => { "No keys among those looked at so far." }
            (count, None) => { (counted(count, "key", "keys")) " on this page." }
            (count, Some(_)) => {
                (counted(count, "key", "keys")) " on this page, and there are more."
            }
        }
    }
}

fn table_row(row: &EntryRow) -> Markup {
    let (name, stored) = (row.encoded_key(), &row.stored);
    let address = match &row.key_encoded {
        None => format!("/key?key={name}"),
        Some(_) => format!("/key?name={}", percent_encoded(name.as_bytes())),
    };
    html! {
        tr data-key=(name) {
            td {
                input type="checkbox" name="key" value=(name)
                    aria-label={ "Select " (visible(&row.key)) };
            }
            td.key {
                a href=(address) { (visible(&row.key)) }
                span data-live { @if !row.current { " " small { "not current" } } }
            }
            td data-live { (visible(row.route.as_deref().unwrap_or("–"))) }
            td.number data-live { (time(stored.ttl_ms)) }
            td.number data-live { (time(stored.age_ms)) }
            td.number data-live { (bytes(stored.size_bytes)) }
            td.number data-live {
                @if let Some(status) = stored.status { (status) } @else { "–" }
            }
        }
    }
}

fn actions(page: &ListPage<'_>) -> Markup {
    let all = page.filter.text.is_none() && page.filter.route.is_none();
    let what = if all { "Delete all keys" } else { "Delete all that match" };
    html! {
        .actions {
            button name="what" value="keys" id="delete" { "Delete selected" }
            details id="whole" {
                summary { (what) "…" }
                button.grave name="what" value="filter" { (what) ", on every page" }
            }
            div id="more" {
                @if let Some(cursor) = &page.cursor {
                    a href=(page.filter.address(&[("cursor", cursor)])) { "More keys" }
                }
            }
        }
    }
}

/// One key, with the stored headers and body.
pub(super) fn key_page(
    state: &State,
    key: &[u8],
    found: Result<Option<Inspection>, StoreError>,
) -> Markup {
    let text = String::from_utf8_lossy(key);
    let main = html! {
        main {
            p { a href="/" { "All keys" } }
            h1.key { (visible(&text)) }
            @match found {
                Ok(Some(found)) => { (one_entry(state, key, found)) }
                Ok(None) => { p { "Nothing is stored under this key." } }
                Err(why) => { p.bad { (visible(&why.to_string())) } }
            }
        }
    };
    frame(&text, false, &log_out(state), &main)
}

fn one_entry(state: &State, key: &[u8], found: Inspection) -> Markup {
    let Inspection { info, entry, text } = found;
    let row = EntryRow::new(info, &state.parts.live.site());
    let facts = [
        ("Route", row.route.as_deref().unwrap_or("–")),
        ("Path", row.path.as_deref().unwrap_or("–")),
        ("Life left", &time(row.stored.ttl_ms)),
        ("Age", &time(row.stored.age_ms)),
        ("Size", &bytes(row.stored.size_bytes)),
        ("Current", if row.current { "yes" } else { "no: it would be made anew" }),
    ];
    let head = match &entry {
        Some(entry) => format!(
            "HTTP {}\ncontent-type: {}\netag: {}",
            entry.status, entry.content_type, entry.etag
        ),
        None => "no record of larder".to_owned(),
    };
    html! {
        dl.entry {
            @for (name, value) in facts { dt { (name) } dd { (visible(value)) } }
        }
        h2 { "Stored headers" }
        pre { (visible(&head)) }
        h2 { "Body" }
        (body_part(entry.as_ref().map_or(&text[..], |entry| &entry.body[..])))
        form method="post" action="/delete" {
            (form_token(&state.guard.sessions.form))
            input type="hidden" name="key" value=(percent_encoded(key));
            button name="what" value="keys" { "Delete this key" }
        }
    }
}

fn body_part(content: &[u8]) -> Markup {
    let length = bytes(content.len() as u64);
    let part = content.get(..BODY_SHOWN).unwrap_or(content);
    html! {
        @if std::str::from_utf8(content).is_err() {
            p { (length) " that are no text." }
        } @else {
            pre tabindex="0" aria-label="Body" { (visible(&String::from_utf8_lossy(part))) }
            @if part.len() < content.len() { p { "The first 64 KiB of " (length) "." } }
        }
    }
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
        let shown = html! { (visible("<script>\"&\u{202e}\u{7}\u{9b}")) }.into_string();
        assert_eq!(shown, "&lt;script&gt;&quot;&amp;\\u{202e}\\u{7}\\u{9b}");
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
