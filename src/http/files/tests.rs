//! Served files, in a directory with every trap in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use http::Method;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH, RANGE};
use http_body_util::BodyExt as _;
use tokio_util::task::TaskTracker;

use super::*;
use crate::cache::{Cache, CacheSettings};
use crate::clock::Clock;
use crate::site::dir::SiteDir;

fn request(lines: &[(HeaderName, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
}

async fn text(answer: Response<Body>) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn cache() -> Cache {
    let settings = CacheSettings {
        prefix: String::from("p:"),
        memory_bytes: 64 << 20,
        timeout: Duration::from_secs(1),
        max_entry_bytes: 1 << 20,
        max_new_keys: 100,
        near: false,
    };
    Cache::memory(settings, Clock::system(), TaskTracker::new())
}

struct Site {
    temporary: tempfile::TempDir,
    dir: Dir,
    cache: Cache,
}

fn site() -> Site {
    let temporary = tempfile::tempdir().unwrap();
    let (root, outside) = (temporary.path().join("public"), temporary.path().join("secret.txt"));
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::write(&outside, "secret").unwrap();
    for (name, text) in [
        ("index.html", "<p>home</p>".to_owned()),
        ("sub/index.html", "<p>sub</p>".to_owned()),
        ("site.css", "p { color: blue }\n".repeat(50)),
        ("app.js", "identity".to_owned()),
        ("app.js.gz", "gzipped".to_owned()),
        ("large.bin", "0123456789".repeat(60_000)),
        (".env", "hidden".to_owned()),
        (".git/config", "hidden".to_owned()),
        ("%2e%2e", "odd".to_owned()),
    ] {
        fs::write(root.join(name), text).unwrap();
    }
    symlink(&outside, root.join("out.txt")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    symlink("site.css", root.join("same.css")).unwrap();
    symlink(".env", root.join("env.txt")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let (site, root) = (temporary.path().to_owned(), root.canonicalize().unwrap());
    let dir = SiteDir { path: "public".to_owned(), root, site, before: 1 };
    Site { dir: Dir::of(&dir), temporary, cache: cache() }
}

#[tokio::test]
async fn a_directory_that_went_with_a_swapped_link_is_found_by_its_name() {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().to_owned();
    let at = |name: &str| base.join("site").join(name);
    for (version, text) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir_all(at(version).join("public")).unwrap();
        fs::write(at(version).join("public/a.txt"), text).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/public", at("public")).unwrap();
    let root = at("public").canonicalize().unwrap();
    let dir = SiteDir { path: "public".to_owned(), root, site: at(""), before: 1 };
    let site = Site { dir: Dir::of(&dir), temporary, cache: cache() };
    let text_now = async || Some(text(get(&site, "a.txt", &[]).await?).await);
    assert_eq!(text_now().await.as_deref(), Some("one"));
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    assert_eq!(text_now().await.as_deref(), Some("one"), "the site that is live");
    fs::remove_dir_all(at("..1")).unwrap();
    assert_eq!(text_now().await.as_deref(), Some("two"));
    // Out of the site nothing is followed, nor is the site itself served.
    let outside = base.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.txt"), "outside").unwrap();
    fs::write(at("a.txt"), "the site's").unwrap();
    for out in [outside.as_path(), &at("")] {
        fs::remove_file(at("public")).unwrap();
        symlink(out, at("public")).unwrap();
        assert_eq!(text_now().await, None, "{out:?}");
    }
}

async fn get(site: &Site, name: &str, lines: &[(HeaderName, &str)]) -> Option<Response<Body>> {
    let request = request(lines);
    // The second time it may be known.
    let found = match site.dir.at_once(name, None, &request, &site.cache) {
        Some(resource) => Found::File(resource),
        None => site.dir.find(name, &request, &site.cache).await.unwrap()?,
    };
    match found {
        Found::File(resource) => Some(sent(&request, &resource)),
        Found::NeedsSlash => None,
    }
}

/// The answer to a GET; its status and range where the file is not sent.
fn sent(headers: &HeaderMap, resource: &Resource) -> Response<Body> {
    let request = RequestView {
        method: &Method::GET,
        path: "/",
        query: None,
        version: http::Version::HTTP_11,
        headers,
        peer: ([127, 0, 0, 1], 9).into(),
    };
    let refused = |status, range: &str| {
        let answer = Response::builder().status(status).header("content-range", range);
        answer.body(Body::default()).unwrap()
    };
    match answer(&request, resource, SystemTime::now(), (0, |answer| answer)) {
        Ok(mut answer) => {
            let lines = answer.take_lines();
            let mut response = Response::new(Body::default());
            *response.status_mut() = answer.status();
            *response.headers_mut() = lines;
            *response.body_mut() = answer.into_body().0;
            response
        }
        Err(NotSent::Unmet) => refused(412, ""),
        Err(NotSent::OutOfRange(range)) => refused(416, &range),
    }
}

#[tokio::test]
async fn names_lead_to_files_inside_and_nowhere_else() {
    let site = site();
    for (name, expected) in [
        ("", Some("<p>home</p>")),
        ("index.html", Some("<p>home</p>")),
        ("sub/", Some("<p>sub</p>")),
        ("app.js", Some("identity")),
        ("%2e%2e", Some("odd")),
        ("app.js/", None),
        ("nothing.txt", None),
        ("sub/empty/", None),
        ("sub/empty", None),
        ("..", None),
        ("../secret.txt", None),
        ("sub/../../secret.txt", None),
        ("sub/../index.html", None),
        ("./index.html", None),
        ("/etc/passwd", None),
        ("sub//index.html", None),
        ("..\\secret.txt", None),
        ("index.html\0.css", None),
        (".env", None),
        (".git/config", None),
        ("env.txt", None),
        ("out.txt", None),
        ("slash/etc/passwd", None),
        ("loop", None),
        ("pipe", None),
        (&"x".repeat(5000), None),
    ] {
        let found = match get(&site, name, &[]).await {
            Some(answer) => Some(text(answer).await),
            None => None,
        };
        assert_eq!(found.as_deref(), expected, "{name:?}");
    }
    let slashless = site.dir.find("sub", &HeaderMap::new(), &site.cache).await.unwrap();
    assert!(matches!(slashless, Some(Found::NeedsSlash)));
}

#[tokio::test]
async fn a_neighbour_that_is_compressed_already_is_sent_to_who_takes_it() {
    let site = site();
    let answer = get(&site, "app.js", &[(ACCEPT_ENCODING, "br, gzip")]).await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(answer.headers()["vary"], "accept-encoding");
    assert_eq!(text(answer).await, "gzipped");
    let answer = get(&site, "app.js", &[(ACCEPT_ENCODING, "br")]).await.unwrap();
    assert_eq!(answer.headers().get("content-encoding"), None);
    assert_eq!(answer.headers()["vary"], "accept-encoding");
}

#[tokio::test]
async fn small_text_is_coded_here_and_its_tag_says_so() {
    let site = site();
    let plain = get(&site, "site.css", &[]).await.unwrap();
    let coded = get(&site, "same.css", &[(ACCEPT_ENCODING, "br")]).await.unwrap();
    assert_eq!(coded.headers()["content-encoding"], "br");
    assert_eq!(plain.headers()["vary"], "accept-encoding");
    let tag = plain.headers()["etag"].to_str().unwrap().trim_end_matches('"').to_owned();
    assert_eq!(coded.headers()["etag"], format!("{tag}-br\""));
    let lines = [(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, &*format!("{tag}-br\""))];
    let again = get(&site, "site.css", &lines).await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()["etag"], format!("{tag}-br\""));
    assert_eq!(again.headers()["vary"], "accept-encoding");
    assert!(again.headers().contains_key("last-modified"));
    assert!(!again.headers().contains_key("content-type"));
}

#[tokio::test]
async fn a_changed_file_is_read_again() {
    let site = site();
    let path = site.temporary.path().join("public/index.html");
    // Of the same length, and within one tick of the file system's clock.
    for turn in 0..200 {
        let edited = format!("<p>{turn:04}</p>");
        fs::write(&path, &edited).unwrap();
        assert_eq!(text(get(&site, "", &[]).await.unwrap()).await, edited);
    }
}

#[tokio::test]
async fn parts_come_from_memory_and_from_disk_alike() {
    let site = site();
    for (name, range, status, content_range, expected) in [
        ("large.bin", "bytes=10-14", 206, "bytes 10-14/600000", "01234"),
        ("large.bin", "bytes=-3", 206, "bytes 599997-599999/600000", "789"),
        ("large.bin", "bytes=600000-", 416, "bytes */600000", ""),
        ("index.html", "bytes=3-6", 206, "bytes 3-6/11", "home"),
    ] {
        let answer = get(&site, name, &[(RANGE, range)]).await.unwrap();
        assert_eq!(answer.status(), status, "{name} {range}");
        assert_eq!(answer.headers()["content-range"], content_range, "{name} {range}");
        if status == 206 {
            assert_eq!(text(answer).await, expected, "{name} {range}");
        }
    }
    let answer = get(&site, "large.bin", &[]).await.unwrap();
    assert_eq!(answer.headers()["accept-ranges"], "bytes");
    assert_eq!(text(answer).await, "0123456789".repeat(60_000));
    let lines = [(RANGE, "bytes=3-6"), (ACCEPT_ENCODING, "br")];
    let answer = get(&site, "site.css", &lines).await.unwrap();
    assert_eq!(answer.headers().get("content-encoding"), None);
}

#[tokio::test]
async fn several_parts_are_a_multipart_of_the_promised_length() {
    let site = site();
    for (name, parts) in [("index.html", ["<p>", "</p>"]), ("large.bin", ["012", "6789"])] {
        let answer = get(&site, name, &[(RANGE, "bytes=0-2,-4")]).await.unwrap();
        assert_eq!(answer.status(), 206);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let (kind, len) = (header("content-type"), header("content-length"));
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
        let body = text(answer).await;
        assert_eq!(body.len().to_string(), len);
        assert_eq!(body.matches(&format!("\r\n--{boundary}\r\n")).count(), 2, "{body}");
        assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")), "{body}");
        for part in parts {
            assert!(body.contains(&format!("\r\n\r\n{part}\r\n--")), "{body}");
        }
    }
}
