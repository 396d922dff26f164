//! When a change is a reload, and what becomes of it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::parts::clock::Clock;
use larder::parts::config::Files;
use larder::parts::diagnostic::Report;
use larder::parts::reload::{Build, Built, Outcome, ReloadState, Reloader};
use larder::parts::watch::{Watch, WatchOptions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::harness::{SEEN, Site, has_events, is_by_events, run, write};

#[tokio::test(flavor = "multi_thread")]
async fn touch_chmod_and_the_same_bytes_are_no_reload() {
    let mut site =
        Site::start(&[("site.txt", "one\nmarker.txt\nend\n"), ("marker.txt", "m")]).await;
    site.expect("one|m").await;
    let path = site.path("site.txt");
    run("touch", &["site.txt"], site.directory.path());
    site.expect_nothing("after touch").await;
    run("chmod", &["600", "site.txt"], site.directory.path());
    site.expect_nothing("after chmod").await;
    write(&path, "one\nmarker.txt\nend\n");
    site.expect_nothing("after the same bytes").await;
    write(&site.path("new.txt"), "one\nmarker.txt\nend\n");
    fs::rename(site.path("new.txt"), &path).unwrap();
    site.expect_nothing("after the same bytes by rename").await;
    assert_eq!(site.builds(), 5, "one at the start, one a marker");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_bad_edit_the_old_site_stays_and_the_next_good_one_is_taken() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    for turn in 0..3 {
        write(&site.path("site.txt"), &format!("bad {turn}\n"));
        site.until("it is reported", |site| site.reports().len() == turn + 1).await;
        site.until("it is stale", |site| site.handle.status().state != ReloadState::Current).await;
        // The same bad bytes again are not reported again.
        write(&site.path("site.txt"), &format!("bad {turn}\n"));
    }
    assert_eq!(site.handle.status().generation, 1);
    write(&site.path("site.txt"), "two\nend\n");
    site.expect("two").await;
    assert_eq!(site.reports().len(), 3);
    site.until("it is told", |site| site.handle.status().generation == 2).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_reload_gets_it_at_once_with_its_outcome() {
    let options = WatchOptions {
        poll: Duration::from_secs(600),
        force_poll: true,
        ..WatchOptions::default()
    };
    let mut site = Site::with(&[("site.txt", "one\nend\n")], "", options).await;
    site.expect("one").await;
    assert_eq!(site.handle.reload_now().await, Outcome::Unchanged);
    write(&site.path("site.txt"), "two\nend\n");
    let changes = "two".to_owned();
    assert_eq!(site.handle.reload_now().await, Outcome::Applied { changes });
    site.expect("two").await;
    write(&site.path("site.txt"), "");
    for _ in 0..2 {
        let Outcome::Refused(report) = site.handle.reload_now().await else { panic!("refused") };
        assert_eq!(report.iter().count(), 1);
    }
    assert_eq!(site.reports().len(), 1, "the same bad bytes are read once");
    write(&site.path("site.txt"), "two\nend\n");
    let changes = "two".to_owned();
    assert_eq!(site.handle.reload_now().await, Outcome::Applied { changes });
    let handle = site.handle.clone();
    site.end().await;
    assert_eq!(handle.reload_now().await, Outcome::Stopping);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_the_middle_of_a_save_gets_the_whole_of_it() {
    let options = WatchOptions { poll: SEEN * 100, force_poll: true, ..WatchOptions::default() };
    let mut site = Site::with(&[("site.txt", "one\nend\n")], "", options).await;
    site.expect("one").await;
    for (turn, gone) in [false, true].into_iter().enumerate() {
        // Emptied, or deleted, and written a moment later: neither of it is the edit.
        if gone {
            fs::remove_file(site.path("site.txt")).unwrap();
        } else {
            fs::File::create(site.path("site.txt")).unwrap();
        }
        let handle = site.handle.clone();
        let asked = tokio::spawn(async move { handle.reload_now().await });
        // The pause of who saves, with the file empty or gone.
        tokio::time::sleep(Duration::from_millis(50)).await;
        write(&site.path("site.txt"), &format!("next {turn}\nend\n"));
        let changes = format!("next {turn}");
        assert_eq!(asked.await.unwrap(), Outcome::Applied { changes: changes.clone() });
        site.expect(&changes).await;
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_belong_together_may_be_saved_one_after_the_other() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    let mut told = site.handle.subscribe();
    told.mark_unchanged();
    write(&site.path("site.txt"), "part.txt\nend\n");
    // The main file is read in the meantime, and names a file that is still to come.
    site.until("it is read", |site| site.builds() > 1).await;
    write(&site.path("part.txt"), "two");
    site.expect("two").await;
    told.changed().await.unwrap();
    assert_eq!(told.borrow().generation, 2, "the first thing told is the whole of it");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_saves_the_last_one_wins() {
    let mut site = Site::start(&[("site.txt", "0\nend\n")]).await;
    site.expect("0").await;
    for turn in 1..=200 {
        write(&site.path("tmp"), &format!("{turn}\nend\n"));
        fs::rename(site.path("tmp"), site.path("site.txt")).unwrap();
        // So that the saves are spread over many looks and builds.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut last = 0;
    while last < 200 {
        let (seen, _) = site.next().await;
        let seen: u32 = seen.parse().unwrap();
        assert!(seen > last, "{seen} after {last}");
        last = seen;
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_read_is_read_again() {
    #[derive(Debug)]
    struct Racing(PathBuf, AtomicUsize);
    impl Build for Racing {
        fn build(&self, files: &mut dyn Files) -> Built {
            let text = files.read("site.txt", 100).unwrap().bytes;
            // Somebody saves just after the first reading.
            if self.1.fetch_add(1, Ordering::SeqCst) == 0 {
                fs::write(&self.0, "two").unwrap();
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            Built::Good { apply: Box::new(|| text), warnings: Report::default() }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site.txt");
    write(&path, "one");
    let mut reloader = Reloader::new(
        directory.path().to_path_buf(),
        "site.txt".to_owned(),
        Arc::new(Racing(path, AtomicUsize::new(0))),
        Clock::system(),
        TaskTracker::new(),
        CancellationToken::new(),
    );
    assert_eq!(reloader.first().await, Outcome::Applied { changes: "two".to_owned() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_panics_leaves_the_old_site_and_the_loop_alive() {
    #[derive(Debug)]
    struct Panics;
    impl Build for Panics {
        fn build(&self, files: &mut dyn Files) -> Built {
            let text = files.read("site.txt", 100).unwrap().bytes;
            assert_ne!(&text[..], b"bad", "a bug");
            Built::Good { apply: Box::new(String::new), warnings: Report::default() }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site.txt");
    write(&path, "good");
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let root = directory.path().to_path_buf();
    let mut reloader = Reloader::new(
        root,
        "site.txt".to_owned(),
        Arc::new(Panics),
        Clock::system(),
        tasks.clone(),
        stop.clone(),
    );
    reloader.first().await;
    let handle = reloader.handle();
    tasks.spawn(reloader.run(Watch::start(WatchOptions::default())));
    let mut status = handle.subscribe();
    write(&path, "bad");
    let stale = status.wait_for(|status| status.state != ReloadState::Current);
    tokio::time::timeout(SEEN, stale).await.expect("reported").unwrap();
    write(&path, "fine");
    let current = status.wait_for(|status| status.state == ReloadState::Current);
    tokio::time::timeout(SEEN, current).await.expect("it goes on").unwrap();
    stop.cancel();
}

/// Any editor's way of saving, chosen by a counter that is mixed up a little.
fn save_somehow(site: &Site, turn: u64, text: &str) {
    let path = site.path("part.txt");
    match turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 {
        0 => write(&path, text),
        1 => {
            write(&site.path(".part.swp"), text);
            fs::rename(site.path(".part.swp"), &path).unwrap();
        }
        2 => {
            fs::remove_file(&path).unwrap();
            write(&path, text);
        }
        3 => {
            fs::rename(&path, site.path("part.txt~")).unwrap();
            write(&path, text);
            fs::remove_file(site.path("part.txt~")).unwrap();
        }
        4 => {
            let mut file = fs::File::create(&path).unwrap();
            let (one, two) = text.split_at(text.len() / 2);
            file.write_all(one.as_bytes()).unwrap();
            // A writer that pauses, for longer or shorter than the time between two looks.
            std::thread::sleep(Duration::from_millis(turn % 60));
            file.write_all(two.as_bytes()).unwrap();
        }
        5 => {
            fs::remove_file(&path).unwrap();
            write(&site.path("hidden/real.txt"), text);
            symlink("hidden/real.txt", &path).unwrap();
        }
        6 => {
            write(&site.path("other.txt"), text);
            fs::remove_file(&path).unwrap();
            fs::hard_link(site.path("other.txt"), &path).unwrap();
            fs::remove_file(site.path("other.txt")).unwrap();
        }
        _ => {
            fs::write(&path, "").unwrap();
            // The same, with the file empty.
            std::thread::sleep(Duration::from_millis(turn % 90));
            fs::write(&path, text).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_way_files_are_saved_nothing_half_is_live_and_the_last_save_is() {
    let mut site = Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "<0:0>")]).await;
    site.expect("<0:0>").await;
    let mut seen = 0;
    for turn in 1..=60_u64 {
        save_somehow(
            &site,
            turn,
            &format!("<{turn}:{}:{turn}>", "x".repeat(usize::try_from(turn).unwrap())),
        );
        // In one save of four the site gets the time to take it.
        if turn.is_multiple_of(4) {
            loop {
                let (text, _) = site.next().await;
                let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
                let parts: Vec<&str> = inner.expect(&text).split(':').collect();
                let number: u64 = parts[0].parse().unwrap();
                assert_eq!(parts[0], parts[2], "whole: {text}");
                assert!(number > seen, "{number} after {seen}");
                seen = number;
                if number == turn {
                    break;
                }
            }
        }
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_saves_in_one_go_end_with_the_last_and_few_builds() {
    let mut site = Site::start(&[("site.txt", "0\nend\n")]).await;
    site.expect("0").await;
    for turn in 1..=1000 {
        write(&site.path("site.txt"), &format!("{turn}\nend\n"));
    }
    while site.next().await.0 != "1000" {}
    assert!(site.builds() < 20, "{} builds", site.builds());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saves_without_pause_is_served_without_waiting_for_one() {
    let mut site = Site::start(&[("site.txt", "0\nend\n")]).await;
    site.expect("0").await;
    let (path, beside) = (site.path("site.txt"), site.path("tmp"));
    let saver = tokio::task::spawn_blocking(move || {
        for turn in 1..=400 {
            write(&beside, &format!("{turn}\nend\n"));
            fs::rename(&beside, &path).unwrap();
            // Shorter than any quiet time.
            std::thread::sleep(Duration::from_millis(7));
        }
    });
    let (text, took) = site.next().await;
    is_by_events(took);
    assert!(text != "400" || !has_events());
    saver.await.unwrap();
    let mut text = text;
    while text != "400" {
        text = site.next().await.0;
    }
    site.end().await;
}
