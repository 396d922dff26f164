//! The connection: made in the background, kept up by one task.
//!
//! While the first attempt, or the first one after a break, is under way, calls wait for it; their
//! caller bounds that. After an attempt that failed they fail at once, until one succeeds.

use std::sync::Arc;
use std::time::Duration;

use redis::{AsyncConnectionConfig, RedisError};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::super::trouble::{StoreError, Trouble};
use super::address::Address;
use super::{Connection, is_broken, store_error};

/// How long an attempt to connect and log in may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The first pause between attempts, doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a command may take in the connection itself, whose slot in the queue it holds.
const LONGEST_COMMAND: Duration = Duration::from_secs(5);
/// How many commands wait for the socket; more wait in their callers, which are bounded.
const QUEUE: usize = 1024;

/// A connection that is made again when it breaks.
pub(crate) struct Link {
    state: watch::Sender<State>,
    /// Says that the connection of this number is of no more use.
    broken: mpsc::Sender<u64>,
}

#[derive(Clone, Debug)]
enum State {
    Connecting,
    Up { number: u64, connection: Connection },
    Down(StoreError),
}

impl Link {
    pub(crate) fn start(
        address: Address,
        tasks: &TaskTracker,
        ended: CancellationToken,
    ) -> Arc<Self> {
        let (broken, breaks) = mpsc::channel(16);
        let link = Arc::new(Self { state: watch::Sender::new(State::Connecting), broken });
        let kept_up = Arc::clone(&link);
        tasks.spawn(async move {
            ended.run_until_cancelled(kept_up.keep_up(address, breaks)).await;
            kept_up.close();
        });
        link
    }

    /// The connection and its number, waited for while it is being made.
    pub(crate) async fn connection(&self) -> Result<(u64, Connection), StoreError> {
        let mut state = self.state.subscribe();
        let ready = state.wait_for(|state| !matches!(state, State::Connecting)).await;
        match ready.map(|state| state.clone()) {
            Ok(State::Up { number, connection }) => Ok((number, connection)),
            Ok(State::Down(error)) => Err(error),
            Ok(State::Connecting) | Err(_) => Err(closed()),
        }
    }

    /// Passes a result on; where it says that the connection of this number broke, another is made.
    pub(crate) fn checked<T>(
        &self,
        number: u64,
        result: Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        result.map_err(|error| {
            if is_broken(&error) {
                self.give_up(number);
            }
            store_error(&error)
        })
    }

    /// Lets go of the connection of this number; calls wait for the next one.
    fn give_up(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let current = matches!(state, State::Up { number: up, .. } if *up == number);
            if current {
                *state = State::Connecting;
            }
            current
        });
        let _ = self.broken.try_send(number);
    }

    /// Lets go of the connection that is up, whatever it is: it does not answer.
    pub(crate) fn renew(&self) {
        let state = self.state.borrow().clone();
        if let State::Up { number, .. } = state {
            self.give_up(number);
        }
    }

    /// Lets go of the connection for good.
    pub(crate) fn close(&self) {
        self.state.send_replace(State::Down(closed()));
    }

    async fn keep_up(&self, address: Address, mut breaks: mpsc::Receiver<u64>) {
        let mut pause = FIRST_PAUSE;
        for number in 0_u64.. {
            match connect(&address, self.broken.clone(), number).await {
                Ok(connection) => {
                    tracing::info!(store = %address, "connected");
                    pause = FIRST_PAUSE;
                    let asked = (number == 0).then(|| connection.clone());
                    self.state.send_replace(State::Up { number, connection });
                    if let Some(asked) = asked {
                        warn_of_no_bound(asked).await;
                    }
                    while breaks.recv().await.is_some_and(|broken| broken != number) {}
                    tracing::warn!(store = %address, "the connection broke");
                    self.state.send_replace(State::Connecting);
                }
                Err(error) => {
                    tracing::debug!(store = %address, reason = %error, "cannot connect");
                    self.state.send_replace(State::Down(error));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// Connects with RESP3, whose driver tells at once when the connection ends; else with RESP2.
async fn connect(
    address: &Address,
    broken: mpsc::Sender<u64>,
    number: u64,
) -> Result<Connection, StoreError> {
    let plain = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(LONGEST_COMMAND))
        .set_pipeline_buffer_size(QUEUE);
    let watched = plain.clone().set_push_sender(move |push: redis::PushInfo| {
        if push.kind == redis::PushKind::Disconnection {
            let _ = broken.try_send(number);
        }
        Ok::<(), ()>(())
    });
    let resp3 = address.resp3.get_multiplexed_async_connection_with_config(&watched);
    let connected = match tokio::time::timeout(CONNECT, resp3).await {
        Ok(Err(error)) if !error.is_io_error() => {
            let resp2 = address.resp2.get_multiplexed_async_connection_with_config(&plain);
            tokio::time::timeout(CONNECT, resp2).await
        }
        other => other,
    };
    match connected {
        Ok(result) => result.map_err(|error| match store_error(&error) {
            error if error.kind.is_down() => error,
            // What goes wrong with logging in goes wrong with everything.
            error => StoreError { kind: Trouble::Refused, ..error },
        }),
        Err(_) => Err(StoreError::new(Trouble::Slow, "no connection within 2 s")),
    }
}

/// Says once where nothing but TTLs bounds the store; who may not ask is not told.
async fn warn_of_no_bound(mut connection: Connection) {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    let asked = tokio::time::timeout(CONNECT, info.query_async::<String>(&mut connection)).await;
    let unbounded = matches!(asked, Ok(Ok(text)) if text.lines().any(|it| it == "maxmemory:0"));
    if unbounded {
        tracing::warn!("Redis has no maxmemory: only the TTLs bound what is stored");
    }
}

fn closed() -> StoreError {
    StoreError::new(Trouble::Away, "the connection is closed")
}
