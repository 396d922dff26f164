//! What an edit evicts: exactly what it changes (P2), with both stores, and across a restart.

use crate::harness::{Larder, PATIENCE, Redis, Site, both_stores, eventually, run};

const PAGES: &[&str] = &["/", "/team", "/size", "/plain", "/laid", "/json", "/two", "/hi/ada"];

fn site() -> Site {
    Site::with(
        r#"# the site
data: { shop: { name: Larder, color: plum } }
load: { team: data/team.yaml }
routes:
  /: { body: { message: hello } }
  /team: { template: team.html.hbs }
  /size: { inline: "{{team.size}}" }
  /plain: { body: plain, ttl: 5m, headers: { X-A: "1" } }
  /laid: { inline: "laid", content_type: text/html, layout: base.html.hbs }
  /json: { json: { color: "{{shop.color}}" } }
  /two:
    template: two.html.hbs
  /hi/{name}: { inline: "hi {{params.name}}" }
"#,
    )
    .file("data/team.yaml", "lead: Ada\nsize: 3\n")
    .file("templates/team.html.hbs", "{{team.lead}} {{> partials/end}}")
    .file("templates/two.html.hbs", "two {{> partials/end}}")
    .file("templates/base.html.hbs", "<main>{{{content}}}</main>")
    .file("templates/partials/end.html.hbs", "<i>{{shop.name}}</i>")
}

/// What is changed in which file, and the pages that this changes.
const EDITS: &[(&str, &str, &str, &[&str])] = &[
    ("routes.yaml", "# the site", "# another remark", &[]),
    ("routes.yaml", "# the site\n", "", &[]),
    (
        "routes.yaml",
        "  /two:\n    template: two.html.hbs\n",
        "  /two: {  template:  'two.html.hbs' }\n",
        &[],
    ),
    ("routes.yaml", "  /: { body: { message: hello } }\n", "", &["/"]),
    ("routes.yaml", "  /plain: { body: plain, ttl: 5m,", "  /plain: { ttl: 9m, body: plain,", &[]),
    ("routes.yaml", "{ X-A: \"1\" }", "{ X-A: \"2\" }", &[]),
    ("routes.yaml", "body: plain", "body: other", &["/plain"]),
    ("routes.yaml", "body: plain", "status: 203, body: plain", &["/plain"]),
    ("routes.yaml", "body: plain", "content_type: text/css, body: plain", &["/plain"]),
    ("routes.yaml", "color: plum", "color: rose", &["/json"]),
    ("routes.yaml", "name: Larder", "name: Pantry", &["/team", "/two"]),
    ("routes.yaml", "color: plum", "color: plum, unread: 1", &[]),
    ("routes.yaml", "  /json:", "  /added: { body: added }\n  /json:", &[]),
    ("templates/partials/end.html.hbs", "<i>", "<b>", &["/team", "/two"]),
    ("templates/two.html.hbs", "two", "zwei", &["/two"]),
    ("templates/base.html.hbs", "main", "article", &["/laid"]),
    ("data/team.yaml", "size: 3", "size: 4", &["/size"]),
    ("data/team.yaml", "lead: Ada", "lead: Grace", &["/team"]),
    ("data/team.yaml", "size: 3", "size: 3\nunread: 1", &[]),
    ("data/team.yaml", "lead: Ada\nsize: 3", "# a remark\nsize: 3\nlead: 'Ada'", &[]),
];

/// Asks until every page is a hit: a key that two versions write in turn is written again by the
/// same instance only once a second.
async fn warm(larder: &Larder) {
    eventually("every page is a hit", PATIENCE, async || {
        made_again(larder).await.is_empty().then_some(())
    })
    .await;
}

/// The pages that are not hits now.
async fn made_again(larder: &Larder) -> Vec<&'static str> {
    let mut missed = Vec::new();
    for page in PAGES {
        let answer = larder.get(page).await;
        if answer.status == 404 || !answer.is_hit() {
            missed.push(*page);
        }
    }
    missed
}

#[tokio::test]
async fn an_edit_makes_again_exactly_what_it_changes() {
    both_stores(async |store| {
        let site = site();
        let larder = Larder::serve(&site, store);
        for (file, from, to, changed) in EDITS {
            warm(&larder).await;
            let before = site.read(file);
            larder.reloads_after(|| site.replace(file, from, to));
            assert_eq!(made_again(&larder).await, *changed, "{file}: {from:?} -> {to:?}");
            larder.reloads_after(|| site.edit(file, &before));
        }
    })
    .await;
}

#[tokio::test]
async fn the_order_of_routes_and_fields_means_nothing() {
    let site = site();
    let redis = Redis::start();
    let larder = Larder::serve(&site, &redis.url());
    made_again(&larder).await;
    let text = site.read("routes.yaml");
    let (head, routes) = text.split_once("routes:\n").expect("the routes");
    let mut blocks: Vec<_> = routes.split_inclusive("}\n").collect();
    blocks.reverse();
    let turned = format!("routes:\n{}{head}", blocks.concat());
    larder.reloads_after(|| site.edit("routes.yaml", &turned));
    assert_eq!(made_again(&larder).await, Vec::<&str>::new());
}

#[tokio::test]
async fn what_an_edit_does_not_change_survives_a_restart() {
    let site = site();
    let redis = Redis::start();
    let larder = Larder::serve(&site, &redis.url());
    assert_eq!(made_again(&larder).await, PAGES);
    larder.stop();
    let larder = Larder::serve(&site, &redis.url());
    assert_eq!(made_again(&larder).await, Vec::<&str>::new());
    larder.stop();
    site.replace("data/team.yaml", "size: 3", "size: 4");
    let larder = Larder::serve(&site, &redis.url());
    assert_eq!(made_again(&larder).await, ["/size"]);
}

#[tokio::test]
async fn headers_and_lifetimes_come_from_the_site_as_it_is_now() {
    both_stores(async |store| {
        let site = site();
        let larder = Larder::serve(&site, store);
        larder.get("/plain").await;
        larder.reloads_after(|| {
            site.replace(
                "routes.yaml",
                "ttl: 5m, headers: { X-A: \"1\" }",
                "ttl: 1m, headers: { X-A: \"2\" }",
            );
        });
        let answer = larder.get("/plain").await;
        assert!(answer.is_hit(), "{}", answer.cache());
        assert_eq!(answer.header("x-a"), "2");
        assert!(answer.ttl().is_some_and(|ttl| (40..=60).contains(&ttl)), "{:?}", answer.ttl());
    })
    .await;
}

#[tokio::test]
async fn after_an_edit_is_live_nothing_older_is_served() {
    both_stores(async |store| {
        let site = Site::with(
            r#"
data: { v: 0 }
routes:
  /: { inline: "v{{v}}", stale_if_error: 1d, stale_while_revalidate: 1d }
"#,
        );
        let larder = Larder::serve(&site, store);
        larder.get("/").await;
        for version in 1..=5 {
            let text = site.read("routes.yaml");
            let next = text.replace(&format!("v: {}", version - 1), &format!("v: {version}"));
            larder.reloads_after(|| site.edit("routes.yaml", &next));
            for _ in 0..3 {
                assert_eq!(larder.get("/").await.text(), format!("v{version}"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn two_sites_on_one_redis_never_serve_each_others_pages() {
    let redis = Redis::start();
    let one = Larder::serve(&Site::with("routes:\n  /: { body: one }\n"), &redis.url());
    let two = Larder::serve(&Site::with("routes:\n  /: { body: two }\n"), &redis.url());
    for _ in 0..5 {
        assert_eq!(one.get("/").await.text(), "one");
        assert_eq!(two.get("/").await.text(), "two");
    }
}

/// The pages whose entries `larder plan` says that the file `new` would make again.
fn foretold(site: &Site, store: &str, new: &str) -> Vec<String> {
    let output = run("plan", site, &[new, "--format", "json", "--store", store]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let routes = plan["routes"].as_array().expect("routes");
    let made_again = routes.iter().filter(|route| route["entries"] != 0);
    let mut pages: Vec<String> = made_again
        .filter_map(|route| route["path"].as_str())
        .map(|path| path.replace("{name}", "ada"))
        .collect();
    pages.sort();
    pages
}

#[tokio::test]
async fn what_a_plan_foretells_is_what_happens() {
    let (site, redis) = (site(), Redis::start());
    let larder = Larder::serve(&site, &redis.url());
    let before = site.read("routes.yaml");
    for (_, from, to, _) in EDITS.iter().filter(|(file, ..)| *file == "routes.yaml") {
        warm(&larder).await;
        let after = before.replace(from, to);
        site.edit_in_place("new.yaml", &after);
        let foretold = foretold(&site, &redis.url(), "new.yaml");
        larder.reloads_after(|| site.edit("routes.yaml", &after));
        let mut happened = made_again(&larder).await;
        happened.sort_unstable();
        assert_eq!(happened, foretold, "{from:?} -> {to:?}");
        larder.reloads_after(|| site.edit("routes.yaml", &before));
    }
}
