//! What depends on what a client takes: codings, languages, the form of an error, other origins.

use crate::harness::{Answer, Larder, MEMORY, Site, both_stores};

const SITE: &str = r#"
languages: [en, no, pt-BR]
errors:
  404: { inline: "<h1>no page</h1>" }
routes:
  /large: { body: "LARGE" }
  /small: { body: "small" }
  /picture: { body: "LARGE", content_type: image/png }
  /svg: { body: "LARGE", content_type: image/svg+xml }
  /events: { body: "LARGE", content_type: text/event-stream }
  /hello: { inline: "hello {{language}}" }
  /either: { inline: "{{headers.x-kind}} {{cookies.who}}", headers: { Vary: "X-Kind, Accept" } }
  /any: { inline: any, headers: { Vary: "*" } }
  /shared: { inline: shared, cors: "*" }
  /some: { inline: "LARGE", cors: [https://a.example, https://b.example:8443] }
  PUT /some: { name: put, body: put, cors: [https://a.example] }
  /typed: { inline: "{{query.page}}", query: { page: int }, cors: [https://a.example] }
  /n/{n:int}: { inline: n, params: { n: { type: int, max: 9 } }, cors: "*" }
  /assets/{*path}: { dir: public, cors: "*" }
  /closed: { inline: closed }
  /file: { file: public/a.txt, cors: [https://a.example] }
  /redirect: { redirect: /large, cors: "*" }
"#;

fn site() -> Site {
    let large = "words and more words ".repeat(200);
    Site::with(&SITE.replace("LARGE", &large)).file("public/a.txt", &large)
}

fn decoded(answer: &Answer) -> String {
    let mut text = String::new();
    let body = answer.body.as_slice();
    let read = match answer.header("content-encoding") {
        "gzip" => std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut text),
        "br" => {
            std::io::Read::read_to_string(&mut brotli::Decompressor::new(body, 4096), &mut text)
        }
        "zstd" => {
            std::io::Read::read_to_string(&mut zstd::Decoder::new(body).expect("zstd"), &mut text)
        }
        _ => std::io::Read::read_to_string(&mut &*body, &mut text),
    };
    read.expect("what is coded can be decoded");
    text
}

/// What is coded quickly for the first visitor is of another length than what is kept.
#[tokio::test]
async fn a_page_that_was_first_asked_for_in_a_coding_is_whole_each_time() {
    let text: String = (0..2000).map(|n| ((n * n * 7 + n / 3) % 1009).to_string() + " ").collect();
    let site = Site::with(&format!("routes:\n  /{{n}}: {{ inline: '{text}{{{{params.n}}}}' }}\n"));
    both_stores(async |store| {
        let larder = Larder::serve(&site, store);
        for (n, coding) in ["gzip", "zstd", "br", "br;q=0.1, zstd;q=0.5"].iter().enumerate() {
            for _ in 0..4 {
                let path = format!("/{n}");
                let answer = larder.request("GET", &path, &[("accept-encoding", coding)]).await;
                assert_eq!(decoded(&answer), format!("{text}{n}"), "{coding}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_coding_is_the_one_that_the_client_likes_best() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for path in ["/large", "/svg", "/file", "/some"] {
            let plain = larder.get(path).await;
            let tag = plain.header("etag").trim_end_matches('"').to_owned();
            for (accepted, coding) in [
                ("gzip, deflate, br, zstd", "br"),
                ("gzip, zstd", "zstd"),
                ("GZIP", "gzip"),
                ("x-gzip", "gzip"),
                ("br;q=0.2, gzip;q=0.9", "gzip"),
                ("br ; q=0.2 , gzip ; q=0.9", "gzip"),
                ("br;q=0, *", "zstd"),
                ("identity;q=0.5, br;q=0.4", ""),
                ("identity;q=0, gzip", "gzip"),
                ("identity;q=0", ""),
                ("*;q=0", ""),
                ("br;q=nonsense", ""),
                ("deflate", ""),
                ("", ""),
            ] {
                for turn in ["first", "second"] {
                    let headers = [("accept-encoding", accepted)];
                    let answer = larder.request("GET", path, &headers).await;
                    let what = format!("{path} {accepted:?}, the {turn}");
                    assert_eq!(answer.status, 200, "{what}");
                    assert_eq!(answer.header("content-encoding"), coding, "{what}");
                    assert_eq!(decoded(&answer), plain.text(), "{what}");
                    let dash = if coding.is_empty() { "" } else { "-" };
                    assert_eq!(answer.header("etag"), format!("{tag}{dash}{coding}\""), "{what}");
                    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
                    assert!(answer.header("vary").contains("accept-encoding"), "{what}");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_would_not_get_smaller_is_left_alone() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/small", "/picture", "/events"] {
        for _ in 0..2 {
            let headers = [("accept-encoding", "br, gzip, zstd")];
            let answer = larder.request("GET", path, &headers).await;
            assert_eq!(answer.header("content-encoding"), "", "{path}");
        }
    }
    for (path, vary) in [("/picture", ""), ("/events", ""), ("/large", "accept-encoding")] {
        assert_eq!(larder.get(path).await.header("vary"), vary, "{path}");
    }
}

#[tokio::test]
async fn a_coded_form_has_a_304_of_its_own() {
    let larder = Larder::serve(&site(), MEMORY);
    let br = ("accept-encoding", "br");
    for path in ["/large", "/file"] {
        let (plain, coded) = (larder.get(path).await, larder.request("GET", path, &[br]).await);
        let (plain, coded) = (plain.header("etag").to_owned(), coded.header("etag").to_owned());
        for (headers, status) in [
            (vec![br, ("if-none-match", coded.as_str())], 304),
            (vec![br, ("if-none-match", plain.as_str())], 200),
            (vec![("if-none-match", plain.as_str())], 304),
            (vec![("if-none-match", coded.as_str())], 200),
        ] {
            let answer = larder.request("GET", path, &headers).await;
            assert_eq!(answer.status, status, "{path} {headers:?}");
            assert!(answer.header("vary").contains("accept-encoding"), "{path} {headers:?}");
            assert_eq!(
                answer.header("content-encoding").is_empty(),
                status == 304 || headers.len() == 1
            );
        }
        let head = larder.request("HEAD", path, &[br]).await;
        let get = larder.request("GET", path, &[br]).await;
        for name in ["content-encoding", "content-length", "etag", "vary", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn the_language_is_the_best_of_those_that_the_site_has() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for (accepted, expected) in [
            (None, "en"),
            (Some("no"), "no"),
            (Some("nn, NO-no;q=0.8, en;q=0.7"), "no"),
            (Some("de, en;q=0.1, no;q=0.2"), "no"),
            (Some("pt"), "pt-BR"),
            (Some("no;q=0"), "en"),
            (Some("*"), "en"),
            (Some("xx"), "en"),
        ] {
            let headers: Vec<_> =
                accepted.map(|text| ("accept-language", text)).into_iter().collect();
            let answer = larder.request("GET", "/hello", &headers).await;
            assert_eq!(answer.text(), format!("hello {expected}"), "{accepted:?}");
            assert_eq!(answer.lines("vary"), ["accept-language, accept-encoding"]);
        }
        let again = larder.request("GET", "/hello", &[("accept-language", "xx, de")]).await;
        assert!(again.is_hit(), "a language that the site has not makes no entry");
    })
    .await;
}

#[tokio::test]
async fn vary_is_one_line_in_lower_case_that_names_each_header_once() {
    let larder = Larder::serve(&site(), MEMORY);
    let html = ("accept", "text/html");
    for (path, headers, expected) in [
        ("/small", vec![], "accept-encoding"),
        ("/either", vec![], "cookie, x-kind, accept-encoding, accept"),
        ("/any", vec![], "*"),
        ("/shared", vec![("origin", "https://a.example")], "accept-encoding"),
        ("/some", vec![], "accept-encoding, origin"),
        ("/some", vec![("origin", "https://a.example")], "accept-encoding, origin"),
        ("/some", vec![("origin", "https://c.example")], "accept-encoding, origin"),
        ("/file", vec![], "accept-encoding, origin"),
        ("/nowhere", vec![], "accept"),
        ("/nowhere", vec![html], "accept"),
        ("/redirect", vec![], ""),
    ] {
        for method in ["GET", "HEAD", "GET"] {
            let answer = larder.request(method, path, &headers).await;
            let lines = answer.lines("vary");
            assert_eq!(lines.join(" | "), expected, "{method} {path} {headers:?}");
        }
    }
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn an_error_is_in_the_form_that_the_client_prefers() {
    let larder = Larder::serve(&site(), MEMORY);
    for (accept, is_page) in [
        (None, false),
        (Some("*/*"), false),
        (Some("text/*"), false),
        (Some("text/html"), true),
        (Some(BROWSER), true),
        (Some("application/xhtml+xml"), true),
        (Some("TEXT/HTML;charset=utf-8"), true),
        (Some("text/html;q=0"), false),
        (Some("text/html;q=0.5, application/json"), false),
        (Some("application/problem+json, text/html;q=0.9"), false),
        (Some("application/json;q=0.5, text/html"), true),
    ] {
        let headers: Vec<_> = accept.map(|text| ("accept", text)).into_iter().collect();
        for (path, page) in [("/nowhere", "<h1>no page</h1>"), ("/%zz", "<!doctype html>")] {
            let answer = larder.request("GET", path, &headers).await;
            let (kind, start) = if is_page {
                ("text/html; charset=utf-8", page)
            } else {
                ("application/problem+json", "{\"type\":\"about:blank\"")
            };
            assert_eq!(answer.header("content-type"), kind, "{path} {accept:?}");
            assert!(answer.text().starts_with(start), "{path} {accept:?}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), "no-store", "{path} {accept:?}");
        }
    }
}

#[tokio::test]
async fn only_the_origins_of_a_route_may_read_it() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, origin, allowed) in [
        ("/shared", "https://x.example", "*"),
        ("/shared", "null", "*"),
        ("/some", "https://a.example", "https://a.example"),
        ("/some", "https://b.example:8443", "https://b.example:8443"),
        ("/some", "https://b.example", ""),
        ("/some", "http://a.example", ""),
        ("/some", "https://a.example.evil", ""),
        ("/some", "null", ""),
        ("/closed", "https://a.example", ""),
        ("/file", "https://a.example", "https://a.example"),
        ("/file", "https://c.example", ""),
        ("/redirect", "https://x.example", "*"),
    ] {
        for _ in 0..2 {
            let answer = larder.request("GET", path, &[("origin", origin)]).await;
            let what = format!("{path} {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{what}");
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{what}");
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed.contains("cache-status"), !allowed.is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn who_may_read_a_route_may_read_what_was_wrong() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, origin, status, allowed) in [
        ("/typed?page=x", "https://a.example", 422, "https://a.example"),
        ("/typed?page=x", "https://b.example", 422, ""),
        ("/typed?page=%ff", "https://a.example", 400, "https://a.example"),
        ("/n/10", "https://a.example", 404, "*"),
        ("/assets/none", "https://a.example", 404, "*"),
        ("/nowhere", "https://a.example", 404, ""),
    ] {
        let answer = larder.request("GET", path, &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{path}");
        let told = answer.header("access-control-allow-origin");
        assert_eq!(told, allowed, "{path} {origin}");
        assert_eq!(answer.lines("vary").len(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_the_route_of_the_method_that_is_meant() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, origin, method, allowed) in [
        ("/shared", "https://x.example", "GET", "*"),
        ("/some", "https://a.example", "GET", "https://a.example"),
        ("/some", "https://b.example:8443", "GET", "https://b.example:8443"),
        ("/some", "https://c.example", "GET", ""),
        ("/some", "https://a.example", "PUT", "https://a.example"),
        ("/some", "https://b.example:8443", "PUT", ""),
        ("/some", "https://a.example", "DELETE", ""),
        ("/closed", "https://a.example", "GET", ""),
    ] {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", "x-one, x-two"),
        ];
        let answer = larder.request("OPTIONS", path, &headers).await;
        let what = format!("{path} {origin} {method}");
        assert_eq!((answer.status.as_u16(), answer.text()), (204, ""), "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{what}");
        let (methods, asked) = match allowed {
            "" => (false, ""),
            _ => (true, "x-one, x-two"),
        };
        let told = answer.header("access-control-allow-methods");
        assert_eq!(told.contains(method), methods, "{what}: {told}");
        assert_eq!(answer.header("access-control-allow-headers"), asked, "{what}");
        assert!(answer.header("allow").contains("OPTIONS"), "{what}");
    }
    assert_eq!(larder.request("OPTIONS", "/nowhere", &[]).await.status, 404);
}

const LANGUAGES: &str = r#"
languages: [en, no]
defaults: { headers: { Content-Language: de } }
errors:
  404: { inline: "<p>{{language}} {{error.status}}</p>" }
  422: { inline: "<p>{{error.status}}</p>" }
routes:
  /: { inline: "{{language}}" }
  /kept: { inline: "{{language}}", key: "{{route}}:{{headers.accept-language}}" }
  /off: { inline: "{{language}}", ttl: off }
  POST /post: { inline: "{{language}}" }
  /own: { inline: "{{language}}", headers: { Content-Language: x-own } }
  /none: { inline: none, query: { n: int } }
"#;

#[tokio::test]
async fn a_page_that_reads_the_language_says_which_one_it_is_in() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(LANGUAGES), store);
        for (method, path) in
            [("GET", "/"), ("HEAD", "/"), ("GET", "/kept"), ("GET", "/off"), ("POST", "/post")]
        {
            for accept in ["no, en;q=0.5", "en", "fr"] {
                let language = if accept.starts_with("no") { "no" } else { "en" };
                for turn in ["made", "kept"] {
                    let answer = larder.request(method, path, &[("accept-language", accept)]).await;
                    let which = format!("{method} {path} {accept} {turn}");
                    assert_eq!(answer.lines("content-language"), [language], "{which}");
                    assert!(answer.header("vary").contains("accept-language"), "{which}");
                    assert!(method == "HEAD" || answer.text() == language, "{which}");
                }
            }
        }
        assert_eq!(larder.get("/own").await.lines("content-language"), ["x-own"]);
        assert_eq!(larder.get("/none").await.lines("content-language"), ["de"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_for_errors_is_in_the_language_of_its_visitor() {
    let larder = Larder::serve(&Site::with(LANGUAGES), MEMORY);
    for _ in 0..2 {
        for (accept, language) in [("no", "no"), ("en", "en"), ("fr", "en")] {
            let headers = [("accept", "text/html"), ("accept-language", accept)];
            let answer = larder.request("GET", "/nowhere", &headers).await;
            assert_eq!(answer.text(), format!("<p>{language} 404</p>"));
            assert_eq!(answer.lines("content-language"), [language]);
            assert_eq!(answer.lines("vary"), ["accept, accept-language"]);
            let other = larder.request("GET", "/none?n=x", &headers).await;
            assert_eq!((other.status.as_u16(), other.header("content-language")), (422, ""));
            assert_eq!(other.header("vary"), "accept");
        }
    }
    let program = larder.get("/nowhere").await;
    assert_eq!((program.header("content-language"), program.header("vary")), ("", "accept"));
}

#[tokio::test]
async fn a_visitor_whose_best_language_an_edit_changes_is_given_the_new_one() {
    let site = Site::with(LANGUAGES);
    let larder = Larder::serve(&site, MEMORY);
    let paths = ["/", "/kept", "/off"];
    for path in paths {
        let answer = larder.request("GET", path, &[("accept-language", "fr")]).await;
        assert_eq!(answer.text(), "en", "{path}");
    }
    larder.reloads_after(|| {
        site.edit("routes.yaml", &LANGUAGES.replace("[en, no]", "[no, fr, en]"));
    });
    for path in paths {
        let answer = larder.request("GET", path, &[("accept-language", "fr")]).await;
        assert_eq!((answer.text(), answer.header("content-language")), ("fr", "fr"), "{path}");
    }
}
