use super::*;
use crate::diagnostic::Code;

fn environment(pairs: &[(&str, &str)]) -> FilledIn {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    FilledIn(pairs.iter().map(owned).collect())
}

#[test]
fn what_the_environment_filled_in_is_never_shown() {
    let file = SourceFile::new("routes.yaml", "a: ${KEY}\nb: plain\n");
    let (filled, plain) = (Span::at(&file, 1, 4, 6), Span::at(&file, 2, 4, 5));
    for (value, message, span, shown) in [
        // The whole value, wherever it is said.
        ("s3cret-value", "`s3cret-value` is no key builder", &filled, "`${KEY}` is no key builder"),
        ("s3cret-value", "both named `x-s3cret-value`", &plain, "both named `x-${KEY}`"),
        // A part of it, where a text that holds the variable is marked.
        ("{{nope.x}} y", "nothing provides `nope`", &filled, "nothing provides `${KEY}`"),
        ("{{nope.x}} y", "nothing provides `nope`", &plain, "nothing provides `nope`"),
        // A short one as a word of what is quoted.
        ("abc", "`/abc` and abc", &plain, "`/${KEY}` and abc"),
        ("ab", "`cable` is unknown", &plain, "`cable` is unknown"),
        // One that is the middle of a longer word, where the variable is marked.
        ("abc", "`xabcx` is unknown", &filled, "`${KEY}` is unknown"),
        ("s3cret", "unknown, did you mean `s3c`?", &filled, "unknown, did you mean `${KEY}`?"),
        ("{{> s3/cret}}", "a file like `s3/cret.html.hbs`", &filled, "a file like `${KEY}`"),
        ("s3cret", "`t` takes a number", &filled, "`t` takes a number"),
        ("", "`` is empty", &filled, "`` is empty"),
    ] {
        let report = Report::from_iter([Diagnostic::new(Code::BadType, message, span)]);
        let report = report.shown(None, &environment(&[("KEY", value)]));
        assert_eq!(report.list[0].message, shown, "{value}");
    }
}

#[test]
fn what_is_quoted_is_cut_and_the_first_hundred_are_shown() {
    let text = "x\n".repeat(100_000);
    let file = SourceFile::new("routes.yaml", text);
    let long = "k".repeat(1_000_000);
    let mut report = Report::default();
    for at in 0..100_000 {
        let span = Span::new(&file, at * 2..at * 2 + 1);
        let message = if at == 0 { format!("unknown field `{long}`") } else { "same".to_owned() };
        report.push(Diagnostic::new(Code::UnknownField, message.clone(), &span));
        report.push(Diagnostic::new(Code::UnknownField, message, &span));
    }
    let report = report.shown(None, &FilledIn::default());
    assert_eq!((report.list.len(), report.counts()), (100, ((100_000, 0), 99_900)));
    let first = &report.list[0].message;
    assert!(first.len() < 200 && first.contains('…'), "{first}");
    assert!(report.has_errors());
}

#[test]
fn a_place_is_told_as_from_where_the_process_stands() {
    let here = std::env::current_dir().unwrap();
    for (directory, shown) in [
        (".".into(), "a.yaml:1:1"),
        ("site".into(), "site/a.yaml:1:1"),
        ("./site".into(), "site/a.yaml:1:1"),
        ("../x".into(), "../x/a.yaml:1:1"),
        (here.join("site"), "site/a.yaml:1:1"),
        (here.clone(), "a.yaml:1:1"),
        ("/elsewhere".into(), "/elsewhere/a.yaml:1:1"),
    ] {
        let file = SourceFile::new("a.yaml", "x");
        let found = Diagnostic::new(Code::BadType, "m", &Span::new(&file, 0..1));
        let report = Report::from_iter([found]).shown(Some(&directory), &FilledIn::default());
        assert_eq!(report.list[0].place().unwrap().to_string(), shown, "{directory:?}");
    }
}
