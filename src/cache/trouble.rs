//! What may go wrong with a store, in words and as the kinds that decide what is done about it.

use std::sync::Arc;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
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
    /// Other servers hold some of the keys.
    Cluster,
    /// The value under the key is of another type.
    WrongType,
    /// It answered something else than the protocol or the command allows.
    Garbled,
}

impl Trouble {
    /// All kinds with their names for metrics, in the order in which they are declared: `kind as
    /// usize` is its place.
    pub(crate) const ALL: [(Self, &str); 9] = [
        (Self::Away, "away"),
        (Self::Slow, "slow"),
        (Self::Refused, "refused"),
        (Self::Forbidden, "forbidden"),
        (Self::Full, "full"),
        (Self::ReadOnly, "read_only"),
        (Self::Cluster, "cluster"),
        (Self::WrongType, "wrong_type"),
        (Self::Garbled, "garbled"),
    ];

    /// Whether the store is of no use for a while, to reads too.
    #[must_use]
    pub fn is_down(self) -> bool {
        matches!(self, Self::Away | Self::Slow | Self::Refused | Self::Garbled)
    }

    /// The name for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl StoreError {
    /// An error of this kind.
    pub fn new(kind: Trouble, detail: &str) -> Self {
        Self { kind, detail: detail.into() }
    }
}
