//! Files: the same bytes on every way, whatever becomes of a file while it is sent, within bounds.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt as _;

use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, PATIENCE, Site, client_builder, eventually};

const SITE: &str =
    "server: { workers: 1 }\nroutes:\n  /f/{*path}: { dir: public }\n  /: { body: home }\n";

/// Bytes of which no two pieces look alike.
fn pattern(len: usize) -> String {
    let mut text = String::with_capacity(len);
    (0..len / 8).for_each(|number| _ = writeln!(text, "{number:07x}"));
    text.extend(std::iter::repeat_n('.', len - text.len()));
    text
}

/// A file that no window or buffer on the way takes whole.
const HUGE: usize = 48 << 20;

fn site(name: &str, len: usize) -> Site {
    Site::with(SITE).file(&format!("public/{name}"), &pattern(len))
}

/// A client that has asked for a file and takes little of it: the head, and what it has read of the
/// body.
struct Slow {
    stream: TcpStream,
    head: String,
    body: Vec<u8>,
}

impl Slow {
    fn ask(larder: &Larder, path: &str) -> Self {
        let address: SocketAddr = larder.address.parse().expect("an address");
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        let (mut bytes, mut some) = (Vec::new(), [0; 1024]);
        let end = loop {
            let count = stream.read(&mut some).expect("the head");
            assert!(count > 0, "no head: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&some[..count]);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let body = bytes.split_off(end);
        Self { stream, head: String::from_utf8(bytes).expect("text"), body }
    }

    fn has_read(&mut self, len: usize) {
        let mut some = vec![0; 64 * 1024];
        while self.body.len() < len {
            let count = self.stream.read(&mut some).expect("more of the body");
            assert!(count > 0, "it ended after {} bytes", self.body.len());
            self.body.extend_from_slice(&some[..count]);
        }
    }

    /// Reads until the connection ends.
    fn rest(mut self) -> Vec<u8> {
        let _reset = self.stream.read_to_end(&mut self.body);
        self.body
    }
}

#[tokio::test]
async fn a_file_has_the_same_bytes_by_every_protocol_and_in_every_part() {
    let lengths = [0, 1, 4096, 10_240, 65_536, 65_537, 131_072, 1 << 20, 3_000_001];
    let name = |len: usize| format!("{len}.bin");
    let site = lengths.iter().fold(Site::with(SITE), |site, len| {
        site.file(&format!("public/{}", name(*len)), &pattern(*len))
    });
    let larder = Larder::serve(&site, MEMORY);
    let client = client_builder().http2_prior_knowledge().no_proxy();
    let http2 = client.timeout(PATIENCE).build().expect("a client");
    for len in lengths {
        let (path, whole) = (format!("/f/{}", name(len)), pattern(len));
        let ranges =
            [None, Some(0..len), Some(len / 3..len * 2 / 3), Some(len.saturating_sub(70_000)..len)];
        for range in ranges.into_iter().filter(|range| range.as_ref().is_none_or(|r| !r.is_empty()))
        {
            let expected = whole.get(range.clone().unwrap_or(0..len)).expect("a part of it");
            let line = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
            let lines: Vec<_> = line.iter().map(|line| ("range", line.as_str())).collect();
            let answer = larder.request("GET", &path, &lines).await;
            assert!(answer.body == expected.as_bytes(), "{path} {line:?}");
            assert_eq!(answer.header("content-length"), expected.len().to_string());
            let mut request = http2.get(format!("http://{}{path}", larder.address));
            if let Some(line) = &line {
                request = request.header("range", line);
            }
            let other = request.send().await.expect("an answer").bytes().await.expect("a body");
            assert!(other == expected, "{path} {line:?} by HTTP/2");
        }
        let parts = larder.request("GET", &path, &[("range", "bytes=0-99,500-80000")]).await;
        if let Some(second) = whole.get(500..len.min(80_001)) {
            assert_eq!(parts.header("content-length"), parts.body.len().to_string(), "{path}");
            assert!(parts.text().contains(second), "{path}");
        }
        let head = larder.request("HEAD", &path, &[]).await;
        assert_eq!((head.header("content-length"), head.body.len()), (&*len.to_string(), 0));
    }
}

#[tokio::test]
async fn a_file_that_is_cut_short_while_it_is_sent_ends_the_connection() {
    let site = site("huge.bin", HUGE);
    let larder = Larder::serve(&site, MEMORY);
    let mut slow = Slow::ask(&larder, "/f/huge.bin");
    slow.has_read(1 << 20);
    File::options().write(true).truncate(true).open(site.path("public/huge.bin")).expect("emptied");
    let taken = slow.rest();
    assert!(taken.len() < HUGE, "all of it came");
    assert!(pattern(HUGE).as_bytes().starts_with(&taken), "wrong bytes among {}", taken.len());
    assert_eq!(larder.get("/").await.text(), "home");
}

#[tokio::test]
async fn an_answer_is_of_the_file_that_it_began_with() {
    let site = site("huge.bin", HUGE);
    let larder = Larder::serve(&site, MEMORY);
    let mut grows = Slow::ask(&larder, "/f/huge.bin");
    assert!(grows.head.contains(&format!("content-length: {HUGE}\r\n")), "{}", grows.head);
    grows.has_read(1000);
    let file = File::options().write(true).open(site.path("public/huge.bin")).expect("a file");
    file.write_all_at(b"more", HUGE as u64).expect("grown");
    grows.has_read(HUGE);
    assert!(grows.body == pattern(HUGE).as_bytes(), "the file as it was");
    let mut replaced = Slow::ask(&larder, "/f/huge.bin");
    replaced.has_read(1000);
    site.edit("public/huge.bin", "another");
    assert_eq!(larder.get("/f/huge.bin").await.text(), "another");
    let mut deleted = Slow::ask(&larder, "/f/huge.bin");
    deleted.has_read(7);
    site.remove("public/huge.bin");
    assert_eq!(larder.get("/f/huge.bin").await.status, 404);
    replaced.has_read(HUGE + 4);
    assert!(replaced.body == format!("{}more", pattern(HUGE)).as_bytes(), "the file as it was");
    // The connection can be used again: its answer was whole.
    let mut next = replaced.stream;
    write!(next, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    next.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("home"), "{answer}");
}

#[tokio::test]
async fn who_reads_a_file_slowly_holds_nobody_up() {
    let site = site("huge.bin", HUGE).file("public/large.bin", &pattern(1 << 20));
    let larder = Larder::serve(&site, MEMORY);
    let mut slow: Vec<_> = (0..40).map(|_| Slow::ask(&larder, "/f/huge.bin")).collect();
    let threads = fs::read_dir(format!("/proc/{}/task", larder.pid())).expect("threads").count();
    assert!(threads < 30, "{threads} threads");
    for _ in 0..5 {
        assert_eq!(larder.get("/").await.text(), "home");
        assert!(larder.get("/f/large.bin").await.body == pattern(1 << 20).as_bytes());
    }
    let first = slow.first_mut().expect("one");
    first.has_read(HUGE);
    assert!(first.body == pattern(HUGE).as_bytes());
}

#[tokio::test]
async fn files_in_memory_stay_within_the_bound_on_memory() {
    const BOUND: u64 = 4 << 20;
    let text = format!("cache: {{ memory: {BOUND}, max_entry: 64KiB }}\n{SITE}");
    let mut site = Site::with(&text);
    for number in 0..1000 {
        site = site.file(&format!("public/{number}.bin"), &pattern(20_000 + number));
    }
    let admin = Admin::serve(&site, MEMORY);
    let figures = || admin.send("GET", "/api/status", &[], "").json()["near_cache"].clone();
    // What changed just now is not kept.
    eventually("a file is kept", PATIENCE, async || {
        admin.larder.get("/f/0.bin").await;
        (figures()["bytes"].as_u64()? > 20_000).then_some(())
    })
    .await;
    for round in 0..2 {
        for number in 0..1000 {
            let answer = admin.larder.get(&format!("/f/{number}.bin")).await;
            assert!(
                answer.body == pattern(20_000 + number).as_bytes(),
                "{number} in round {round}"
            );
        }
        let figures = figures();
        let bytes = figures["bytes"].as_u64().expect("a number");
        assert!((BOUND / 2..=BOUND).contains(&bytes), "{figures}");
        assert_eq!(figures["entries"], 0, "files are no entries: {figures}");
    }
}
