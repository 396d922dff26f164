//! What the tests drive larder with: a site in a temporary directory, the program itself, a Redis
//! server of its own, an HTTP client. Every wait has a deadline; everything started is ended.

mod client;
mod larder;
mod redis;
mod site;
mod upstream;

use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Client, client_builder, raw};
pub(crate) use larder::{DEBUG, Larder, check, may_apart, refused, run, signal};
pub(crate) use redis::Redis;
pub(crate) use site::{FAILS, Site, too_much};
pub(crate) use upstream::{Reply, Upstream};

/// How long a test waits for something that must happen, on a machine that may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The store in the process, as `cache.store` has it.
pub(crate) const MEMORY: &str = "memory";

/// Runs a test once with each store: what a client sees must be the same.
pub(crate) async fn both_stores(test: impl AsyncFn(&str)) {
    let redis = Redis::start();
    for store in [MEMORY, &redis.url()] {
        eprintln!("-- with the store {store}");
        test(store).await;
    }
}

/// Between two looks at something that has to happen.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until there is what `look` looks for; fails after `deadline`, saying
/// `what` was not there.
pub(crate) fn until<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// The same for what is asked of larder.
pub(crate) async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
