//! However a file is saved, the edit is seen; where nothing changed, nothing is reloaded.

use std::fs;
use std::io::Write;
use std::time::Duration;

use crate::harness::{DEBUG, Larder, MEMORY, Site, eventually};

/// By events it takes a second, by poll four; the rest is for a busy machine.
const SEEN: Duration = Duration::from_secs(10);

fn routes(word: &str) -> String {
    format!("data: {{ word: {word} }}\nroutes:\n  /: {{ inline: \"{{{{word}}}}\" }}\n")
}

async fn shows(larder: &Larder, path: &str, body: &str) {
    eventually(&format!("{path} shows {body:?}"), SEEN, async || {
        (larder.get(path).await.text() == body).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_way_to_save_is_seen() {
    let site = Site::with(&routes("start"));
    let larder = Larder::serve(&site, MEMORY);
    shows(&larder, "/", "start").await;
    site.edit("routes.yaml", &routes("renamed"));
    shows(&larder, "/", "renamed").await;
    site.edit_in_place("routes.yaml", &routes("in-place"));
    shows(&larder, "/", "in-place").await;
    site.remove("routes.yaml");
    // Gone for longer than any editor takes, and for less than what counts as deleted.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(larder.get("/").await.text(), "in-place");
    site.edit_in_place("routes.yaml", &routes("returned"));
    shows(&larder, "/", "returned").await;
    fs::rename(site.path("routes.yaml"), site.path("routes.yaml~")).expect("a backup");
    site.edit_in_place("routes.yaml", &routes("backed-up"));
    shows(&larder, "/", "backed-up").await;
}

#[tokio::test]
async fn a_file_written_in_two_parts_is_read_when_it_is_whole() {
    let two = "routes:\n  /: { inline: one }\n  /two: { inline: two }\n";
    let site = Site::with(two);
    let larder = Larder::serve(&site, MEMORY);
    larder.reloads_after(|| site.edit("routes.yaml", &two.replace("one", "un")));
    let text = two.replace("one", "eins").replace(": two", ": zwei");
    let (head, tail) = text.split_at(text.find("  /two").expect("the second route"));
    let mut file = fs::File::create(site.path("routes.yaml")).expect("the file");
    file.write_all(head.as_bytes()).expect("the first part");
    file.flush().expect("the first part");
    // A writer that pauses, all the while with the beginning of the file on the disk.
    for _ in 0..15 {
        assert_eq!(larder.get("/two").await.status, 200, "half of the file was taken for all");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    file.write_all(tail.as_bytes()).expect("the second part");
    drop(file);
    shows(&larder, "/two", "zwei").await;
    shows(&larder, "/", "eins").await;
}

#[tokio::test]
async fn every_file_that_a_page_is_made_from_is_watched() {
    let site = Site::with(
        "data: { a: 1 }
include: [more/*.yaml]
load: { team: data/team.yaml }
routes:
  /page: { template: page.html.hbs, layout: base.html.hbs }
  /file: public/note.txt
  /own: { inline: '{{own.v}}', load: { own: data/own.toml } }
",
    )
    .file("more/one.yaml", "routes:\n  /more: { body: more }\n")
    .file("data/team.yaml", "lead: Ada\n")
    .file("data/own.toml", "v = 1\n")
    .file("public/note.txt", "note")
    .file("templates/page.html.hbs", "page {{team.lead}}{{> partials/end}}")
    .file("templates/partials/end.html.hbs", "!")
    .file("templates/base.html.hbs", "<{{{content}}}>");
    let larder = Larder::serve(&site, MEMORY);
    shows(&larder, "/page", "<page Ada!>").await;
    for (file, from, to, path, body) in [
        ("data/team.yaml", "Ada", "Grace", "/page", "<page Grace!>"),
        ("templates/page.html.hbs", "page", "leaf", "/page", "<leaf Grace!>"),
        ("templates/partials/end.html.hbs", "!", "?", "/page", "<leaf Grace?>"),
        ("templates/base.html.hbs", "<", "[", "/page", "[leaf Grace?>"),
        ("data/own.toml", "1", "2", "/own", "2"),
        ("public/note.txt", "note", "noted", "/file", "noted"),
        ("more/one.yaml", "body: more", "body: most", "/more", "most"),
    ] {
        site.replace(file, from, to);
        shows(&larder, path, body).await;
    }
    site.edit_in_place("more/two.yaml", "routes:\n  /new: { body: new }\n");
    shows(&larder, "/new", "new").await;
}

#[tokio::test]
async fn the_last_file_of_a_glob_takes_what_it_brought_with_it() {
    let site = Site::with(
        "include: [more/*.yaml]
load: { posts: posts/*.md }
routes:
  /: { inline: '{{len posts}}' }
",
    )
    .file("more/one.yaml", "routes:\n  /more: { body: more }\n")
    .file("posts/one.md", "one");
    let larder = Larder::serve(&site, MEMORY);
    shows(&larder, "/more", "more").await;
    shows(&larder, "/", "1").await;
    larder.logs_after("glob_empty", || site.remove("more/one.yaml"));
    eventually("its page is gone", SEEN, async || {
        (larder.get("/more").await.status == 404).then_some(())
    })
    .await;
    site.remove("posts/one.md");
    shows(&larder, "/", "0").await;
    site.edit_in_place("more/two.yaml", "routes:\n  /more: { body: again }\n");
    shows(&larder, "/more", "again").await;
}

#[tokio::test]
async fn touching_a_file_or_saving_the_same_bytes_is_no_reload() {
    let site = Site::with(&routes("start"));
    let larder = Larder::spawn_after(&site, DEBUG, &["--store", MEMORY]);
    site.touch("routes.yaml");
    site.edit("routes.yaml", &routes("start"));
    site.edit_in_place("routes.yaml", &routes("start"));
    site.edit_in_place("unrelated.txt", "x");
    larder.polls(2);
    assert_eq!(larder.logged("reloaded"), 0, "{}", larder.log());
    larder.reloads_after(|| site.edit("routes.yaml", &routes("next")));
    assert_eq!(larder.logged("reloaded"), 1, "{}", larder.log());
}

#[tokio::test]
async fn a_config_map_that_swaps_its_data_is_seen() {
    let site = Site::new();
    site.publish("one", &[("routes.yaml", &routes("one"))]);
    let larder = Larder::serve(&site, MEMORY);
    shows(&larder, "/", "one").await;
    for word in ["two", "three"] {
        site.publish(word, &[("routes.yaml", &routes(word))]);
        shows(&larder, "/", word).await;
    }
}

#[tokio::test]
async fn the_log_says_what_an_edit_changed() {
    let site =
        Site::with("routes:\n  /about: { body: a }\n  /old: { body: o }\n  /same: { body: s }\n");
    let larder = Larder::serve(&site, MEMORY);
    let line = larder.reloads_after(|| {
        site.edit(
            "routes.yaml",
            "routes:\n  /about: { body: b }\n  /pricing: { body: p }\n  /same: { body: s }\n",
        );
    });
    for part in ["+ /pricing", "~ /about", "- /old"] {
        assert!(line.contains(part), "no {part:?} in {line:?}");
    }
    assert!(!line.contains("/same"), "{line:?}");
}
