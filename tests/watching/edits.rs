//! How files are changed: by editors, tools and deployments.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use larder::parts::reload::ReloadState;
use larder::parts::watch::WatchOptions;

use super::harness::{Site, is_by_events, run, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_save_in_place_is_live_within_a_second() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    write(&site.path("site.txt"), "two\nend\n");
    site.expect("two").await;
    site.until("it is told", |site| site.handle.status().generation == 2).await;
    let status = site.handle.status();
    assert_eq!((status.last_change.as_str(), &status.state), ("two", &ReloadState::Current));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_by_rename_is_seen_time_after_time() {
    let mut site = Site::start(&[("site.txt", "0\nend\n")]).await;
    site.expect("0").await;
    for turn in 1..=5 {
        write(&site.path(".site.txt.tmp"), &format!("{turn}\nend\n"));
        fs::rename(site.path(".site.txt.tmp"), site.path("site.txt")).unwrap();
        site.expect(&turn.to_string()).await;
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_in_two_chunks_is_used_only_whole() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    let mut file = fs::File::create(site.path("site.txt")).unwrap();
    // What is there now would be good by itself.
    file.write_all(b"half\nend\n").unwrap();
    // A writer that pauses between two chunks, longer than an edit needs to be live.
    tokio::time::sleep(Duration::from_millis(150)).await;
    file.write_all(b"two\nend\n").unwrap();
    drop(file);
    site.expect("half|end|two").await;
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_is_under_way_when_the_watch_begins_is_used_only_whole() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("site.txt"), "one\nend\n");
    let mut half = None;
    let mut site = Site::between(directory, "", WatchOptions::default(), |directory| {
        let mut file = fs::File::create(directory.join("site.txt")).unwrap();
        file.write_all(b"half\nend\n").unwrap();
        half = Some(file);
    })
    .await;
    site.expect("one").await;
    // The writer pauses, longer than an edit needs to be live.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut file = half.unwrap();
    file.write_all(b"two\nend\n").unwrap();
    drop(file);
    site.expect("half|end|two").await;
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_emptied_for_a_moment_is_waited_for() {
    let mut site = Site::start(&[
        ("site.txt", "part.txt\nmarker.txt\nend\n"),
        ("part.txt", "one"),
        ("marker.txt", "m"),
    ])
    .await;
    site.expect("one|m").await;
    // Emptied and closed, as `: > part.txt` does, then, after a pause, written by another open.
    fs::File::create(site.path("part.txt")).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    write(&site.path("part.txt"), "two");
    site.expect("two|m").await;
    // For good: taken after the patience is over.
    fs::File::create(site.path("part.txt")).unwrap();
    site.expect("|m").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_can_be_deleted_without_waiting() {
    let mut site =
        Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "one\ntwo\n")]).await;
    site.expect("one\ntwo").await;
    write(&site.path("part.txt"), "one\nthree\n");
    site.expect("one\nthree").await;
    write(&site.path("part.txt"), "one\n");
    is_by_events(site.expect("one").await);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_goes_and_comes_back_at_once_was_never_gone() {
    let mut site = Site::start(&[("site.txt", "one\nend\n")]).await;
    site.expect("one").await;
    fs::remove_file(site.path("site.txt")).unwrap();
    // Gone for longer than an edit needs to be live.
    tokio::time::sleep(Duration::from_millis(300)).await;
    write(&site.path("site.txt"), "two\nend\n");
    site.expect("two").await;
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_reported_and_its_return_is_seen() {
    let mut site = Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "one")]).await;
    site.expect("one").await;
    fs::remove_file(site.path("part.txt")).unwrap();
    site.until("the loss is reported", |site| !site.reports().is_empty()).await;
    assert_eq!(site.reports(), ["part.txt: there is no such file"]);
    site.until("it is stale", |site| site.handle.status().state != ReloadState::Current).await;
    write(&site.path("part.txt"), "one");
    // The same bytes are back: the site is what it was, and is current again.
    site.expect("one").await;
    site.until("it is current", |site| site.handle.status().state == ReloadState::Current).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_swap_is_seen_though_no_event_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("etc");
    write(&root.join("..2026_1/site.txt"), "one\nend\n");
    symlink("..2026_1", root.join("..data")).unwrap();
    symlink("..data/site.txt", root.join("site.txt")).unwrap();
    let mut site = Site::over(directory, "etc", WatchOptions::default()).await;
    site.expect("one").await;
    for turn in 2..5 {
        let (new, old) = (format!("..2026_{turn}"), format!("..2026_{}", turn - 1));
        write(&root.join(&new).join("site.txt"), &format!("{turn}\nend\n"));
        symlink(&new, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        fs::remove_dir_all(root.join(old)).unwrap();
        site.expect(&turn.to_string()).await;
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_a_link_is_followed_when_it_is_swapped() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    write(&at("releases/1/site.txt"), "one\nend\n");
    write(&at("releases/2/site.txt"), "two\nend\n");
    symlink("releases/1", at("current")).unwrap();
    let swap = (at("new"), at("current"), at("releases/2/site.txt"));
    let mut site = Site::over(directory, "current", WatchOptions::default()).await;
    site.expect("one").await;
    symlink("releases/2", &swap.0).unwrap();
    fs::rename(&swap.0, &swap.1).unwrap();
    site.expect("two").await;
    write(&swap.2, "three\nend\n");
    site.expect("three").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_replaced_is_watched_again() {
    let mut site = Site::start(&[("site.txt", "parts/a.txt\nend\n"), ("parts/a.txt", "one")]).await;
    site.expect("one").await;
    for turn in 0..3 {
        let new = format!("{turn} new");
        write(&site.path("next/a.txt"), &new);
        fs::rename(site.path("parts"), site.path(&format!("old{turn}"))).unwrap();
        fs::rename(site.path("next"), site.path("parts")).unwrap();
        site.expect(&new).await;
        let edited = format!("{turn} edited");
        write(&site.path("parts/a.txt"), &edited);
        let took = site.expect(&edited).await;
        is_by_events(took);
        fs::remove_dir_all(site.path("parts")).unwrap();
        let again = format!("{turn} again");
        write(&site.path("parts/a.txt"), &again);
        site.expect(&again).await;
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_s_own_directory_may_be_replaced() {
    let options = WatchOptions { poll: Duration::from_millis(300), ..WatchOptions::default() };
    let mut site = Site::with(&[("etc/site.txt", "one\nend\n")], "etc", options).await;
    site.expect("one").await;
    write(&site.path("new/site.txt"), "two\nend\n");
    fs::rename(site.path("etc"), site.path("old")).unwrap();
    fs::rename(site.path("new"), site.path("etc")).unwrap();
    site.expect("two").await;
    write(&site.path("etc/site.txt"), "three\nend\n");
    site.expect("three").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_files_of_a_glob_are_seen_and_so_are_new_directories() {
    let mut site = Site::start(&[("site.txt", "posts/**/*.md\nend\n")]).await;
    site.expect("").await;
    write(&site.path("posts/a.md"), "a");
    site.expect("posts/a.md").await;
    write(&site.path("posts/b.md"), "b");
    site.expect("posts/a.md,posts/b.md").await;
    write(&site.path("posts/2026/c.md"), "c");
    site.expect("posts/2026/c.md,posts/a.md,posts/b.md").await;
    fs::remove_file(site.path("posts/a.md")).unwrap();
    site.expect("posts/2026/c.md,posts/b.md").await;
    fs::rename(site.path("posts/b.md"), site.path("posts/b.txt")).unwrap();
    site.expect("posts/2026/c.md").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_events_the_poll_finds_every_edit() {
    let files =
        [("site.txt", "part.txt\nmarker.txt\nend\n"), ("part.txt", "one"), ("marker.txt", "m")];
    let mut site = Site::polled(&files).await;
    site.expect("one|m").await;
    write(&site.path("part.txt"), "two");
    site.expect("two|m").await;
    // Same size, same times: only the inode tells.
    let times = fs::metadata(site.path("part.txt")).unwrap().modified().unwrap();
    write(&site.path("new.txt"), "six");
    fs::File::options()
        .write(true)
        .open(site.path("new.txt"))
        .unwrap()
        .set_modified(times)
        .unwrap();
    fs::rename(site.path("new.txt"), site.path("part.txt")).unwrap();
    site.expect("six|m").await;
    run("touch", &["part.txt"], site.directory.path());
    site.expect_nothing("after touch").await;
    fs::remove_file(site.path("part.txt")).unwrap();
    site.until("the loss is reported", |site| !site.reports().is_empty()).await;
    write(&site.path("part.txt"), "back");
    site.expect("back|after touch").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_events_a_writer_may_pause_too() {
    // The first part is the beginning of what was there, or it is not.
    for (part, pause) in [("one two", 1200), ("half", 600)] {
        let files = [("site.txt", "part.txt\nend\n"), ("part.txt", "one two three")];
        let mut site = Site::polled(&files).await;
        site.expect("one two three").await;
        let mut file = fs::File::create(site.path("part.txt")).unwrap();
        file.write_all(part.as_bytes()).unwrap();
        // The writer's pause, over several polls.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        file.write_all(b" four").unwrap();
        drop(file);
        site.expect(&format!("{part} four")).await;
        site.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_place_of_a_file_holds_nobody_up() {
    let mut site = Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "one")]).await;
    site.expect("one").await;
    fs::remove_file(site.path("part.txt")).unwrap();
    run("mkfifo", &["part.txt"], site.directory.path());
    site.until("it is reported", |site| !site.reports().is_empty()).await;
    assert_eq!(site.reports(), ["part.txt: it is no regular file"]);
    fs::remove_file(site.path("part.txt")).unwrap();
    write(&site.path("part.txt"), "two");
    site.expect("two").await;
    site.end().await;
}
