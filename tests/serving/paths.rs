//! Which route a path reaches.

use crate::harness::{Larder, MEMORY, Site, raw};

/// Each route says its own name, so that an answer tells which one was reached.
const SITE: &str = r#"
routes:
  /: { inline: "index" }
  /about: { inline: "about" }
  /dir/: { inline: "dir/" }
  /users/me: { inline: "me" }
  /users/{id:int}: { name: int, inline: "int {{params.id}}" }
  /users/{id:uuid}: { name: uuid, inline: "uuid {{params.id}}" }
  /users/{day:date}: { inline: "date {{params.day}}" }
  /users/{tag:slug}: { inline: "slug {{params.tag}}" }
  /users/{name}: { inline: "any {{params.name}}" }
  /users/{*rest}: { inline: "rest {{params.rest}}" }
  /users/7/edit: { inline: "edit" }
  /v{n:int}: { inline: "version {{params.n}}" }
  /{page}.html: { inline: "page {{params.page}}" }
  /only/{id:int}: { inline: "only {{params.id}}" }
  /few/{one}: { inline: "{{params.one}}", params: { one: { enum: [a, b] } } }
"#;

/// A path, and what is reached by it; nothing for a 404.
const REACHED: &[(&str, Option<&str>)] = &[
    ("/", Some("index")),
    ("/about", Some("about")),
    ("/dir/", Some("dir/")),
    ("/users/me", Some("me")),
    ("/users/7", Some("int 7")),
    ("/users/-7", Some("int -7")),
    ("/users/7/edit", Some("edit")),
    ("/users/7/other", Some("rest 7/other")),
    (
        "/users/0b0e7a3c-6a53-4d1b-9f0e-3c1f0a9d2e11",
        Some("uuid 0b0e7a3c-6a53-4d1b-9f0e-3c1f0a9d2e11"),
    ),
    ("/users/2026-11-24", Some("date 2026-11-24")),
    ("/users/a-b", Some("slug a-b")),
    ("/users/A%20B", Some("any A B")),
    ("/users/a%2Fb", Some("any a/b")),
    ("/users/", Some("rest ")),
    ("/users/a/b/c", Some("rest a/b/c")),
    ("/v12", Some("version 12")),
    ("/v12.html", Some("page v12")),
    ("/vx", None),
    ("/cake.html", Some("page cake")),
    ("/.html", None),
    ("/only/7", Some("only 7")),
    ("/only/x", None),
    ("/only/7/8", None),
    ("/About", None),
    ("/nowhere", None),
];

#[tokio::test]
async fn the_most_specific_route_is_reached() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (path, reached) in REACHED {
        let answer = larder.get(path).await;
        match reached {
            Some(body) => {
                assert_eq!((answer.status.as_u16(), answer.text()), (200, *body), "{path}");
            }
            None => assert_eq!(answer.status, 404, "{path}: {}", answer.text()),
        }
    }
}

#[tokio::test]
async fn a_slash_too_many_or_too_few_is_sent_to_the_form_that_exists() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let moved = [
        ("/about/", "/about"),
        ("/about/?a=b&c=%20", "/about?a=b&c=%20"),
        ("/dir", "/dir/"),
        ("/only/7/", "/only/7"),
        ("/few/a/", "/few/a"),
    ];
    for (path, location) in moved {
        let answer = larder.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, location), "{path}");
    }
    assert_eq!(larder.get("/nowhere/").await.status, 404);
    assert_eq!(larder.get("/only/x/").await.status, 404);
    assert_eq!(larder.get("/few/x/").await.status, 404);
}

#[tokio::test]
async fn a_redirect_for_a_slash_never_leaves_the_site() {
    let site = Site::with("routes:\n  /{*rest}: { inline: x }\n  /a/{b}: { inline: y }\n");
    let larder = Larder::serve(&site, MEMORY);
    for path in ["//evil.example/a/", "/%2F%2Fevil.example/", "/a/%2F%2Fevil.example/"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw(&larder.address, &request).to_ascii_lowercase();
        assert!(!answer.contains("location: //"), "{path}: {answer}");
        assert!(!answer.contains("location: /\\"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_path_that_does_not_decode_is_a_bad_request() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for path in
        ["/users/%zz", "/users/%", "/users/%a", "/users/%ff", "/users/%c3%28", "/users/a%00"]
    {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw(&larder.address, &request);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_wildcard_in_a_redirect_keeps_its_slashes_and_leads_nowhere_else() {
    let site = Site::with(
        r#"
routes:
  /tree/{*rest}: { redirect: "/files/{{params.rest}}" }
  /to/{*rest}: { redirect: "/{{params.rest}}" }
  /far/{*rest}: { redirect: "https://a.example/x/{{params.rest}}?q={{query.q}}", status: 301 }
  /one/{name}: { redirect: "/{{params.name}}" }
  /two: { redirect: "/{{query.a}}/{{query.b}}" }
"#,
    );
    let larder = Larder::serve(&site, MEMORY);
    for (path, to) in [
        ("/tree/sub/b.txt", "/files/sub/b.txt"),
        ("/tree/sub/", "/files/sub/"),
        ("/tree/", "/files/"),
        ("/tree/a%20b/%C3%A9%3F%23/c%2Fd", "/files/a%20b/%C3%A9%3F%23/c%2Fd"),
        ("/tree/a//b", ""),
        ("/to/evil.example/x", "/evil.example/x"),
        ("/to//evil.example/x", ""),
        ("/to/%5Cevil.example", "/%5Cevil.example"),
        ("/to/%2F/evil.example", "/%2F/evil.example"),
        ("/far/a/b?q=c/d", "https://a.example/x/a/b?q=c%2Fd"),
        ("/far/a?q=..", "https://a.example/x/a?q=.."),
        ("/one/a%2Fb", "/a%2Fb"),
        ("/two?a=x&b=y", "/x/y"),
        ("/two?b=evil.example", ""),
        ("/two?a=x&b=..", ""),
        ("/two?a=.&b=y", ""),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.header("location"), to, "{path}");
        let status = if to.is_empty() {
            404
        } else if path.starts_with("/far") {
            301
        } else {
            302
        };
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_slash_more_or_less_is_sent_on_beside_a_directory_that_has_neither() {
    let site = Site::with(
        r"
server: { docs: /docs }
routes:
  /about: { inline: about }
  /guide/: { inline: guide }
  /both: { inline: both }
  /blog/{slug}: { inline: post }
  /sub/deep/{*path}: { dir: deep }
  /{*path}: { dir: public }
  POST /form: { inline: form }
",
    )
    .file("public/index.html", "home")
    .file("public/both/index.html", "both of the directory")
    .file("public/page/index.html", "page")
    .file("public/file.txt", "file")
    .file("deep/a.txt", "a");
    let larder = Larder::serve(&site, MEMORY);
    for (path, to) in [
        ("/about/", "/about"),
        ("/about/?a=b", "/about?a=b"),
        ("/guide", "/guide/"),
        ("/guide?a=b", "/guide/?a=b"),
        ("/blog/a/", "/blog/a"),
        ("/page", "/page/"),
        ("/docs", "/docs/"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, to), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        let head = larder.request("HEAD", path, &[]).await;
        assert_eq!((head.status.as_u16(), head.header("location")), (308, to), "HEAD {path}");
    }
    for (path, status, text) in [
        ("/about", 200, "about"),
        ("/guide/", 200, "guide"),
        ("/both", 200, "both"),
        ("/both/", 200, "both of the directory"),
        ("/page/", 200, "page"),
        ("/", 200, "home"),
        ("/file.txt/", 404, ""),
        ("/none", 404, ""),
        ("/none/", 404, ""),
        // Neither directory has it: neither sends to the other.
        ("/sub/deep", 404, ""),
        ("/sub/deep/", 404, ""),
        ("/form/", 404, ""),
    ] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.status == 404 || answer.text() == text, "{path}: {}", answer.text());
    }
}
