//! `dir` routes: what a path leads to, in which form, and that nothing leads out.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::harness::{Larder, MEMORY, Redis, Site, both_stores, check, raw};

fn site() -> Site {
    let site = Site::with(
        r#"
routes:
  /assets/{*path}: { dir: public, max_age: 1h, headers: { X-From: public } }
  /open/{*path}: { dir: public, cors: "*", headers: { Cache-Control: no-store } }
  /of/{shop}/{*path}: { dir: public }
  /bare/{*path}: { dir: public/empty }
  /page: { inline: '<link href="{{asset "site.css"}}">' }
"#,
    )
    .file("public/index.html", "<p>home</p>")
    .file("public/sub/index.html", "<p>sub</p>")
    .file("public/empty/.keep", "")
    .file("public/site.css", &"p { color: blue }\n".repeat(50))
    .file("public/app.js", "identity")
    .file("public/app.js.gz", "gzipped")
    .file("public/app.js.br", "brotli")
    .file("public/large.bin", &"0123456789".repeat(60_000))
    .file("public/no extension", "plain")
    .file("public/.env", "hidden")
    .file("public/.git/config", "hidden")
    .file("secret.txt", "secret");
    symlink("../secret.txt", site.path("public/out.txt")).expect("a link");
    symlink("/", site.path("public/slash")).expect("a link");
    symlink(".env", site.path("public/env.txt")).expect("a link");
    symlink("site.css", site.path("public/same.css")).expect("a link");
    symlink("loop", site.path("public/loop")).expect("a link");
    let made = Command::new("mkfifo").arg(site.path("public/pipe")).status();
    assert!(made.expect("mkfifo").success());
    site
}

/// Sends a path that no client's library would, and gives the status and the whole answer.
fn bare(larder: &Larder, path: &str) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = raw(&larder.address, &request);
    (answer.split(' ').nth(1).unwrap_or_default().to_owned(), answer)
}

#[tokio::test]
async fn a_directory_is_served_with_the_types_of_its_files() {
    both_stores(async |store| {
        let larder = Larder::serve(&site(), store);
        for (path, content_type, text) in [
            ("/assets/", "text/html; charset=utf-8", "<p>home</p>"),
            ("/assets/index.html", "text/html; charset=utf-8", "<p>home</p>"),
            ("/assets/sub/", "text/html; charset=utf-8", "<p>sub</p>"),
            ("/assets/app.js", "text/javascript; charset=utf-8", "identity"),
            ("/assets/no%20extension", "application/octet-stream", "plain"),
            ("/of/a%2Fb/app.js", "text/javascript; charset=utf-8", "identity"),
        ] {
            let answer = larder.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("content-type"), content_type, "{path}");
            assert_eq!(answer.text(), text, "{path}");
            assert_eq!(answer.header("accept-ranges"), "bytes", "{path}");
            assert_eq!(answer.cache(), "larder; fwd=bypass", "{path}");
        }
        let answer = larder.get("/assets/app.js").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
        assert_eq!(answer.header("x-from"), "public");
        let answer = larder.get("/open/app.js").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    })
    .await;
}

#[tokio::test]
async fn nothing_leads_out_of_a_directory_in_any_coding() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, expected) in [
        ("/assets/../secret.txt", "400"),
        ("/assets/sub/../index.html", "400"),
        ("/assets/%2e%2e/secret.txt", "400"),
        ("/assets/.%2E/secret.txt", "400"),
        ("/assets/..%2fsecret.txt", "400"),
        ("/assets/%2e%2e%2fsecret.txt", "400"),
        ("/assets/./index.html", "400"),
        ("/assets/..%5csecret.txt", "404"),
        ("/assets/..\\secret.txt", "404"),
        ("/assets/%252e%252e/secret.txt", "404"),
        ("/assets/%252e%252e%252fsecret.txt", "404"),
        ("/assets/%c0%ae%c0%ae/secret.txt", "400"),
        ("/assets/%e0%80%ae/secret.txt", "400"),
        ("/assets/index.html%00.css", "400"),
        ("/assets/%2Fetc%2Fpasswd", "404"),
        ("/assets//etc/passwd", "404"),
        ("/assets/sub%2Findex.html", "404"),
        ("/assets/sub//index.html", "404"),
        ("/assets/.env", "404"),
        ("/assets/%2eenv", "404"),
        ("/assets/.git/config", "404"),
        ("/assets/env.txt", "404"),
        ("/assets/out.txt", "404"),
        ("/assets/slash/etc/passwd", "404"),
        ("/assets/loop", "404"),
        ("/assets/pipe", "404"),
        ("/assets/empty", "404"),
        ("/assets/empty/", "404"),
        ("/assets/app.js/", "404"),
        ("/assets/C:/windows", "404"),
    ] {
        let (status, answer) = bare(&larder, path);
        assert_eq!(status, expected, "{path}\n{answer}");
        for word in ["secret\r", "root:", "hidden"] {
            assert!(!answer.contains(word), "{path}\n{answer}");
        }
    }
    let long = format!("/assets/{}", "x".repeat(5000));
    assert_eq!(bare(&larder, &long).0, "404");
}

#[tokio::test]
async fn the_address_of_a_directory_gets_its_slash_and_keeps_its_query() {
    let larder = Larder::serve(&site(), MEMORY);
    for (path, to) in [
        ("/assets/sub", "/assets/sub/"),
        ("/assets/sub?a=b&c=%20", "/assets/sub/?a=b&c=%20"),
        ("/assets/%73ub", "/assets/%73ub/"),
        ("/assets?x", "/assets/?x"),
    ] {
        let answer = larder.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, to), "{path}");
    }
    let (status, answer) = bare(&larder, "//evil.example/sub");
    assert_eq!(status, "404", "{answer}");
}

#[tokio::test]
async fn a_directory_without_an_index_is_a_404_at_once() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/bare", "/bare?x", "/bare/", "/assets/empty", "/of/a/empty"] {
        for method in ["GET", "HEAD"] {
            let answer = larder.request(method, path, &[]).await;
            let (status, to) = (answer.status.as_u16(), answer.header("location"));
            assert_eq!((status, to), (404, ""), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_neighbour_that_is_compressed_already_is_sent_to_who_likes_it_best() {
    let larder = Larder::serve(&site(), MEMORY);
    let mut tags = Vec::new();
    for (accepted, coding, text) in [
        ("br, gzip", "br", "brotli"),
        ("gzip", "gzip", "gzipped"),
        ("br;q=0.5, gzip", "gzip", "gzipped"),
        ("br;q=0, gzip;q=0", "", "identity"),
        ("zstd", "", "identity"),
        ("identity;q=0, *;q=0.1", "br", "brotli"),
    ] {
        let answer =
            larder.request("GET", "/assets/app.js", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        assert_eq!(answer.text(), text, "{accepted}");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("vary"), "accept-encoding", "{accepted}");
        tags.push((coding, answer.header("etag").to_owned()));
    }
    for (coding, tag) in &tags {
        for (other, their) in &tags {
            assert_eq!(coding == other, tag == their, "{coding} {other}: {tag}");
        }
    }
    let plain = larder.get("/assets/site.css").await;
    let coded = larder.request("GET", "/assets/same.css", &[("accept-encoding", "br")]).await;
    assert_eq!(coded.header("content-encoding"), "br");
    let tag = plain.header("etag").trim_end_matches('"');
    assert_eq!(coded.header("etag"), format!("{tag}-br\""));
    assert_eq!(plain.header("vary"), "accept-encoding");
    let png = larder.request("GET", "/assets/large.bin", &[("accept-encoding", "br")]).await;
    assert_eq!((png.header("content-encoding"), png.header("vary")), ("", ""));
}

#[tokio::test]
async fn a_neighbour_with_other_bytes_has_another_tag() {
    let site = Site::with("routes: { '/{*path}': { dir: public } }\n")
        .file("public/app.js", "plain")
        .file("public/app.js.br", "one");
    let larder = Larder::serve(&site, MEMORY);
    let br = [("accept-encoding", "br")];
    let first = larder.request("GET", "/app.js", &br).await;
    site.edit("public/app.js.br", "two");
    let tag = first.header("etag").to_owned();
    let asked = [("accept-encoding", "br"), ("if-none-match", tag.as_str())];
    let second = larder.request("GET", "/app.js", &asked).await;
    assert_eq!((first.text(), second.status.as_u16(), second.text()), ("one", 200, "two"));
    assert_ne!(second.header("etag"), tag);
}

#[tokio::test]
async fn a_neighbour_that_is_older_or_no_file_is_left_alone() {
    let site = site();
    for (name, kind) in [("dir", "br"), ("fifo", "br"), ("old", "br"), ("old", "gz")] {
        let (path, beside) = (format!("public/{name}.js"), format!("public/{name}.js.{kind}"));
        site.edit_in_place(&path, &format!("{name} as it is now"));
        match name {
            "dir" => fs::create_dir(site.path(&beside)).expect("a directory"),
            "fifo" => {
                let made = Command::new("mkfifo").arg(site.path(&beside)).status();
                assert!(made.expect("mkfifo").success());
            }
            _ => {
                site.edit_in_place(&beside, "coded long ago");
                let then = SystemTime::now() - Duration::from_secs(60);
                let file = File::options().append(true).open(site.path(&beside)).expect("a file");
                file.set_modified(then).expect("setting its time");
            }
        }
    }
    let larder = Larder::serve(&site, MEMORY);
    for name in ["dir", "fifo", "old"] {
        let path = format!("/assets/{name}.js");
        let answer = larder.request("GET", &path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.text(), format!("{name} as it is now"), "{name}");
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("", ""), "{name}");
    }
}

#[tokio::test]
async fn parts_of_a_file_are_sent_while_it_is_the_same() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/assets/large.bin", "/assets/index.html"] {
        let whole = larder.get(path).await;
        let (tag, time) = (whole.header("etag"), whole.header("last-modified"));
        let weak = format!("W/{tag}");
        for (range, if_range, status) in [
            ("bytes=3-6", None, 206),
            ("bytes=3-6", Some(tag), 206),
            ("bytes=3-6", Some(time), 206),
            ("bytes=3-6", Some("\"another\""), 200),
            ("bytes=3-6", Some(weak.as_str()), 200),
            ("bytes=3-6", Some("Sun, 06 Nov 1994 08:49:37 GMT"), 200),
            ("bytes=9999999-", None, 416),
            ("bytes=9999999-", Some("\"another\""), 200),
            ("bytes=6-3", None, 200),
        ] {
            let mut headers = vec![("range", range), ("accept-encoding", "br")];
            headers.extend(if_range.map(|value| ("if-range", value)));
            let answer = larder.request("GET", path, &headers).await;
            assert_eq!(answer.status, status, "{path} {range} {if_range:?}");
            match status {
                206 => {
                    assert_eq!(answer.body, whole.body[3..7], "{path}");
                    let range = format!("bytes 3-6/{}", whole.body.len());
                    assert_eq!(answer.header("content-range"), range);
                    assert_eq!(answer.header("etag"), tag);
                }
                416 => {
                    let range = format!("bytes */{}", whole.body.len());
                    assert_eq!(answer.header("content-range"), range);
                }
                _ => assert_eq!(answer.body, whole.body, "{path} {range} {if_range:?}"),
            }
        }
        let several = larder.request("GET", path, &[("range", "bytes=0-2,-4")]).await;
        assert_eq!(several.status, 206);
        let kind = several.header("content-type");
        assert!(kind.starts_with("multipart/byteranges; boundary="), "{kind}");
        assert_eq!(several.header("content-length"), several.body.len().to_string());
        assert_eq!(several.text().matches("content-range: bytes ").count(), 2);
    }
}

#[tokio::test]
async fn who_has_a_file_already_gets_a_304_without_words_about_its_content() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/assets/large.bin", "/assets/site.css", "/assets/app.js"] {
        let first = larder.get(path).await;
        let (tag, time) = (first.header("etag"), first.header("last-modified"));
        let weak = format!("\"a\", W/{tag}");
        for headers in [
            vec![("if-none-match", tag)],
            vec![("if-none-match", weak.as_str())],
            vec![("if-none-match", "*")],
            vec![("if-modified-since", time)],
            vec![("if-none-match", tag), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")],
        ] {
            for method in ["GET", "HEAD"] {
                let answer = larder.request(method, path, &headers).await;
                assert_eq!(answer.status, 304, "{path} {headers:?}");
                for name in ["etag", "last-modified", "cache-control", "vary"] {
                    assert_eq!(answer.header(name), first.header(name), "{path} {name}");
                }
                for name in ["content-type", "content-length", "content-encoding"] {
                    assert_eq!(answer.header(name), "", "{path} {name}");
                }
            }
        }
        let headers = [("if-none-match", "\"other\""), ("if-modified-since", time)];
        assert_eq!(larder.request("GET", path, &headers).await.status, 200, "{path}");
        let answer = larder.request("GET", path, &[("if-match", "\"other\"")]).await;
        assert_eq!(answer.status, 412, "{path}");
        let head = larder.request("HEAD", path, &[]).await;
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn an_edit_of_a_file_is_seen_at_once_and_needs_no_reload() {
    let site = site();
    let larder = Larder::serve(&site, MEMORY);
    for turn in 0..40 {
        let text = format!("turn {}", turn % 7);
        fs::write(site.path("public/app2.js"), &text).expect("an edit");
        let answer = larder.get("/assets/app2.js").await;
        assert_eq!(answer.text(), text, "the edit {turn}");
    }
    fs::remove_file(site.path("public/app2.js")).expect("an edit");
    assert_eq!(larder.get("/assets/app2.js").await.status, 404);
    assert_eq!(larder.logged("reloaded"), 0);
}

#[tokio::test]
async fn a_directory_that_goes_away_is_told_and_one_that_comes_back_is_served_again() {
    let site = Site::with("routes:\n  /a/{*path}: { dir: public }\n  /: { body: home }\n")
        .file("public/x.txt", "x");
    let larder = Larder::serve(&site, MEMORY);
    larder.logs_after("`public` cannot be served: there is no such directory", || {
        fs::rename(site.path("public"), site.path("old")).expect("an edit");
    });
    assert_eq!(larder.get("/a/x.txt").await.status, 404);
    assert_eq!(larder.get("/").await.text(), "home");
    fs::rename(site.path("old"), site.path("public")).expect("an edit");
    assert_eq!(larder.get("/a/x.txt").await.text(), "x");
    // What was wrong is right again: the next edit goes live.
    larder.reloads_after(|| site.replace("routes.yaml", "home", "house"));
    assert_eq!(larder.get("/").await.text(), "house");
}

#[tokio::test]
async fn a_link_to_another_directory_is_followed_when_it_is_swapped() {
    let site = Site::with("routes:\n  /a/{*path}: { dir: public }\n")
        .file("v1/x.txt", "one")
        .file("v2/x.txt", "two");
    symlink("v1", site.path("public")).expect("a link");
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/a/x.txt").await.text(), "one");
    larder.reloads_after(|| {
        symlink("v2", site.path("public.new")).expect("a link");
        fs::rename(site.path("public.new"), site.path("public")).expect("a swap");
    });
    assert_eq!(larder.get("/a/x.txt").await.text(), "two");
}

#[test]
fn a_directory_outside_the_site_is_refused() {
    let outside = Site::new().file("x.txt", "secret");
    let site = Site::with("routes:\n  /a/{*path}: { dir: public }\n  /b/{*path}: { dir: . }\n");
    symlink(outside.path(""), site.path("public")).expect("a link");
    let output = check(&site, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("error[path_escape]: `public` cannot be served"), "{said}");
    assert!(said.contains("`.` cannot be served: it is the site's own directory"), "{said}");
}

#[tokio::test]
async fn nothing_of_a_directory_is_stored() {
    let redis = Redis::start();
    let larder = Larder::serve(&site(), &redis.url());
    larder.get("/assets/app.js").await;
    larder.get("/assets/large.bin").await;
    assert!(redis.keys().is_empty(), "{:?}", redis.keys());
}

/// Sets when a file was changed.
fn dated(site: &Site, path: &str, time: SystemTime) {
    let file = File::options().append(true).open(site.path(path)).expect("a file");
    file.set_modified(time).expect("setting its time");
}

#[tokio::test]
async fn a_neighbour_is_sent_unless_the_file_was_written_after_it() {
    let site = site();
    let now = SystemTime::now() - Duration::from_secs(100);
    let cases = [
        ("equal", 0, true),
        ("later", -1, true),
        ("much-later", -60_000, true),
        ("just-edited", 1, false),
        ("edited", 2_000, false),
        ("edited-long-after", 60_000, false),
    ];
    for (name, after, _) in cases {
        let (path, beside) = (format!("public/{name}.css"), format!("public/{name}.css.gz"));
        site.edit_in_place(&path, "the file");
        site.edit_in_place(&beside, "coded");
        let after: i64 = after;
        let (early, late) = (now, now + Duration::from_millis(after.unsigned_abs()));
        let (file, coded) = if after > 0 { (late, early) } else { (early, late) };
        dated(&site, &path, file);
        dated(&site, &beside, coded);
    }
    let larder = Larder::serve(&site, MEMORY);
    for (name, _, is_sent) in cases {
        let path = format!("/assets/{name}.css");
        let answer = larder.request("GET", &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(answer.text(), if is_sent { "coded" } else { "the file" }, "{name}");
    }
    // Edited while it runs, after its neighbour was made.
    site.edit_in_place("public/equal.css", "edited");
    let answer = larder.request("GET", "/assets/equal.css", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.text(), "edited");
}

#[tokio::test]
async fn a_file_with_an_odd_date_is_sent_and_says_no_date_that_cannot_be() {
    let epoch = SystemTime::UNIX_EPOCH;
    let site = Site::with("routes:\n  /{*path}: { dir: public }\n  /one: public/before.txt\n")
        .file("public/before.txt", "before")
        .file("public/future.txt", "future")
        .file("public/first.txt", "first")
        .file("public/large.bin", &"0123456789".repeat(900_000));
    dated(&site, "public/before.txt", epoch - Duration::from_millis(86_400_500));
    dated(&site, "public/large.bin", epoch - Duration::from_secs(86_400));
    dated(&site, "public/future.txt", SystemTime::now() + Duration::from_secs(86_400));
    dated(&site, "public/first.txt", epoch);
    let larder = Larder::serve(&site, MEMORY);
    let since = [("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")];
    for path in ["/before.txt", "/one", "/large.bin"] {
        let answer = larder.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("last-modified")), (200, ""), "{path}");
        assert_eq!(larder.request("GET", path, &since).await.status, 200, "{path}");
        let tag = answer.header("etag").to_owned();
        let same = larder.request("GET", path, &[("if-none-match", &tag)]).await;
        assert_eq!(same.status, 304, "{path}");
    }
    let first = larder.get("/first.txt").await;
    assert_eq!(first.header("last-modified"), "Thu, 01 Jan 1970 00:00:00 GMT");
    let future = larder.get("/future.txt").await;
    assert_eq!(future.status, 200);
    let time = |name: &str| httpdate::parse_http_date(future.header(name)).expect("a date");
    assert!(time("last-modified") <= time("date"), "{:?}", future.header("last-modified"));
}

#[tokio::test]
async fn types_and_well_known_files() {
    let site = Site::with("routes: { '/{*path}': { dir: public } }\n")
        .file("public/app.ts", "let a = 1;")
        .file("public/app.mjs", "let a = 1;")
        .file("public/.well-known/security.txt", "Contact: mailto:a@example.org")
        .file("public/.well-known/.env", "hidden")
        .file("public/.well-known-not/a.txt", "hidden")
        .file("public/.env", "hidden");
    let larder = Larder::serve(&site, MEMORY);
    for path in ["/app.ts", "/app.mjs"] {
        let answer = larder.get(path).await;
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8", "{path}");
    }
    let found = larder.get("/.well-known/security.txt").await;
    assert_eq!(found.text(), "Contact: mailto:a@example.org");
    assert_eq!(found.header("content-type"), "text/plain; charset=utf-8");
    for path in ["/.env", "/.well-known/.env", "/.well-known-not/a.txt", "/.well-known"] {
        assert_eq!(larder.get(path).await.status, 404, "{path}");
    }
}
