//! An address that no route is for → the nearest routes, and how to add this one.

use maud::{Markup, html};
use serde_json::Value;

use super::{ERROR_PAGE, view};
use crate::diagnostic::{At, SourceFile, Span};
use crate::site::route::{PathText, Pattern};
use crate::site::{Route, Site};
use crate::telemetry::visible;

/// Routes that are named.
const NAMED: usize = 5;
/// How unlike a route may be that is named: 0 is the same, 1 has nothing in common.
const TOO_FAR: f64 = 0.7;
/// What a parameter costs, so that the literal route that is as near comes first.
const PARAM: f64 = 0.2;

/// The page for a path, as it was sent, that no route is for.
pub(super) fn page(site: &Site, raw: &str) -> String {
    let decoded = PathText::parse(raw);
    let path = decoded.as_ref().map_or(raw, PathText::text);
    let pages = site.routes.iter().filter(|route| route.method == "GET");
    let mut near: Vec<(f64, &Route)> = pages
        .map(|route| (distance(path, route.pattern.as_str()), route.as_ref()))
        .filter(|(distance, _)| *distance < TOO_FAR)
        .collect();
    near.sort_by(|(one, a), (other, b)| {
        one.total_cmp(other).then_with(|| a.pattern.as_str().cmp(b.pattern.as_str()))
    });
    let near: Vec<&Route> = near.into_iter().take(NAMED).map(|(_, route)| route).collect();
    let has_own_page = site.error_page_digest(404).is_some();
    shown(path, raw, (&near, site.server.base()), has_own_page)
}

fn shown(path: &str, raw: &str, (nearest, base): (&[&Route], &str), has_own_page: bool) -> String {
    let main = html! {
        p.status { "404" }
        h1 { "No route for " code { (visible(path)) } }
        @if !nearest.is_empty() {
            h2 { "The nearest routes" }
            ul { @for route in nearest { li { (item(route, base)) } } }
        }
        @if let Some(yaml) = yaml(path) {
            h2 { "To add this one" }
            p {
                "Write it under " code { "routes:" } " and save. This page goes there by itself."
            }
            "\n"
            pre tabindex="0" { (yaml) }
        }
        footer {
            @if has_own_page {
                "Visitors see "
                a href={ (base) (ERROR_PAGE) "404?" (raw) } { "the site's own page for 404" }
                "; this one is shown by " code { "larder dev" } " only."
            } @else {
                "This page is shown by " code { "larder dev" } " only."
            }
        }
    };
    view::page(&format!("404: {}", visible(path)), &main)
}

fn item(route: &Route, base: &str) -> Markup {
    let path = visible(route.pattern.as_str());
    html! {
        @if route.pattern.is_literal() {
            a href={ (base) (path) } { code { (path) } }
        } @else {
            code { (path) }
        }
        @if let Some(summary) = &route.summary { small { (summary) } }
        small { (route.place) }
    }
}

/// The lines that make a route of a path; nothing where a pattern cannot say it.
fn yaml(path: &str) -> Option<String> {
    let nowhere = Span::new(&SourceFile::new("", ""), 0..0);
    let pattern = Pattern::parse(&At::new(path.to_owned(), nowhere)).ok()?;
    if !pattern.is_literal() || path.contains(char::is_control) {
        return None;
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
    let key = if path.chars().all(is_plain) {
        path.to_owned()
    } else {
        // JSON's strings are YAML's double-quoted ones.
        Value::from(path).to_string()
    };
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut stem = last.to_owned();
    stem.retain(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let stem = if stem.is_empty() { "page" } else { &stem };
    Some(format!(
        "routes:\n  {key}:\n    inline: \"<h1>{stem}</h1>\"    # or template: {stem}.html.hbs\n"
    ))
}

/// How unlike a path and a pattern are, from 0 to 1: segment by segment, with those that one of
/// them has more.
fn distance(path: &str, pattern: &str) -> f64 {
    let (path, pattern) = (split(path), split(pattern));
    let mut row: Vec<f64> = (0..=pattern.len()).map(count).collect();
    for (index, segment) in path.iter().enumerate() {
        let mut left = count(index + 1);
        let mut next = vec![left];
        for (above, known) in row.windows(2).zip(&pattern) {
            left = (above[0] + unlike(segment, known)).min(above[1] + 1.0).min(left + 1.0);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default() / count(path.len().max(pattern.len()).max(1))
}

/// The segments, without those that long paths have beyond what anybody types.
fn split(path: &str) -> Vec<&str> {
    const MOST: usize = 32;
    path.trim_matches('/').split('/').filter(|segment| !segment.is_empty()).take(MOST).collect()
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

fn unlike(segment: &str, known: &str) -> f64 {
    const LONGEST: usize = 200;
    if segment == known {
        0.0
    } else if known.contains('{') {
        PARAM
    } else if segment.len() > LONGEST {
        1.0
    } else {
        1.0 - strsim::normalized_damerau_levenshtein(&segment.to_lowercase(), &known.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest<'p>(path: &str, patterns: &[&'p str]) -> Vec<&'p str> {
        let mut near: Vec<_> =
            patterns.iter().map(|pattern| (distance(path, pattern), *pattern)).collect();
        near.retain(|(distance, _)| *distance < TOO_FAR);
        near.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        near.into_iter().map(|(_, pattern)| pattern).collect()
    }

    #[test]
    fn what_was_meant_comes_first() {
        let patterns = ["/", "/about", "/posts", "/posts/{slug}", "/users/{id:int}", "/pricing"];
        for (path, expected) in [
            ("/abuot", "/about"),
            ("/About", "/about"),
            ("/prcing", "/pricing"),
            ("/users/ada", "/users/{id:int}"),
            ("/post/hello", "/posts/{slug}"),
            ("/about/us", "/about"),
        ] {
            assert_eq!(nearest(path, &patterns).first(), Some(&expected), "{path}");
        }
        assert_eq!(nearest("/xyzzy", &["/about"]), Vec::<&str>::new());
    }

    #[test]
    fn the_lines_that_add_a_route_are_yaml_that_says_this_path() {
        for (path, key) in [
            ("/pricing", "  /pricing:\n"),
            ("/a b: c", "  \"/a b: c\":\n"),
            ("/caf\u{e9}\"", "  \"/caf\u{e9}\\\"\":\n"),
        ] {
            let yaml = yaml(path).unwrap();
            assert!(yaml.contains(key), "{yaml}");
        }
        for path in ["/{x}", "/a\nb", "/:id", "/a#b", "/a?b"] {
            assert_eq!(yaml(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_markup_is_shown_as_text() {
        let path = "/<script>alert(1)</script>{main}\u{202e}";
        let html = shown(path, path, (&[], ""), false);
        assert!(!html.contains("<script>"), "{html}");
        assert!(!html.contains('\u{202e}'));
        assert!(html.contains("/&lt;script&gt;alert(1)&lt;/script&gt;{main}"), "{html}");
    }
}
