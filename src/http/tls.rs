//! TLS: certificate and key from PEM, replaced while connections go on.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::CipherSuite;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::ring::{Ticketer, default_provider};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{Acceptor, ProducesTickets};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

/// The certificate that new connections get. TLS 1.2 and 1.3; HTTP/2 and 1.1 by ALPN.
///
/// Sessions are kept by the clients, in tickets (RFC 5077, RFC 8446 §4.6.1): however many clients
/// come in between, one that comes again does without the signature, also after a renewal.
#[derive(Debug)]
pub struct Tls {
    config: ArcSwap<ServerConfig>,
    tickets: Arc<dyn ProducesTickets>,
}

/// Why certificate and key cannot be used. Says nothing of what the key's file holds.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file holds no certificate in PEM.
    #[error("the file holds no certificate in PEM form")]
    NoCertificate,
    /// The key's file holds no private key in PEM.
    #[error("the file holds no private key in PEM form")]
    NoKey,
    /// Both are there.
    #[error("the key does not belong to the certificate")]
    Unpaired,
    /// They are there, and do not do.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] Error),
}

impl Tls {
    /// Serves with the chain in `certificate` and the `key`, both PEM; the server's own certificate
    /// comes first in the chain.
    ///
    /// # Errors
    /// Where either holds nothing of its kind, or they do not belong together.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let tickets = Ticketer::new()?;
        Ok(Self { config: ArcSwap::from(config(certificate, key, &tickets)?), tickets })
    }

    /// From now on serves with these. Connections that are open go on with what they have.
    ///
    /// # Errors
    /// As [`Tls::new`]; the last good pair stays.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.config.store(config(certificate, key, &self.tickets)?);
        Ok(())
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// Where the other side speaks no TLS, or none of ours: it was told so.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let mut config = self.config.load_full();
        if likes_chacha(start.client_hello().cipher_suites()) {
            Arc::make_mut(&mut config).ignore_client_order = false;
        }
        start.into_stream(config).await
    }

    /// For who is told only that there is no room: in HTTP/1.1, whatever else was offered.
    pub(super) fn refusing_acceptor(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.config.load());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Whether a client likes `ChaCha20` better than AES: its processor has no AES then.
fn likes_chacha(suites: &[CipherSuite]) -> bool {
    const CHACHA: CipherSuite = CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    let is_aes = |suite| {
        matches!(
            suite,
            CipherSuite::TLS13_AES_128_GCM_SHA256 | CipherSuite::TLS13_AES_256_GCM_SHA384
        )
    };
    suites.iter().find(|suite| **suite == CHACHA || is_aes(**suite)) == Some(&CHACHA)
}

/// ring, with AES-128 before AES-256: no attack on either is in sight, and of a handshake with the
/// other one's SHA-384, which no processor helps with, a sixth is that digest.
fn provider() -> CryptoProvider {
    let mut provider = default_provider();
    provider.cipher_suites.sort_by_key(|suite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 1,
        _ => 2,
    });
    provider
}

fn config(
    certificate: &[u8],
    key: &[u8],
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_unreadable| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_unreadable| TlsError::NoKey)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| match why {
            Error::InconsistentKeys(_) => TlsError::Unpaired,
            why => why.into(),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = Arc::clone(tickets);
    config.ignore_client_order = true;
    // A client that comes again gets another one then.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    const ONE: &[u8] = include_bytes!("../../tests/tls/one.cert.pem");
    const ONE_KEY: &[u8] = include_bytes!("../../tests/tls/one.key.pem");
    const TWO_KEY: &[u8] = include_bytes!("../../tests/tls/two.key.pem");

    /// The cipher suite that a client gets which likes these, in this order.
    async fn suite_for(likes: &[CipherSuite]) -> CipherSuite {
        let mut provider = default_provider();
        let place = |suite: CipherSuite| likes.iter().position(|liked| *liked == suite);
        provider.cipher_suites.retain(|suite| place(suite.suite()).is_some());
        provider.cipher_suites.sort_by_key(|suite| place(suite.suite()));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ONE).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let tls = Tls::new(ONE, ONE_KEY).unwrap();
        let name = "localhost".try_into().unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let (server, client) = tokio::join!(tls.accept(ours), connector.connect(name, theirs));
        client.unwrap();
        server.unwrap().get_ref().1.negotiated_cipher_suite().unwrap().suite()
    }

    #[tokio::test]
    async fn aes_with_the_short_key_comes_first_but_for_who_likes_chacha_better() {
        use CipherSuite::{
            TLS13_AES_128_GCM_SHA256 as SHORT, TLS13_AES_256_GCM_SHA384 as LONG,
            TLS13_CHACHA20_POLY1305_SHA256 as CHACHA,
        };
        for (likes, expected) in [
            (&[LONG, CHACHA, SHORT][..], SHORT),
            (&[SHORT, LONG, CHACHA], SHORT),
            (&[LONG, CHACHA], LONG),
            (&[CHACHA, SHORT, LONG], CHACHA),
        ] {
            assert_eq!(suite_for(likes).await, expected, "{likes:?}");
        }
    }

    #[test]
    fn a_pair_that_does_not_do_is_said_in_words_and_changes_nothing() {
        let tls = Tls::new(ONE, ONE_KEY).unwrap();
        let before = tls.config.load_full();
        for (certificate, key, expected) in [
            (&b""[..], ONE_KEY, "the file holds no certificate in PEM form"),
            (ONE_KEY, ONE_KEY, "the file holds no certificate in PEM form"),
            (ONE, b"", "the file holds no private key in PEM form"),
            (ONE, ONE, "the file holds no private key in PEM form"),
            (ONE, TWO_KEY, "the key does not belong to the certificate"),
        ] {
            let error = tls.replace(certificate, key).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        assert!(Arc::ptr_eq(&before, &tls.config.load_full()));
    }
}
