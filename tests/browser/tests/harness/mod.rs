//! The program, a Redis and a browser of a test's own; all ended when dropped.

mod workshop;

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

pub use workshop::Workshop;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a browser may take to start: from a cold disk, beside many others.
const START: Duration = Duration::from_secs(90);

const SITE: &str = "\
server: { docs: /docs }
routes:
  /a: { body: a, ttl: 1h }
  /b/{name}: { inline: 'hi {{params.name}}', name: b, ttl: 1h }
";

/// A process that ends with its test.
pub struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A site that is served, with its admin listener.
pub struct Served {
    _larder: Ended,
    _redis: Ended,
    _dir: TempDir,
    redis_port: u16,
    /// Host and port of the site.
    pub site: String,
    /// The address of the admin page.
    pub admin: String,
}

impl Served {
    pub fn start() -> Self {
        Self::with(SITE)
    }

    /// One whose admin listener wants a token.
    pub fn with_token(token: &str) -> Self {
        Self::with(&SITE.replace("{ docs", &format!("{{ admin_token: {token}, docs")))
    }

    fn with(site: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("routes.yaml"), site).expect("the site");
        let redis_port = free_port();
        let redis = Command::new("redis-server")
            .args(["--port", &redis_port.to_string(), "--save", "", "--bind", "127.0.0.1"])
            .stdout(Stdio::null())
            .spawn()
            .map(Ended)
            .expect("redis-server");
        let start = Instant::now();
        // A larder that finds no Redis has no word of having found it until somebody asks.
        while TcpStream::connect(("127.0.0.1", redis_port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "no redis-server");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut larder = Command::new(program())
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store"])
            .arg(format!("redis://127.0.0.1:{redis_port}"))
            .arg("--config")
            .arg(dir.path().join("routes.yaml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("larder; build it first");
        let mut lines = BufReader::new(larder.stderr.take().expect("its log")).lines();
        // In any order: the store may be there before the listeners are.
        let (mut site, mut admin, mut connected) = (None, None, false);
        while site.is_none() || admin.is_none() || !connected {
            let line = lines.next().and_then(Result::ok).expect("a line of the log");
            site = site.or_else(|| address_after("listening on http://", &line));
            admin = admin.or_else(|| address_after("admin on ", &line));
            connected |= line.contains("connected");
        }
        let (site, admin) = (site.expect("an address"), admin.expect("an address"));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let (larder, redis) = (Ended(larder), redis);
        Self { _larder: larder, _redis: redis, _dir: dir, redis_port, site, admin }
    }

    pub fn redis(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.redis_port.to_string(), "--raw"])
            .args(arguments)
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Asks for a page of the site; gives its `Cache-Status`.
    pub fn visit(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.site).expect("the site");
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sending");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let line = text.lines().find_map(|line| line.strip_prefix("cache-status: "));
        line.expect("a Cache-Status").to_owned()
    }
}

fn address_after(text: &str, line: &str) -> Option<String> {
    let (_, rest) = line.split_once(text)?;
    rest.split(' ').next().map(str::to_owned)
}

/// A headless Chromium and its driver.
pub struct Browser {
    pub client: Client,
    port: u16,
    session: String,
    _driver: Ended,
}

impl Drop for Browser {
    /// Ends the browser: a driver that is killed leaves it behind, some hundred megabytes each.
    fn drop(&mut self) {
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.session, self.port
        );
        let _unless_it_is_gone =
            TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut driver| {
                driver.set_read_timeout(Some(PATIENCE))?;
                driver.write_all(request.as_bytes())?;
                // The answer comes when the browser has ended.
                driver.read(&mut [0; 64])
            });
    }
}

impl Browser {
    /// One that runs scripts, or not.
    pub async fn start(scripts: bool) -> Self {
        // On a machine with much else to do, a Chromium may stand still as it starts.
        for _ in 0..2 {
            if let Ok(browser) = tokio::time::timeout(START, Self::start_once(scripts)).await {
                return browser;
            }
        }
        Self::start_once(scripts).await
    }

    async fn start_once(scripts: bool) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .spawn()
            .map(Ended)
            .expect("chromedriver");
        let setting = if scripts { 1 } else { 2 };
        let bound = u64::try_from(PATIENCE.as_millis()).expect("milliseconds");
        let options = json!({
            "goog:chromeOptions": {
                "args":
                    ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"],
                "prefs": { "profile.managed_default_content_settings.javascript": setting },
            },
            "timeouts": { "pageLoad": bound, "script": bound },
        });
        let options = options.as_object().expect("an object").clone();
        let start = Instant::now();
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(options.clone());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => {
                    let session = client.session_id().await.ok().flatten().expect("a session");
                    return Self { client, port, session, _driver: driver };
                }
                Err(why) => assert!(start.elapsed() < PATIENCE, "no browser: {why}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asks until the browser says what is expected.
pub async fn shows(browser: &Browser, script: &str, expected: &str) {
    let start = Instant::now();
    loop {
        // A page that is being left answers nothing.
        let said = browser.client.execute(script, Vec::new()).await.unwrap_or_default();
        let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        if said == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{script}\nsays {said}\nnot {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Clicks on what a page holds, once it is there: a page that is live may put another in its place
/// between two commands. A click does not wait for the page that it leads to.
pub async fn press(browser: &Browser, css: &str) {
    let start = Instant::now();
    loop {
        let pressed = match browser.client.find(Locator::Css(css)).await {
            Ok(found) => found.click().await,
            Err(absent) => Err(absent),
        };
        match pressed {
            Ok(()) => return,
            Err(why) => assert!(start.elapsed() < PATIENCE, "{css}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Fails where axe-core finds anything in the page. `AXE_CORE` names its file; scripts/test fetches
/// it by npm where it can.
pub async fn passes_axe(browser: &Browser, what: &str) {
    let named = std::env::var_os("AXE_CORE");
    let Some(axe) = named.and_then(|path| fs::read_to_string(path).ok()) else {
        eprintln!("AXE_CORE names no file: not looked at");
        return;
    };
    browser.client.execute(&axe, Vec::new()).await.expect("axe");
    let run = "const done = arguments[arguments.length - 1];\
        axe.run().then(found => done(JSON.stringify(found.violations.map(it => \
        [it.id, it.nodes.map(node => node.html)]))))";
    let found = browser.client.execute_async(run, Vec::new()).await.expect("its report");
    assert_eq!(found, serde_json::Value::from("[]"), "{what}");
}

fn program() -> PathBuf {
    let named = std::env::var_os("LARDER_PROGRAM").map(PathBuf::from);
    // It is built beside the tests: they are in `deps`.
    named.unwrap_or_else(|| {
        let tests = std::env::current_exe().expect("the path of the tests");
        tests.ancestors().nth(2).expect("what is built").join("larder")
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}
