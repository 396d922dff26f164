//! A request sees one version of the site from start to end (P7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::harness::{Answer, Client, Larder, MEMORY, Redis, Site};

const CLIENTS: usize = 50;
const RELOADS: usize = 100;

/// The version is in a header, which comes from the site, and twice in the page, which may come
/// from the cache: an answer of two versions would show.
fn routes(version: usize) -> String {
    format!(
        "data: {{ v: {version} }}
routes:
  /page: {{ inline: '{{{{v}}}}', layout: base.html.hbs, headers: {{ X-Version: '{version}' }} }}
  /same: {{ body: same }}
"
    )
}

fn site() -> Site {
    Site::with(&routes(0)).file("templates/base.html.hbs", "{{v}} {{{content}}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reload_drops_delays_or_mixes_a_response_from_memory() {
    reload_under_load(MEMORY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reload_drops_delays_or_mixes_a_response_from_redis() {
    let redis = Redis::start();
    reload_under_load(&redis.url()).await;
}

/// The two tests measure time, each with all of the machine that the others leave.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn reload_under_load(store: &str) {
    let _turn = ONE_AT_A_TIME.lock().await;
    let site = site();
    let larder = Larder::serve(&site, store);
    // What the same clients see in a time without reloads.
    let calm = ask_while(&larder, || std::thread::sleep(Duration::from_secs(3))).await;
    let busy = ask_while(&larder, || {
        for version in 1..=RELOADS {
            larder.reloads_after(|| site.edit("routes.yaml", &routes(version)));
        }
    })
    .await;
    eprintln!("without reloads {calm:?}, with {RELOADS} {busy:?}");
    // A reload that stopped requests would delay all fifty at once, a hundred times: far more than
    // one in a hundred. What the machine itself takes, other tests running, is in the calm figures.
    assert!(busy.p99 < calm.p99 * 3 + Duration::from_millis(100), "{busy:?} after {calm:?}");
    assert!(busy.worst < calm.worst + Duration::from_secs(2), "{busy:?} after {calm:?}");
}

/// How long answers took.
#[derive(Debug)]
struct Took {
    p99: Duration,
    worst: Duration,
}

/// Fifty clients ask for a page while `deed` is done; every answer is whole.
async fn ask_while(larder: &Larder, deed: impl FnOnce()) -> Took {
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(ask_until(Arc::clone(&done), larder.client()))).collect();
    tokio::task::block_in_place(deed);
    done.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.expect("a client whose every request was answered"));
    }
    took.sort_unstable();
    Took { p99: took[took.len() * 99 / 100], worst: took[took.len() - 1] }
}

async fn ask_until(done: Arc<AtomicBool>, client: Client) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut last = 0;
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = client.request("GET", "/page", &[]).await.expect("an answer");
        took.push(start.elapsed());
        last = version_of(&answer, last);
        // Fifty clients without a pause would measure the machine and not the reload.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    took
}

/// The one version of which an answer is; never older than the last one that this client saw.
fn version_of(answer: &Answer, last: usize) -> usize {
    assert_eq!(answer.status, 200);
    let version = answer.header("x-version").to_owned();
    assert_eq!(answer.text(), format!("{version} {version}"), "an answer of two versions");
    let version = version.parse().expect("a number");
    assert!(version >= last, "version {version} after {last}");
    version
}
