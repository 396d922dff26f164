//! A plain request is read and answered by larder's own HTTP/1.1, any other by hyper: the answers
//! are the same, line by line.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Larder, MEMORY, Site, both_stores};

const SITE: &str = r#"
languages: [en, no]
errors: { 404: missing.html }
routes:
  /: { inline: "<p>{{path}}</p>", content_type: text/html }
  /made: { status: 201, inline: made }
  /gone: { status: 410, body: gone }
  /empty: { status: 204, body: "" }
  /nothing: { body: "" }
  /public: { inline: public, max_age: 10m, headers: { X-Own: "a, b", Vary: X-Kind } }
  /hello/{name}: { inline: "{{params.name}} {{query.q}} {{language}} {{headers.x-kind}}" }
  /who: { inline: "{{cookies.who}}" }
  /shared: { inline: shared, cors: "*" }
  /some: { inline: some, cors: [https://a.example] }
  /kept: { body: {"text": "TEXT"} }
  /large: { body: "LARGE" }
  /never: { inline: never, ttl: off }
  /old: { redirect: /made }
  /file.txt: file.txt
"#;

/// What is asked, and the lines beside Host.
const ASKED: &[(&str, &str, &str)] = &[
    ("GET", "/", ""),
    ("HEAD", "/", ""),
    ("GET", "/?unread=1", ""),
    ("GET", "/made", ""),
    ("GET", "/gone", ""),
    ("GET", "/empty", ""),
    ("GET", "/nothing", ""),
    ("GET", "/public", ""),
    ("GET", "/hello/ada", ""),
    ("GET", "/hello/%C3%A5se?q=%20x&q=y", "Accept-Language: no\r\nX-Kind: a\r\nX-KIND: b\r\n"),
    ("GET", "/hello/a%2Fb?q=", "accept-language: fr\r\nx-kind: \u{e5}\r\n"),
    ("GET", "/who", "Cookie: who=ada; a=b\r\ncookie: who=eve\r\n"),
    ("GET", "/shared", "Origin: https://a.example\r\n"),
    ("GET", "/some", "Origin: https://a.example\r\n"),
    ("GET", "/some", "Origin: https://b.example\r\n"),
    ("GET", "/kept", "Accept-Encoding: gzip, br;q=0.1\r\n"),
    ("GET", "/kept", "Accept-Encoding: br\r\nAccept-Encoding: gzip;q=0.2\r\n"),
    ("HEAD", "/kept", "Accept-Encoding: zstd\r\n"),
    ("GET", "/kept", "Accept-Encoding: identity;q=0, *;q=0\r\n"),
    ("GET", "/kept", "If-None-Match: *\r\n"),
    ("HEAD", "/kept", "If-None-Match: *\r\nAccept-Encoding: gzip\r\n"),
    ("GET", "/kept", "If-None-Match: \"other\"\r\nIf-None-Match: W/\"x\"\r\n"),
    ("GET", "/kept", "If-Match: \"other\"\r\n"),
    ("GET", "/made", "If-None-Match: *\r\n"),
    ("GET", "/gone", "If-None-Match: *\r\n"),
    ("GET", "/kept", "Range: bytes=0-3\r\n"),
    ("GET", "/large", ""),
    ("HEAD", "/large", ""),
    ("GET", "/large", "Accept-Encoding: br\r\n"),
    ("GET", "/never", ""),
    ("GET", "/old?x=1", ""),
    ("GET", "/file.txt", ""),
    ("GET", "/file.txt", "Range: bytes=1-2\r\n"),
    ("GET", "/file.txt", "Range: bytes=0-0,2-3\r\n"),
    ("HEAD", "/file.txt", ""),
    ("GET", "/missing", "Accept: text/html\r\n"),
    ("GET", "/missing", ""),
    ("GET", "/made/", ""),
    ("GET", "/hello/%ff", ""),
    ("GET", "/hello/ada?q=%zz", ""),
    ("GET", "/../made", ""),
    ("GET", "//made", ""),
];

fn site(large: &str) -> Site {
    let text = SITE.replace("TEXT", &"larder ".repeat(100)).replace("LARGE", large);
    let site = Site::with(&text).file("missing.html", "<p>{{path}}</p>");
    site.file("file.txt", "0123456789")
}

/// An answer: status line, header lines, body.
type Answer = (String, BTreeMap<String, Vec<String>>, Vec<u8>);

fn ask(larder: &Larder, (method, path, lines): (&str, &str, &str), more: &str) -> Answer {
    let address = larder.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
    let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}{more}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(bytes.get(..end).expect("a head")).into_owned();
    let mut head = head.split("\r\n");
    let status = head.next().expect("a status").to_owned();
    let mut fields = BTreeMap::<_, Vec<_>>::new();
    for line in head {
        let (name, value) = line.split_once(": ").expect("a line");
        // What passes while the second one is asked.
        let value = if ["age", "date"].contains(&name) { "some" } else { value };
        let value = value.split("ttl=").next().unwrap_or_default();
        fields.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    (status, fields, bytes.split_off(end + 4))
}

#[tokio::test]
async fn a_plain_request_is_answered_as_hyper_would() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(&"larder ".repeat(50_000)), store);
        for asked in ASKED {
            // Kept, and coded where it is to be.
            for _ in 0..2 {
                ask(&larder, *asked, "Connection: close\r\n");
            }
            let own = ask(&larder, *asked, "Connection: close\r\n");
            let other = ask(&larder, *asked, "Connection: close, x\r\n");
            assert_eq!(own, other, "{asked:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn answers_that_a_slow_reader_takes_in_bits_are_whole() {
    let text = "larder ".repeat(140_000);
    let larder = Larder::serve(&site(&text), MEMORY);
    larder.get("/large").await;
    let address = larder.address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connected");
    let one = "GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(one.repeat(5).as_bytes()).expect("sent");
    stream.write_all(b"GET /old HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("sent");
    let (mut bytes, mut bit) = (Vec::new(), [0; 7919]);
    loop {
        let count = stream.read(&mut bit).expect("bytes");
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(bit.get(..count).expect("a bit"));
    }
    let all = String::from_utf8(bytes).expect("text");
    assert_eq!(all.matches("HTTP/1.1 200 OK\r\n").count(), 10);
    assert_eq!(all.matches(&format!("\r\n\r\n{text}HTTP/1.1 200 OK\r\n")).count(), 5);
    assert_eq!(all.matches("\r\n\r\n<p>/</p>HTTP/1.1 ").count(), 5);
    assert!(all.ends_with("\r\n\r\n"), "the last one has no body");
}

#[tokio::test]
async fn hits_are_the_same_wherever_their_requests_are_cut() {
    let larder = Larder::serve(&site("large"), MEMORY);
    for path in ["/", "/large"] {
        larder.get(path).await;
    }
    let address = larder.address.trim_start_matches("http://");
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
                    GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for cut in 1..requests.len() {
        let (one, two) = requests.split_at(cut);
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_nodelay(true).expect("sent as written");
        stream.write_all(one.as_bytes()).expect("sent");
        std::thread::yield_now();
        stream.write_all(two.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 2, "cut at {cut}: {answer}");
        assert!(answer.contains("\r\n\r\n<p>/</p>HTTP/1.1"), "cut at {cut}: {answer}");
        assert!(answer.ends_with("\r\n\r\nlarge"), "cut at {cut}: {answer}");
    }
}
