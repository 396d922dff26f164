//! An address that no route is for → the nearest routes, and how to add this one.

use std::fmt::Write as _;

use http::StatusCode;

use super::{ERROR_PAGE, view};
use crate::diagnostic::{At, SourceFile, Span};
use crate::http::answer::Answer;
use crate::http::problem::escaped;
use crate::http::request::RequestView;
use crate::site::route::{PathText, Pattern, RouteMatch};
use crate::site::{Route, Site};

/// Routes that are named.
const NAMED: usize = 5;
/// How unlike a route may be that is named: 0 is the same, 1 has nothing in common.
const TOO_FAR: f64 = 0.7;
/// What a parameter costs, so that the literal route that is as near comes first.
const PARAM: f64 = 0.2;

/// A path without a route.
#[derive(Debug)]
pub(super) struct Missing {
    path: String,
    /// As it was sent, for links.
    raw: String,
    /// Address, summary and whether it can be gone to.
    nearest: Vec<Near>,
    has_own_page: bool,
}

#[derive(Debug)]
struct Near {
    path: String,
    summary: Option<String>,
    place: String,
    is_literal: bool,
}

/// What is to be said about an answer, where it is that no route was found.
pub(super) fn of(site: &Site, request: &RequestView<'_>, answer: &Answer) -> Option<Missing> {
    let is_missing = answer.status() == StatusCode::NOT_FOUND
        && matches!(site.find(request.method.as_str(), request.path), RouteMatch::NotFound);
    is_missing.then(|| Missing::new(site, request.path))
}

impl Missing {
    /// Looks for what was meant by `raw`, the path as sent.
    pub(super) fn new(site: &Site, raw: &str) -> Self {
        let decoded = PathText::parse(raw);
        let path = decoded.as_ref().map_or(raw, PathText::text).to_owned();
        let pages = site.routes.iter().filter(|route| route.method == "GET");
        let mut near: Vec<(f64, &Route)> = pages
            .map(|route| (distance(&path, route.pattern.as_str()), route.as_ref()))
            .filter(|(distance, _)| *distance < TOO_FAR)
            .collect();
        near.sort_by(|(one, a), (other, b)| {
            one.total_cmp(other).then_with(|| a.pattern.as_str().cmp(b.pattern.as_str()))
        });
        let nearest = near.into_iter().take(NAMED).map(|(_, route)| Near::of(route)).collect();
        Self {
            path,
            raw: raw.to_owned(),
            nearest,
            has_own_page: site.error_page_digest(404).is_some(),
        }
    }

    /// The page.
    pub(super) fn html(&self) -> String {
        let path = escaped(&visible(&self.path));
        let mut main =
            format!("<p class=\"status\">404</p>\n<h1>No route for <code>{path}</code></h1>\n");
        // Writing into a String cannot fail.
        if !self.nearest.is_empty() {
            main.push_str("<h2>The nearest routes</h2>\n<ul>\n");
            for near in &self.nearest {
                let _infallible = writeln!(main, "<li>{}</li>", near.html());
            }
            main.push_str("</ul>\n");
        }
        if let Some(yaml) = self.yaml() {
            let _infallible = writeln!(
                main,
                "<h2>To add this one</h2>\n<p>Write it under <code>routes:</code> and save. This \
                 page goes there by itself.</p>\n<pre tabindex=\"0\">{}</pre>",
                escaped(&yaml)
            );
        }
        if self.has_own_page {
            let _infallible = writeln!(
                main,
                "<footer>Visitors see <a href=\"{ERROR_PAGE}404?{}\">the site's own page for \
                 404</a>; this one is shown by <code>larder dev</code> only.</footer>",
                escaped(&self.raw)
            );
        } else {
            main.push_str("<footer>This page is shown by <code>larder dev</code> only.</footer>\n");
        }
        view::page(&format!("404: {}", visible(&self.path)), &main)
    }

    /// The lines that make a route of it; nothing where a pattern cannot say the path.
    fn yaml(&self) -> Option<String> {
        let nowhere = Span::new(&SourceFile::new("", ""), 0..0);
        let pattern = Pattern::parse(&At::new(self.path.clone(), nowhere)).ok()?;
        if !pattern.is_literal() || self.path.contains(char::is_control) {
            return None;
        }
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
        let key = if self.path.chars().all(is_plain) {
            self.path.clone()
        } else {
            // JSON's strings are YAML's double-quoted ones.
            serde_json::to_string(&self.path).ok()?
        };
        let last = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let stem: String = last
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
            .collect();
        let stem = if stem.is_empty() { "page".to_owned() } else { stem };
        Some(format!(
            "routes:\n  {key}:\n    inline: \"<h1>{stem}</h1>\"    # or template: {stem}.html.hbs\n"
        ))
    }
}

impl Near {
    fn of(route: &Route) -> Self {
        Self {
            path: route.pattern.as_str().to_owned(),
            summary: route.summary.clone(),
            place: route.place.to_string(),
            is_literal: route.pattern.is_literal(),
        }
    }

    fn html(&self) -> String {
        let path = escaped(&visible(&self.path));
        let shown = if self.is_literal {
            format!("<a href=\"{path}\"><code>{path}</code></a>")
        } else {
            format!("<code>{path}</code>")
        };
        let summary =
            self.summary.as_deref().map(|text| format!("<small>{}</small>", escaped(text)));
        format!("{shown}{}<small>{}</small>", summary.unwrap_or_default(), escaped(&self.place))
    }
}

/// Text without what a terminal would take for a command, or what turns the direction of writing.
fn visible(text: &str) -> String {
    const TURNS: &str = "\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
        \u{2066}\u{2067}\u{2068}\u{2069}";
    let shown = |letter: char| {
        if letter.is_control() || TURNS.contains(letter) { '\u{fffd}' } else { letter }
    };
    text.chars().map(shown).collect()
}

/// How unlike a path and a pattern are, from 0 to 1: segment by segment, with those that one of
/// them has more.
fn distance(path: &str, pattern: &str) -> f64 {
    let (path, pattern): (Vec<&str>, Vec<&str>) = (split(path), split(pattern));
    let mut row: Vec<f64> = (0..=pattern.len()).map(count).collect();
    for (index, segment) in path.iter().enumerate() {
        let mut next = vec![count(index + 1)];
        for (place, known) in pattern.iter().enumerate() {
            let at = |row: &[f64], place: usize| row.get(place).copied().unwrap_or(f64::MAX);
            let changed = at(&row, place) + unlike(segment, known);
            let fewer = at(&row, place + 1) + 1.0;
            let more = at(&next, place) + 1.0;
            next.push(changed.min(fewer).min(more));
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

    fn missing(path: &str) -> Missing {
        Missing { path: path.into(), raw: path.into(), nearest: Vec::new(), has_own_page: false }
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
            let yaml = missing(path).yaml().unwrap();
            assert!(yaml.contains(key), "{yaml}");
        }
        for path in ["/{x}", "/a\nb", "/:id", "/a#b", "/a?b"] {
            assert_eq!(missing(path).yaml(), None, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_markup_is_shown_as_text() {
        let html = missing("/<script>alert(1)</script>{main}\u{202e}").html();
        assert!(!html.contains("<script>"), "{html}");
        assert!(!html.contains('\u{202e}'));
        assert!(html.contains("/&lt;script&gt;alert(1)&lt;/script&gt;{main}"), "{html}");
    }
}
