//! A bad edit changes nothing that is served (P6).

use std::time::Duration;

use crate::harness::{DEBUG, Larder, MEMORY, Site, both_stores, eventually};

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
