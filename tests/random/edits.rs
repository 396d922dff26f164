//! Random edits: one version of a site → the next.

use serde_json::json;

use super::disk::Save;
use super::make::{FIELDS, FIRST, Maker};
use super::site::{Site, set, value_mut};
use super::templates::{Scope, piece};

/// The next version, by one edit or several at once; `earlier` are the versions so far.
pub(crate) fn next(maker: &mut Maker, earlier: &[Site]) -> Site {
    let now = earlier.last().cloned().unwrap_or_default();
    if earlier.len() > 1 && (now.broken.is_some() || maker.rng.one_in(6)) {
        // Back to what it was, or to what it was long ago.
        let back =
            if maker.rng.one_in(3) { maker.rng.below(earlier.len()) } else { earlier.len() - 2 };
        return earlier[back].clone();
    }
    let count = if maker.rng.one_in(4) { 2 + maker.rng.below(3) } else { 1 };
    let mut site = now.clone();
    for _ in 0..20 {
        (0..count).for_each(|_| edit(maker, &mut site));
        if site.tree() != now.tree() {
            break;
        }
    }
    site
}

/// A way to save it.
pub(crate) fn save(maker: &mut Maker) -> Save {
    match maker.rng.below(5) {
        0 => Save::InPlace,
        1 => Save::DeletedFirst,
        _ => Save::Renamed,
    }
}

fn edit(maker: &mut Maker, site: &mut Site) {
    match maker.rng.below(20) {
        0..=3 => text(maker, site),
        4 | 5 => datum(maker, site),
        6 | 7 => loaded(maker, site),
        8..=11 => field(maker, site),
        12 => setting(maker, site),
        13 => added(maker, site),
        14 => removed(maker, site),
        15 => renamed(maker, site),
        16 => moved(maker, site),
        17 => more_files(maker, site),
        18 => site.remark += 1,
        _ => broken(maker, site),
    }
}

/// A piece of a template or partial: another one, one more, or one less.
fn text(maker: &mut Maker, site: &mut Site) {
    let paths: Vec<String> =
        site.files.keys().filter(|path| path.starts_with("templates/")).cloned().collect();
    let path = &paths[maker.rng.below(paths.len())];
    let text = if path.contains("/errors/") {
        maker.error_piece()
    } else {
        let partials = if path.contains("/partials/") { vec![] } else { site.partials() };
        piece(&mut maker.rng, Scope { params: &[], partials: &partials }, 2)
    };
    let new = maker.piece(text);
    let Some(pieces) = site.files.get_mut(path) else { return };
    if pieces.is_empty() {
        return pieces.push(new);
    }
    let at = maker.rng.below(pieces.len());
    let is_content = pieces[at].text.contains("{{{content}}}");
    match maker.rng.below(3) {
        0 if !is_content => pieces[at].text = new.text,
        1 if !is_content => _ = pieces.remove(at),
        _ => pieces.insert(at, new),
    }
}

fn datum(maker: &mut Maker, site: &mut Site) {
    let name = *maker.rng.pick(&[&"title", &"site", &"items", &"flag", &"count", &"unread"]);
    let value = maker.value(name);
    set(&mut site.data, name, Some(value));
}

fn loaded(maker: &mut Maker, site: &mut Site) {
    let is_loaded =
        |path: &&String| ["data/", "posts/", "public/"].iter().any(|dir| path.starts_with(dir));
    let paths: Vec<String> = site.files.keys().filter(is_loaded).cloned().collect();
    let path = &paths[maker.rng.below(paths.len())];
    let text = maker.loaded(path);
    if let Some(piece) = site.files.get_mut(path).and_then(|pieces| pieces.first_mut()) {
        piece.text = text;
    }
}

/// A field of a route: set, changed or taken away.
fn field(maker: &mut Maker, site: &mut Site) {
    if site.routes.is_empty() {
        return;
    }
    let at = maker.rng.below(site.routes.len());
    // Those that make nothing again, or that make another key, are wrong most easily.
    let names = if maker.rng.one_in(2) { FIELDS } else { &FIELDS[..FIRST] };
    let name = names[maker.rng.below(names.len())];
    let has = site.routes[at].fields.iter().any(|(field, _)| field == name);
    let value = if has && maker.rng.one_in(2) { None } else { maker.field(&site.routes[at], name) };
    let route = &mut site.routes[at];
    if maker.rng.one_in(5) {
        // Its source, where that is written in place.
        let word = maker.rng.word();
        for source in ["body", "inline"] {
            if let Some(text) = value_mut(&mut route.fields, source) {
                *text = json!(format!("{word} {{{{title}}}}"));
                return;
            }
        }
    }
    set(&mut route.fields, name, value);
}

fn setting(maker: &mut Maker, site: &mut Site) {
    if maker.rng.one_in(4) {
        // What an included file says for its own routes.
        let (part, name) = (maker.rng.below(2), "defaults");
        let value = (!maker.rng.one_in(3)).then(|| maker.setting(site, name));
        return set(site.parts.entry(part).or_default(), name, value);
    }
    let name = *maker.rng.pick(&[&"languages", &"cache", &"defaults", &"errors"]);
    let has = site.settings.iter().any(|(field, _)| field == name);
    let may_go = !["languages", "cache"].contains(&name);
    let value =
        if has && may_go && maker.rng.one_in(3) { None } else { Some(maker.setting(site, name)) };
    set(&mut site.settings, name, value);
}

fn added(maker: &mut Maker, site: &mut Site) {
    let address =
        *maker.rng.pick(&[&"/new", &"/p/{name}", &"/q", &"/a", &"/w/one/{two}", &"/n/{n}"]);
    if site.route_mut(address).is_none() {
        let route = maker.route(site, address);
        let at = maker.rng.below(site.routes.len() + 1);
        site.routes.insert(at, route);
    }
}

fn removed(maker: &mut Maker, site: &mut Site) {
    if site.routes.len() > 2 {
        let at = maker.rng.below(site.routes.len());
        site.routes.remove(at);
    }
}

/// A template, a partial or a route gets another name, and who names it says so.
fn renamed(maker: &mut Maker, site: &mut Site) {
    if maker.rng.one_in(3) {
        let at = maker.rng.below(site.routes.len());
        let address = &mut site.routes[at].address;
        *address = match address.strip_prefix("/moved") {
            Some(before) if before.starts_with('/') => before.to_owned(),
            _ if address.starts_with('/') => format!("/moved{address}"),
            _ => return,
        };
        return;
    }
    let is_template = |path: &&String| path.starts_with("templates/") && !path.contains("/errors/");
    let paths: Vec<String> = site.files.keys().filter(is_template).cloned().collect();
    let path = &paths[maker.rng.below(paths.len())];
    let old = path.trim_start_matches("templates/").to_owned();
    let mark = if old.contains('_') { old.replace('_', "") } else { old.replacen('.', "_.", 1) };
    let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let (old_stem, new_stem) = (stem(&old), stem(&mark));
    let Some(pieces) = site.files.remove(path) else { return };
    site.files.insert(format!("templates/{mark}"), pieces);
    for route in &mut site.routes {
        for (_, value) in &mut route.fields {
            if value.as_str() == Some(&old) {
                *value = json!(mark);
            } else if let Some(text) = value.as_str() {
                *value = json!(text.replace(&old_stem, &new_stem));
            }
        }
    }
    for (_, value) in site.settings.iter_mut().chain(&mut site.data) {
        let text = value.to_string().replace(&old_stem, &new_stem);
        *value = serde_json::from_str(&text).expect("still JSON");
    }
    for piece in site.files.values_mut().flatten() {
        piece.text = piece.text.replace(&old_stem, &new_stem);
    }
}

/// A route stands in another file, or routes in another order: neither means anything.
fn moved(maker: &mut Maker, site: &mut Site) {
    let at = maker.rng.below(site.routes.len());
    if maker.rng.one_in(2) {
        let route = site.routes.remove(at);
        let to = maker.rng.below(site.routes.len() + 1);
        return site.routes.insert(to, route);
    }
    let route = &mut site.routes[at];
    route.part = if route.part.is_some() { None } else { Some(maker.rng.below(3)) };
}

/// One more file that a glob names, or one less.
fn more_files(maker: &mut Maker, site: &mut Site) {
    let name = format!("posts/{}.md", maker.rng.pick(&["one", "two", "three"]));
    if site.files.remove(&name).is_none() {
        let text = maker.loaded(&name);
        let piece = maker.piece(text);
        site.files.insert(name, vec![piece]);
    }
}

/// Something that is refused, or should be.
fn broken(maker: &mut Maker, site: &mut Site) {
    match maker.rng.below(6) {
        0 => site.broken = Some("  /: { body: [\n".to_owned()),
        1 => site.broken = Some("ruotes: 1\n".to_owned()),
        2 => {
            let piece = maker.piece("{{#if title}}".to_owned());
            let path = "templates/partials/p0.html.hbs";
            site.files.entry(path.to_owned()).or_default().push(piece);
        }
        3 => {
            let path = *maker.rng.pick(&[&"data/team.yaml", &"data/jars.csv", &"public/site.css"]);
            site.files.remove(path);
        }
        4 => {
            let piece = maker.piece("a: [1\n".to_owned());
            site.files.insert("data/team.yaml".to_owned(), vec![piece]);
        }
        _ => {
            let piece = maker.piece("{{nothing.has.this}}".to_owned());
            let pages = site.files.iter_mut().find(|(path, _)| path.contains("templates/page"));
            if let Some((_, pieces)) = pages {
                pieces.push(piece);
            }
        }
    }
}
