//! TLS as many clients and operators meet it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, Stream, SupportedProtocolVersion,
};

use crate::harness::{Larder, MEMORY, PATIENCE, Site, until};

const SITE: &str = "\
server: { tls: { cert: tls/site.crt, key: tls/site.key } }
routes: { /: { body: hello } }
";

fn pem(name: &str) -> String {
    let path = format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a file")
}

fn site() -> Site {
    Site::with(SITE).file("tls/site.crt", &pem("one.cert")).file("tls/site.key", &pem("one.key"))
}

/// A client with sessions of its own, which trusts these certificates.
fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for name in ["one.cert", "two.cert"] {
        let trusted = CertificateDer::from_pem_slice(pem(name).as_bytes()).expect("a certificate");
        roots.add(trusted).expect("trusted");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}

/// Asks for a page, and says how the hands were shaken and what the certificate was.
fn visit(larder: &Larder, client: &Arc<ClientConfig>) -> (HandshakeKind, Vec<u8>) {
    let name = "localhost".try_into().expect("a name");
    let mut connection = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut socket = TcpStream::connect(&larder.address).expect("connected");
    let mut stream = Stream::new(&mut connection, &mut socket);
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let certificate = connection.peer_certificates().map(|chain| chain[0].to_vec());
    (connection.handshake_kind().expect("a handshake"), certificate.expect("a certificate"))
}

#[test]
fn who_comes_again_after_three_hundred_others_needs_no_whole_handshake() {
    let larder = Larder::serve(&site(), MEMORY);
    for version in [&TLS13, &TLS12] {
        let first = client(version);
        assert_eq!(visit(&larder, &first).0, HandshakeKind::Full);
        for _ in 0..300 {
            visit(&larder, &client(version));
        }
        assert_eq!(visit(&larder, &first).0, HandshakeKind::Resumed, "{version:?}");
    }
}

#[test]
fn a_certificate_that_is_a_pipe_for_a_moment_is_taken_once_it_is_a_file() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    let path = site.path("tls/site.crt");
    std::fs::remove_file(&path).expect("removed");
    assert!(Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()));
    std::fs::write(site.path("tls/site.key"), pem("two.key")).expect("written");
    larder.line_with("the certificate that was loaded stays");
    std::fs::write(site.path("tls/new.crt"), pem("two.cert")).expect("written");
    std::fs::rename(site.path("tls/new.crt"), &path).expect("put in its place");
    let expected = CertificateDer::from_pem_slice(pem("two.cert").as_bytes()).expect("one");
    until(PATIENCE, "the new certificate", || {
        (visit(&larder, &client(&TLS13)).1 == expected.as_ref()).then_some(())
    });
}

#[test]
fn a_key_that_everybody_may_read_is_told() {
    for (mode, expected) in [(0o644, 1), (0o600, 0)] {
        let site = site();
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(site.path("tls/site.key"), mode).expect("set");
        let larder = Larder::serve(&site, MEMORY);
        assert_eq!(larder.logged("may read the private key"), expected, "{}", larder.log());
    }
}

#[test]
fn who_speaks_plain_http_to_the_port_of_tls_is_told_so() {
    let larder = Larder::serve(&site(), MEMORY);
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = crate::harness::raw(&larder.address, request);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(body.contains("https://"), "{answer}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
}
