//! Digests: what decides a response, and what a key or a body is known by.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// 128 bits of a SHA-256 digest: enough that two sites never meet by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Hasher::default().field(bytes).finish()
    }

    /// The fingerprint that [`fmt::Display`] wrote; nothing where `text` is not 32 hex digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_whole = text.len() == 32 && text.bytes().all(is_digit);
        let number = is_whole.then(|| u128::from_str_radix(text, 16).ok())?;
        number.map(|number| Self(number.to_be_bytes()))
    }

    /// The 16 bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    /// 32 lower-case hex digits.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Digests a list of fields; each is preceded by its length, so that no two lists look alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    /// Adds a field.
    pub(crate) fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.add(bytes);
        self
    }

    /// Adds a field in place.
    pub(crate) fn add(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The fingerprint of all fields so far.
    pub(crate) fn finish(self) -> Fingerprint {
        let digest = self.0.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Fingerprint(bytes)
    }
}
