//! `larder dev --stub`: files in place of servers.

use super::site;
use crate::harness::{Larder, Upstream, run};

#[tokio::test]
async fn files_stand_in_for_servers_while_somebody_works_on_the_site() {
    let upstream = Upstream::giving(r#"{"a":"asked"}"#);
    let text = "load: { weather: 'api:/w', other: 'api:/other' }
routes:
  /: { inline: '{{weather.a}} {{weather.nothing}}' }
  /other: { inline: '{{other.a}}' }
  /users/{id}: { inline: '{{user.a}}', load: { user: 'api:/u/{{params.id}}' } }
";
    let site = site(&upstream, text)
        .file("stubs/weather.json", r#"{"a":"made up"}"#)
        .file("stubs/user.json", r#"{"a":"Ada"}"#);
    let larder = Larder::dev(&site, &["--store", "memory", "--stub", "stubs"]);
    assert_eq!(larder.get("/").await.text(), "made up ");
    assert_eq!(larder.get("/users/7").await.text(), "Ada");
    assert!(upstream.seen().is_empty(), "{:?}", upstream.paths());
    assert_eq!(larder.get("/other").await.text(), "asked", "for what has no file it is asked");
    assert!(larder.get("/").await.is_hit());
    let line = larder.reloads_after(|| site.edit("stubs/weather.json", r#"{"a":"edited"}"#));
    assert!(line.contains("~ /") && !line.contains("/other"), "{line}");
    assert_eq!(larder.get("/").await.text(), "edited ");
    let elsewhere = run("dev", &site, &["--stub", "/"]);
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(!elsewhere.status.success() && said.contains("inside of the site's"), "{said}");
}
