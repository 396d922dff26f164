//! TLS with the real program: certificates are files, watched like all others.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::harness::{Larder, MEMORY, PATIENCE, Site, eventually, refused};

const SITE: &str = r#"
server: { tls: { cert: tls/site.crt, key: tls/site.key } }
routes:
  /: { inline: "page {{query.q}}" }
  /assets/{*path}: { dir: public }
"#;

/// The certificate or key of a pair that the repository has for tests.
fn pem(name: &str) -> String {
    let path = format!("tests/tls/{name}.pem");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(path).expect("a file")
}

fn site() -> Site {
    Site::with(SITE)
        .file("tls/site.crt", &pem("one.cert"))
        .file("tls/site.key", &pem("one.key"))
        .file("public/large.bin", &"0123456789".repeat(300_000))
}

/// A connection that trusts this certificate alone.
async fn connect(
    larder: &Larder,
    certificate: &str,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    roots.add(trusted).expect("trusted");
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(&larder.address).await?;
    let name = "localhost".try_into().expect("a name");
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream);
    tokio::time::timeout(PATIENCE, shaken).await.expect("a handshake in time")
}

/// Asks on a connection and reads to its end.
async fn ask(mut stream: TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchange = async {
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream.read_to_end(&mut answer).await.expect("an answer");
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_bad_one_never() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    let (one, two) = (pem("one.cert"), pem("two.cert"));
    let answer = ask(connect(&larder, &one, "http/1.1").await.expect("trusted"), "/?q=1").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("page 1"), "{answer}");
    let h2 = connect(&larder, &one, "h2").await.expect("trusted");
    assert_eq!(h2.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let opened = connect(&larder, &one, "http/1.1").await.expect("trusted");
    // A certificate whose key has not come yet is no pair, and the old one stays.
    larder.logs_after("the new certificate is not used", || site.edit("tls/site.crt", &two));
    let answer = ask(connect(&larder, &one, "http/1.1").await.expect("trusted"), "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    site.edit("tls/site.key", &pem("two.key"));
    eventually("the new certificate", PATIENCE, async || {
        connect(&larder, &two, "http/1.1").await.ok().map(drop)
    })
    .await;
    assert!(connect(&larder, &one, "http/1.1").await.is_err(), "the old one is still sent");
    let answer = ask(opened, "/assets/large.bin").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "an open connection lives on");
    assert!(answer.ends_with("0123456789") && answer.len() > 3_000_000, "{}", answer.len());

    larder.logs_after("the new certificate is not used", || site.edit("tls/site.crt", "nonsense"));
    let answer = ask(connect(&larder, &two, "http/1.1").await.expect("trusted"), "/").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_certificate_that_is_none_is_said_at_start() {
    for (file, text) in [("tls/site.crt", "nonsense"), ("tls/site.key", &pem("two.key"))] {
        let site = site();
        site.edit(file, text);
        let (code, said) = refused(&site, &["--listen", "127.0.0.1:0", "--store", MEMORY]);
        assert_eq!(code, Some(78), "{file}: {said}");
        assert!(said.contains("routes.yaml:2:"), "{file}: {said}");
        assert!(!said.contains("PRIVATE"), "{file}: {said}");
    }
}
