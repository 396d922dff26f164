//! A bad edit changes nothing that is served (P6).

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::harness::{DEBUG, Larder, MEMORY, Redis, Site, both_stores, eventually};

fn site() -> Site {
    Site::with(
        "load: { team: data/team.yaml }
routes:
  /: { template: page.html.hbs }
  /team: { inline: '{{team.lead}}' }
",
    )
    .file("templates/page.html.hbs", "<p>{{team.lead}}</p>")
    .file("data/team.yaml", "lead: Ada\n")
}

/// A file, what a slip makes of it, and what the log has to say.
const SLIPS: &[(&str, &str, &str, &str)] = &[
    ("routes.yaml", "routes:", "ruotes:", "error[unknown_field]"),
    ("routes.yaml", "  /team:", "  /team: {\n  /other:", "routes.yaml:"),
    ("routes.yaml", "page.html.hbs", "paeg.html.hbs", "error[template_missing]"),
    ("routes.yaml", "'{{team.lead}}'", "'{{team.lead}}', ttl: soon", "error[bad_duration]"),
    ("templates/page.html.hbs", "{{team.lead}}", "{{#if team.lead}}", "error[template_syntax]"),
    ("templates/page.html.hbs", "team.lead", "team.laed", "error[unknown_variable]"),
    ("data/team.yaml", "lead: Ada", "lead: [Ada", "data/team.yaml:"),
];

#[tokio::test]
async fn a_bad_edit_keeps_what_is_served_and_says_what_is_wrong() {
    both_stores(async |store| {
        let site = site();
        let larder = Larder::serve(&site, store);
        let good = larder.get("/").await.text().to_owned();
        for (file, from, to, said) in SLIPS {
            let before = site.read(file);
            larder.logs_after(said, || site.replace(file, from, to));
            for path in ["/", "/team"] {
                assert_eq!(larder.get(path).await.status, 200, "{file}: {to:?}");
            }
            assert_eq!(larder.get("/").await.text(), good, "{file}: {to:?}");
            site.edit(file, &before);
        }
        site.replace("data/team.yaml", "Ada", "Grace");
        eventually("the site heals", Duration::from_secs(10), async || {
            (larder.get("/").await.text() == "<p>Grace</p>").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_deleted_keeps_what_is_served() {
    for file in ["routes.yaml", "templates/page.html.hbs", "data/team.yaml"] {
        let site = site();
        let larder = Larder::serve(&site, MEMORY);
        let before = site.read(file);
        larder.logs_after(file, || site.remove(file));
        assert_eq!(larder.get("/").await.text(), "<p>Ada</p>", "{file}");
        site.edit(file, &before);
        site.replace("templates/page.html.hbs", "<p>", "<p>Dr. ");
        eventually("the site heals", Duration::from_secs(10), async || {
            (larder.get("/").await.text() == "<p>Dr. Ada</p>").then_some(())
        })
        .await;
    }
}

#[test]
fn what_is_wrong_is_logged_once_a_change() {
    let site = site();
    let larder = Larder::spawn_after(&site, DEBUG, &["--store", MEMORY]);
    larder.logs_after("error[unknown_field]", || {
        site.replace("routes.yaml", "routes:", "ruotes:");
    });
    // What has been said is not said again.
    larder.polls(3);
    assert_eq!(larder.logged("error[unknown_field]"), 1, "{}", larder.log());
}

#[test]
fn errors_are_logged_before_any_number_of_warnings() {
    let unread = (0..60).map(|nth| format!("p{nth}: int")).collect::<Vec<_>>().join(", ");
    let site = Site::with(&format!("routes:\n  /: {{ query: {{ {unread} }}, body: x }}\n"));
    let larder = Larder::serve(&site, MEMORY);
    larder.logs_after("and 11 more: `larder check` shows them", || {
        site.edit(
            "routes.yaml",
            &format!(
                "{}    tll: 5m\n",
                site.read("routes.yaml").replace(
                    &format!("{{ query: {{ {unread} }}, body: x }}"),
                    &format!("\n    query: {{ {unread} }}\n    body: x"),
                )
            ),
        );
    });
    assert_eq!(larder.logged("error[unknown_field]"), 1, "{}", larder.log());
}

#[test]
fn what_is_wrong_in_two_files_is_logged_with_both_places() {
    let site = Site::with("include: [more.yaml]\nroutes:\n  /: { body: one }\n")
        .file("more.yaml", "routes:\n  /more: { body: more }\n");
    let larder = Larder::serve(&site, MEMORY);
    let line = larder.logs_after("duplicate_route", || {
        site.edit("more.yaml", "routes:\n  /: { body: two }\n");
    });
    assert!(line.contains("more.yaml:2:3: error[duplicate_route]"), "{line}");
    assert!(line.contains("(first here: routes.yaml:3:3)"), "{line}");
}

/// As a release is published: the shell went into it through a link, which is swapped.
#[tokio::test]
async fn a_working_directory_that_is_a_swapped_link_is_followed() {
    let release = |word: &str| format!("routes:\n  /: {{ inline: {word} }}\n");
    let site = Site::new()
        .file("releases/1/routes.yaml", &release("one"))
        .file("releases/2/routes.yaml", &release("two"));
    symlink("releases/1", site.path("current")).expect("a link");
    let before = "cd current; set -- \"$1\" serve --store memory --listen 127.0.0.1:0 --admin off";
    let larder = Larder::spawn_after(&site, before, &[]);
    assert_eq!(larder.get("/").await.text(), "one");
    larder.reloads_after(|| {
        symlink("releases/2", site.path("new")).expect("a link");
        fs::rename(site.path("new"), site.path("current")).expect("swapped");
    });
    assert_eq!(larder.get("/").await.text(), "two");
    larder.reloads_after(|| site.edit("releases/2/routes.yaml", &release("three")));
    assert_eq!(larder.get("/").await.text(), "three");
}

/// As Kubernetes publishes a site: the swap takes the version before away.
#[tokio::test]
async fn files_of_a_swapped_directory_are_sent_while_the_swap_is_refused() {
    const ROUTES: &str =
        "routes:\n  /: { template: a.html.hbs }\n  '/files/{*path}': { dir: public }\n";
    let site = Site::new();
    let publish = |version: &str, page: &str| {
        site.edit_in_place(&format!("..{version}/routes.yaml"), ROUTES);
        site.edit_in_place(&format!("..{version}/templates/a.html.hbs"), page);
        site.edit_in_place(&format!("..{version}/public/note.txt"), version);
        symlink(format!("..{version}"), site.path("..new")).expect("a link");
        let before = fs::read_link(site.path("..data")).ok();
        fs::rename(site.path("..new"), site.path("..data")).expect("swapped");
        if let Some(before) = before {
            fs::remove_dir_all(site.path("").join(before)).expect("the version before");
        }
    };
    publish("1", "one");
    for name in ["routes.yaml", "templates", "public"] {
        symlink(format!("..data/{name}"), site.path(name)).expect("a link");
    }
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/files/note.txt").await.text(), "1");
    larder.logs_after("unknown_variable", || publish("2", "{{nothing.has.this}}"));
    assert_eq!(larder.get("/").await.text(), "one");
    assert_eq!(larder.get("/files/note.txt").await.text(), "2");
    larder.reloads_after(|| publish("3", "three"));
    assert_eq!(larder.get("/files/note.txt").await.text(), "3");
}

/// A stop ends what is under way and closes the store: it is no outage.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_does_not_call_the_store_down() {
    let redis = Redis::start();
    let routes = "routes:\n  '/{id}': { inline: '{{params.id}}', delay: 20ms, ttl: 50ms }\n";
    let larder = Larder::serve(&Site::with(routes), &redis.url());
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let client = larder.client();
            tokio::spawn(async move {
                for turn in 0.. {
                    // Until nobody listens any more.
                    if client.request("GET", &format!("/{number}-{turn}"), &[]).await.is_err() {
                        return turn;
                    }
                }
                0
            })
        })
        .collect();
    larder.get("/first").await;
    let (status, log) = tokio::task::block_in_place(|| larder.stop());
    for client in clients {
        client.await.expect("no panic");
    }
    assert!(status.success() && !log.contains("the store is down"), "{log}");
}
