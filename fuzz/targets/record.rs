//! What a key of Redis holds: any bytes are a record or a flaw, what is written is read back, and
//! what was changed since is not taken.
//!
//! The input is bytes as they may stand in Redis; as a body they also make a record of their own,
//! in which the bit that the first bytes name is turned over.

#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use larder::parts::cache::{CacheRequest, Entry, Lifetime, Rendered, record};
use larder::parts::fingerprint::Fingerprint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let found = Bytes::copy_from_slice(bytes);
    if let Ok(entry) = record::read(b"key", &found) {
        let written = record::write("key", &entry).expect("what was read can be written");
        same(&entry, &record::read(b"key", &written.into()).expect("what was written can be read"));
    }
    let entry = entry(found.clone());
    // A path or a type that no line can hold gives no record.
    let Some(mut written) = record::write("key", &entry) else { return };
    let whole = Bytes::from(written.clone());
    same(&entry, &record::read(b"key", &whole).expect("what was written can be read"));
    let [one, two, three, ..] = *bytes else { return };
    let place = (usize::from(one) << 8 | usize::from(two)) % written.len();
    written[place] ^= 1 << (three % 8);
    if let Ok(taken) = record::read(b"key", &written.into()) {
        panic!("taken with a bit turned over at {place}: {taken:?}");
    }
});

fn entry(body: Bytes) -> Entry {
    let path = String::from_utf8_lossy(&body).into_owned();
    let request = CacheRequest {
        key: "key".into(),
        fingerprint: Fingerprint::of(&body),
        lifetime: Lifetime::of(Duration::from_secs(60)),
        route: "route".into(),
        path: format!("/{path}"),
        status: 200,
        io: false,
    };
    let content_type = path.chars().take(20).collect();
    let rendered = Rendered { status: 200, content_type, body, inputs: Fingerprint::default(), left: None };
    Entry::new(rendered, &request, UNIX_EPOCH + Duration::from_secs(1_795_507_200))
}

fn same(one: &Entry, other: &Entry) {
    assert_eq!(
        (one.status, &one.content_type, &one.body, &one.etag, &one.route, &one.path),
        (other.status, &other.content_type, &other.body, &other.etag, &other.route, &other.path),
    );
    assert_eq!(
        (one.fingerprint, one.inputs, one.id, one.made, one.ttl, one.keep_for),
        (other.fingerprint, other.inputs, other.id, other.made, other.ttl, other.keep_for),
    );
}
