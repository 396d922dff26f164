//! Any texts as the routes of a site, and any paths: the router finds what a slow and obvious
//! reading of the patterns finds.
//!
//! The input is a route a line, then an empty line, then a path a line.

#![no_main]

use larder::parts::diagnostic::{At, SourceFile, Span};
use larder::parts::site::route::{RouteMatch, ParamKind, PathText, Pattern, Router, RouterBuilder};
use libfuzzer_sys::fuzz_target;

/// How specific each segment of a match is: less is better.
type Rank = Vec<(u8, isize, ParamKind, isize)>;

fn pattern(text: &str) -> Option<Pattern> {
    let file = SourceFile::new("routes.yaml", text);
    Pattern::parse(&At::new(text.to_owned(), Span::new(&file, 0..text.len()))).ok()
}

/// Whether and how a pattern matches, straight from its text.
fn matches(pattern: &str, path: &PathText) -> Option<(Rank, Vec<String>)> {
    let mut segments = path.segments();
    let (mut rank, mut values) = (Vec::new(), Vec::new());
    for typed in pattern.split('/').skip(1) {
        let segment = segments.next()?;
        let Some((prefix, rest)) = typed.split_once('{') else {
            if typed != segment {
                return None;
            }
            rank.push((0, 0, ParamKind::Uuid, 0));
            continue;
        };
        let (inside, suffix) = rest.split_once('}')?;
        if inside.starts_with('*') {
            let all: Vec<&str> = std::iter::once(segment).chain(segments).collect();
            values.push(all.join("/"));
            rank.push((2, 0, ParamKind::Rest, 0));
            return Some((rank, values));
        }
        let kind = match inside.split_once(':') {
            Some((_, word)) => ParamKind::parse(word)?,
            None => ParamKind::Text,
        };
        let value = segment.strip_prefix(prefix)?.strip_suffix(suffix)?;
        if !kind.accepts(value) {
            return None;
        }
        values.push(value.to_owned());
        let literal = (prefix.len() + suffix.len()).cast_signed();
        rank.push((1, -literal, kind, -prefix.len().cast_signed()));
    }
    segments.next().is_none().then_some((rank, values))
}

/// What is asked for is found as the oracle finds it; what is redirected arrives.
fn agree(router: &Router, patterns: &[(&str, Pattern)], raw: &str) {
    let found = router.find("GET", raw);
    let Some(path) = PathText::parse(raw) else {
        assert!(matches!(found, RouteMatch::Malformed), "{raw}: {found:?}");
        return;
    };
    let of = |wanted: &'static str| {
        let all = patterns.iter().enumerate().filter(move |(_, (method, _))| *method == wanted);
        all.filter_map(|(target, (_, pattern))| {
            matches(pattern.as_str(), &path).map(|(rank, values)| (rank, target, values))
        })
        .min()
    };
    match (found, of("GET")) {
        (RouteMatch::Route(found), Some((_, target, values))) => {
            assert_eq!(found.target as usize, target, "{raw}");
            let params: Vec<&str> = found.params.iter().map(|(_, value)| value).collect();
            assert_eq!(params, values, "{raw}");
        }
        (RouteMatch::Redirect { to }, None) => {
            assert!(to.starts_with('/') && !to.starts_with("//"), "{raw}: {to}");
            let there = router.find("GET", &to);
            assert!(matches!(there, RouteMatch::Route(_) | RouteMatch::Method { .. }), "{raw}: {to}");
        }
        (RouteMatch::Method { allow }, None) => {
            assert!(allow.contains("POST") && of("POST").is_some(), "{raw}: {allow}");
        }
        (RouteMatch::NotFound, None) => assert!(of("POST").is_none(), "{raw}"),
        (found, best) => panic!("{raw}: {found:?}, and the oracle says {best:?}"),
    }
}

fuzz_target!(|text: &str| {
    let (routes, paths) = text.split_once("\n\n").unwrap_or((text, ""));
    let patterns: Vec<(&str, Pattern)> = routes
        .lines()
        .take(8)
        .filter_map(|line| match line.strip_prefix("POST ") {
            Some(path) => Some(("POST", pattern(path)?)),
            None => Some(("GET", pattern(line)?)),
        })
        .collect();
    let nowhere = Span::new(&SourceFile::new("routes.yaml", ""), 0..0);
    let mut builder = RouterBuilder::default();
    for (target, (method, pattern)) in (0..).zip(&patterns) {
        let _name = pattern.default_name();
        builder.add(method, pattern, target, &nowhere);
    }
    let good = !builder.check().has_errors();
    let router = builder.build();
    for path in paths.lines().take(8) {
        // Two routes for the same paths are refused at load; of those any may be found.
        if good { agree(&router, &patterns, path) } else { drop(router.find("GET", path)) }
    }
});
