//! Very many keys: what a flood of them may cost this process.

use std::fs;

use larder::parts::cache::{Cache, CacheRequest};
use larder::parts::clock::Clock;
use tokio_util::task::TaskTracker;

use super::harness::{Bench, request, settings};

/// What the cache may hold, in bytes.
const BOUND: u64 = 32 << 20;

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the process's own status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") * 1024
}

/// 100,000 keys, or as many as `LARDER_MANY_KEYS` says: whatever their number, the same bound.
#[tokio::test]
async fn any_number_of_distinct_keys_stays_within_the_bound() {
    let count: u64 = std::env::var("LARDER_MANY_KEYS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let mut settings = settings();
    (settings.memory_bytes, settings.max_new_keys) = (BOUND, u32::MAX);
    let clock = Clock::manual();
    let cache = Cache::memory(settings, clock.clone(), TaskTracker::new());
    let bench = Bench { cache, clock, ..Bench::memory() };
    let body = "x".repeat(1024);
    let before = resident();
    for number in 0..count {
        bench
            .get(CacheRequest { route: "many".into(), ..request(&format!("n{number}")) }, &body)
            .await;
    }
    let figures = bench.cache.state().near;
    eprintln!("{count} keys: {figures:?}, {} MiB more", (resident() - before) >> 20);
    assert!(figures.bytes <= BOUND, "{figures:?}");
    assert!(figures.evictions + figures.entries >= count / 2, "{figures:?}");
    // Other tests of this program run beside this one, and take some too.
    let grown = resident().saturating_sub(before);
    assert!(grown < 3 * BOUND + (96 << 20), "{} MiB more for {count} keys", grown >> 20);
}
