use std::sync::Arc;

use super::*;
use crate::cache::request::{CacheRequest, Lifetime, Rendered};
use crate::clock::Clock;

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
        io: false,
    };
    let rendered = Rendered {
        status: 200,
        content_type: "text/html; charset=utf-8".into(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    Entry::new(rendered, &request, Clock::manual().wall())
}

fn written(entry: &Entry) -> Vec<u8> {
    write(entry).expect("a plain entry can be written")
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
    let fp = Fingerprint::of(b"site");
    let start = format!(
        "larder: v=1; route=about; path=/about; fp={fp}; made=2026-01-01T00:00:00Z; \
         ttl=3600000; px=3660000; len=30; sum="
    );
    assert!(lines[3].starts_with(&start), "{}", lines[3]);
    assert_eq!(lines.len(), 4);
}

#[test]
fn what_is_written_is_read_back() {
    for path in ["/", "/a;b c%/d", "/blå bær/ø", "/line\nfeed\u{85}", "/€\r\n\r\nx", ""] {
        for body in ["", "\n\nHTTP/1.1 200 OK\n\n", "æøå"] {
            let entry = entry(path, body);
            let back = read(&Bytes::from(written(&entry))).expect("a record");
            assert_eq!((&*back.path, &back.body[..]), (path, body.as_bytes()));
            assert_eq!((back.status, &back.content_type), (200, &entry.content_type));
            assert_eq!((&back.etag, &back.route), (&entry.etag, &entry.route));
            assert_eq!(
                (back.ttl, back.keep_for, back.made),
                (entry.ttl, entry.keep_for, entry.made)
            );
            assert_eq!(back.fingerprint, entry.fingerprint);
        }
    }
}

#[test]
fn no_single_byte_can_be_changed_cut_or_added() {
    let record = written(&entry("/about", "body"));
    for at in 0..record.len() {
        let cut = Bytes::copy_from_slice(&record[..at]);
        assert!(read(&cut).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut changed = record.clone();
            changed[at] ^= 1 << bit;
            let what = String::from_utf8_lossy(&changed).into_owned();
            assert!(read(&Bytes::from(changed)).is_err(), "{what}");
        }
    }
    let longer = [&record[..], b"\n"].concat();
    assert_eq!(read(&Bytes::from(longer)).err(), Some(Flaw::Length));
}

#[test]
fn other_peoples_values_are_told_apart() {
    let of_another_version = written(&entry("/", "x"));
    let text = String::from_utf8(of_another_version).expect("text").replace("v=1;", "v=2;");
    for value in ["", "hello", "\n\n", "HTTP/1.1 200 OK\n\n", "{\"json\":1}", text.as_str()] {
        let value = Bytes::copy_from_slice(value.as_bytes());
        assert_eq!(read(&value).err(), Some(Flaw::Foreign), "{value:?}");
    }
    assert_eq!(read(&Bytes::from(vec![0xff; 100_000])).err(), Some(Flaw::Foreign));
}

#[test]
fn a_content_type_that_would_break_the_lines_is_not_written() {
    let mut entry = entry("/", "x");
    entry.content_type = "text/html\r\nx: y".into();
    assert_eq!(write(&entry), None);
}
