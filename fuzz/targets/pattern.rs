//! Two paths of a site and the path of a request: what parses is found, always alike.

#![no_main]

use larder::diagnostic::{At, SourceFile, Span};
use larder::site::route::{Found, Pattern, RouterBuilder};
use libfuzzer_sys::fuzz_target;

fn pattern(text: &str) -> Option<Pattern> {
    let file = SourceFile::new("routes.yaml", text);
    Pattern::parse(&At::new(text.to_owned(), Span::new(&file, 0..text.len()))).ok()
}

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (one, two, path) = (next(), next(), next());
    let nowhere = Span::new(&SourceFile::new("routes.yaml", ""), 0..0);
    let mut builder = RouterBuilder::default();
    let patterns: Vec<Pattern> = [one, two].into_iter().filter_map(pattern).collect();
    for (target, pattern) in (0..).zip(&patterns) {
        builder.add("GET", pattern, target, &nowhere);
    }
    let report = builder.check();
    let router = builder.build();
    for pattern in patterns.iter().filter(|pattern| pattern.is_literal()) {
        if !report.has_errors() && !pattern.as_str().contains('%') && pattern.as_str().is_ascii() {
            assert!(matches!(router.find("GET", pattern.as_str()), Found::Route(_)), "{pattern}");
        }
    }
    let (first, second) = (router.find("GET", path), router.find("GET", path));
    match (&first, &second) {
        (Found::Route(first), Found::Route(second)) => {
            assert_eq!(first.target, second.target);
            assert!(first.params.iter().eq(second.params.iter()));
        }
        _ => assert_eq!(std::mem::discriminant(&first), std::mem::discriminant(&second)),
    }
});
