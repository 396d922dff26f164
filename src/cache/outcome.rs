//! What the cache did for a request, in the words of RFC 9211.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, RenderFailure};

/// The cache's answer to an [`Ask`](super::Ask).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response, or why there is none.
    pub result: Result<Arc<Entry>, RenderFailure>,
    /// How it came about.
    pub outcome: Outcome,
}

/// How an answer came about; displayed as the `Cache-Status` member without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From the cache.
    Hit {
        /// What is left of its freshness, in seconds; negative where it is stale.
        ttl_seconds: i64,
        /// How old it is, in seconds.
        age_seconds: u64,
        /// Which cache it came from.
        detail: Detail,
    },
    /// By a render.
    Forwarded {
        /// Why the cache was not enough.
        why: Why,
        /// The status that a failed render would have given, where a stale copy stands in.
        fwd_status: Option<u16>,
        /// Whether the store took it.
        stored: bool,
        /// Whether another request's render was waited for.
        collapsed: bool,
        /// How old the copy is that stands in for a failed render, in seconds.
        age_seconds: Option<u64>,
        /// What else there is to know.
        detail: Option<Detail>,
    },
}

/// Why a request was forwarded (RFC 9211, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing usable under the key.
    UriMiss,
    /// What is there is too old.
    Stale,
    /// The route stores nothing.
    Bypass,
}

/// The word after `detail=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// From this process's copy of what Redis holds.
    Near,
    /// From Redis.
    Redis,
    /// From the memory store.
    Memory,
    /// The store could not be asked, or could not be told.
    StoreDown,
    /// The store is full and takes no writes.
    StoreFull,
    /// The store takes no writes: a replica, or one that cannot save.
    StoreReadOnly,
    /// A stale copy in place of a failed render.
    StaleIfError,
}

impl Outcome {
    /// The `Cache-Status` line's value (RFC 9211).
    #[must_use]
    pub fn cache_status(&self) -> String {
        self.to_string()
    }

    /// Appends the `Cache-Status` line's value; a hit's is written without the formatter, which
    /// would take as long as finding the entry.
    pub fn push(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Hit { ttl_seconds, detail, .. } => {
                out.extend_from_slice(b"larder; hit; ttl=");
                out.extend_from_slice(itoa::Buffer::new().format(ttl_seconds).as_bytes());
                out.extend_from_slice(b"; detail=");
                out.extend_from_slice(detail.word().as_bytes());
            }
            Self::Forwarded { .. } => out.extend_from_slice(self.to_string().as_bytes()),
        }
    }

    /// The value of the `Age` line, where one is due: on hits and on stale copies.
    #[must_use]
    pub fn age_seconds(&self) -> Option<u64> {
        match *self {
            Self::Hit { age_seconds, .. } => Some(age_seconds),
            Self::Forwarded { age_seconds, .. } => age_seconds,
        }
    }

    /// What is left of the freshness, in seconds, on hits.
    #[must_use]
    pub fn ttl_seconds(&self) -> Option<i64> {
        match *self {
            Self::Hit { ttl_seconds, .. } => Some(ttl_seconds),
            Self::Forwarded { .. } => None,
        }
    }

    pub(crate) fn fresh(left: Duration, age: Duration, detail: Detail) -> Self {
        let ttl_seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        Self::Hit { ttl_seconds, age_seconds: age.as_secs(), detail }
    }

    /// A stale hit; stale by a part of a second counts as a whole one, so that it is negative.
    pub(crate) fn stale(since: Duration, age: Duration, detail: Detail) -> Self {
        let late = i64::try_from(since.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1);
        Self::Hit { ttl_seconds: -late, age_seconds: age.as_secs(), detail }
    }

    pub(crate) fn forwarded(why: Why) -> Self {
        Self::Forwarded {
            why,
            fwd_status: None,
            stored: false,
            collapsed: false,
            age_seconds: None,
            detail: None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hit { ttl_seconds, detail, .. } => {
                write!(out, "larder; hit; ttl={ttl_seconds}; detail={detail}")
            }
            Self::Forwarded { why, fwd_status, stored, collapsed, detail, .. } => {
                write!(out, "larder; fwd={why}")?;
                fwd_status.map_or(Ok(()), |status| write!(out, "; fwd-status={status}"))?;
                out.write_str(if stored { "; stored" } else { "" })?;
                out.write_str(if collapsed { "; collapsed" } else { "" })?;
                detail.map_or(Ok(()), |detail| write!(out, "; detail={detail}"))
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::UriMiss => "uri-miss",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        })
    }
}

impl Detail {
    fn word(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Redis => "redis",
            Self::Memory => "memory",
            Self::StoreDown => "store-down",
            Self::StoreFull => "store-full",
            Self::StoreReadOnly => "store-read-only",
            Self::StaleIfError => "stale-if-error",
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_status_reads_as_the_contract_shows_it() {
        let secs = Duration::from_secs;
        let forwarded = Outcome::forwarded;
        let with = |outcome, stored, collapsed, fwd_status, detail| match outcome {
            Outcome::Forwarded { why, age_seconds, .. } => {
                Outcome::Forwarded { why, fwd_status, stored, collapsed, age_seconds, detail }
            }
            hit @ Outcome::Hit { .. } => hit,
        };
        let cases = [
            (Outcome::fresh(secs(287), secs(13), Detail::Near), "hit; ttl=287; detail=near"),
            (Outcome::stale(secs(12), secs(72), Detail::Redis), "hit; ttl=-12; detail=redis"),
            (
                Outcome::stale(Duration::from_millis(3), secs(60), Detail::Memory),
                "hit; ttl=-1; detail=memory",
            ),
            (with(forwarded(Why::UriMiss), true, false, None, None), "fwd=uri-miss; stored"),
            (
                with(forwarded(Why::UriMiss), true, true, None, None),
                "fwd=uri-miss; stored; collapsed",
            ),
            (forwarded(Why::Bypass), "fwd=bypass"),
            (
                with(forwarded(Why::UriMiss), false, false, None, Some(Detail::StoreDown)),
                "fwd=uri-miss; detail=store-down",
            ),
            (
                with(forwarded(Why::Stale), false, false, Some(502), Some(Detail::StaleIfError)),
                "fwd=stale; fwd-status=502; detail=stale-if-error",
            ),
        ];
        for (outcome, text) in cases {
            assert_eq!(outcome.cache_status(), format!("larder; {text}"));
            let mut pushed = Vec::new();
            outcome.push(&mut pushed);
            assert_eq!(pushed, outcome.cache_status().as_bytes());
        }
    }
}
