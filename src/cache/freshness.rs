//! How old an entry is, and what it may still be served for (RFC 9111, RFC 5861).

use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use super::request::Lifetime;
use crate::clock::Moment;
use crate::fingerprint::Fingerprint;

/// An entry in this process's memory, with its age.
#[derive(Clone, Debug)]
pub(crate) struct AgedEntry {
    pub(crate) entry: Arc<Entry>,
    /// When `age` was true.
    at: Moment,
    age: Duration,
    /// When the store lets go of it; counted from before it was read.
    until: Moment,
    /// The record that the store holds in its place: another version of the site wrote that.
    beside: Option<u64>,
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

impl AgedEntry {
    /// An entry that was rendered now.
    pub(crate) fn new(entry: Arc<Entry>, now: Moment) -> Self {
        let until = now.after(entry.keep_for);
        Self { entry, at: now, age: Duration::ZERO, until, beside: None }
    }

    /// An entry that a store had `left` to keep, asked at `before`.
    pub(crate) fn read(entry: Arc<Entry>, left: Duration, before: Moment) -> Self {
        let age = entry.keep_for.saturating_sub(left);
        Self { entry, at: before, age, until: before.after(left), beside: None }
    }

    /// The same, with what was prepared of an entry of the same content.
    pub(crate) fn with_prepared_of(self, other: &Self) -> Self {
        if let Some(prepared) = other.entry.prepared.get() {
            // Fails where there is something already, which is as good.
            let _ = self.entry.prepared.set(Arc::clone(prepared));
        }
        self
    }

    /// The same, let go of at `bound` at the latest.
    pub(crate) fn at_most_until(mut self, bound: Moment) -> Self {
        self.until = self.until.min(bound);
        self
    }

    /// The same, beside a record of another version: it may be served only while that is there.
    pub(crate) fn beside(mut self, record: u64) -> Self {
        self.beside = Some(record);
        self
    }

    /// The record that it stands beside.
    pub(crate) fn stands_beside(&self) -> Option<u64> {
        self.beside
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

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::cache::request::{CacheRequest, Rendered};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lifetime() -> Lifetime {
        let (stale_while_revalidate, stale_if_error) = (secs(10), secs(30));
        Lifetime { ttl: Some(secs(60)), stale_while_revalidate, stale_if_error }
    }

    fn entry() -> Arc<Entry> {
        let request = CacheRequest {
            key: "key".into(),
            fingerprint: Fingerprint::default(),
            lifetime: lifetime(),
            route: "route".into(),
            path: "/".into(),
            status: 200,
            io: false,
        };
        let (content_type, body) = ("text/plain".into(), "body".into());
        let rendered = Rendered {
            status: 200,
            content_type,
            body,
            inputs: Fingerprint::default(),
            left: None,
        };
        Arc::new(Entry::new(rendered, &request, UNIX_EPOCH))
    }

    #[test]
    fn an_entry_is_fresh_then_revalidated_then_kept_for_errors_then_gone() {
        let start = Moment::default().after(secs(1));
        // Read from a store that has kept it for 20 s of its 90, by a process one second old.
        let aged = AgedEntry::read(entry(), secs(70), start);
        let cases = [
            (0, Freshness::Fresh { left: secs(40) }),
            (39, Freshness::Fresh { left: secs(1) }),
            (40, Freshness::Revalidate { since: secs(0) }),
            (49, Freshness::Revalidate { since: secs(9) }),
            (50, Freshness::IfError),
            (69, Freshness::IfError),
            (70, Freshness::Gone),
        ];
        for (later, freshness) in cases {
            let now = start.after(secs(later));
            let seen = aged.freshness(&Fingerprint::default(), &lifetime(), now);
            assert_eq!(seen, freshness, "{later} s later");
            assert_eq!(aged.age(now), secs(20 + later));
        }
    }

    #[test]
    fn another_fingerprint_or_a_route_that_stores_nothing_finds_nothing() {
        let start = Moment::default();
        let aged = AgedEntry::new(entry(), start);
        let other = Fingerprint::of(b"other");
        let off = Lifetime { ttl: None, ..lifetime() };
        assert_eq!(aged.freshness(&other, &lifetime(), start), Freshness::Gone);
        assert_eq!(aged.freshness(&Fingerprint::default(), &off, start), Freshness::Gone);
    }

    #[test]
    fn a_lowered_ttl_applies_and_a_raised_one_does_not() {
        let now = Moment::default().after(secs(15));
        let aged = AgedEntry::new(entry(), Moment::default());
        let with = |ttl| Lifetime { ttl: Some(secs(ttl)), ..lifetime() };
        let seen = |ttl| aged.freshness(&Fingerprint::default(), &with(ttl), now);
        assert_eq!(seen(10), Freshness::Revalidate { since: secs(5) });
        assert_eq!(seen(1000), Freshness::Fresh { left: secs(45) });
    }
}
