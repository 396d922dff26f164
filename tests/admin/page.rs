use super::{Admin, SITE, encoded};
use crate::harness::{MEMORY, Redis, Site};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// The token of the forms in a page.
pub(crate) fn form_token(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"form\" value=\"").expect("a form");
    rest.split('"').next().expect("its token")
}

#[tokio::test]
async fn keys_are_deleted_by_forms_alone() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for path in ["/a", "/b/ada", "/b/bob", "/b/cy"] {
        admin.larder.get(path).await;
    }
    let page = admin.get("/?q=b/").body;
    assert!(page.contains("api:cache::b:/b/ada") && !page.contains("api:cache::a:/a"));
    let form = form_token(&page);
    let body = format!("form={form}&what=keys&key=api%3Acache%3A%3Ab%3A%2Fb%2Fada");
    let said = admin.send("POST", "/delete", &[FORM], &body);
    assert_eq!((said.status, said.header("location")), (303, "/?deleted=1"));
    assert!(!redis.keys().contains(&"api:cache::b:/b/ada".to_owned()));
    let said = admin.send("POST", "/delete", &[FORM], &format!("form={form}&what=filter&q=b/"));
    assert_eq!(said.header("location"), "/?q=b/&deleted=2");
    assert_eq!(redis.keys(), ["api:cache::a:/a"]);
    let said = admin.send("POST", "/delete", &[FORM], &format!("form={form}&what=keys"));
    assert_eq!(said.header("location"), "/?deleted=0");
    assert_eq!(redis.keys(), ["api:cache::a:/a"]);
}

#[tokio::test]
async fn a_filter_and_a_route_together_delete_what_both_mean() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    for path in ["/a", "/b/a", "/b/b"] {
        admin.larder.get(path).await;
    }
    let page = admin.get("/").body;
    let form = form_token(&page);
    let body = format!("form={form}&what=filter&q=*a&route=b");
    let said = admin.send("POST", "/delete", &[FORM], &body);
    assert!(said.header("location").ends_with("deleted=1"), "{said:?}");
    assert_eq!(redis.keys(), ["api:cache::a:/a", "api:cache::b:/b/b"]);
}

#[tokio::test]
async fn what_visitors_and_strangers_wrote_is_shown_as_text() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    let key = "api:cache::x:<script>alert(1)</script>\"'";
    redis.cli(&["SET", key, "<img src=x onerror=alert(1)>"]);
    let encoded = encoded(key);
    for path in ["/".to_owned(), format!("/?q={encoded}"), format!("/key?key={encoded}")] {
        let page = admin.get(&path).body;
        assert!(page.contains("&lt;script&gt;alert(1)"), "{path}: {page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}: {page}");
    }
}

/// As a browser sends it: the value of the box, encoded once more.
#[tokio::test]
async fn a_strange_key_is_deleted_by_its_box() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    let script = "redis.call('SET', 'api:cache::x:\\255<%41+ &', 'v')";
    redis.cli(&["EVAL", script, "0"]);
    let page = admin.get("/").body;
    let (_, rest) = page.split_once("name=\"key\" value=\"").expect("a box");
    let value = rest.split('"').next().expect("its value").replace('%', "%25");
    let form = form_token(&page);
    let body = format!("form={form}&what=keys&key={value}");
    let said = admin.send("POST", "/delete", &[FORM], &body);
    assert_eq!(said.header("location"), "/?deleted=1", "{value}");
    assert_eq!(redis.keys(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_entry_is_shown_with_what_was_stored() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    admin.larder.get("/b/ada").await;
    let page = admin.get("/key?key=api:cache::b:/b/ada");
    assert_eq!(page.status, 200);
    for part in ["hi ada", "content-type: text/html", "etag: &quot;", "<dd>/b/ada</dd>"] {
        assert!(page.body.contains(part), "{part}: {page:?}");
    }
    assert_eq!(admin.get("/key?key=api:cache::none").status, 404);
}

#[tokio::test]
async fn a_bad_edit_is_shown_as_in_the_terminal_until_it_is_mended() {
    let redis = Redis::start();
    let site = Site::with(SITE);
    let admin = Admin::serve(&site, &redis.url());
    admin.larder.logs_after("still serving", || site.replace("routes.yaml", "ttl: 1h", "ttll: 1h"));
    let page = admin.get("/").body;
    for part in ["stale", "ttll", "did you mean", "routes.yaml:3"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    admin.larder.reloads_after(|| site.replace("routes.yaml", "ttll: 1h", "ttl: 1h"));
    assert!(!admin.get("/").body.contains("ttll"));
}

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

#[tokio::test]
async fn a_person_gets_pages_and_a_program_documents() {
    let admin = Admin::serve(&Site::with(SITE), "redis://127.0.0.1:1");
    for path in ["/nonsense", "/nonsense/deeper"] {
        let page = admin.send("GET", path, &[BROWSER], "");
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
        assert!(page.body.contains("href=\"/\"") && page.body.contains("no such address"));
        let document = admin.get(path);
        assert_eq!(document.header("content-type"), "application/problem+json");
        assert_eq!(document.json()["status"], 404);
    }
    let api = admin.send("GET", "/api/keys", &[BROWSER], "");
    assert_eq!(api.header("content-type"), "application/problem+json", "{api:?}");
}

#[test]
fn a_key_of_another_type_is_shown_as_what_it_is_and_deleted() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    let key = "api:cache::a:/a";
    redis.cli(&["HSET", key, "field", "value"]);
    let entry = admin.get(&format!("/api/keys/{key}"));
    assert_eq!((entry.status, entry.json()["type"].as_str()), (200, Some("hash")), "{entry:?}");
    let page = admin.get(&format!("/key?key={key}"));
    assert!(page.status == 200 && page.body.contains("A hash of Redis"), "{page:?}");
    let body = format!("form={}&what=keys&key={}", form_token(&page.body), encoded(key));
    let said = admin.send("POST", "/delete", &[FORM], &body);
    assert_eq!(said.header("location"), "/?deleted=1");
    assert!(redis.keys().is_empty());
}

#[tokio::test]
async fn without_its_redis_the_page_says_in_words_what_can_be_done() {
    let admin = Admin::serve(&Site::with(SITE), "redis://127.0.0.1:1");
    admin.larder.get("/a").await;
    let page = admin.get("/").body;
    assert_eq!(page.matches("refused").count(), 1, "said once: {page}");
    assert!(
        page.contains("Redis does not answer") && page.contains("Pages are served all the same")
    );
    assert!(page.contains("cannot be listed") && !page.contains("No keys."), "{page}");
    let body = format!("form={}&what=filter", form_token(&page));
    let said = admin.send("POST", "/delete", &[FORM, BROWSER], &body);
    assert_eq!((said.status, said.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(said.body.contains("href=\"/\""), "a way back: {said:?}");
    let key = admin.get("/key?key=api:cache::a:/a");
    for page in [&said, &key] {
        let is_in_words = page.body.contains("Redis does not answer (");
        assert!(page.status == 503 && is_in_words, "{page:?}");
    }
}

#[tokio::test]
async fn the_order_of_keys_can_be_turned_round() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    for path in ["/a", "/b/ada", "/b/bob"] {
        admin.larder.get(path).await;
    }
    let order = |path: &str| {
        let page = admin.get(path).body;
        let keys = page.split("data-key=\"").skip(1);
        keys.map(|row| row.split('"').next().expect("a key").to_owned()).collect::<Vec<_>>()
    };
    let first = order("/");
    assert_eq!(first.len(), 3);
    let turned: Vec<_> = first.iter().rev().cloned().collect();
    assert_eq!(order("/?sort=-key"), turned);
    let page = admin.get("/?sort=-key").body;
    assert!(page.contains("aria-sort=\"descending\""), "{page}");
    assert!(admin.get("/").body.contains("href=\"/?sort=-key\""));
}

#[tokio::test]
async fn a_page_of_large_foreign_values_is_small() {
    let redis = Redis::start();
    let admin = Admin::serve(&Site::with(SITE), &redis.url());
    let script = "for i = 1, 10 do
        redis.call('SET', 'api:cache::a:/large' .. i, string.rep('x', 5000000))
    end";
    redis.cli(&["EVAL", script, "0"]);
    for path in ["/", "/key?key=api:cache::a:/large1"] {
        let page = admin.get(path);
        assert!(page.body.len() < 200_000, "{path}: {}", page.body.len());
    }
    let resident = admin.larder.resident();
    assert!(resident < 300_000_000, "{resident}");
}
