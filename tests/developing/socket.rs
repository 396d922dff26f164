//! The socket of live reload, spoken to by hand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Larder, MEMORY, PATIENCE, Site};

const SITE: &str = "\
data: { word: one }
routes:
  /: { inline: '{{word}}' }
  /other: { inline: other }
  /assets/{*path}: { dir: public }
";

/// A WebSocket's client (RFC 6455), with as much of it as these tests need.
struct Socket(TcpStream);

impl Socket {
    /// The status of the answer, and the socket.
    fn open(larder: &Larder, query: &str, origin: &str) -> (String, Self) {
        let mut stream = TcpStream::connect(&larder.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let request = format!(
            "GET /_larder/live?{query} HTTP/1.1\r\nHost: {}\r\n{origin}Connection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            larder.address
        );
        stream.write_all(request.as_bytes()).expect("sending");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the answer's head");
            head.extend(byte);
        }
        let status = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or("").to_owned();
        (status, Self(stream))
    }

    fn of(larder: &Larder, query: &str) -> Self {
        let origin = format!("Origin: http://{}\r\n", larder.address);
        let (status, socket) = Self::open(larder, query, &origin);
        assert_eq!(status, "101");
        socket
    }

    /// The next frame: its kind and what is in it.
    fn frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            len => usize::from(len),
        };
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes)?;
        Ok((head[0] & 0x0f, bytes))
    }

    /// The next message, pings left out.
    fn hear(&mut self) -> Value {
        loop {
            let (kind, bytes) = self.frame().expect("a frame");
            match kind {
                1 => return serde_json::from_slice(&bytes).expect("JSON"),
                9 => {}
                other => panic!("a frame of kind {other}"),
            }
        }
    }

    fn say(&mut self, message: &Value) {
        let text = message.to_string();
        let len = u8::try_from(text.len()).ok().filter(|len| *len < 126).expect("a short one");
        // Masked with zeros.
        let mut frame = vec![0x81, 0x80 | len, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).expect("sending");
    }
}

/// The query of the script's element in a page.
async fn stamp(larder: &Larder, path: &str) -> String {
    let page = larder.request("GET", path, &[("accept", "text/html")]).await;
    let text = page.text();
    let (_, rest) = text.split_once("live.js?").expect("the script");
    rest.split('"').next().expect("its end").replace("&amp;", "&")
}

#[tokio::test]
async fn only_the_sites_own_pages_open_one() {
    let larder = Larder::dev(&Site::with(SITE).file("public/a.css", "a"), &["--store", MEMORY]);
    for (origin, expected) in [
        (format!("http://{}", larder.address), "101"),
        ("http://evil.example".to_owned(), "403"),
        ("null".to_owned(), "403"),
        (format!("http://{}.evil.example", larder.address), "403"),
    ] {
        let (status, _) = Socket::open(&larder, "at=/", &format!("Origin: {origin}\r\n"));
        assert_eq!(status, expected, "{origin}");
    }
    assert_eq!(Socket::open(&larder, "at=/", "").0, "403");
    // It is no page.
    let headers = [("origin", &*format!("http://{}", larder.address))];
    assert_eq!(larder.request("GET", "/_larder/live", &headers).await.status, 426);
}

#[tokio::test]
async fn serve_has_none_of_it() {
    let larder = Larder::serve(&Site::with(SITE).file("public/a.css", "a"), MEMORY);
    for path in ["/_larder/live", "/_larder/live.js", "/_larder/error/404"] {
        assert_eq!(larder.get(path).await.status, 404, "{path}");
    }
    let page = larder.request("GET", "/", &[("accept", "text/html")]).await;
    assert_eq!(page.text(), "one");
}

#[tokio::test]
async fn an_edit_between_a_page_and_its_socket_is_not_missed() {
    let site = Site::with(SITE).file("public/a.css", "a");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let (old, other) = (stamp(&larder, "/").await, stamp(&larder, "/other").await);
    assert_eq!(Socket::of(&larder, &old).hear(), json!({ "is": "well" }));
    larder.reloads_after(|| site.edit("routes.yaml", &SITE.replace("one", "two")));
    assert_eq!(Socket::of(&larder, &old).hear(), json!({ "is": "reload" }));
    // One that was there before compares its own version alone.
    let known: Vec<&str> = other.split('&').filter(|pair| !pair.starts_with("site=")).collect();
    assert_eq!(Socket::of(&larder, &known.join("&")).hear(), json!({ "is": "well" }));
    let now = stamp(&larder, "/").await;
    assert_eq!(Socket::of(&larder, &now).hear(), json!({ "is": "well" }));
}

#[tokio::test]
async fn a_bad_edit_a_mended_one_and_a_swap_are_told_in_order() {
    let site = Site::with(SITE).file("public/a.css", "a");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let mut home = Socket::of(&larder, &stamp(&larder, "/").await);
    let mut other = Socket::of(&larder, &stamp(&larder, "/other").await);
    for socket in [&mut home, &mut other] {
        assert_eq!(socket.hear(), json!({ "is": "well" }));
    }
    site.replace("routes.yaml", "inline: other", "inline: other, ttll: 1h");
    for socket in [&mut home, &mut other] {
        let told = socket.hear();
        assert_eq!((&told["is"], &told["errors"]), (&json!("broken"), &json!(1)));
        let problem = told["problems"][0].as_str().expect("text");
        assert!(problem.contains("routes.yaml:4:28") && problem.contains("help:"), "{problem}");
    }
    site.edit("routes.yaml", &SITE.replace("one", "two"));
    assert_eq!(home.hear(), json!({ "is": "reload" }));
    assert_eq!(other.hear(), json!({ "is": "swapped" }));
    for socket in [&mut home, &mut other] {
        assert_eq!(socket.hear(), json!({ "is": "well" }));
    }
}

#[tokio::test]
async fn a_file_of_a_directory_that_a_page_uses_is_watched() {
    let site = Site::with(SITE).file("public/a.css", "a");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    let mut socket = Socket::of(&larder, &stamp(&larder, "/other").await);
    assert_eq!(socket.hear(), json!({ "is": "well" }));
    let ask = json!({ "uses": ["/assets/a.css", "/"] });
    socket.say(&ask);
    let before = socket.hear();
    site.edit("public/a.css", "b");
    assert_eq!(socket.hear(), json!({ "is": "swapped" }));
    socket.say(&ask);
    let after = socket.hear();
    assert_ne!(before["versions"]["/assets/a.css"], after["versions"]["/assets/a.css"]);
    assert_eq!(before["versions"]["/"], after["versions"]["/"]);
    larder.line_with("changed: /assets/a.css");
}

#[tokio::test]
async fn a_page_that_is_another_at_every_look_is_not_loaded_for_ever() {
    let site = Site::with(
        "errors: { 404: { inline: '{{now}}' } }\nroutes:\n  /: { inline: '{{now}}' }\n  \
         /posts/{slug}: { load: { post: 'posts/{{params.slug}}.md' }, inline: '{{post.body}}' }\n",
    )
    .file("posts/one.md", "one");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    for path in ["/", "/posts/two", "/nothing", "/_larder/error/404?/x"] {
        let stamp = stamp(&larder, path).await;
        assert_eq!(Socket::of(&larder, &stamp).hear(), json!({ "is": "well" }), "{path}");
    }
    // Once there is such a post, the page that missed it is told.
    let mut two = Socket::of(&larder, &stamp(&larder, "/posts/two").await);
    let mut one = Socket::of(&larder, &stamp(&larder, "/posts/one").await);
    assert_eq!((two.hear(), one.hear()), (json!({ "is": "well" }), json!({ "is": "well" })));
    larder.reloads_after(|| site.edit("posts/two.md", "two"));
    assert_eq!(two.hear(), json!({ "is": "reload" }));
    assert_eq!(one.hear(), json!({ "is": "swapped" }));
}

#[tokio::test]
async fn open_sockets_are_said_goodbye_and_hold_up_no_end() {
    let larder = Larder::dev(&Site::with(SITE).file("public/a.css", "a"), &["--store", MEMORY]);
    let mut sockets: Vec<Socket> = (0..8).map(|_| Socket::of(&larder, "at=/")).collect();
    for socket in &mut sockets {
        assert_eq!(socket.hear(), json!({ "is": "well" }));
    }
    let start = Instant::now();
    let (status, log) = larder.stop();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!log.contains("work left"), "{log}");
    for socket in &mut sockets {
        loop {
            match socket.frame() {
                Ok((9, _)) => {}
                Ok((8, code)) => {
                    break assert_eq!(code.get(..2), Some(&1001_u16.to_be_bytes()[..]));
                }
                Ok((kind, _)) => panic!("a frame of kind {kind}"),
                Err(why) => panic!("it left without a goodbye: {why}\n{log}"),
            }
        }
    }
}

#[tokio::test]
async fn there_are_only_so_many() {
    let larder = Larder::dev(&Site::with(SITE).file("public/a.css", "a"), &["--store", MEMORY]);
    let origin = format!("Origin: http://{}\r\n", larder.address);
    let mut sockets = Vec::new();
    for _ in 0..256 {
        sockets.push(Socket::of(&larder, "at=/"));
    }
    assert_eq!(Socket::open(&larder, "at=/", &origin).0, "503");
    assert_eq!(larder.get("/").await.text(), "one");
}
