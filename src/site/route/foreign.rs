//! The path syntax of other frameworks, recognised only to say what to write.

/// The path as larder writes it, where `path` holds a segment in the syntax of Express, Rails,
/// Sinatra (`:id`, `*`, `*rest`), Flask and Bottle (`<id>`, `<int:id>`), Starlette (`{p:path}`),
/// Next (`[id]`, `[...rest]`), Go (`{rest...}`), Spring and JAX-RS (`{id:[0-9]+}`, `{*}`) or
/// ASP.NET (`{id?}`, `{**rest}`).
pub(super) fn translate(path: &str) -> Option<String> {
    let mut foreign = false;
    let segments: Vec<String> = path
        .split('/')
        .map(|typed| match segment(typed) {
            Some(ours) => {
                foreign = true;
                ours
            }
            None => typed.to_owned(),
        })
        .collect();
    foreign.then(|| segments.join("/"))
}

fn segment(typed: &str) -> Option<String> {
    if let Some(name) = typed.strip_prefix(':') {
        return Some(param(name.trim_end_matches(['?', '*', '+']), ""));
    }
    if let Some(name) = typed.strip_prefix('*') {
        return Some(rest(name.trim_start_matches('*')));
    }
    if let Some((before, inside, after)) = between(typed, '<', '>') {
        let ours = match inside.split_once(':') {
            Some((kind @ ("path" | "int" | "uuid" | "float" | "string" | "slug"), name)) => {
                param(name, kind)
            }
            Some((name, kind)) => param(name, kind),
            None => param(inside, ""),
        };
        return Some(format!("{before}{ours}{after}"));
    }
    if let Some(name) = typed.strip_prefix('[').and_then(|typed| typed.strip_suffix(']')) {
        return Some(match name.strip_prefix("...") {
            Some(name) => rest(name),
            None => param(name, ""),
        });
    }
    let (before, inside, after) = between(typed, '{', '}')?;
    inside_braces(inside).map(|ours| format!("{before}{ours}{after}"))
}

fn inside_braces(inside: &str) -> Option<String> {
    if let Some(name) = inside.strip_prefix("**").or_else(|| inside.strip_prefix("...")) {
        return Some(rest(name));
    }
    if inside == "*" {
        return Some(rest(""));
    }
    if let Some(name) = inside.strip_suffix("...") {
        return Some(rest(name));
    }
    if let Some(name) = inside.strip_suffix('?') {
        return Some(param(name, ""));
    }
    let (name, kind) = inside.split_once(':')?;
    let known = ["path", "str", "string", "integer", "number", "guid", "alpha", "any"];
    let regex = kind.contains(['[', '\\', '(', '.', '+', '*', '^']);
    (regex || known.contains(&kind)).then(|| param(name, kind))
}

fn param(name: &str, kind: &str) -> String {
    let name = name.trim();
    let digits = ["[0-9]+", "\\d+", "^[0-9]+$", "^\\d+$", "int", "integer", "number"];
    match kind.trim() {
        "path" | "any" | ".*" | ".+" => rest(name),
        "uuid" | "guid" => format!("{{{name}:uuid}}"),
        "slug" => format!("{{{name}:slug}}"),
        kind if digits.contains(&kind) => format!("{{{name}:int}}"),
        _ => format!("{{{name}}}"),
    }
}

fn rest(name: &str) -> String {
    format!("{{*{}}}", if name.is_empty() { "rest" } else { name })
}

/// What stands before, between and after the first `open` and the last `close`.
fn between(text: &str, open: char, close: char) -> Option<(&str, &str, &str)> {
    let (before, after_open) = text.split_once(open)?;
    let (inside, after) = after_open.rsplit_once(close)?;
    Some((before, inside, after))
}
