//! A real redis-server, seen through the real redis-cli.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use tempfile::TempDir;

use super::larder::signal;

/// A Redis server of a test's own, empty at start, gone when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Redis {
    /// Starts one on a free port; returns when it answers.
    pub(crate) fn start() -> Self {
        for _ in 0..5 {
            let redis = Self::spawn(free_port());
            if redis.answers() {
                return redis;
            }
        }
        panic!("redis-server does not start");
    }

    /// Kills it, as a crash would, and starts another one on the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        *self = Self::spawn(self.port);
        assert!(self.answers(), "redis-server does not start again");
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it in its tracks: connections stay open and nothing answers.
    pub(crate) fn hang(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Lets it go on.
    pub(crate) fn wake(&self) {
        signal(self.child.id(), "CONT");
    }

    /// As `cache.store` has it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What `redis-cli --raw` prints for a command, without the line's end.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "--raw"])
            .args(arguments)
            .output()
            .expect("redis-cli");
        let text = String::from_utf8(output.stdout).expect("text from redis-cli");
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }

    /// Every key, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.cli(&["--scan"]).lines().map(str::to_owned).collect();
        keys.sort();
        keys
    }

    fn spawn(port: u16) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = fs::File::create(dir.path().join("log")).expect("a log");
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--dir"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .expect("redis-server");
        Self { child, port, dir }
    }

    /// Whether it comes to answer; false where it ended, as when the port was taken meanwhile.
    fn answers(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            if log.contains("Ready to accept connections") {
                return self.cli(&["PING"]) == "PONG";
            }
            if log.contains("Failed listening") {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
