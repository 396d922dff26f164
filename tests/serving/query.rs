//! What a declared parameter takes.

use crate::harness::{Larder, MEMORY, Site};

const SITE: &str = r#"
routes:
  /list:
    inline: "{{query.page}} {{query.sort}} {{query.all}} {{query.near}} {{query.code}} {{query.q}}"
    query:
      page: { type: int, default: 1, min: 1, max: 99 }
      sort: { enum: [name, year], default: name }
      all: bool
      near: number
      code: { pattern: "[A-Z]{3}", max_length: 3 }
      q: { max_length: 5 }
  /must: { inline: "{{query.id}}", query: { id: { required: true } } }
  /free: { inline: "[{{query.q}}]" }
  /year/{y:int}: { inline: "{{params.y}}", params: { y: { type: int, min: 1900, max: 2100 } } }
"#;

#[tokio::test]
async fn a_value_that_fits_is_taken_and_an_absent_one_is_its_default() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (path, body) in [
        ("/list", "1 name    "),
        ("/list?page=7&sort=year&all=true&near=1.5&code=ABC&q=%C3%A5", "7 year true 1.5 ABC å"),
        ("/list?utm=x&page=2", "2 name    "),
        ("/list?q=a+b", "1 name    a b"),
        ("/must?id=7", "7"),
        ("/free", "[]"),
        ("/free?q=", "[]"),
        ("/free?q=one&q=two", "[one]"),
        ("/year/2026", "2026"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, body), "{path}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_by_name() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (path, name) in [
        ("/list?page=x", "page"),
        ("/list?page=", "page"),
        ("/list?page=0", "page"),
        ("/list?page=100", "page"),
        ("/list?page=1.5", "page"),
        ("/list?sort=size", "sort"),
        ("/list?all=yes", "all"),
        ("/list?near=far", "near"),
        ("/list?near=NaN", "near"),
        ("/list?code=abc", "code"),
        ("/list?code=ABCD", "code"),
        ("/list?q=123456", "q"),
        ("/list?page=1&page=2", "page"),
        ("/must", "id"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert!(problem.to_string().contains(&format!("`{name}`")), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_path_value_that_does_not_fit_is_not_found() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for path in ["/year/1899", "/year/2101", "/year/x", "/year/99999999999999999999"] {
        assert_eq!(larder.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_no_text_is_a_bad_request_and_a_lone_percent_is_text() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for path in ["/free?q=%ff", "/free?q=%c3%28"] {
        assert_eq!(larder.get(path).await.status, 400, "{path}");
    }
    assert_eq!(larder.get("/free?q=100%").await.text(), "[100%]");
}
