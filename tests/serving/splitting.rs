//! No text of a client or of the file begins a line of an answer, or another answer.

use crate::harness::{Larder, MEMORY, Site, check, raw};

const SITE: &str = r#"
server: { cache_status: full, docs: /docs }
languages: [en]
errors: { 404: { inline: "{{path}} {{error.detail}}" } }
routes:
  /: { inline: "{{query.q}} {{headers.x-a}} {{cookies.c}} {{path}}" }
  /go/{to}: { redirect: "/to/{{params.to}}?q={{query.q}}#{{query.f}}" }
  /at/{to}: { redirect: "https://example.com/{{params.to}}" }
  /typed: { inline: "{{query.n}}", query: { n: { pattern: "[0-9]+" } } }
  /shared: { inline: shared, cors: [https://a.example] }
  /slash/: { inline: slash }
  /assets/{*path}: { dir: public }
"#;

/// What would begin a line, coded as a client can send it.
const BREAKS: &[&str] = &[
    "%0d%0aset-cookie:%20evil=1",
    "%0aset-cookie:%20evil=1",
    "%0dset-cookie:%20evil=1",
    "%E5%98%8A%E5%98%8Dset-cookie:%20evil=1",
    "%C4%8D%C4%8Aset-cookie:%20evil=1",
    "%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aset-cookie:%20evil=1",
    "%00%0d%0aset-cookie:%20evil=1",
    "%c2%85set-cookie:%20evil=1",
    "\"%5C%0d%0a%20set-cookie:%20evil=1",
];

const PLACES: &[&str] = &[
    "/?q=",
    "/?",
    "/",
    "/go/x?q=",
    "/go/x?f=",
    "/go/",
    "/at/",
    "/typed?n=",
    "/typed?",
    "/slash",
    "/slash?",
    "/assets/",
    "/assets/sub?",
    "/docs/",
    "/docs?",
];

/// The lines of an answer's head.
fn head(answer: &str) -> Vec<&str> {
    answer.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").collect()
}

#[tokio::test]
async fn nothing_that_a_client_sends_begins_a_line_of_an_answer() {
    let site = Site::with(SITE).file("public/sub/index.html", "sub");
    let larder = Larder::serve(&site, MEMORY);
    for place in PLACES {
        for text in BREAKS {
            for turn in 0..2 {
                let request = format!(
                    "GET {place}{text} HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\
                     connection: close\r\n\r\n"
                );
                let answer = raw(&larder.address, &request);
                let what = format!("{place}{text}, turn {turn}:\n{answer}");
                let lines = head(&answer);
                assert!(lines[0].starts_with("HTTP/1.1 "), "{what}");
                for line in lines.iter().skip(1) {
                    let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{what}"));
                    assert_ne!(name.to_ascii_lowercase(), "set-cookie", "{what}");
                    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{what}");
                }
                assert_eq!(answer.matches("HTTP/1.1 ").count(), 1 + in_body(&answer), "{what}");
            }
        }
    }
}

/// How often a page shows the text of a status line, which is no line of a head.
fn in_body(answer: &str) -> usize {
    answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.matches("HTTP/1.1 ").count())
}

#[tokio::test]
async fn what_comes_back_from_header_fields_stays_in_its_line() {
    let larder = Larder::serve(&Site::with(SITE).file("public/a", ""), MEMORY);
    for (field, value) in [
        ("origin", "https://a.example\u{b}x"),
        ("origin", "https://a.example, https://b.example"),
        ("access-control-request-headers", "x-a\", x-b;\u{e5}"),
        ("x-a", "\u{e5}\u{85}"),
        ("cookie", "c=a\u{85}b"),
        ("accept-language", "en\u{85}"),
        ("host", "x\u{85}y"),
        ("if-none-match", "\"\u{85}\""),
    ] {
        for path in ["/", "/shared", "/nowhere"] {
            let host = if field == "host" { "" } else { "host: x\r\n" };
            let answer = raw(
                &larder.address,
                &format!(
                    "GET {path} HTTP/1.1\r\n{host}{field}: {value}\r\nconnection: close\r\n\r\n"
                ),
            );
            for line in head(&answer).iter().skip(1) {
                let printable = line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                assert!(printable && line.contains(": "), "{field} {path}\n{answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_goes_where_the_file_says_whatever_is_asked() {
    let larder = Larder::serve(&Site::with(SITE).file("public/a", ""), MEMORY);
    for (path, location) in [
        ("/at/%2F%2Fevil.example", "https://example.com/%2F%2Fevil.example"),
        ("/at/@evil.example", "https://example.com/%40evil.example"),
        ("/at/..%5Cevil", "https://example.com/..%5Cevil"),
        ("/at/javascript:alert(1)", "https://example.com/javascript%3Aalert%281%29"),
        ("/go/x?q=a%23b%26c=d&f=%3Fg", "/to/x?q=a%23b%26c%3Dd#%3Fg"),
        ("/slash?next=//evil.example", "/slash/?next=//evil.example"),
    ] {
        let answer = larder.get(path).await;
        assert!(answer.status.is_redirection(), "{path}");
        assert_eq!(answer.header("location"), location, "{path}");
    }
}

#[test]
fn a_header_of_the_file_that_would_break_an_answer_is_refused() {
    for (header, code) in [
        (r#""X-A": "a\r\nset-cookie: b""#, "bad_header"),
        (r#""X-A": "a\nb""#, "bad_header"),
        (r#""X-A\r\nB": "a""#, "bad_header"),
        (r#""X A": "a""#, "bad_header"),
        (r#""": "a""#, "bad_header"),
        (r#""X-A": "blåbær""#, "bad_header"),
        (r#""Content-Length": "5""#, "bad_header"),
        (r#""Transfer-Encoding": chunked"#, "bad_header"),
        (r#""Connection": close"#, "bad_header"),
    ] {
        let site = Site::with(&format!("routes:\n  /: {{ body: x, headers: {{ {header} }} }}\n"));
        let output = check(&site, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{header}\n{said}");
        assert!(said.contains(&format!("error[{code}]")), "{header}\n{said}");
    }
    let site = Site::with("routes:\n  /: { body: x, content_type: \"text/html\\r\\na: b\" }\n");
    assert_eq!(check(&site, &[]).status.code(), Some(78));
}
