//! A site that somebody works on: `larder dev` on a directory, its lines, edits, restarts.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use tempfile::TempDir;

use super::{Ended, PATIENCE, free_port, program};

/// A directory, and `larder dev` that serves it; always at the same address.
pub struct Workshop {
    dir: TempDir,
    address: String,
    larder: Option<Ended>,
    pub log: Log,
}

impl Workshop {
    /// Serves a site of these files; returns when it listens.
    pub fn open(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let address = format!("127.0.0.1:{}", free_port());
        let mut workshop = Self { dir, address, larder: None, log: Log::default() };
        for (path, text) in files {
            workshop.write(path, text);
        }
        workshop.start();
        workshop
    }

    /// Starts it again.
    pub fn start(&mut self) {
        let mut larder = Command::new(program())
            .args(["dev", "--admin", "off", "--store", "memory", "--listen", &self.address])
            .arg("--config")
            .arg(self.dir.path().join("routes.yaml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("larder; build it first");
        self.log = Log::of(&mut larder);
        self.larder = Some(Ended(larder));
        self.log.line_with(&format!("listening on http://{}", self.address));
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.larder = None;
    }

    /// The address of one of its pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Saves a file as editors do, and does not wait.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        let beside = path.with_extension("new~");
        fs::write(&beside, text).expect("writing beside the file");
        fs::rename(&beside, path).expect("renaming over the file");
    }

    /// Saves a file and waits until larder has swapped the site.
    pub fn edit(&self, path: &str, text: &str) {
        self.log.after("reloaded", || self.write(path, text));
    }
}

/// The lines of a log, as they come.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Log {
    fn of(child: &mut Child) -> Self {
        let log = Self::default();
        let (writer, stream) = (log.clone(), child.stderr.take().expect("its stderr"));
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let (lines, arrived) = &*writer.lines;
                lines.lock().expect("the log").push(line);
                arrived.notify_all();
            }
        });
        log
    }

    /// How many lines hold `text`.
    pub fn count(&self, text: &str) -> usize {
        let lines = self.lines.0.lock().expect("the log");
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Waits for a line that holds `text`.
    pub fn line_with(&self, text: &str) {
        self.wait(text, 1);
    }

    /// Does `deed`, and waits for one more line that holds `text`.
    pub fn after(&self, text: &str, deed: impl FnOnce()) {
        let before = self.count(text);
        deed();
        self.wait(text, before + 1);
    }

    fn wait(&self, text: &str, count: usize) {
        let start = Instant::now();
        let (lines, arrived) = &*self.lines;
        let mut lines = lines.lock().expect("the log");
        while lines.iter().filter(|line| line.contains(text)).count() < count {
            let left = PATIENCE.checked_sub(start.elapsed());
            let left = left.unwrap_or_else(|| panic!("no {text:?} in:\n{}", lines.join("\n")));
            lines = arrived.wait_timeout(lines, left).expect("the log").0;
        }
    }
}
