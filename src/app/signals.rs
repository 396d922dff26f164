//! Signals → reloads, and the one deadline of a stop.

use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture as _, FutureExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{StartError, failed};
use crate::reload::ReloadHandle;

/// How long what runs may go on after a signal to stop. The process is gone a second later at the
/// latest, which is for threads that block and for what is left of the logs.
const STOP_BOUND: Duration = Duration::from_secs(9);

/// What the process is told from outside.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens from now on. Must be called within a runtime.
    pub(super) fn listen() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(failed("no signal handler"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Reloads on SIGHUP, and cancels `stop` on SIGTERM and SIGINT. Returns when the process has to
    /// end, whatever still runs: at a second signal, or when [`STOP_BOUND`] is over.
    pub(super) async fn stopped(mut self, stop: &CancellationToken, reload: &ReloadHandle) {
        let mut reloading = std::pin::pin!(Fuse::terminated());
        loop {
            tokio::select! {
                () = end(&mut self.terminate, &mut self.interrupt) => break,
                _ = self.hangup.recv(), if reloading.is_terminated() => {
                    reloading.set(reload.reload_now().fuse());
                }
                _ = &mut reloading, if !reloading.is_terminated() => {}
            }
        }
        stop.cancel();
        tokio::select! {
            () = end(&mut self.terminate, &mut self.interrupt) => {
                tracing::warn!("stopped at once: a second signal came");
            }
            () = tokio::time::sleep(STOP_BOUND) => {
                tracing::warn!("stopped with work left: it took longer than {STOP_BOUND:?}");
            }
        }
    }
}

/// Waits for a signal to end.
async fn end(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
