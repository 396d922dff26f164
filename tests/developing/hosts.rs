//! Who comes by another name or from another machine: a phone, a container, a proxy.

use crate::harness::{Larder, MEMORY, Site, raw};

const SITE: &str = "routes:\n  /: { inline: '<body>home' }\n";

fn dev(more: &[&str]) -> Larder {
    Larder::dev(&Site::with(SITE), &[&["--store", MEMORY][..], more].concat())
}

fn page(larder: &Larder, host: &str) -> String {
    let lines = format!("Host: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    raw(&larder.address, &format!("GET / HTTP/1.1\r\n{lines}"))
}

/// The status of the answer to a page that opens a socket.
fn socket(larder: &Larder, host: &str, origin: &str) -> String {
    let request = format!(
        "GET /_larder/live?at=/ HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = std::net::TcpStream::connect(&larder.address).expect("connected");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
    let mut start = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut start).expect("an answer");
    String::from_utf8_lossy(&start[9..]).into_owned()
}

#[test]
fn a_host_that_is_given_gets_live_reload_and_no_other() {
    let larder = dev(&["--host", "shop.test", "--host", "192.168.1.5"]);
    for (host, expected) in [
        ("shop.test:8000", true),
        ("192.168.1.5:8000", true),
        ("other.test:8000", false),
        ("shop.test.evil.example", false),
    ] {
        assert_eq!(page(&larder, host).contains("live.js"), expected, "{host}");
        let status = socket(&larder, host, &format!("http://{host}"));
        assert_eq!(status == "101", expected, "{host}: {status}");
    }
}

#[test]
fn a_proxy_that_puts_another_host_into_requests_is_let_in_by_the_name_that_pages_have() {
    let larder = dev(&["--host", "shop.test"]);
    let upstream = larder.address.clone();
    assert_eq!(socket(&larder, &upstream, "https://shop.test"), "101");
    assert_eq!(socket(&larder, &upstream, "https://evil.test"), "403");
}

#[test]
fn a_socket_that_is_refused_says_in_the_terminal_what_to_set() {
    let larder = dev(&[]);
    let upstream = larder.address.clone();
    for _ in 0..3 {
        assert_eq!(socket(&larder, &upstream, "https://shop.test:8443"), "403");
    }
    let line = larder.line_with("larder dev --host shop.test");
    assert!(line.contains("no live reload at shop.test"), "{line}");
    assert_eq!(larder.logged("--host shop.test"), 1, "once is enough");
    page(&larder, "10.9.8.7:8000");
    larder.line_with("larder dev --host 10.9.8.7");
}
