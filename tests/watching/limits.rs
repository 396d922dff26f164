//! What a system that is short of something does to watching: said in words, and the poll goes on.

use std::process::Command;
use std::time::Duration;

use super::harness::has_events;
use crate::admin::Admin;
use crate::harness::{Larder, Site, eventually, may_apart};

const ARGUMENTS: [&str; 4] = ["--store", "memory", "--admin", "127.0.0.1:0"];
const SEEN: Duration = Duration::from_secs(15);

fn site() -> Site {
    let page = "routes:\n  /: { template: pages/page.html.hbs, load: { word: data/word.txt } }\n";
    Site::with(page)
        .file("templates/pages/page.html.hbs", "<p>{{word}}</p>")
        .file("data/word.txt", "one")
}

/// Edits files in two directories, and sees both edits arrive.
async fn edits_arrive(site: &Site, larder: &Larder, word: &str) {
    site.edit("data/word.txt", word);
    site.edit("templates/pages/page.html.hbs", &format!("<b>{word} {{{{word}}}}</b>"));
    let body = format!("<b>{word} {word}</b>");
    eventually(&format!("{body:?} is live"), SEEN, async || {
        (larder.get("/").await.text() == body).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_limit_on_watches_is_said_in_words_and_edits_are_found_by_the_poll() {
    let limit = "echo 1 > /proc/sys/user/max_inotify_watches";
    if !may_apart("", limit) || !has_events() {
        return;
    }
    let site = site();
    let admin = Admin::of(Larder::spawn_apart(&site, "", limit, &ARGUMENTS));
    let line = admin.larder.line_with("watch_polled");
    for words in ["the watch limit, the disk is not full", "fs.inotify.max_user_watches", "4 s"] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    edits_arrive(&site, &admin.larder, "two").await;
    edits_arrive(&site, &admin.larder, "three").await;
    let status = admin.get("/api/status").json();
    assert_eq!(status["diagnostics"][0]["code"], "watch_polled", "{status}");
    assert_eq!(admin.larder.logged("watch_polled"), 1, "{}", admin.larder.log());

    // With room again it is watched, without a restart.
    let pid = admin.larder.pid().to_string();
    let more = "echo 1000 > /proc/sys/user/max_inotify_watches";
    let raised = Command::new("nsenter")
        .args(["-t", &pid, "-U", "--preserve-credentials", "sh", "-c", more])
        .status();
    if !raised.is_ok_and(|status| status.success()) {
        eprintln!("-- NOT TESTED: nsenter does not get in to raise the limit");
        return;
    }
    eventually("nothing is wrong any more", SEEN, async || {
        let diagnostics = &admin.get("/api/status").json()["diagnostics"];
        (*diagnostics == serde_json::json!([])).then_some(())
    })
    .await;
    edits_arrive(&site, &admin.larder, "four").await;
}

#[tokio::test]
async fn without_a_watcher_edits_are_found_by_the_poll() {
    let limit = "echo 0 > /proc/sys/user/max_inotify_instances";
    if !may_apart("", limit) {
        return;
    }
    let site = site();
    let admin = Admin::of(Larder::spawn_apart(&site, "", limit, &ARGUMENTS));
    let line = admin.larder.line_with("watch_polled");
    for words in ["inotify instances", "the disk is not full", "max_user_instances", "ulimit -n"] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    edits_arrive(&site, &admin.larder, "two").await;
    assert_eq!(admin.larder.logged("watch_polled"), 1, "{}", admin.larder.log());
}
