//! What the cache needs of a store that others share: a trait, so that Redis and the simulated
//! store of the tests are one to it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) mod redis;
pub(crate) mod shared;

/// A call of a store.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store that other processes read and write too. Calls may take for ever: the cache bounds them.
pub trait Remote: fmt::Debug + Send + Sync + 'static {
    /// The value of `key` and its life.
    fn get<'a>(&'a self, key: &'a str) -> Call<'a, Option<Stored>>;

    /// Writes `value` with its life in one command; with `lease`, only while that token stands,
    /// which is given back by it. Says whether it was written.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        px: Duration,
        lease: Option<&'a str>,
    ) -> Call<'a, bool>;

    /// Claims the lease of `key` for `px`, under a token that nobody else uses.
    fn claim<'a>(&'a self, key: &'a str, token: &'a str, px: Duration) -> Call<'a, Claim>;

    /// Gives a lease back, where it is still held under `token`.
    fn release<'a>(&'a self, key: &'a str, token: &'a str) -> Call<'a, ()>;

    /// Deletes each key's lease, then the key, one by one; says how many keys there were.
    fn unlink<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, u64>;

    /// One step of a walk over the keys that match `pattern`, of which about `count` are looked at.
    fn scan<'a>(&'a self, cursor: u64, pattern: &'a str, count: u32) -> Call<'a, Scanned>;

    /// The first bytes of each key's value, its life and its length.
    fn starts<'a>(&'a self, keys: &'a [Vec<u8>]) -> Call<'a, Vec<Start>>;

    /// What the server says of itself: names as `INFO` has them, and their values.
    fn about(&self) -> Call<'_, Vec<(String, String)>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Asks for a sign of life, and makes a new connection where none comes.
    fn probe(&self) -> Call<'_, ()>;

    /// Lets go of connections.
    fn close(&self) -> Call<'_, ()>;
}

/// A value as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The value.
    pub value: Bytes,
    /// What is left of its life; `None` where it has no end, or had gone when it was looked at.
    pub left: Option<Duration>,
}

/// What came of claiming a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Granted,
    /// Another holds it, for `left` at most.
    Held {
        /// What is left of it.
        left: Duration,
    },
}

/// One step of a walk over the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Where to go on; zero at the end.
    pub cursor: u64,
    /// Keys, as bytes: a foreign one need not be text.
    pub keys: Vec<Vec<u8>>,
}

/// The first bytes of a value, for lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// At least the lines before the body, where it is a record; nothing for other types.
    pub bytes: Vec<u8>,
    /// What is left of its life.
    pub left: Option<Duration>,
    /// How long the value is, in bytes.
    pub len: u64,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What kind of trouble it is.
    pub kind: Trouble,
    /// In words, without passwords.
    pub detail: Arc<str>,
}

/// Kinds of trouble with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No connection, or it broke.
    Away,
    /// No answer in time.
    Slow,
    /// It answers, and refuses to do anything: a password, still loading, a cluster that is down.
    Refused,
    /// It refuses this command, or this key: rights, a renamed command, another node's slot.
    Forbidden,
    /// It takes no writes for want of memory.
    Full,
    /// It takes no writes: a replica, or one that cannot save.
    ReadOnly,
    /// The value under the key is of another type.
    WrongType,
    /// It answered something else than the protocol or the command allows.
    Garbled,
}

impl Trouble {
    /// All kinds, in the order of [`Trouble::index`].
    pub const ALL: [Self; 8] = [
        Self::Away,
        Self::Slow,
        Self::Refused,
        Self::Forbidden,
        Self::Full,
        Self::ReadOnly,
        Self::WrongType,
        Self::Garbled,
    ];

    /// Whether the store is of no use for a while, to reads too.
    #[must_use]
    pub fn is_down(self) -> bool {
        matches!(self, Self::Away | Self::Slow | Self::Refused | Self::Garbled)
    }

    /// The name for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Slow => "slow",
            Self::Refused => "refused",
            Self::Forbidden => "forbidden",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::WrongType => "wrong_type",
            Self::Garbled => "garbled",
        }
    }

    /// Its place in [`Trouble::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(0)
    }
}

impl StoreError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: Trouble, detail: &str) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.detail)
    }
}

impl std::error::Error for StoreError {}
