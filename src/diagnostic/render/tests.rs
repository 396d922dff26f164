use super::*;
use crate::diagnostic::{Code, Diagnostic, Report, SourceFile};

const TEXT: &str = "routes:\n  /a: { body: a }\n  /b:\n    ttll: 5m\n  /a: { body: ø }\n";

fn report() -> Report {
    let file = SourceFile::new("routes.yaml", TEXT);
    let mut report = Report::default();
    report.push(
        Diagnostic::new(
            Code::UnknownField,
            "unknown field `ttll` in route `/b`",
            &Span::at(&file, 4, 5, 4),
        )
        .help("did you mean `ttl`?"),
    );
    report.push(
        Diagnostic::new(Code::DuplicateRoute, "`/a` is defined twice", &Span::at(&file, 5, 3, 2))
            .remark("again here")
            .label(&Span::at(&file, 2, 3, 2), "first here"),
    );
    report.push(Diagnostic::new(
        Code::LooksLike,
        "a warning, 100% sure:\nyes",
        &Span::at(&file, 5, 15, 1),
    ));
    report
}

#[test]
fn a_person_sees_the_lines_both_marks_and_the_help() {
    let expected = "\
error[unknown_field]: unknown field `ttll` in route `/b`
 --> routes.yaml:4:5
  |
4 |     ttll: 5m
  |     ^^^^
  |
  = help: did you mean `ttl`?

error[duplicate_route]: `/a` is defined twice
 --> routes.yaml:5:3
  |
2 |   /a: { body: a }
  |   -- first here
...
5 |   /a: { body: ø }
  |   ^^ again here

warning[looks_like]: a warning, 100% sure:
                     yes
 --> routes.yaml:5:15
  |
5 |   /a: { body: ø }
  |               ^

2 errors, 1 warning; still serving what was loaded at 14:03:22
";
    let shown = human(&report(), false, Some("still serving what was loaded at 14:03:22"));
    assert_eq!(shown, expected);
    assert_eq!(human(&Report::default(), false, Some("x")), "");
    assert!(human(&report(), true, None).contains("\u{1b}["));
}

#[test]
fn ci_gets_a_command_a_line_with_everything_escaped() {
    let expected = "\
::error file=routes.yaml,line=4,col=5,endLine=4,endColumn=9,title=unknown_field::unknown field `ttll` in route `/b`%0Ahelp: did you mean `ttl`?
::error file=routes.yaml,line=5,col=3,endLine=5,endColumn=5,title=duplicate_route::`/a` is defined twice%0Aroutes.yaml:2:3: first here
::warning file=routes.yaml,line=5,col=15,endLine=5,endColumn=16,title=looks_like::a warning, 100%25 sure:%0Ayes
";
    assert_eq!(github(&report()), expected);
    let file = SourceFile::new("a,b:c.yaml", "x");
    let odd = Report::from_iter([Diagnostic::new(Code::BadType, "x", &Span::new(&file, 0..1))]);
    assert!(github(&odd).starts_with("::error file=a%2Cb%3Ac.yaml,line=1,"));
}

#[test]
fn programs_get_every_label_with_its_end() {
    let value = json(&report());
    assert_eq!(value[1]["code"], "duplicate_route");
    assert_eq!(value[1]["severity"], "error");
    assert_eq!(value[0]["help"], "did you mean `ttl`?");
    assert_eq!(value[2]["help"], serde_json::Value::Null);
    let label = &value[1]["labels"][1];
    assert_eq!(
        *label,
        serde_json::json!({
            "file": "routes.yaml", "line": 2, "column": 3, "end_line": 2, "end_column": 5,
            "text": "first here",
        })
    );
}

#[test]
fn nothing_from_a_file_reaches_the_terminal_as_a_command() {
    let file = SourceFile::new("a\u{1b}[31m.yaml", "x: \u{1b}]0;title\u{7}\u{9b}31m\u{202e}\r\n");
    let span = Span::at(&file, 1, 1, 40);
    let report = Report::from_iter([Diagnostic::new(Code::BadType, "\u{1b}[2J\u{8}", &span)
        .remark("\u{9d}")
        .help("\u{1b}c")]);
    let shown = [human(&report, false, Some("ok")), github(&report)];
    for text in shown {
        let bad = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
        assert_eq!(text.chars().find(bad), None, "{text:?}");
    }
}

#[test]
fn a_mark_is_drawn_at_the_end_of_a_file_in_an_empty_one_and_behind_a_byte_order_mark() {
    for text in ["", "\n", "a", "a: b", "\u{feff}a: b\n", "\u{feff}", "a: ø\r\nb: c\r\n"] {
        let file = SourceFile::new("f.yaml", text);
        for at in 0..=text.len() {
            let span = Span::new(&file, at..text.len());
            let report =
                Report::from_iter([Diagnostic::new(Code::BadType, "m", &span)
                    .label(&Span::new(&file, at..at), "x")]);
            assert!(human(&report, false, None).contains("f.yaml"), "{text:?} {at}");
        }
    }
    let file = SourceFile::new("f.yaml", "\u{feff}aå: b\r\nc: d\r\n");
    let span = Span::at(&file, 1, 2, 2);
    let report = Report::from_iter([Diagnostic::new(Code::BadType, "m", &span)]);
    let shown = human(&report, false, None);
    assert!(shown.contains("f.yaml:1:1"), "{shown}");
    assert!(shown.contains("| aå: b\n  | ^^\n"), "{shown}");
}

#[test]
fn passwords_in_the_lines_that_are_shown_are_stars() {
    for (line, shown) in [
        ("store: redis://:s3cret@h:1", "store: redis://:******@h:1"),
        ("store: redis://me:s3cret@h:1", "store: redis://me:******@h:1"),
        ("url: https://t0ken@example.com", "url: https://*****@example.com"),
        ("{ Authorization: \"Bearer abc\", x: 1 }", "{ Authorization: \"**********\", x: 1 }"),
        ("admin_token: abc", "admin_token: ***"),
        ("admin_token: ${TOKEN}", "admin_token: ${TOKEN}"),
        ("home: https://example.com/@me", "home: https://example.com/@me"),
        ("store: redis://${USER}:${PASS}@h", "store: redis://${USER}:*******@h"),
    ] {
        assert_eq!(masked(line), shown);
    }
}

#[test]
fn a_line_of_any_length_has_its_place_and_what_is_around_the_mark() {
    let text = format!("a: [{}, bad, {}]\n", "ø".repeat(20_000), "x".repeat(20_000));
    let file = SourceFile::new("routes.yaml", text);
    let place = Span::at(&file, 1, 20_007, 3);
    assert_eq!(place.text(), "bad");
    let found = Diagnostic::new(Code::BadType, "it is bad", &place)
        .label(&Span::at(&file, 1, 1, 1), "in this list");
    let shown = human(&Report::from_iter([found]), false, None);
    for part in ["--> routes.yaml:1:20007", "ø, bad, x", "^^^", "::: routes.yaml:1:1", "- in this"]
    {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
}
