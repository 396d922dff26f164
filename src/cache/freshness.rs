//! How old an entry is, and what it may still be served for (RFC 9111, RFC 5861).

use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;

/// How long a route's responses live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// How long they are fresh; `None`: not stored at all.
    pub ttl: Option<Duration>,
    /// How long after that the old one is served while a new one is made.
    pub stale_while_revalidate: Duration,
    /// How long after that the old one is served where a render fails.
    pub stale_if_error: Duration,
}

impl Lifetime {
    /// Fresh for `ttl`, never stale.
    #[must_use]
    pub fn of(ttl: Duration) -> Self {
        let none = Duration::ZERO;
        Self { ttl: Some(ttl), stale_while_revalidate: none, stale_if_error: none }
    }
}

/// An entry in this process's memory, with its age.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) entry: Arc<Entry>,
    /// When `age` was true.
    at: Moment,
    age: Duration,
    /// When the store lets go of it; counted from before it was read.
    until: Moment,
}

/// What may be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Served as it is, for `left` more.
    Fresh { left: Duration },
    /// Stale for `since`, and served while a new one is made.
    Revalidate { since: Duration },
    /// Stale, and served only where a render fails.
    IfError,
    /// Of no use: too old, or made by another version of the site.
    Gone,
}

impl Kept {
    /// An entry that was rendered now.
    pub(crate) fn new(entry: Arc<Entry>, now: Moment) -> Self {
        let until = now.after(entry.px);
        Self { entry, at: now, age: Duration::ZERO, until }
    }

    /// An entry that a store had `left` to keep, asked at `before`.
    pub(crate) fn read(entry: Arc<Entry>, left: Duration, before: Moment) -> Self {
        let age = entry.px.saturating_sub(left);
        Self { entry, at: before, age, until: before.after(left) }
    }

    /// The same, let go of at `bound` at the latest.
    pub(crate) fn at_most_until(mut self, bound: Moment) -> Self {
        self.until = self.until.min(bound);
        self
    }

    /// How old it is.
    pub(crate) fn age(&self, now: Moment) -> Duration {
        self.age.saturating_add(now.since(self.at))
    }

    /// When it is let go of.
    pub(crate) fn until(&self) -> Moment {
        self.until
    }

    /// What it may be served for, to who asks with this fingerprint and lifetime.
    ///
    /// A lowered `ttl` applies at once; a raised one does not lengthen what is stored.
    pub(crate) fn freshness(
        &self,
        fingerprint: &Fingerprint,
        lifetime: &Lifetime,
        now: Moment,
    ) -> Freshness {
        let Some(ttl) = lifetime.ttl else { return Freshness::Gone };
        if now >= self.until || self.entry.fingerprint != *fingerprint {
            return Freshness::Gone;
        }
        let (ttl, age) = (ttl.min(self.entry.ttl), self.age(now));
        if age < ttl {
            return Freshness::Fresh { left: ttl.saturating_sub(age) };
        }
        let since = age.saturating_sub(ttl);
        if since < lifetime.stale_while_revalidate {
            Freshness::Revalidate { since }
        } else if since < lifetime.stale_if_error {
            Freshness::IfError
        } else {
            Freshness::Gone
        }
    }
}
