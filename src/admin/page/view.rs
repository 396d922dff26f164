//! The pages' HTML. maud escapes all text; what others wrote goes through [`inert`] too.

use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use super::super::State;
use super::super::entries::{EntryPage, EntryRow, percent_encoded};
use super::super::sources;
use super::sort::COLUMNS;
use super::{Asker, KeyFilter, Visitor};
use crate::cache::{Inspection, StoreError};
use crate::clock::rfc3339;
use crate::diagnostic::render;
use crate::site::Site;
use crate::units::{counted, inert};

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

/// How much of a key or a path is shown, in bytes: larder's own are shorter.
const NAME_SHOWN: usize = 2048;

/// What others called something, cut where it is longer than anything of larder's.
fn name(text: &str) -> String {
    let cut = (0..=NAME_SHOWN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    match text.get(..cut).filter(|_| text.len() > NAME_SHOWN) {
        Some(start) => format!("{}…", inert(start)),
        None => inert(text).into_owned(),
    }
}

/// A page around its main part, for a visitor; with `live`, the script that keeps it so.
fn frame(title: &str, visitor: Option<&Visitor>, live: bool, main: &Markup) -> Markup {
    let logged_in = visitor.filter(|visitor| matches!(visitor.asker, Asker::Session(_)));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (inert(title)) " · larder" }
                link rel="icon" href="/icon.svg";
                link rel="stylesheet" href="/admin.css";
                @if live { script src="/admin.js" defer {} }
            }
            body {
                header {
                    a.mark href="/" { img src="/icon.svg" alt="" width="24" height="24"; " larder" }
                    @if let Some(visitor) = logged_in {
                        form method="post" action="/logout" {
                            (form_token(&visitor.form))
                            button.quiet { "Log out" }
                        }
                    }
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
pub(in super::super) fn login_page(wrong: Option<&str>) -> Markup {
    let main = html! {
        main.login {
            h1 { "Admin" }
            @if let Some(wrong) = wrong { p.bad role="alert" { (wrong) } }
            form method="post" action="/login" {
                label for="token" { "Admin token" }
                input type="password" id="token" name="token" required
                    autocomplete="current-password" autofocus;
                button { "Log in" }
            }
        }
    };
    frame("Log in", None, false, &main)
}

/// Why a request got nothing else, for a person, with the way back.
pub(in super::super) fn refusal_page(status: StatusCode, detail: &str) -> Markup {
    let title = status.canonical_reason().unwrap_or("Refused");
    let main = html! {
        main {
            h1 { (title) }
            p.bad role="alert" { (inert(detail)) }
            p { a href="/" { "All keys" } }
        }
    };
    frame(title, None, false, &main)
}

/// The list of keys, with how things stand.
///
/// `listed` may be why there are no keys; `about` is what Redis says of itself, by name.
pub(super) fn list_page(
    state: &State,
    visitor: &Visitor,
    filter: &KeyFilter,
    listed: Result<EntryPage, StoreError>,
    about: &[(String, String)],
) -> Markup {
    let trouble = listed.as_ref().err().map(ToString::to_string);
    let is_listed = listed.is_ok();
    let EntryPage { mut keys, cursor } = listed.unwrap_or_default();
    filter.sort.sort(&mut keys);
    let KeyFilter { text, route, .. } = filter;
    let main = html! {
        main {
            (state_section(state, trouble, about))
            h1 { "Keys" }
            (filter_form(&state.parts.live.site(), filter))
            form method="post" action="/delete" id="keys" {
                (form_token(&visitor.form))
                input type="hidden" name="q" value=(text.as_deref().unwrap_or(""));
                input type="hidden" name="route" value=(route.as_deref().unwrap_or(""));
                p id="said" role="status" {
                    @if is_listed {
                        (summary(filter.deleted, keys.len(), cursor.is_some()))
                    } @else {
                        "The keys cannot be listed now."
                    }
                }
                (table(filter, &keys))
                (actions(filter, cursor.as_deref()))
            }
        }
    };
    frame("Keys", Some(visitor), true, &main)
}

/// How config, store and memory are doing.
fn state_section(state: &State, trouble: Option<String>, about: &[(String, String)]) -> Markup {
    let (reload, store) = (state.parts.reload.status(), state.parts.cache.state());
    let loaded = reload.loaded_at.map(rfc3339).unwrap_or_default();
    let near = store.near;
    let entries = counted(near.entries, "entry", "entries");
    let notes = notes(store.up, [store.trouble, trouble, store.near_trouble]);
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
                    (inert(&state.parts.store.public_address())) (about_store(about))
                }))
                (fact("Memory", &html! { b { (entries) } }, &html! {
                    @if !store.near_in_use { "not in use, " }
                    (bytes(near.bytes)) " of " (bytes(near.capacity_bytes)) ", "
                    (near.evictions) " evicted"
                }))
            }
            div id="notes" {
                @for trouble in notes { p.bad { (inert(&trouble)) } }
                (sources::list(state))
                @if !pending.is_empty() {
                    p.odd { "A restart is needed for " (pending.join(", ")) "." }
                }
                @if !report.is_empty() {
                    pre tabindex="0" aria-label="Diagnostics" {
                        (inert(&render::human(&report, false, footer)))
                    }
                }
            }
        }
    }
}

/// What is wrong with the store, each once and in words: where it is away, that is all there is to
/// say.
fn notes(is_up: bool, said: [Option<String>; 3]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for said in said.into_iter().flatten() {
        if !notes.contains(&said) {
            notes.push(said);
        }
    }
    if is_up {
        return notes;
    }
    vec![away(notes.first())]
}

/// Why the store did not do what it was asked, for a person.
pub(in super::super) fn store_trouble(why: &StoreError) -> String {
    let detail = why.to_string();
    if why.kind.is_down() { away(Some(&detail)) } else { detail }
}

/// That the store is away, with the reason, and what of it.
fn away(why: Option<&String>) -> String {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "Redis does not answer{why}. Pages are served all the same, from memory or made anew; keys \
         can be listed and deleted again when it is back, which larder sees by itself."
    )
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
                ", " (label) " " (inert(if value == "0B" { "none" } else { value }))
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
                    value=(filter.text.as_deref().unwrap_or(""))
                    placeholder="a part of it, or a pattern with *" autocomplete="off"
                    spellcheck="false";
            }
            p {
                label for="route" { "Route" }
                select id="route" name="route" {
                    option value="" { "all" }
                    @for name in stored.map(|route| &*route.name) {
                        option selected[filter.route.as_deref() == Some(name)] { (inert(name)) }
                    }
                }
                button.quiet { "Filter" }
            }
            input type="hidden" name="sort" value=(filter.sort.name());
        }
    }
}

fn table(filter: &KeyFilter, keys: &[EntryRow]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    td {
                        input type="checkbox" id="all" hidden aria-label="All keys of this page";
                    }
                    @for (at, column) in COLUMNS.iter().enumerate() {
                        @let order = filter.sort.order_of(at);
                        @let sort = filter.sort.after_click(at).name();
                        @let class = column.is_number.then_some("number");
                        th class=[class] scope="col" aria-sort=[order] {
                            a href=(filter.address(&[("sort", &sort)])) { (column.label) }
                        }
                    }
                }
            }
            tbody id="rows" { @for row in keys { (table_row(row)) } }
        }
    }
}

/// What the last form did, and how many keys there are.
fn summary(deleted: Option<u64>, count: usize, has_more: bool) -> Markup {
    html! {
        @if let Some(deleted) = deleted { (counted(deleted, "key", "keys")) " deleted. " }
        @match (count as u64, has_more) {
            (0, false) => { "No keys." }
            (0, true) => { "No keys among those looked at so far." }
            (count, false) => { (counted(count, "key", "keys")) " on this page." }
            (count, true) => {
                (counted(count, "key", "keys")) " on this page, and there are more."
            }
        }
    }
}

fn table_row(row: &EntryRow) -> Markup {
    let (encoded, info, stored) = (row.encoded_key(), &row.info, &row.info.stored);
    let address = match &row.key_encoded {
        None => format!("/key?key={encoded}"),
        Some(_) => format!("/key?name={}", percent_encoded(encoded.as_bytes())),
    };
    html! {
        tr data-key=(encoded) {
            td {
                input type="checkbox" name="key" value=(encoded)
                    aria-label={ "Select " (name(&info.key)) };
            }
            td.key {
                a href=(address) { (name(&info.key)) }
                span data-live { @if !row.current { " " small { "not current" } } }
            }
            td data-live { (name(info.route.as_deref().unwrap_or("–"))) }
            td.number data-live { (time(stored.ttl_ms)) }
            td.number data-live { (time(stored.age_ms)) }
            td.number data-live { (bytes(stored.size_bytes)) }
            td.number data-live {
                @if let Some(status) = stored.status { (status) } @else { "–" }
            }
        }
    }
}

fn actions(filter: &KeyFilter, cursor: Option<&str>) -> Markup {
    let (all, some) = ("Delete all keys", "Delete all that match");
    let is_all = filter.text.is_none() && filter.route.is_none();
    let what = if is_all { all } else { some };
    html! {
        .actions {
            button name="what" value="keys" id="delete" { "Delete selected" }
            details id="whole" data-all=(all) data-some=(some) {
                summary { (what) "…" }
                button.grave name="what" value="filter" { (what) ", on every page" }
            }
            div id="more" {
                @if let Some(cursor) = cursor {
                    a href=(filter.address(&[("cursor", cursor)])) { "More keys" }
                }
            }
        }
    }
}

/// One key, with the stored headers and body.
pub(super) fn key_page(
    state: &State,
    visitor: &Visitor,
    key: &[u8],
    found: Result<Option<Inspection>, StoreError>,
) -> Markup {
    let text = String::from_utf8_lossy(key);
    let main = html! {
        main {
            p { a href="/" { "All keys" } }
            h1.key { (inert(&text)) }
            @match found {
                Ok(Some(found)) => { (one_entry(state, visitor, key, found)) }
                Ok(None) => { p { "Nothing is stored under this key." } }
                Err(why) => { p.bad { (inert(&store_trouble(&why))) } }
            }
        }
    };
    frame(&text, Some(visitor), false, &main)
}

fn one_entry(state: &State, visitor: &Visitor, key: &[u8], found: Inspection) -> Markup {
    let Inspection { info, entry, text, kind } = found;
    let EntryRow { info, current, .. } = EntryRow::new(info, &state.parts.live.site());
    let facts = [
        ("Route", info.route.as_deref().unwrap_or("–")),
        ("Path", info.path.as_deref().unwrap_or("–")),
        ("Life left", &time(info.stored.ttl_ms)),
        ("Age", &time(info.stored.age_ms)),
        ("Size", &bytes(info.stored.size_bytes)),
        ("Current", if current { "yes" } else { "no: it would be made anew" }),
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
            @for (fact, value) in facts { dt { (fact) } dd { (name(value)) } }
        }
        h2 { "Stored headers" }
        pre { (inert(&head)) }
        h2 { "Body" }
        @if let Some(kind) = kind {
            p { "A " (inert(&kind)) " of Redis, which is no text." }
        } @else {
            (body_part(entry.as_ref().map_or(&text[..], |entry| &entry.body[..])))
        }
        form method="post" action="/delete" {
            (form_token(&visitor.form))
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
            pre tabindex="0" aria-label="Body" { (inert(&String::from_utf8_lossy(part))) }
            @if part.len() < content.len() { p { "The first 64 KiB of " (length) "." } }
        }
    }
}

/// `950 ms` is `0 s`; `4 m 05 s`; `2 d 3 h`.
fn time(ms: Option<impl Into<i128>>) -> String {
    let Some(seconds) = ms.map(|ms| ms.into().div_euclid(1000)) else { return "–".to_owned() };
    match seconds {
        ..0 => format!("−{}", time(Some(seconds * -1000))),
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
        let text = "<script>\"&\u{202e}\u{7}\u{9b}\u{61c}\u{200b}\u{feff}";
        let shown = html! { (inert(text)) }.into_string();
        let expected = "\\u202e\\u0007\\u009b\\u061c\\u200b\\ufeff";
        assert_eq!(shown, format!("&lt;script&gt;&quot;&amp;{expected}"));
    }

    #[test]
    fn what_is_longer_than_anything_of_larders_is_cut() {
        assert_eq!(name("api:cache::a:/é"), "api:cache::a:/é");
        let long = name(&"é".repeat(NAME_SHOWN));
        assert_eq!(long.chars().count(), NAME_SHOWN / 2 + 1);
        assert!(long.ends_with("é…"));
        let odd = name(&format!("a{}", "é".repeat(NAME_SHOWN)));
        assert_eq!(odd.chars().count(), NAME_SHOWN / 2 + 1);
    }

    #[test]
    fn times_and_sizes_read_at_a_glance() {
        for (ms, expected) in [
            (Some(950), "0 s"),
            (Some(-61_500), "−1 m 02 s"),
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
