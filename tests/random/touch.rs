//! Which routes an edit cannot touch, by what is written alone: nothing of what is read for them,
//! however indirectly, holds a word of what was changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::site::{Fields, Route, Site};

/// Fields that say how a page is sent and how long it is kept: no page is made again for them.
pub(crate) const SENT: &[&str] = &["ttl", "headers", "cors", "max_age", "summary"];

/// The addresses of the routes that are as they were, `but_for` some fields, and name nothing that
/// was changed.
pub(crate) fn untouched(before: &Site, after: &Site, but_for: &[&str]) -> BTreeSet<String> {
    let setting = |site: &Site, name: &str| {
        site.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let is_same = |name: &str| setting(before, name) == setting(after, name);
    if before.parts != after.parts
        || !["server", "cache", "defaults"].iter().all(|name| is_same(name))
    {
        return BTreeSet::new();
    }
    let mut words = changed(&before.data, &after.data);
    words.extend(changed(&before.load, &after.load));
    if !is_same("languages") {
        words.insert("language".to_owned());
    }
    let paths: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    let text_of = |site: &Site, path: &str| {
        let pieces = site.files.get(path)?;
        Some(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>())
    };
    for path in paths {
        if text_of(before, path) != text_of(after, path) {
            words.extend(words_for(before, path));
            words.extend(words_for(after, path));
        }
    }
    // The address of a file in a directory is the directory's.
    let directories = |site: &Site| {
        let of_directory = |route: &&Route| route.fields.iter().any(|(name, _)| name == "dir");
        let mut addresses: Vec<_> =
            site.routes.iter().filter(of_directory).map(|it| it.address.clone()).collect();
        addresses.sort();
        addresses
    };
    if directories(before) != directories(after) {
        words.insert("asset ".to_owned());
    }
    let is_alike = |one: &Route, other: &Route| {
        // Each file has defaults for its own routes.
        let has_defaults = !after.parts.is_empty() || setting(after, "defaults").is_some();
        let is_same_part = one.part == other.part || !has_defaults;
        is_same_part
            && one.address == other.address
            && without(&one.fields, but_for) == without(&other.fields, but_for)
            && one.short == other.short
    };
    let stays = |route: &&Route| before.routes.iter().any(|it| is_alike(it, route));
    let names_none = |route: &&Route| {
        let text = reach(before, route) + &reach(after, route);
        // A partial that is chosen when it runs may be any and read all there is; what shows its
        // whole context does.
        let is_any =
            text.contains("lookup site") && text.contains("part") || text.contains("{{json this}}");
        !is_any && !words.iter().any(|word| text.contains(word.as_str()))
    };
    let routes = after.routes.iter().filter(stays).filter(names_none);
    routes.map(|route| route.address.clone()).collect()
}

/// The other fields.
fn without(fields: &Fields, but_for: &[&str]) -> Fields {
    fields.iter().filter(|(name, _)| !but_for.contains(&name.as_str())).cloned().collect()
}

/// The names that are in one and not, or not so, in the other.
fn changed(before: &Fields, after: &Fields) -> BTreeSet<String> {
    let only = |one: &Fields, other: &Fields| {
        let fields = one.iter().filter(|field| !other.contains(field));
        fields.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    only(before, after).into_iter().chain(only(after, before)).collect()
}

/// By which words a file is named: its path, its name as a template, the names that it is loaded
/// under.
fn words_for(site: &Site, path: &str) -> Vec<String> {
    if path.starts_with("public/") {
        return vec!["asset ".to_owned(), "public".to_owned()];
    }
    if let Some(name) = path.strip_prefix("templates/") {
        return vec![name.split('.').next().unwrap_or(name).to_owned()];
    }
    let dir = path.split('/').next().unwrap_or_default().to_owned() + "/";
    let is_from = |address: &str| address == path || dir == "posts/" && address.contains("posts/");
    let loads = site.load.iter().filter(|(_, from)| from.as_str().is_some_and(is_from));
    let mut words: Vec<String> = loads.map(|(name, _)| name.clone()).collect();
    words.push(if dir == "posts/" { dir } else { path.to_owned() });
    words
}

/// What is written of a route, in all that it is made from.
fn reach(site: &Site, route: &Route) -> String {
    let mut text = format!("{:?} ", route.fields);
    let own = route.part.and_then(|part| site.parts.get(&part)).into_iter().flatten();
    for (name, value) in site.settings.iter().filter(|(name, _)| name == "defaults").chain(own) {
        let _infallible = write!(text, "{name} {value} ");
    }
    let mut found: BTreeSet<&str> = BTreeSet::new();
    loop {
        let next = site.files.iter().find(|(path, _)| {
            let Some(name) = path.strip_prefix("templates/") else { return false };
            let stem = name.split('.').next().unwrap_or(name);
            text.contains(stem) && !found.contains(path.as_str())
        });
        let Some((path, pieces)) = next else { return text };
        found.insert(path);
        text.extend(pieces.iter().map(|piece| piece.text.as_str()));
    }
}
