//! What is no edit makes no reload, however much happens; what is saved very often is not built as
//! often.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::harness;
use crate::harness::{DEBUG, Larder, MEMORY, PATIENCE, Site, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_written_all_the_time_beside_a_glob_s_files_delays_no_edit() {
    let mut site =
        harness::Site::start(&[("site.txt", "part.txt\nposts/*.md\nend\n"), ("part.txt", "0")])
            .await;
    site.expect("0|").await;
    // Open all the while, as the log of a program is.
    fs::create_dir(site.path("posts")).expect("a directory");
    let mut log = File::create(site.path("posts/access.log")).expect("a log");
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let writer = std::thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            log.write_all(b"GET / 200\n").expect("a line");
            // Far less often than larder would have to look to keep up.
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    for turn in 1..=5 {
        harness::write(&site.path("part.txt"), &turn.to_string());
        let took = site.expect(&format!("{turn}|")).await;
        // Who waited for the log to be closed would wait for two seconds each time.
        harness::is_by_events(took);
    }
    harness::write(&site.path("posts/a.md"), "a");
    site.expect("5|posts/a.md").await;
    over.store(true, Ordering::Relaxed);
    writer.join().expect("no panic");
    assert_eq!(site.builds(), 7);
    site.end().await;
}

/// The site reads itself, its log is in its own directory, files that it only serves change, and
/// links lead in circles: nothing of that is an edit.
#[tokio::test(flavor = "multi_thread")]
async fn what_larder_itself_does_to_its_directory_is_no_edit() {
    let site = Site::with(
        "server: { access_log: text }
include: [routes.d/*.yaml]
data: { word: start }
load: { notes: 'notes/**/*.md' }
routes:
  /: { inline: '{{word}} {{len notes}}' }
  /files/{*path}: { dir: notes }
",
    )
    .file("routes.d/more.yaml", "routes:\n  /more: { body: more }\n")
    .file("notes/deep/one.md", "one")
    .file("notes/raw.txt", "0");
    symlink("..", site.path("notes/deep/up")).expect("a circle");
    symlink("self", site.path("notes/self")).expect("a link to itself");
    // Log and access log, each where a glob looks.
    let logs = "exec >notes/access.log; exec 2>&1; tail -f notes/access.log --pid=$$ >&3 &";
    let before = format!("exec 3>&2; {logs}");
    let larder = Larder::spawn_after(&site, &before, &["--store", MEMORY]);
    let began = Instant::now();
    for turn in 0_u32.. {
        if began.elapsed() > Duration::from_secs(3) {
            break;
        }
        site.edit_in_place("notes/raw.txt", &turn.to_string());
        assert_eq!(larder.get("/").await.text(), "start 1");
        assert_eq!(larder.get("/files/raw.txt").await.text(), turn.to_string());
    }
    assert!(site.read("notes/access.log").lines().count() > 10, "the log is there");
    assert_eq!(larder.logged("reloaded"), 0, "{}", larder.log());
    larder.reloads_after(|| site.replace("routes.yaml", "word: start", "word: next"));
    assert_eq!(larder.get("/").await.text(), "next 1");
    assert_eq!(larder.logged("reloaded"), 1, "{}", larder.log());
}

/// In the site's directory, where a glob looks for files, and where one goes on into directories.
const FOREIGN: [&str; 3] = ["foreign", "posts/foreign", "notes/foreign"];

#[test]
fn what_is_no_input_is_not_looked_at_however_often_it_is_written() {
    const SITE: &str = "
load: { posts: 'posts/*.md', notes: 'notes/**/*.md' }
routes:
  /: { inline: '{{len posts}} {{len notes}}' }
";
    let site = Site::with(SITE).file("posts/a.md", "a").file("notes/b.md", "b");
    let larder = Larder::spawn_after(&site, DEBUG, &["--store", MEMORY]);
    let looks = || larder.logged("looking for edits hint=Event");
    larder.reloads_after(|| site.edit("posts/a.md", "aa"));
    let before = looks();
    for name in FOREIGN {
        let mut log = File::create(site.path(name)).expect("a log");
        for turn in 0..10_000 {
            log.write_all(b"a line\n").expect("a line");
            if turn % 10 == 0 {
                // As programs do that open their log for each line, or put a file in its place.
                fs::OpenOptions::new().append(true).open(site.path(name)).expect("opened");
            }
            if turn % 100 == 0 {
                site.edit(&format!("{name}.state"), &turn.to_string());
            }
        }
    }
    larder.reloads_after(|| site.edit("posts/a.md", "aaa"));
    // Those of the edit, and of events that the kernel had no room for.
    let made = looks() - before;
    assert!((1..10).contains(&made), "{made} looks: {}", larder.log());
}

const SAVES: usize = 1000;
/// Saves without a pause between them; then the last is waited for.
const BURST: usize = 25;
/// Enough for tables, threads and the allocator's own stock to have grown to what they need.
const WARM: usize = 10 * BURST;

/// What the allocator may keep for itself. Between the two measurements lie thirty builds of a site
/// that takes more than 1 MiB: were they kept, it would show twice over.
const GROWTH: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_saves_in_a_minute_the_last_one_wins_and_memory_stays_flat() {
    let site = Site::with(&many_routes(0));
    let larder = Larder::serve(&site, MEMORY);
    let mut warm = 0;
    let began = Instant::now();
    for turn in 1..=SAVES {
        save(&site, turn);
        // So that the saves are spread over the builds, and not all before the first.
        tokio::time::sleep(Duration::from_millis(5)).await;
        if turn % 5 == 0 {
            // Emptied and half-written again and again, it was never taken for that.
            assert_eq!(larder.get("/299").await.status, 200, "{}", larder.log());
        }
        if turn % BURST == 0 {
            eventually("the last one wins", PATIENCE, async || {
                (larder.get("/").await.text() == turn.to_string()).then_some(())
            })
            .await;
        }
        if turn == WARM {
            warm = larder.resident();
        }
    }
    let took = began.elapsed();
    let after = larder.resident();
    // One a burst, and few more. A reload is live before it is logged.
    let least = SAVES / BURST;
    let reloads = eventually("each is logged", PATIENCE, async || {
        Some(larder.logged("reloaded")).filter(|reloads| *reloads >= least)
    })
    .await;
    eprintln!("{SAVES} saves in {took:?}: {reloads} reloads, {warm} bytes, then {after}");
    assert!(reloads <= least * 4, "{reloads} in {took:?}");
    assert_eq!(larder.logged("ERROR"), 0, "{}", larder.log());
    assert!(after < warm + GROWTH, "{warm} bytes, then {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saves_a_large_site_without_end_is_served_what_was_saved_and_nothing_half() {
    let site = Site::with(&many_routes(0));
    let larder = Larder::serve(&site, MEMORY);
    let began = Instant::now();
    // A build takes longer than the time between two saves: none is made of what is on the disk.
    for turn in 1.. {
        save(&site, turn);
        // A save takes its time; there is none longer than this without one.
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(larder.get("/299").await.status, 200, "{}", larder.log());
        if larder.logged("reloaded") >= 2 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "nothing is live after {turn} saves");
    }
    assert_eq!(larder.logged("ERROR"), 0, "{}", larder.log());
}

fn many_routes(turn: usize) -> String {
    let mut text =
        format!("data: {{ turn: {turn} }}\nroutes:\n  /: {{ inline: '{{{{turn}}}}' }}\n");
    for route in 0..300 {
        let _ = writeln!(text, "  /{route}: {{ inline: '{{{{turn}}}} {route}' }}");
    }
    text
}

/// In place, by rename, and with a backup, by turns.
fn save(site: &Site, turn: usize) {
    match turn % 3 {
        0 => site.edit_in_place("routes.yaml", &many_routes(turn)),
        1 => site.edit("routes.yaml", &many_routes(turn)),
        _ => {
            fs::rename(site.path("routes.yaml"), site.path("routes.yaml~")).expect("a backup");
            site.edit_in_place("routes.yaml", &many_routes(turn));
        }
    }
}
