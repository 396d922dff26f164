//! No client can make larder keep more than it is told to (P8).

use crate::admin::Admin;
use crate::harness::{Larder, MEMORY, Redis, Site};

const SITE: &str = r#"
cache: { memory: 64KiB, max_new_keys: 10 }
routes:
  /n/{n}: { inline: "{{params.n}} {{text}}", load: { text: data/text.txt } }
"#;

fn site() -> Site {
    Site::with(SITE).file("data/text.txt", &"x".repeat(1000))
}

/// Asks for pages never asked for before, and says how many of them were stored.
async fn stored(larder: &Larder, pages: std::ops::Range<usize>) -> usize {
    let mut stored = 0;
    for n in pages {
        let answer = larder.get(&format!("/n/{n}")).await;
        assert_eq!(answer.status, 200);
        stored += usize::from(answer.cache().contains("stored"));
    }
    stored
}

#[tokio::test]
async fn the_memory_store_holds_no_more_than_its_bytes() {
    let site = site();
    site.replace("routes.yaml", ", max_new_keys: 10", "");
    let larder = Larder::serve(&site, MEMORY);
    stored(&larder, 0..300).await;
    let mut hits = 0;
    for n in 0..300 {
        hits += usize::from(larder.get(&format!("/n/{n}")).await.is_hit());
    }
    assert!(hits <= 64, "{hits} pages of 1 kB fit into 64 KiB");
}

#[tokio::test]
async fn a_flood_of_new_keys_is_stored_only_where_they_are_asked_for_again() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    let first = stored(&larder, 0..200).await;
    assert!((10..100).contains(&first), "{first} of 200 were stored at once");
    assert_eq!(redis.keys().len(), first);
    stored(&larder, 150..200).await;
    for n in 150..200 {
        let answer = larder.get(&format!("/n/{n}")).await;
        assert!(answer.is_hit(), "/n/{n}: {}", answer.cache());
    }
}

#[tokio::test]
async fn memory_counts_what_is_kept_beside_a_page_when_it_is_made() {
    // Digits that no coding makes much less than half as long.
    let (mut number, mut digits) = (1_u64, String::new());
    while digits.len() < 60_000 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        digits.extend(format!("{:010}", number >> 33).chars());
    }
    let routes = "routes:\n  /page: { inline: \"{{text}}\", load: { text: data/text.txt } }\n";
    let admin = Admin::serve(&Site::with(routes).file("data/text.txt", &digits), MEMORY);
    let bytes = || admin.metric("larder_memory_bytes");
    admin.larder.get("/page").await;
    let plain = bytes();
    assert!(plain < 62_000, "{plain} bytes for a page of 60,000");
    let mut coded = 0;
    for coding in ["br", "zstd", "gzip"] {
        let taken = [("accept-encoding", coding)];
        let answer = admin.larder.request("GET", "/page", &taken).await;
        assert_eq!(answer.header("content-encoding"), coding);
        coded += answer.header("content-length").parse::<u64>().expect("a length");
        admin.larder.request("GET", "/page", &taken).await;
    }
    admin.larder.get("/page").await;
    assert!(bytes() >= plain + coded, "{} bytes, {plain} before, {coded} coded", bytes());
    assert!(bytes() < plain + coded + 10_000);
}

#[tokio::test]
async fn memory_is_what_was_allowed_whatever_codings_are_asked_for() {
    const ALLOWED: u64 = 16 << 20;
    /// What the allocator keeps beside, written down in docs/guide/cache.md.
    const BESIDE: u64 = 16 << 20;
    let text: String = (0..1500).map(|n| (n * n % 7919).to_string() + " ").collect();
    let site = Site::with(&format!(
        "cache: {{ memory: 16MiB, max_new_keys: 1000000 }}\n\
         routes:\n  /{{n}}: {{ inline: '{{{{params.n}}}} {text}', ttl: 1h }}\n"
    ));
    let larder = Larder::serve(&site, MEMORY);
    let mut before = 0;
    // Of 20 MB, and their codings.
    for number in 0..2800 {
        let coding = ["identity", "gzip", "zstd", "gzip"][number % 4];
        for _ in 0..2 {
            let path = format!("/{number}");
            let answer = larder.request("GET", &path, &[("accept-encoding", coding)]).await;
            assert_eq!(answer.status, 200);
        }
        if number == 20 {
            before = larder.resident();
        }
    }
    let (grown, most) = (larder.resident() - before, ALLOWED * 6 / 5 + BESIDE);
    assert!(grown < most, "{} of {} MiB", grown >> 20, most >> 20);
}
