//! TLS on the listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use larder::parts::http::listener::{Limits, Listener};
use larder::parts::http::tls::Tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::harness::{exchange, site, within};

#[tokio::test]
async fn tls_has_http_2_and_1_and_a_certificate_that_can_be_replaced() {
    let (one, two) = (pair("one"), pair("two"));
    let tls = Arc::new(Tls::new(&one.0, &one.1).expect("a pair"));
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.addr();
    let running = listener.with_tls(Arc::clone(&tls)).run(
        site(),
        Limits { head: Duration::from_millis(500), ..Limits::default() },
        CancellationToken::new(),
        TaskTracker::new(),
    );
    tokio::spawn(running);
    let get = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let plain = exchange(addr, get).await;
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
    // Says nothing, and is not waited for.
    assert_eq!(exchange(addr, b"").await, "");

    let mut old = connect(addr, &one.0, "http/1.1").await.expect("trusted");
    tls.replace(&two.0, &two.1).expect("a pair");
    assert!(connect(addr, &one.0, "http/1.1").await.is_err(), "the old certificate is still sent");
    let new = connect(addr, &two.0, "h2").await.expect("trusted");
    assert_eq!(new.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    within(async {
        old.write_all(get).await.expect("sent");
        let mut answer = String::new();
        old.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.ends_with("hit"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn above_the_limit_clients_are_told_so_by_tls_too() {
    let one = pair("one");
    let tls = Arc::new(Tls::new(&one.0, &one.1).expect("a pair"));
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.addr();
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let running =
        listener.with_tls(tls).run(site(), limits, CancellationToken::new(), TaskTracker::new());
    tokio::spawn(running);
    let _first = connect(addr, &one.0, "h2").await.expect("trusted");
    within(async {
        let mut second = connect(addr, &one.0, "http/1.1").await.expect("a handshake");
        let mut answer = String::new();
        second.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    })
    .await;
    // Who speaks nothing else is told by TLS itself that this is not to be had.
    let error = connect(addr, &one.0, "h2").await.expect_err("no HTTP/2 now").to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn a_client_that_ends_first_is_told_the_end() {
    let one = pair("one");
    let tls = Arc::new(Tls::new(&one.0, &one.1).expect("a pair"));
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.addr();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tokio::spawn(listener.with_tls(tls).run(site(), Limits::default(), stop, tasks));
    let mut stream = connect(addr, &one.0, "http/1.1").await.expect("trusted");
    within(async {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"hit") {
            stream.read_buf(&mut answer).await.expect("an answer");
        }
        stream.shutdown().await.expect("told");
        // Without TLS' own end this is an error: something might have been cut off.
        assert_eq!(stream.read_buf(&mut answer).await.expect("an end in good order"), 0);
    })
    .await;
}

fn pair(name: &str) -> (Vec<u8>, Vec<u8>) {
    let read = |kind: &str| {
        let path = format!("{}/tests/tls/{name}.{kind}.pem", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).expect("a file")
    };
    (read("cert"), read("key"))
}

async fn connect(
    addr: SocketAddr,
    trusted: &[u8],
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted).expect("a certificate")).expect("trusted");
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(addr).await?;
    let name = "localhost".try_into().expect("a name");
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}
