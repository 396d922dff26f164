//! The router beside a slow and obvious one.

use proptest::prelude::*;

use super::{at, canonical};
use crate::site::route::{ParamKind, PathText, Pattern, RouteMatch, RouterBuilder};

/// How specific each segment of a match is (less is better), and the values.
type Match = (Vec<(u8, isize, isize)>, Vec<String>);

/// Whether and how a pattern matches, straight from its text.
fn matches(pattern: &str, path: &PathText) -> Option<Match> {
    let mut segments = path.segments();
    let (mut rank, mut values) = (Vec::new(), Vec::new());
    for typed in pattern.split('/').skip(1) {
        if typed.starts_with("{*") {
            let rest: Vec<&str> = segments.by_ref().collect();
            if rest.is_empty() {
                return None;
            }
            values.push(rest.join("/"));
            rank.push((2, 0, 0));
            return Some((rank, values));
        }
        let segment = segments.next()?;
        let Some((prefix, rest)) = typed.split_once('{') else {
            if typed != segment {
                return None;
            }
            rank.push((0, 0, 0));
            continue;
        };
        let (inside, suffix) = rest.split_once('}')?;
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
        rank.push((1, -literal, kind as isize * 1_000 - prefix.len().cast_signed()));
    }
    segments.next().is_none().then_some((rank, values))
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ab1]{1,2}",
        2 => ("(a|b)?", "(:int|:slug|:date)?", "(1|b)?")
                .prop_map(|(prefix, kind, suffix)| format!("{prefix}{{PARAM{kind}}}{suffix}")),
    ]
}

fn typed() -> impl Strategy<Value = String> {
    let end = prop_oneof![Just(""), Just("/"), Just("/{*PARAM}")];
    (prop::collection::vec(segment(), 0..4), end).prop_map(|(segments, end)| {
        let text = segments.iter().fold(String::new(), |text, segment| text + "/" + segment);
        let text = if text.is_empty() && end.is_empty() { "/".to_owned() } else { text + end };
        // Each parameter gets a name of its own.
        (0..text.matches("PARAM").count())
            .fold(text, |text, number| text.replacen("PARAM", &format!("p{number}"), 1))
    })
}

fn sent() -> impl Strategy<Value = String> {
    let segment =
        prop_oneof!["[ab1]{0,3}", Just("2026-11-23".to_owned()), Just("a%2Fb".to_owned())];
    prop::collection::vec(segment, 1..5).prop_map(|segments| {
        segments.iter().fold(String::new(), |text, segment| text + "/" + segment)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_router_finds_what_the_oracle_finds(
        list in prop::collection::vec(typed(), 1..12),
        paths in prop::collection::vec(sent(), 1..8),
    ) {
        let mut builder = RouterBuilder::default();
        let mut patterns: Vec<String> = Vec::new();
        for text in list {
            let at = at(text.clone());
            let mut next = RouterBuilder::default();
            for (target, known) in (0..).zip(patterns.iter().chain([&text])) {
                let pattern = Pattern::parse(&super::at(known.clone())).expect("a pattern");
                next.add("GET", &pattern, target, &at.span);
            }
            if next.check().is_empty() {
                builder = next;
                patterns.push(text);
            }
        }
        let router = builder.build();
        for path in paths {
            let text = PathText::parse(&path).expect("a path");
            let all = patterns.iter().enumerate().filter_map(|(target, pattern)| {
                matches(pattern, &text).map(|(rank, values)| (rank, target, values))
            });
            let best = all.min();
            match (router.find("GET", &path), best) {
                (RouteMatch::Route(found), Some((_, target, values))) => {
                    let params: Vec<String> =
                        found.params.iter().map(|(_, value)| value.to_owned()).collect();
                    prop_assert_eq!(found.target as usize, target, "{} in {:?}", path, patterns);
                    prop_assert_eq!(params, values, "{}", path);
                }
                (RouteMatch::Redirect { .. } | RouteMatch::NotFound, None) => {}
                (found, best) => {
                    prop_assert!(false, "{path} in {patterns:?}: {found:?}, oracle {best:?}");
                }
            }
        }
    }

    #[test]
    fn two_paths_never_have_one_canonical_form(one in any_path(), two in any_path()) {
        let (first, second) = (PathText::parse(&one), PathText::parse(&two));
        if let (Some(first), Some(second)) = (first, second) {
            let same = first.segments().eq(second.segments());
            prop_assert_eq!(same, canonical(&first) == canonical(&second), "{} {}", one, two);
        }
    }

    #[test]
    fn no_path_makes_the_router_panic(path in ".{0,40}") {
        let mut builder = RouterBuilder::default();
        for (target, text) in (0..).zip(["/é{a}é", "/{a}/{b:int}", "/{*rest}"]) {
            let at = at(text.to_owned());
            builder.add("GET", &Pattern::parse(&at).expect("a pattern"), target, &at.span);
        }
        let router = builder.build();
        let raw = format!("/{path}");
        if let RouteMatch::Route(found) = router.find("GET", &raw) {
            prop_assert_eq!(found.params.iter().count() > 0, true);
        }
    }
}

fn any_path() -> impl Strategy<Value = String> {
    let bit = prop_oneof![
        "/", "%2[fF]", "a", "%61", "%25", ":", "%3[aA]", "2F", "~", "%7E", "é", "%C3%A9"
    ];
    prop::collection::vec(bit, 0..6).prop_map(|bits| format!("/{}", bits.concat()))
}
