//! Before a render that does I/O: whose turn it is in the whole fleet.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::timeout;

use super::flight::Found;
use super::lease::{self, LEASE, LOOK_AGAIN, LOOK_AGAIN_AT_LEAST, LOOK_AGAIN_UNTOLD, RENEW_EVERY};
use super::look::{Looked, Miss, Steps};
use super::outcome::Detail;
use super::request::{RENDER_AT_MOST, RenderResult};
use super::store::Claim;
use super::store::bound::Budget;
use super::trouble::Trouble;

/// Leave to render, and to write what comes of it.
pub(super) enum Lease {
    /// None is needed: the render only computes, or the store is this process's own.
    Unneeded,
    /// It is ours under this token.
    Held(String),
    /// The store gave none: the result is not written.
    Refused(Trouble),
}

/// What came of claiming a lease.
pub(super) enum Claimed {
    /// It is this process's turn to render.
    Render(Lease),
    /// Others have rendered it for as long as a render may take.
    Over,
    /// Another's render came to be in the store meanwhile, or is on its way while this one is
    /// served.
    Found(Found),
}

impl Steps<'_> {
    /// Claims the lease of a render that does I/O, or waits for who has it.
    pub(super) async fn claim(&mut self, miss: &Miss) -> Claimed {
        let Some(shared) = self.inner.shared.as_ref().filter(|_| self.request.io) else {
            return Claimed::Render(Lease::Unneeded);
        };
        let (key, token) = (&self.request.key, lease::token(&self.request.route));
        let mut over = pin!(tokio::time::sleep(RENDER_AT_MOST));
        let mut has_waited = false;
        loop {
            let mut change = pin!(self.inner.waiters.of(key).notified());
            change.as_mut().enable();
            let left = match shared.claim(key, &token, &mut self.budget).await {
                // The other one may have written since the last look.
                Ok(Claim::Granted) => {
                    let found = if has_waited { self.look_again().await } else { None };
                    let lease = Lease::Held(token);
                    return match found {
                        Some(found) => {
                            self.give_back(lease);
                            Claimed::Found(found)
                        }
                        None => Claimed::Render(lease),
                    };
                }
                Ok(Claim::Held { left }) => left,
                // It may be granted late: the write will show.
                Err(error) if error.kind == Trouble::Slow && !shared.is_down() => {
                    return Claimed::Render(Lease::Held(token));
                }
                Err(error) => {
                    // The store may have granted it after we gave up waiting for that.
                    self.give_back(Lease::Held(token));
                    return Claimed::Render(Lease::Refused(error.kind));
                }
            };
            if let Some(aged) = miss.stale_copy.as_ref().filter(|_| miss.is_refresh) {
                return Claimed::Found(Found { aged: aged.clone(), from: Detail::Redis });
            }
            let is_told = self.inner.near.is_trusted();
            let longest = if is_told { LOOK_AGAIN } else { LOOK_AGAIN_UNTOLD };
            tokio::select! {
                () = &mut over => return Claimed::Over,
                () = change => {}
                () = tokio::time::sleep(left.clamp(LOOK_AGAIN_AT_LEAST, longest)) => {}
            }
            has_waited = true;
            // It was the other's render that was waited for, not the store.
            self.budget = Budget(self.inner.settings.timeout);
            if let Some(found) = self.look_again().await {
                return Claimed::Found(found);
            }
        }
    }

    /// What another instance's render has brought.
    async fn look_again(&mut self) -> Option<Found> {
        match self.look().await {
            Looked::Usable(found) | Looked::Meanwhile(found) => Some(found),
            Looked::Nothing(_) => None,
        }
    }

    /// Renders; a lease is lengthened for as long as that takes.
    pub(super) async fn render(
        &self,
        render: impl Future<Output = RenderResult>,
        lease: &Lease,
    ) -> RenderResult {
        let mut rendering = pin!(self.inner.render(render));
        let (Lease::Held(token), Some(shared)) = (lease, &self.inner.shared) else {
            return rendering.await;
        };
        loop {
            if let Ok(result) = timeout(RENEW_EVERY, &mut rendering).await {
                return result;
            }
            let (shared, key, token) =
                (Arc::clone(shared), self.request.key.clone(), token.clone());
            self.inner.tasks.spawn(async move {
                let renewed = shared.remote.renew(&key, &token, LEASE);
                let _ = shared.past_breaker(renewed).await;
            });
        }
    }

    /// Gives a lease back that was not used up by a write, once the store can be told, for a
    /// little longer than an answer waits: else the key would stay without an entry, and all who
    /// ask would wait, until it ends.
    pub(super) fn give_back(&self, lease: Lease) {
        let (Lease::Held(token), Some(shared)) = (lease, self.inner.shared.clone()) else { return };
        let key = self.request.key.clone();
        self.inner.tasks.spawn(async move {
            let _ = shared.past_breaker(shared.remote.release(&key, &token)).await;
        });
    }
}
