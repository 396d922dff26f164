//! Markdown → HTML.

use std::collections::HashMap;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html};
use serde_json::Value;

use super::Args;
use super::compare::text;

/// `CommonMark` with tables, task lists, strikethrough and footnotes; addresses are links, and
/// headings have an `id`. With `untrusted=true` tags are text, and no `id` is a visitor's.
pub(super) fn markdown(args: &Args<'_>) -> Value {
    let Some(text) = text(args.get(0)) else { return Value::Null };
    let mut options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    // The name of a footnote becomes an `id`.
    options.set(Options::ENABLE_FOOTNOTES, !args.untrusted);
    let events = TextMergeStream::new(Parser::new_ext(&text, options));
    let mut out = String::new();
    if args.untrusted {
        html::push_html(&mut out, linked(events.map(harmless)).into_iter());
    } else {
        let mut events = linked(events);
        give_ids(&mut events);
        html::push_html(&mut out, events.into_iter());
    }
    Value::String(out)
}

/// A tag as text, and a link to nowhere where it is not one of the web, of mail, or relative.
fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            // The writer puts `mailto:` before an address of mail.
            let kept = link_type == LinkType::Email || is_harmless(&dest_url);
            let dest_url = if kept { dest_url } else { "".into() };
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            let dest_url = if is_harmless(&dest_url) { dest_url } else { "".into() };
            Event::Start(Tag::Image { link_type, dest_url, title, id })
        }
        other => other,
    }
}

/// Whether an address is of http, https or mail, or has no scheme. What browsers leave out of it
/// (white space, controls) is refused.
fn is_harmless(address: &str) -> bool {
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    match address.split_once([':', '/', '?', '#']) {
        Some((scheme, _)) if address.get(scheme.len()..).is_some_and(|r| r.starts_with(':')) => {
            ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        _ => true,
    }
}

/// Makes links of the addresses that stand in text, outside of links, images and code.
fn linked<'t>(events: impl Iterator<Item = Event<'t>>) -> Vec<Event<'t>> {
    let (mut done, mut inside) = (Vec::new(), 0_usize);
    for event in events {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) => inside += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock) => {
                inside = inside.saturating_sub(1);
            }
            Event::InlineHtml(tag) if tag.starts_with("<a ") => inside += 1,
            Event::InlineHtml(tag) if tag.starts_with("</a") => inside = inside.saturating_sub(1),
            Event::Text(text) if inside == 0 && text.contains("://") => {
                links_of(text, &mut done);
                continue;
            }
            _ => {}
        }
        done.push(event);
    }
    done
}

fn links_of(text: &str, done: &mut Vec<Event<'_>>) {
    let mut rest = text;
    while let Some((at, address)) = first_address(rest) {
        let (before, after) = rest.split_at(at);
        let tag = Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: address.to_owned().into(),
            title: "".into(),
            id: "".into(),
        };
        done.push(Event::Text(before.to_owned().into()));
        done.extend([
            Event::Start(tag),
            Event::Text(address.to_owned().into()),
            Event::End(TagEnd::Link),
        ]);
        rest = after.get(address.len()..).unwrap_or_default();
    }
    done.push(Event::Text(rest.to_owned().into()));
}

/// The first address of the web in a text, and where it begins. It ends before white space and
/// `<`, and has no punctuation at its end, nor a parenthesis that it does not open.
fn first_address(text: &str) -> Option<(usize, &str)> {
    let starts = text.match_indices("http").filter_map(|(at, _)| {
        let (before, from) = text.split_at_checked(at)?;
        let host = from.strip_prefix("https://").or_else(|| from.strip_prefix("http://"))?;
        let is_free = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '"');
        (is_free && host.starts_with(char::is_alphanumeric)).then_some((at, from))
    });
    let (at, from) = { starts }.next()?;
    let end = from.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(from.len());
    let mut address = from.get(..end)?;
    loop {
        let shorter =
            address.trim_end_matches(['?', '!', '.', ',', ':', ';', '*', '_', '~', '\'', '"']);
        let open = shorter.matches('(').count();
        address = match shorter.strip_suffix(')') {
            Some(less) if shorter.matches(')').count() > open => less,
            _ => return Some((at, shorter)),
        };
    }
}

/// Gives each heading its text as `id`, with a number where one above has the same.
fn give_ids(events: &mut [Event<'_>]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut start = None;
    let mut words = String::new();
    for at in 0..events.len() {
        match &events[at] {
            Event::Start(Tag::Heading { .. }) => {
                start = Some(at);
                words.clear();
            }
            Event::Text(text) | Event::Code(text) if start.is_some() => words.push_str(text),
            Event::End(TagEnd::Heading(_)) => {
                let name = as_id(&words);
                let times = seen.entry(name.clone()).or_default();
                let own = if *times == 0 { name } else { format!("{name}-{times}") };
                *times += 1;
                if let Some(Event::Start(Tag::Heading { id, .. })) =
                    start.take().and_then(|start| events.get_mut(start))
                    && !own.is_empty()
                {
                    *id = Some(own.into());
                }
            }
            _ => {}
        }
    }
}

/// Letters and digits in lower case, with one `-` for all that stands between.
fn as_id(words: &str) -> String {
    let lower = words.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'');
    let parts: Vec<_> = parts.map(|part| part.replace('\'', "")).collect();
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("-")
}
