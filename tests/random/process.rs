//! The programs that are driven: larder, its log kept, and a Redis server of a worker's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Answer, Client, Request};

/// How long a program may take to start.
const START: Duration = Duration::from_secs(30);

/// The host that the site is asked under, so that a page which prints it is the same everywhere.
pub(crate) const HOST: &str = "larder.test";

/// A larder that serves.
pub(crate) struct Larder {
    child: Child,
    log: Log,
    site: Client,
    admin: Client,
}

impl Larder {
    /// Serves the site in `root`.
    ///
    /// # Errors
    /// What it logged, where it ended instead.
    pub(crate) fn serve(root: &Path, store: &str, admin: &str) -> Result<Self, String> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_larder"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", admin, "--store", store])
            .current_dir(root)
            .env_remove("RUST_LOG")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the larder program");
        let log = Log::of(child.stderr.take().expect("its stderr"));
        let (mut site, mut console) = (None, None);
        log.wait(START, |lines| {
            let address = |text| lines.iter().find_map(|line| address_after(line, text));
            (site, console) = (address("listening on "), address("admin on "));
            site.is_some() && (admin == "off" || console.is_some())
        });
        let Some(site) = site else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(log.text(0));
        };
        let console = console.unwrap_or_default();
        let (site, admin) = (Client::new(&site, HOST), Client::new(&console, &console));
        Ok(Self { child, log, site, admin })
    }

    /// Asks the site.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Answer, String> {
        self.site.ask(request).map_err(|why| format!("no answer: {why}\n{}", self.log.text(0)))
    }

    /// Asks the admin listener.
    pub(crate) fn admin(&mut self, request: &Request) -> Result<Answer, String> {
        self.admin.ask(request).map_err(|why| format!("no answer: {why}\n{}", self.log.text(0)))
    }

    /// How many lines it has logged.
    pub(crate) fn logged(&self) -> usize {
        self.log.lock().lines.len()
    }

    /// The lines that it has logged since there were `from`.
    pub(crate) fn log_since(&self, from: usize) -> Vec<String> {
        self.log.lock().lines[from..].to_vec()
    }

    /// Waits until one of the lines since there were `from` says that an edit was dealt with.
    pub(crate) fn deals_with_edit(&self, from: usize, deadline: Duration) -> bool {
        let is_end = |line: &String| line.contains("reloaded in") || line.contains("still serving");
        self.log.wait(deadline, |lines| lines[from..].iter().any(is_end))
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_after(line: &str, text: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("{text}http://"))?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// The lines of a log, as they come.
#[derive(Clone)]
struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    is_over: bool,
}

impl Log {
    fn of(stream: impl std::io::Read + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                writer.lock().lines.push(line);
                writer.0.1.notify_all();
            }
            writer.lock().is_over = true;
            writer.0.1.notify_all();
        });
        log
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.0.lock().expect("the log")
    }

    fn text(&self, from: usize) -> String {
        self.lock().lines[from..].join("\n")
    }

    /// Waits until `enough` of the lines, or until there will be no more.
    fn wait(&self, deadline: Duration, mut enough: impl FnMut(&[String]) -> bool) -> bool {
        let start = Instant::now();
        let mut log = self.lock();
        loop {
            if enough(&log.lines) {
                return true;
            }
            let left = deadline.checked_sub(start.elapsed());
            let Some(left) = left.filter(|_| !log.is_over) else { return false };
            log = self.0.1.wait_timeout(log, left).expect("the log").0;
        }
    }
}

/// A Redis server, empty at start, gone when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Redis {
    /// Starts one on a free port; returns when it answers.
    pub(crate) fn start() -> Self {
        for _ in 0..5 {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("its address").port();
            drop(listener);
            let child = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
                .args(["--appendonly", "no", "--dir"])
                .arg(dir.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server");
            let mut redis = Self { child, port, _dir: dir };
            let start = Instant::now();
            while start.elapsed() < START && matches!(redis.child.try_wait(), Ok(None)) {
                if redis.says("PING").is_some_and(|said| said.starts_with("+PONG")) {
                    return redis;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("redis-server does not start");
    }

    /// As `cache.store` has it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Forgets everything.
    pub(crate) fn flush(&self) {
        assert!(self.says("FLUSHALL").is_some_and(|said| said.starts_with("+OK")), "FLUSHALL");
    }

    /// Every key.
    pub(crate) fn keys(&self) -> Vec<String> {
        let said = self.says("KEYS *").expect("an answer of Redis");
        // Of an array of strings, every second line is a string; none of our keys holds a line end.
        said.lines().skip(2).step_by(2).map(str::to_owned).collect()
    }

    /// What is answered to one command, as it comes.
    fn says(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        Some(text.strip_suffix("+OK\r\n").unwrap_or(&text).to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
