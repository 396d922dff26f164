//! What the cache did for a request, in the words of RFC 9211.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::entry::Entry;
use super::request::RenderFailure;
use super::trouble::Trouble;

/// The cache's answer to an [`CacheRequest`](super::request::CacheRequest).
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response, or why there is none.
    pub result: Result<Arc<Entry>, RenderFailure>,
    /// How it came about.
    pub outcome: Outcome,
}

impl Answer {
    /// Where nothing was found, and nothing could be rendered.
    pub(super) fn failed(status: u16, detail: &str) -> Self {
        let result = Err(RenderFailure::new(status, detail));
        Self { result, outcome: Outcome::forwarded(Why::UriMiss, Lacked::Unknown) }
    }
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From the cache.
    Hit {
        /// What is left of its freshness, in milliseconds; negative where it is stale.
        left_ms: i64,
        /// How old it is, in seconds.
        age_seconds: u64,
        /// Which cache it came from.
        detail: Detail,
    },
    /// Not from the cache: by a render, from a file, or as a redirect.
    Forwarded {
        /// Why the cache was not enough.
        why: Why,
        /// What was found in place of a usable entry.
        lacked: Lacked,
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

/// What was found in place of a usable entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacked {
    /// Nothing.
    Nothing,
    /// One that is too old.
    TooOld,
    /// One of another version of the site, or of another site.
    OtherVersion,
    /// A value that is no record of larder's.
    Unreadable,
    /// The store could not be asked.
    Unknown,
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
    /// From this process, beside what another version of the site keeps in Redis.
    Contended,
    /// The store is full and takes no writes.
    StoreFull,
    /// The store takes no writes: a replica, or one that cannot save.
    StoreReadOnly,
    /// A stale copy in place of a failed render.
    StaleIfError,
}

impl Outcome {
    /// Appends the `Cache-Status` line's value (RFC 9211), with the key where one is given. For a
    /// hit the formatter would take as long as finding the entry.
    pub fn push_cache_status(&self, key: Option<&str>, out: &mut Vec<u8>) {
        let mut out = |piece: &str| out.extend_from_slice(piece.as_bytes());
        let mut number = itoa::Buffer::new();
        let detail = match *self {
            Self::Hit { left_ms, detail, .. } => {
                out("larder; hit; ttl=");
                // Stale by a part of a second counts as a whole one.
                out(number.format(left_ms.div_euclid(1000)));
                Some(detail)
            }
            Self::Forwarded { why, fwd_status, stored, collapsed, detail, .. } => {
                out("larder; fwd=");
                out(why.word());
                if let Some(status) = fwd_status {
                    out("; fwd-status=");
                    out(number.format(status));
                }
                out(if stored { "; stored" } else { "" });
                out(if collapsed { "; collapsed" } else { "" });
                detail
            }
        };
        if let Some(detail) = detail {
            out("; detail=");
            out(detail.word());
        }
        if let Some(key) = key {
            out("; key=");
            out(&quoted(key));
        }
    }

    /// Whether it is from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        matches!(self, Self::Hit { .. })
    }

    /// Whether what is sent is older than it should be.
    pub(crate) fn is_stale(&self) -> bool {
        match *self {
            Self::Hit { left_ms, .. } => left_ms < 0,
            Self::Forwarded { age_seconds, .. } => age_seconds.is_some(),
        }
    }

    /// Whether the entry is kept, so that others will be answered from it.
    pub(crate) fn is_kept(&self) -> bool {
        match *self {
            Self::Hit { .. } => true,
            Self::Forwarded { stored, fwd_status, detail, .. } => {
                stored || fwd_status.is_some() || detail == Some(Detail::Contended)
            }
        }
    }

    /// Whether it is kept for as long as it lives: what the store could not be told of is in this
    /// process's memory for a few seconds.
    pub(crate) fn is_kept_for_good(&self) -> bool {
        use Detail::{StoreDown, StoreFull, StoreReadOnly};
        let is_aside = |detail| matches!(detail, StoreDown | StoreFull | StoreReadOnly);
        self.is_kept() && !matches!(*self, Self::Hit { detail, .. } if is_aside(detail))
    }

    /// Where it came from, if from the cache.
    pub(crate) fn hit(&self) -> Option<Detail> {
        match self {
            Self::Hit { detail, .. } => Some(*detail),
            Self::Forwarded { .. } => None,
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
            Self::Hit { left_ms, .. } => Some(left_ms.div_euclid(1000)),
            Self::Forwarded { .. } => None,
        }
    }

    pub(crate) fn fresh(left: Duration, age: Duration, detail: Detail) -> Self {
        // What is left is a part of an entry's life: a century at most.
        let left_ms = signed_ms(left);
        Self::Hit { left_ms, age_seconds: age.as_secs(), detail }
    }

    /// A stale hit; one that is stale by nothing is so by a millisecond, so that it is negative.
    pub(crate) fn stale(since: Duration, age: Duration, detail: Detail) -> Self {
        Self::Hit { left_ms: -signed_ms(since).max(1), age_seconds: age.as_secs(), detail }
    }

    pub(crate) fn forwarded(why: Why, lacked: Lacked) -> Self {
        Self::Forwarded {
            why,
            lacked,
            fwd_status: None,
            stored: false,
            collapsed: false,
            age_seconds: None,
            detail: None,
        }
    }
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        }
    }
}

impl Detail {
    fn word(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Redis => "redis",
            Self::Memory => "memory",
            Self::StoreDown => "store-down",
            Self::Contended => "contended",
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

/// What to say where the store could not be asked, or took no write.
impl From<Trouble> for Detail {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full => Self::StoreFull,
            Trouble::ReadOnly | Trouble::Forbidden => Self::StoreReadOnly,
            _ => Self::StoreDown,
        }
    }
}

/// A span of time in milliseconds, to be subtracted from.
pub(crate) fn signed_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A string of RFC 8941 §3.3.3; what it cannot hold is percent-encoded as keys are.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            ' '..='~' => out.push(char),
            _ => out.extend(utf8_percent_encode(&char.to_string(), NON_ALPHANUMERIC)),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_status_is_written_as_in_rfc_9211() {
        let secs = Duration::from_secs;
        let forwarded = |why| Outcome::forwarded(why, Lacked::Nothing);
        let with = |outcome, stored, collapsed, fwd_status, detail| match outcome {
            Outcome::Forwarded { why, lacked, age_seconds, .. } => Outcome::Forwarded {
                why,
                lacked,
                fwd_status,
                stored,
                collapsed,
                age_seconds,
                detail,
            },
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
            let status = |key| {
                let mut pushed = Vec::new();
                outcome.push_cache_status(key, &mut pushed);
                String::from_utf8(pushed).unwrap()
            };
            assert_eq!(status(None), format!("larder; {text}"));
            let with_key = status(Some("api:\"a\""));
            assert_eq!(with_key, format!("larder; {text}; key=\"api:\\\"a\\\"\""));
        }
    }
}
