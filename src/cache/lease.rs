//! Leases: one render in the whole fleet where it does I/O.
//!
//! A lease is short, and its holder lengthens it while the render goes on: the lease of one that
//! died ends soon. Who does not get it waits until the key or the lease changes, of which tracking
//! tells, then looks again and claims again: only one of those who wait gets it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::sync::Notify;

use super::stripes::Stripes;

/// What begins the key of a lease, after the prefix; the key that is leased follows, and a brace.
const MARK: &str = ":~lease:{";
/// How long a lease is held from the last time that it was lengthened.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// How often it is lengthened.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(1);
/// How long one waits at a time, as a backstop where something tells of changes.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The same where nothing does.
pub(crate) const LOOK_AGAIN_UNTOLD: Duration = Duration::from_millis(500);
/// How soon one looks again at a lease that is about to end.
pub(crate) const LOOK_AGAIN_AT_LEAST: Duration = Duration::from_millis(10);

/// A token that no other render has; it ends in the route's name, by which a purge finds it.
pub(crate) fn token(route: &str) -> String {
    let part = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x} {route}", part(), part())
}

/// The key of a key's lease, in the same cluster slot: our keys hold no braces.
pub(crate) fn lease_key(prefix: &str, key: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), MARK.as_bytes(), key, b"}"].concat()
}

/// The key whose lease this is the key of, if it is one's.
pub(crate) fn leased_key<'k>(prefix: &str, key: &'k [u8]) -> Option<&'k [u8]> {
    let rest = key.strip_prefix(prefix.as_bytes())?.strip_prefix(MARK.as_bytes())?;
    rest.strip_suffix(b"}")
}

/// The prefix of another site that begins with ours, where this is the key of one of its leases:
/// no key of ours holds a brace.
pub(crate) fn nested_prefix<'k>(prefix: &str, key: &'k str) -> Option<&'k str> {
    let (other, _) = key.split_once(MARK)?;
    let nested = other.strip_prefix(prefix)?.strip_prefix(':');
    nested.map(|_| other)
}

/// What Redis matches the keys of all leases by; `prefix` is escaped for globs.
pub(crate) fn lease_pattern(prefix: &str) -> String {
    format!("{prefix}{MARK}*")
}

/// Wakes those who wait for a key when it changes. Keys that share a stripe wake each other for
/// nothing, which costs a look. Who means to wait enables its future before looking at the store.
pub(crate) type Waiters = Stripes<Notify, 256>;
