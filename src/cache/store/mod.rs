//! What the cache needs of a store that others share: a trait, so that Redis and the simulated
//! store of the tests are one to it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use super::trouble::StoreError;

pub(crate) mod bound;
pub(crate) mod redis;
pub(crate) mod shared;

/// A call of a store.
pub(crate) type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store that other processes read and write too. Calls may take for ever: the cache bounds them.
pub(crate) trait Remote: Send + Sync + 'static {
    /// The value of `key`, as far as it can be one of ours, and its life.
    fn get<'a>(&'a self, key: &'a [u8]) -> Call<'a, Option<Stored>>;

    /// Writes `value` with its life in one command; with `lease`, only while that token stands,
    /// which is given back by it. Says whether it was written.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        keep_for: Duration,
        lease: Option<&'a str>,
    ) -> Call<'a, bool>;

    /// Claims the lease of `key` for `keep_for`, under a token that nobody else uses.
    fn claim<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, Claim>;

    /// Lengthens a lease to `keep_for` from now, where it is still held under `token`.
    fn renew<'a>(&'a self, key: &'a str, token: &'a str, keep_for: Duration) -> Call<'a, ()>;

    /// Gives a lease back, where it is still held under `token`.
    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Call<'a, ()>;

    /// Deletes each key's lease, then the key, one by one; says of each key whether it was there.
    fn unlink<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, Vec<bool>>;

    /// One step of a walk over the keys that match `pattern`, of which about `count` are looked at.
    fn scan<'a>(&'a self, cursor: u64, pattern: &'a str, count: u32) -> Call<'a, Scanned>;

    /// The first `bytes` of each key's value, its life and its length.
    fn starts<'a>(&'a self, keys: &'a [Vec<u8>], bytes: usize) -> Call<'a, Vec<Stored>>;

    /// What type a key's value is of, as the server calls it: `hash`.
    fn kind<'a>(&'a self, _key: &'a [u8]) -> Call<'a, String> {
        Box::pin(async { Ok("string".to_owned()) })
    }

    /// What the server says of itself: names as `INFO` has them, and their values.
    fn about(&self) -> Call<'_, Vec<(String, String)>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Asks for a sign of life, and makes a new connection where none comes.
    fn probe(&self) -> Call<'_, ()>;

    /// Lets go of connections.
    fn close(&self);
}

/// A value as a store holds it, whole or its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The value, or its first bytes, where it is longer than what was asked for.
    pub value: Bytes,
    /// What is left of its life; `None` where it has no end, or had gone when it was looked at.
    pub left: Option<Duration>,
    /// How long the whole value is, in bytes.
    pub len: u64,
}

/// What came of claiming a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is ours.
    Granted,
    /// Another holds it, for `left` at most.
    Held {
        /// What is left of it.
        left: Duration,
    },
}

/// One step of a walk over the keys: where to go on, zero at the end, and keys, as bytes: a
/// foreign one need not be text.
pub(crate) type Scanned = (u64, Vec<Vec<u8>>);
