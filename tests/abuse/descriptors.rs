//! Connections until no file can be opened any more.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Larder, PATIENCE, Redis, Site, eventually};

fn routes(word: &str) -> String {
    let rest = "  /n/{n}: { inline: '{{params.n}}' }\n  /file.txt: file.txt\n";
    format!("routes:\n  /: {{ inline: {word} }}\n{rest}")
}

/// One request on a connection that stays; the status.
fn ask(stream: &mut TcpStream, path: &str) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).expect("an answer"), 1, "closed: {answer:?}");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).expect("text");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|text| text.parse().ok()).expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    head.get(9..12).expect("a status").to_owned()
}

/// What a fresh connection is told, if it is told something within a moment.
fn told(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    let _cut = stream.read_to_string(&mut answer);
    answer.get(9..12).map(str::to_owned)
}

/// With a limit that leaves room for the rest, and with one that leaves hardly any.
#[tokio::test(flavor = "multi_thread")]
async fn connections_up_to_the_limit_on_files_stop_neither_answers_nor_reloads() {
    for files in [256, 48] {
        eprintln!("-- {files} files");
        let redis = Redis::start();
        let site = Site::with(&routes("one")).file("file.txt", "file");
        let limit = format!("ulimit -n {files}");
        let larder = Larder::spawn_after(&site, &limit, &["--store", &redis.url()]);
        larder.line_with("server.max_connections");
        let mut kept = TcpStream::connect(&larder.address).expect("connected");
        assert_eq!(ask(&mut kept, "/"), "200");

        let silent: Vec<TcpStream> =
            (0..2 * files).filter_map(|_| TcpStream::connect(&larder.address).ok()).collect();
        eventually("a new client is not served", PATIENCE, async || {
            (told(&larder.address).as_deref() != Some("200")).then_some(())
        })
        .await;
        // Who is connected is served: what is in memory, what is new, and a file's bytes.
        for path in ["/", "/n/1", "/file.txt"] {
            assert_eq!(ask(&mut kept, path), "200", "{path} with {files} files");
        }
        larder.reloads_after(|| site.edit("routes.yaml", &routes("two")));
        assert_eq!(ask(&mut kept, "/"), "200");

        drop(silent);
        eventually("new clients are served", PATIENCE, async || {
            (told(&larder.address).as_deref() == Some("200")).then_some(())
        })
        .await;
        assert_eq!(larder.get("/").await.text(), "two");
        assert_eq!(larder.get("/file.txt").await.text(), "file");
        let said = larder.logged("cannot accept");
        assert!(said < 20, "{said} times: {}", larder.log());
        let (status, log) = larder.stop();
        assert!(status.success(), "{log}");
    }
}
