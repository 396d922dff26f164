//! TLS on the main listener: certificate and key from PEM, replaced while connections go on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

/// The certificate that new connections get. TLS 1.2 and 1.3; HTTP/2 and 1.1 by ALPN.
#[derive(Debug)]
pub struct Tls(ArcSwap<ServerConfig>);

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
        Ok(Self(ArcSwap::from(config(certificate, key)?)))
    }

    /// From now on serves with these. Connections that are open go on with what they have.
    ///
    /// # Errors
    /// As [`Tls::new`]; the last good pair stays.
    pub fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0.store(config(certificate, key)?);
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }

    /// For who is told only that there is no room: in HTTP/1.1, whatever else was offered.
    pub(super) fn refusing_acceptor(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(&self.0.load());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

fn config(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|_unreadable| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_unreadable| TlsError::NoKey)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| match why {
            Error::InconsistentKeys(_) => TlsError::Unpaired,
            why => why.into(),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = include_bytes!("../../tests/tls/one.cert.pem");
    const ONE_KEY: &[u8] = include_bytes!("../../tests/tls/one.key.pem");
    const TWO_KEY: &[u8] = include_bytes!("../../tests/tls/two.key.pem");

    #[test]
    fn a_pair_that_does_not_do_is_said_in_words_and_changes_nothing() {
        let tls = Tls::new(ONE, ONE_KEY).unwrap();
        let before = tls.0.load_full();
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
        assert!(Arc::ptr_eq(&before, &tls.0.load_full()));
    }
}
