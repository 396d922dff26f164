//! HTTP/2 floods against the real program: its memory stays bounded, and others are served.

use std::time::{Duration, Instant};

use super::flood_list::FLOODS;
use crate::harness::{Larder, MEMORY, Site};

/// How long each flood lasts: a connection that is not ended by then would be by its idle time.
const LONG: Duration = Duration::from_millis(1500);
/// Connections that flood at once.
const AT_ONCE: usize = 4;
/// What all floods together may add to the process: windows, buffers and streams of a few
/// connections, and what the allocator keeps of them.
const GROWTH: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_leave_memory_bounded_and_others_served() {
    let text = "x".repeat(5 << 20);
    let site = Site::with(
        "routes:\n  /: { body: hit }\n  /wait: { body: late, delay: 20s }\n  /large: large.txt\n",
    )
    .file("large.txt", &text);
    let larder = Larder::serve(&site, MEMORY);
    let addr = larder.address.parse().expect("an address");
    larder.get("/").await;
    let before = larder.resident();
    for flood in FLOODS {
        let flooding: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(flood.run(addr, LONG))).collect();
        let (mut worst, mut most) = (Duration::ZERO, 0);
        loop {
            let began = Instant::now();
            assert_eq!(larder.get("/").await.text(), "hit", "{}", flood.name);
            worst = worst.max(began.elapsed());
            most = most.max(larder.resident());
            if flooding.iter().all(tokio::task::JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("{}: {} KiB at most, {worst:?} at worst", flood.name, most >> 10);
        assert!(most < before + GROWTH, "{}: {most} bytes after {before}", flood.name);
        assert!(worst < Duration::from_secs(5), "{}: {worst:?}", flood.name);
    }
    assert!(!larder.log().contains("panic"), "{}", larder.log());
}
