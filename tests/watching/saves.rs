//! Slow saves: what is open for writing is never taken in part, and holds nothing else up.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder::parts::reload::{Outcome, ReloadState};
use larder::parts::watch::WatchOptions;

use super::harness::{SEEN, Site, has_events, write};

/// Between two parts of a slow save: longer than an edit needs to be live.
const PAUSE: &str = "0.6";
/// How long a file is waited for in silence.
const SILENCE: Duration = Duration::from_secs(31);

/// A process that writes `path` in place in five parts, each of which would be good by itself.
fn slowly(path: &Path, parts: &str) -> Child {
    let script = format!(
        "exec > \"$1\"; for part in {parts}; do printf '%s\\nend\\n' $part; sleep {PAUSE}; done"
    );
    let path = path.to_str().expect("UTF-8");
    Command::new("sh").args(["-c", &script, "sh", path]).spawn().expect("a shell")
}

fn whole(parts: &str) -> String {
    parts.split(' ').flat_map(|part| [part, "\nend\n"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_in_place_for_seconds_is_never_taken_in_part() {
    if !has_events() {
        return;
    }
    let files = [("site.txt", "slow.txt\nend\n"), ("slow.txt", "old"), ("posts/a.md", "a")];
    let mut site = Site::start(&files).await;
    site.expect("old").await;
    // A file of the site, then the main file itself, then one that was not there before.
    let mut writer = slowly(&site.path("slow.txt"), "1 2 3 4 5");
    site.expect(whole("1 2 3 4 5").trim()).await;
    writer.wait().expect("ended");
    let mut writer = slowly(&site.path("site.txt"), "a b c d");
    site.expect("a|end|b|end|c|end|d").await;
    writer.wait().expect("ended");
    write(&site.path("site.txt"), "posts/*.md\nend\n");
    site.expect("posts/a.md").await;
    let began = Instant::now();
    let mut writer = slowly(&site.path("posts/b.md"), "1 2 3");
    site.expect("posts/a.md,posts/b.md").await;
    assert!(began.elapsed() > Duration::from_secs(1), "taken after {:?}", began.elapsed());
    writer.wait().expect("ended");
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_include_that_is_still_written_when_it_is_named_is_waited_for() {
    if !has_events() {
        return;
    }
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    let mut writer = slowly(&site.path("new.txt"), "1 2 3 4");
    // It was begun before anybody asked for it.
    site.until("it is begun", |site| {
        fs::metadata(site.path("new.txt")).is_ok_and(|it| it.len() > 0)
    })
    .await;
    write(&site.path("site.txt"), "new.txt\nend\n");
    site.expect(whole("1 2 3 4").trim()).await;
    writer.wait().expect("ended");
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_edits_are_live_while_a_file_is_written_for_long_which_is_said_and_it_is_not_taken() {
    if !has_events() {
        return;
    }
    let files = [("site.txt", "part.txt\nlog.txt\nend\n"), ("part.txt", "0"), ("log.txt", "old")];
    let options = WatchOptions { poll: Duration::from_millis(100), ..WatchOptions::default() };
    let mut site = Site::with(&files, "", options).await;
    site.expect("0|old").await;
    let over = Arc::new(AtomicBool::new(false));
    let (is_over, path) = (Arc::clone(&over), site.path("log.txt"));
    let writer = std::thread::spawn(move || {
        let mut file = fs::File::create(path).expect("emptied");
        while !is_over.load(Ordering::Relaxed) {
            file.write_all(b"line ").expect("written");
            // Somebody appends to it, for days.
            std::thread::sleep(Duration::from_millis(10));
        }
        file
    });
    for turn in 1..=3 {
        write(&site.path("part.txt"), &turn.to_string());
        let took = site.expect(&format!("{turn}|old")).await;
        super::harness::is_by_events(took);
    }
    assert_eq!(site.handle.reload_now().await, Outcome::Unchanged);
    assert!(site.handle.status().watching.iter().next().is_none());
    site.clock.advance(SILENCE);
    site.until("it is said", |site| site.handle.status().watching.iter().next().is_some()).await;
    let said = site.handle.status().watching.iter().next().expect("said").to_string();
    assert!(said.contains("save_unfinished") && said.contains("`log.txt`"), "{said}");
    assert_eq!(site.handle.status().state, ReloadState::Current);
    write(&site.path("part.txt"), "4");
    site.expect("4|old").await;
    // Open, and still for as long: it is taken.
    over.store(true, Ordering::Relaxed);
    let file = writer.join().expect("no panic");
    let began = Instant::now();
    let mut live = String::new();
    while !live.starts_with("4|line line") {
        assert!(began.elapsed() < SEEN, "taken: {live:?}");
        site.clock.advance(SILENCE);
        live = site.soon().await.unwrap_or_default();
    }
    assert_eq!(live.trim().len(), usize::try_from(file.metadata().unwrap().len()).unwrap() + 1);
    site.until("it is no news any more", |site| {
        site.handle.status().watching.iter().next().is_none()
    })
    .await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_saves_without_a_pause_are_each_live_within_a_second() {
    if !has_events() {
        return;
    }
    let mut site = Site::start(&[("site.txt", "0\nend\n")]).await;
    site.expect("0").await;
    let path = site.path("site.txt");
    let saver = tokio::task::spawn_blocking(move || {
        let save = |turn: usize| {
            write(&path, &format!("{turn}\nend\n"));
            let saved = Instant::now();
            // The pace of somebody who saves all the time.
            std::thread::sleep(Duration::from_millis(300));
            saved
        };
        (1..=20).map(save).collect::<Vec<_>>()
    });
    let mut live = Vec::new();
    while live.last().is_none_or(|(turn, _)| *turn < 20) {
        let turn: usize = site.next().await.0.parse().expect("a number");
        live.push((turn, Instant::now()));
    }
    for (index, saved) in saver.await.expect("no panic").into_iter().enumerate() {
        let (turn, at) = *live.iter().find(|(turn, _)| *turn > index).expect("it is live");
        let late = at.saturating_duration_since(saved);
        // The promise, and as much again for a busy machine.
        assert!(late < Duration::from_secs(2), "{} is live as {turn} after {late:?}", index + 1);
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_is_empty_gets_the_time_to_be_written() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    fs::File::create(site.path("part.txt")).expect("made and closed");
    write(&site.path("site.txt"), "part.txt\nend\n");
    // A moment later somebody writes what is in it.
    tokio::time::sleep(Duration::from_millis(900)).await;
    write(&site.path("part.txt"), "two");
    site.expect("two").await;
    site.end().await;
}
