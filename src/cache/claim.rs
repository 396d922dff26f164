//! Before a render that does I/O: whose turn it is in the whole fleet.

use std::pin::pin;

use super::freshness::AgedEntry;
use super::lease::{LEASE, LOOK_AGAIN, WAIT_AT_MOST};
use super::look::{Looked, Miss, Role};
use super::outcome::Detail;
use super::request::CacheRequest;
use super::setup::Inner;
use super::store::Claim;
use super::store::shared::{Budget, STEP, Shared};

/// Leave to render, and to write what comes of it.
#[derive(Debug)]
pub(crate) enum Lease {
    /// None is needed: the render only computes, or the store is this process's own.
    Unneeded,
    /// It is ours under this token.
    Held(String),
    /// It was not to be had: the result may not be written.
    Missing,
}

/// What came of claiming a lease.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It is this process's turn to render.
    Render(Lease),
    /// Another's render came to be in the store meanwhile, or is on its way while this one is
    /// served.
    Found { aged: AgedEntry, from: Detail },
}

impl Inner {
    /// Claims the lease of a render that does I/O, or waits for who has it.
    pub(crate) async fn claim(
        &self,
        request: &CacheRequest,
        miss: &Miss,
        budget: &mut Budget,
    ) -> Claimed {
        let Some(shared) = self.shared.as_ref().filter(|_| request.io) else {
            return Claimed::Render(Lease::Unneeded);
        };
        let token = self.tokens.token(&request.route);
        match shared.claim(&request.key, &token, LEASE, budget).await {
            Ok(Claim::Granted) => return Claimed::Render(Lease::Held(token)),
            Ok(Claim::Held { .. }) => {}
            Err(_) => return Claimed::Render(self.lose(request, &token)),
        }
        match (miss.role, &miss.stale_copy) {
            (Role::Refresh, Some(aged)) => {
                Claimed::Found { aged: aged.clone(), from: Detail::Redis }
            }
            _ => self.wait_for_lease(request, shared, token, budget).await,
        }
    }

    /// Goes on without a lease that the store may have granted after we gave up waiting for it.
    fn lose(&self, request: &CacheRequest, token: &str) -> Lease {
        self.release_later(request, token);
        Lease::Missing
    }

    async fn wait_for_lease(
        &self,
        request: &CacheRequest,
        shared: &Shared,
        token: String,
        budget: &mut Budget,
    ) -> Claimed {
        let mut over = pin!(tokio::time::sleep(WAIT_AT_MOST));
        loop {
            let mut change = pin!(self.waiters.of(&request.key).notified());
            change.as_mut().enable();
            match self.look(request, budget).await {
                Looked::Usable { aged, from } | Looked::Meanwhile { aged, from } => {
                    return Claimed::Found { aged, from };
                }
                Looked::Nothing(_) => {}
            }
            let held = match shared.claim(&request.key, &token, LEASE, budget).await {
                Ok(Claim::Granted) => return Claimed::Render(Lease::Held(token)),
                Ok(Claim::Held { left }) => left,
                Err(_) => return Claimed::Render(self.lose(request, &token)),
            };
            tokio::select! {
                () = &mut over => return Claimed::Render(Lease::Missing),
                () = change => {}
                () = tokio::time::sleep(held.min(LOOK_AGAIN)) => {}
            }
        }
    }

    /// Gives a lease back that was not used up by a write, so that nobody waits for it in vain.
    pub(super) async fn give_back(
        &self,
        request: &CacheRequest,
        lease: &Lease,
        budget: &mut Budget,
    ) {
        if let (Lease::Held(token), Some(shared)) = (lease, &self.shared)
            && shared.release(&request.key, token, budget).await.is_err()
        {
            self.release_later(request, token);
        }
    }

    /// Gives a lease back once the store can be told, for a little longer than an answer waits:
    /// else the key would stay without an entry, and all who ask would wait, until it ends.
    pub(crate) fn release_later(&self, request: &CacheRequest, token: &str) {
        let Some(shared) = self.shared.clone() else { return };
        let (key, token) = (request.key.clone(), token.to_owned());
        self.tasks.spawn(async move {
            let _ = shared.call_past_breaker(STEP, shared.remote().release(&key, &token)).await;
        });
    }
}
