//! Sites on one Redis: what each sees, lists and purges is its own.

use crate::admin::Admin;
use crate::harness::{PATIENCE, Redis, Site, eventually, run, until};

fn site(namespace: &str) -> Site {
    let routes = "routes:\n  /p/{name}: { inline: \"{{params.name}}\" }\n  \
                  /apart: { body: apart, namespace: apart }\n";
    Site::with(&format!("cache: {{ namespace: \"{namespace}\" }}\n{routes}"))
}

/// Runs a command about the site that runs, and gives what it printed.
fn said(admin: &Admin, site: &Site, command: &str, arguments: &[&str]) -> String {
    let url = format!("http://{}", admin.address);
    let output = run(command, site, &[&["--admin", &url], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn commands_see_the_namespaces_of_their_site() {
    let redis = Redis::start();
    let (blog, shop) = (site("blog"), site("shop"));
    let (one, other) = (Admin::serve(&blog, &redis.url()), Admin::serve(&shop, &redis.url()));
    for what in [&["--all"][..], &["--route", "p-name"], &["--match", "*"]] {
        for admin in [&one, &other] {
            admin.larder.get("/p/x").await;
        }
        one.larder.get("/apart").await;
        let listed = said(&one, &blog, "keys", &[]);
        assert!(listed.contains("api:cache:blog:p-name:/p/x"), "{listed}");
        assert!(listed.contains("api:cache:apart:apart:/apart"), "{listed}");
        assert!(!listed.contains("shop"), "{listed}");
        said(&one, &blog, "purge", what);
        let left = redis.keys();
        assert!(left.iter().any(|key| key == "api:cache:shop:p-name:/p/x"), "{left:?}");
        assert!(!left.iter().any(|key| key.starts_with("api:cache:blog:")), "{left:?}");
    }
    let all = said(&one, &blog, "keys", &["--all-namespaces"]);
    assert!(all.contains("api:cache:shop:p-name:/p/x"), "{all}");
    let theirs = "/api/keys/api:cache:shop:p-name:/p/x";
    assert_eq!(one.send("GET", theirs, &[], "").status, 404);
    assert_eq!(one.send("DELETE", theirs, &[], "").status, 404);
    assert_eq!(other.send("GET", theirs, &[], "").status, 200);
    said(&one, &blog, "purge", &["--all", "--all-namespaces"]);
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_key_copied_from_where_it_is_shown_purges_its_page() {
    let (redis, site) = (Redis::start(), site(""));
    let shown = "server: { cache_status: full }\n";
    site.replace("routes.yaml", "cache: { namespace: \"\" }\n", shown);
    let admin = Admin::serve(&site, &redis.url());
    for path in ["/p/caf%C3%A9", "/p/it's", "/p/say%22hi%22", "/p/a%20b", "/p/a%0Ab"] {
        let quoted = |line: &str| {
            let (_, key) = line.split_once("key=\"").expect("the key");
            key.strip_suffix('"').expect("its end").to_owned()
        };
        let stored = admin.larder.get(path).await;
        let of_header = quoted(&stored.cache());
        let purged = said(&admin, &site, "purge", &[&of_header]);
        assert_eq!(purged, "1 key deleted\n", "{path}, as {of_header}");
        admin.larder.get(path).await;
        let listed = said(&admin, &site, "keys", &[]);
        let of_table = listed.lines().nth(1).and_then(|line| line.split(" p-name ").nth(1));
        let of_table = of_table.expect("a line").trim();
        let purged = said(&admin, &site, "purge", &[of_table]);
        assert_eq!(purged, "1 key deleted\n", "{path}, as {of_table}");
    }
}

#[tokio::test]
async fn what_others_wrote_moves_no_terminal() {
    let (redis, site) = (Redis::start(), site(""));
    let admin = Admin::serve(&site, &redis.url());
    admin.larder.get("/p/x").await;
    let record = redis.cli(&["GET", "api:cache::p-name:/p/x"]);
    let evil = record.replace("route=p-name", "route=\u{1b}[2Jgone");
    redis.cli(&["SET", "api:cache::evil", &evil, "PX", "60000"]);
    redis.cli(&["SET", "api:cache::\u{1b}[2J", &evil, "PX", "60000"]);
    for format in ["human", "json"] {
        let listed = said(&admin, &site, "keys", &["--format", format]);
        assert!(listed.contains("gone") && !listed.contains('\u{1b}'), "{listed:?}");
    }
}

#[tokio::test]
async fn a_purge_by_a_file_reaches_the_pages_made_from_all_files_of_a_glob() {
    let redis = Redis::start();
    let site = Site::with(
        "load: { posts: content/posts/*.md }\nroutes:\n  /blog: { inline: \"{{len posts}}\" }\n  \
         /first: { inline: \"{{first.body}}\", load: { first: content/posts/a.md } }\n  \
         /other: { body: other }\n",
    );
    let site = site.file("content/posts/a.md", "a").file("content/posts/b.md", "b");
    let admin = Admin::serve(&site, &redis.url());
    for (file, pages) in [("content/posts/a.md", 2), ("content/posts/b.md", 1)] {
        for path in ["/blog", "/first", "/other"] {
            admin.larder.get(path).await;
        }
        let purged = said(&admin, &site, "purge", &["--uses", file]);
        assert_eq!(purged, format!("{pages} key{} deleted\n", if pages == 1 { "" } else { "s" }));
        assert!(admin.larder.get("/other").await.is_hit());
    }
}

#[tokio::test]
async fn that_one_prefix_begins_with_another_is_said_once() {
    let redis = Redis::start();
    let site = |prefix: &str| {
        let routes = "routes:\n  /slow/{n}: { inline: \"{{params.n}}\", delay: 10ms }\n";
        Site::with(&format!("cache: {{ prefix: '{prefix}' }}\n{routes}"))
    };
    let outer = Admin::serve(&site("a"), &redis.url());
    until(PATIENCE, "it is told of changes", || {
        let status = outer.get("/api/status").json();
        (status["near_cache"]["in_use"] == true).then_some(())
    });
    let inner = Admin::serve(&site("a:b"), &redis.url());
    for larder in [&outer.larder, &inner.larder] {
        for n in 0..3 {
            larder.get(&format!("/slow/{n}")).await;
        }
    }
    let line = outer.larder.line_with("another site's cache.prefix begins with this one's");
    assert!(line.contains("prefix=\"a\"") && line.contains("other=\"a:b\""), "{line}");
    assert_eq!(outer.larder.logged("begins with this one's"), 1);
    assert_eq!(inner.larder.logged("begins with this one's"), 0, "{}", inner.larder.log());
}

#[tokio::test]
async fn explain_tells_of_a_page_beside_one_of_another_version() {
    let redis = Redis::start();
    let serve = |text: &str| {
        let site = Site::with(&format!("routes: {{ /: {{ inline: \"{text}\" }} }}\n"));
        Admin::serve(&site, &redis.url())
    };
    let (old, new) = (serve("old"), serve("new"));
    let contended = eventually("one stands beside the other", PATIENCE, async || {
        for (admin, text) in [(&old, "old"), (&new, "new")] {
            let answer = admin.larder.get("/").await;
            assert_eq!(answer.text(), text);
            if answer.cache() == "larder; hit; detail=contended" {
                return Some(admin);
            }
        }
        None
    })
    .await;
    let told = contended.get("/api/explain?url=/").json();
    let miss = told["miss"].as_str().expect("a reason");
    assert!(miss.contains("another version of the site"), "{miss}");
    assert!(miss.contains("answers from its own page beside it (detail=contended)"), "{miss}");
}
