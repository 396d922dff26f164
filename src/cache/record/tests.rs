use std::sync::Arc;

use super::*;
use crate::cache::request::{CacheRequest, Lifetime, Rendered};
use crate::clock::Clock;

const KEY: &str = "api:cache::about:/about";

fn entry(path: &str, body: &str) -> Entry {
    let request = CacheRequest {
        key: format!("api:cache::about:{path}"),
        fingerprint: Fingerprint::of(b"site"),
        lifetime: Lifetime {
            ttl: Some(Duration::from_secs(3600)),
            stale_while_revalidate: Duration::from_secs(30),
            stale_if_error: Duration::from_secs(60),
        },
        route: Arc::from("about"),
        path: path.into(),
        status: 200,
        io: false,
    };
    let rendered = Rendered {
        status: 200,
        content_type: "text/html; charset=utf-8".into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        inputs: Fingerprint::default(),
        left: None,
    };
    Entry::new(rendered, &request, Clock::manual().wall())
}

fn written(entry: &Entry) -> Vec<u8> {
    write(KEY, entry).expect("a plain entry can be written")
}

#[test]
fn a_record_is_an_http_response_that_a_person_can_read() {
    let entry = entry("/about", "<p>This is the about page.</p>");
    let record = String::from_utf8(written(&entry)).expect("text");
    let (head, body) = record.split_once("\n\n").expect("a blank line");
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(body, "<p>This is the about page.</p>");
    assert_eq!(lines[0], "HTTP/1.1 200 OK");
    assert_eq!(lines[1], "content-type: text/html; charset=utf-8");
    assert_eq!(lines[2], format!("etag: {}", entry.etag));
    let (fp, none) = (Fingerprint::of(b"site"), Fingerprint::default());
    let start = format!(
        "larder: v=2; route=about; path=/about; fp={fp}; in={none}; id={:016x}; \
         made=2026-01-01T00:00:00Z; ttl=3600000; px=3660000; len=30; sum=",
        entry.id
    );
    assert!(lines[3].starts_with(&start), "{}", lines[3]);
    assert_eq!(lines.len(), 4);
}

#[test]
fn what_is_written_is_read_back() {
    for path in ["/", "/a;b c%/d", "/blå bær/ø", "/line\nfeed\u{85}", "/€\r\n\r\nx", ""] {
        for body in ["", "\n\nHTTP/1.1 200 OK\n\n", "æøå"] {
            let entry = entry(path, body);
            let back = read(KEY.as_bytes(), &Bytes::from(written(&entry))).expect("a record");
            assert_eq!((&*back.path, &back.body[..]), (path, body.as_bytes()));
            assert_eq!((back.status, &back.content_type), (200, &entry.content_type));
            assert_eq!((&back.etag, &back.route), (&entry.etag, &entry.route));
            assert_eq!(
                (back.ttl, back.keep_for, back.made),
                (entry.ttl, entry.keep_for, entry.made)
            );
            assert_eq!(
                (back.fingerprint, back.inputs, back.id),
                (entry.fingerprint, entry.inputs, entry.id)
            );
        }
    }
}

#[test]
fn no_single_byte_can_be_changed_cut_or_added() {
    let record = written(&entry("/about", "body"));
    for at in 0..record.len() {
        let cut = Bytes::copy_from_slice(&record[..at]);
        assert!(read(KEY.as_bytes(), &cut).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut changed = record.clone();
            changed[at] ^= 1 << bit;
            let what = String::from_utf8_lossy(&changed).into_owned();
            assert!(read(KEY.as_bytes(), &Bytes::from(changed)).is_err(), "{what}");
        }
    }
    let longer = [&record[..], b"\n"].concat();
    assert_eq!(read(KEY.as_bytes(), &Bytes::from(longer)).err(), Some(Flaw::Length));
}

#[test]
fn other_peoples_values_are_told_apart() {
    let of_another_version = written(&entry("/", "x"));
    let text = String::from_utf8(of_another_version).expect("text").replace("v=2;", "v=1;");
    for value in ["", "hello", "\n\n", "HTTP/1.1 200 OK\n\n", "{\"json\":1}", text.as_str()] {
        let value = Bytes::copy_from_slice(value.as_bytes());
        assert_eq!(read(KEY.as_bytes(), &value).err(), Some(Flaw::Foreign), "{value:?}");
    }
    assert_eq!(read(KEY.as_bytes(), &Bytes::from(vec![0xff; 100_000])).err(), Some(Flaw::Foreign));
}

#[test]
fn a_content_type_that_would_break_the_lines_is_not_written() {
    let mut entry = entry("/", "x");
    entry.content_type = "text/html\r\nx: y".into();
    assert_eq!(write(KEY, &entry), None);
}

#[test]
fn a_record_that_was_copied_to_another_key_is_not_taken() {
    let record = Bytes::from(written(&entry("/account", "hello ada")));
    assert!(read(KEY.as_bytes(), &record).is_ok());
    assert_eq!(read(b"api:cache::about:/other", &record).err(), Some(Flaw::Sum));
}

/// A record of this head, whose sum is right.
fn forged(head: &str) -> Bytes {
    let start = format!(
        "{head}larder: v=2; route=about; path=/; fp={fp}; in={fp}; id=00000000000000ab; \
         made=2026-01-01T00:00:00Z; ttl=1000; px=1000; len=4; ",
        fp = Fingerprint::default(),
    );
    format!("{start}sum={}\n\nbody", sum_of(KEY, &start, b"body")).into()
}

#[test]
fn only_what_larder_writes_is_taken_whoever_wrote_it() {
    let lines = "content-type: text/plain\netag: \"x\"\n";
    let good = forged(&format!("HTTP/1.1 200 OK\n{lines}"));
    assert_eq!(read(KEY.as_bytes(), &good).expect("a record").status, 200);
    for status in ["100 Continue", "101 Switching Protocols", "199 ", "600 ", "999 ", "0 ", "-1 "] {
        let record = forged(&format!("HTTP/1.1 {status}\n{lines}"));
        assert_eq!(read(KEY.as_bytes(), &record).err(), Some(Flaw::Foreign), "{status}");
    }
    for line in ["transfer-encoding: chunked", "content-length: 3", "connection: close", "x: y"] {
        let heads = [
            format!("HTTP/1.1 200 OK\n{line}\n{lines}"),
            format!("HTTP/1.1 200 OK\n{lines}{line}\n"),
            format!("HTTP/1.1 200 OK\ncontent-type: text/plain\r\n{line}\netag: \"x\"\n"),
            format!("HTTP/1.1 200 OK\ncontent-type: text/plain\r{line}\netag: \"x\"\n"),
        ];
        for head in heads {
            let record = forged(&head);
            assert_eq!(read(KEY.as_bytes(), &record).err(), Some(Flaw::Foreign), "{head}");
        }
    }
}
