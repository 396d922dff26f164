//! Before a render that does I/O: whose turn it is in the whole fleet.

use std::pin::pin;

use super::freshness::AgedEntry;
use super::lease::{LEASE, LOOK_AGAIN, WAIT_AT_MOST};
use super::look::{Looked, Miss, Steps};
use super::outcome::Detail;
use super::store::Claim;
use super::store::shared::Shared;

/// Leave to render, and to write what comes of it.
pub(super) enum Lease {
    /// None is needed: the render only computes, or the store is this process's own.
    Unneeded,
    /// It is ours under this token.
    Held(String),
    /// It was not to be had: the result may not be written.
    Missing,
}

/// What came of claiming a lease.
pub(super) enum Claimed {
    /// It is this process's turn to render.
    Render(Lease),
    /// Another's render came to be in the store meanwhile, or is on its way while this one is
    /// served.
    Found { aged: AgedEntry, from: Detail },
}

impl Steps<'_> {
    /// Claims the lease of a render that does I/O, or waits for who has it.
    pub(super) async fn claim(&mut self, miss: &Miss) -> Claimed {
        let Some(shared) = self.inner.shared.as_ref().filter(|_| self.request.io) else {
            return Claimed::Render(Lease::Unneeded);
        };
        let token = self.inner.tokens.token(&self.request.route);
        match shared.claim(&self.request.key, &token, LEASE, &mut self.budget).await {
            Ok(Claim::Granted) => return Claimed::Render(Lease::Held(token)),
            Ok(Claim::Held { .. }) => {}
            Err(_) => return Claimed::Render(self.lose(token)),
        }
        match &miss.stale_copy {
            Some(aged) if miss.is_refresh => {
                Claimed::Found { aged: aged.clone(), from: Detail::Redis }
            }
            _ => self.wait_for_lease(shared, token).await,
        }
    }

    /// Goes on without a lease that the store may have granted after we gave up waiting for it.
    fn lose(&self, token: String) -> Lease {
        self.release_later(token);
        Lease::Missing
    }

    async fn wait_for_lease(&mut self, shared: &Shared, token: String) -> Claimed {
        let key = &self.request.key;
        let mut over = pin!(tokio::time::sleep(WAIT_AT_MOST));
        loop {
            let mut change = pin!(self.inner.waiters.of(key).notified());
            change.as_mut().enable();
            match self.look().await {
                Looked::Usable { aged, from } | Looked::Meanwhile { aged, from } => {
                    return Claimed::Found { aged, from };
                }
                Looked::Nothing(_) => {}
            }
            let held = match shared.claim(key, &token, LEASE, &mut self.budget).await {
                Ok(Claim::Granted) => return Claimed::Render(Lease::Held(token)),
                Ok(Claim::Held { left }) => left,
                Err(_) => return Claimed::Render(self.lose(token)),
            };
            tokio::select! {
                () = &mut over => return Claimed::Render(Lease::Missing),
                () = change => {}
                () = tokio::time::sleep(held.min(LOOK_AGAIN)) => {}
            }
        }
    }

    /// Gives a lease back that was not used up by a write, so that nobody waits for it in vain.
    pub(super) async fn give_back(&mut self, lease: Lease) {
        if let (Lease::Held(token), Some(shared)) = (lease, &self.inner.shared)
            && shared
                .call(&mut self.budget, shared.remote.release(&self.request.key, &token))
                .await
                .is_err()
        {
            self.release_later(token);
        }
    }

    /// Gives a lease back once the store can be told, for a little longer than an answer waits:
    /// else the key would stay without an entry, and all who ask would wait, until it ends.
    fn release_later(&self, token: String) {
        let Some(shared) = self.inner.shared.clone() else { return };
        let key = self.request.key.clone();
        self.inner.tasks.spawn(async move {
            let _ = shared.past_breaker(shared.remote.release(&key, &token)).await;
        });
    }
}
