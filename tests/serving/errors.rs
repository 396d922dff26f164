//! Pages for errors, and problem documents (RFC 9457) for who does not read HTML.

use crate::harness::{Answer, Larder, MEMORY, Site};

const SITE: &str = r"
data: { title: Shop }
errors:
  404: { inline: '<h1>{{error.status}} {{error.title}} at {{path}} of {{title}}</h1>' }
  4xx: { inline: '<h1>Other {{error.status}}</h1>' }
routes:
  /: { inline: home }
  /n/{id:int}: { inline: n, query: { page: int } }
";

async fn as_person(larder: &Larder, path: &str) -> Answer {
    larder.request("GET", path, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await
}

#[tokio::test]
async fn who_accepts_html_is_given_the_page_of_the_site() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let answer = as_person(&larder, "/%3Cb%3E").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.text().starts_with("<h1>404 Not Found at /"), "{}", answer.text());
    assert!(answer.text().ends_with(" of Shop</h1>"), "{}", answer.text());
    assert!(!answer.text().contains("<b>"), "{}", answer.text());
    let answer = as_person(&larder, "/n/1?page=x").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (422, "<h1>Other 422</h1>"));
}

#[tokio::test]
async fn everyone_else_is_given_a_problem_document() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for headers in [&[][..], &[("accept", "application/json")], &[("accept", "*/*")]] {
        let answer = larder.request("GET", "/nowhere", headers).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!((&problem["status"], &problem["title"]), (&404.into(), &"Not Found".into()));
    }
}

#[tokio::test]
async fn errors_are_never_stored() {
    let site = Site::with(SITE);
    let larder = Larder::serve(&site, MEMORY);
    for path in ["/nowhere", "/n/1?page=x", "/n/x"] {
        for _ in 0..2 {
            let answer = as_person(&larder, path).await;
            assert!(answer.status.is_client_error(), "{path}");
            assert!(!answer.is_hit(), "{path}: {}", answer.cache());
            assert!(!answer.cache().contains("stored"), "{path}: {}", answer.cache());
        }
    }
}
