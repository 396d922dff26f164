//! How `larder dev` starts: on a broken file, on a port that is taken.

use std::net::TcpListener;

use crate::harness::{Larder, MEMORY, PATIENCE, Site, eventually, raw, signal};

const SITE: &str = "routes:\n  /: { inline: '<p>home' }\n";
const BROKEN: &str = "cache: { prefix: mine }\nroutes:\n  /: { inlin: '<p>home' }\n";
const HTML: (&str, &str) = ("accept", "text/html");

#[tokio::test]
async fn a_broken_file_is_shown_everywhere_and_heals() {
    let site = Site::with(BROKEN);
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    for path in ["/", "/any/thing?x=1"] {
        let page = larder.request("GET", path, &[HTML]).await;
        assert_eq!(page.status, 503);
        for part in ["unknown_field", "routes.yaml:3:8", "inlin: '&lt;p&gt;home'", "live.js"] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        let program = larder.get(path).await;
        assert_eq!(program.status, 503);
        assert_eq!(program.header("content-type"), "application/problem+json");
        assert!(!program.text().contains("inlin"), "{}", program.text());
    }
    // A stranger is not shown the lines of a file.
    let request =
        "GET / HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    let answer = raw(&larder.address, request);
    assert!(answer.starts_with("HTTP/1.1 503") && !answer.contains("inlin"), "{answer}");
    // The terminal shows it whole.
    larder.line_with("= help: did you mean `inline`?");

    larder.reloads_after(|| site.replace("routes.yaml", "inlin:", "inline:"));
    let page = larder.get("/").await;
    assert_eq!((page.status.as_u16(), page.text()), (200, "<p>home"));
    // What of the broken file could be read was used.
    assert!(page.header("cache-status").contains("key=\"mine::index:/\""), "{page:?}");
    assert_eq!(larder.logged("needs a restart"), 0, "{}", larder.log());
}

#[tokio::test]
async fn what_only_a_restart_can_take_over_is_told_after_healing() {
    let site = Site::with("routes: [\n");
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    larder.reloads_after(|| site.edit("routes.yaml", &format!("cache: {{ prefix: p }}\n{SITE}")));
    larder.line_with("`cache.prefix` changed: the rest is live, this needs a restart");
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_waited_for() {
    let site = Site::new();
    let larder = Larder::dev(&site, &["--store", MEMORY]);
    assert_eq!(larder.get("/").await.status, 503);
    larder.reloads_after(|| site.edit("routes.yaml", SITE));
    assert_eq!(larder.get("/").await.text(), "<p>home");
}

#[tokio::test]
async fn a_port_that_is_taken_is_passed_over_and_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let wanted = address.to_string();
    let site = Site::with(SITE);
    let arguments = ["--store", MEMORY, "--listen", &wanted, "--admin", &wanted];
    let larder = Larder::dev(&site, &arguments);
    let port = |address: &str| address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    assert!(port(&larder.address) > address.port() && port(&larder.address) < address.port() + 20);
    assert_eq!(larder.get("/").await.text(), "<p>home");
    larder.line_with(&format!("{wanted} is taken: using the next free port"));
    let admin = larder.line_with("admin on http://");
    assert!(!admin.contains(&format!("http://{wanted} ")), "{admin}");
}

#[tokio::test]
async fn the_admin_listeners_port_is_kept_for_it() {
    // Two ports in a row, the first of them taken.
    let (taken, first) = (0..100)
        .find_map(|_| {
            let taken = TcpListener::bind("127.0.0.1:0").ok()?;
            let first = taken.local_addr().ok()?.port();
            let free = TcpListener::bind(("127.0.0.1", first.checked_add(1)?)).is_ok();
            free.then_some((taken, first))
        })
        .expect("two ports in a row");
    let (listen, admin) = (format!("127.0.0.1:{first}"), format!("127.0.0.1:{}", first + 1));
    let site = Site::with(SITE);
    let larder = Larder::dev(&site, &["--store", MEMORY, "--listen", &listen, "--admin", &admin]);
    assert_ne!(larder.address, admin);
    larder.line_with(&format!("admin on http://{admin}"));
    drop(taken);
}

#[tokio::test]
async fn it_says_where_everything_is() {
    let site = Site::with(&format!("server: {{ docs: /docs }}\n{SITE}"));
    let larder = Larder::dev(&site, &["--store", MEMORY, "--admin", "127.0.0.1:0"]);
    larder.line_with(&format!("  Site    http://{}/", larder.address));
    larder.line_with(&format!("  Docs    http://{}/docs", larder.address));
    larder.line_with("  Keys    http://127.0.0.1:");
    larder.line_with("  Store   memory");
    larder.line_with("Ctrl-C stops");
}

#[tokio::test]
async fn open_hands_the_address_to_the_desktops_browser() {
    let site = Site::with(SITE);
    let browser = format!("#!/bin/sh\necho \"$1\" > '{}'\n", site.path("opened").display());
    let site = site.file("bin/xdg-open", &browser);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(site.path("bin/xdg-open"), executable).expect("a program");
    let path = format!("{}:{}", site.path("bin").display(), std::env::var("PATH").expect("a path"));
    let larder = Larder::dev_with(&site, ("PATH", &path), &["--store", MEMORY, "--open"]);
    let expected = format!("http://{}\n", larder.address);
    eventually("the browser has the address", PATIENCE, async || {
        let opened = std::fs::read_to_string(site.path("opened")).unwrap_or_default();
        (opened == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_password_is_shown() {
    let url = "redis://user:s3cr3t-word@127.0.0.1:1/2";
    let larder = Larder::dev(&Site::with(SITE), &["--store", url]);
    larder.line_with("  Store   redis://127.0.0.1:1/2");
    signal(larder.pid(), "HUP");
    let (_, log) = larder.stop();
    assert!(!log.contains("s3cr3t-word"), "{log}");
}
