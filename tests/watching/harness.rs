//! A running loop over a directory of its own, and the ways in which files are changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use larder::parts::clock::Clock;
use larder::parts::config::Files;
use larder::parts::diagnostic::{Code, Diagnostic, Report, SourceFile, Span};
use larder::parts::reload::{Build, Built, Outcome, ReloadHandle, Reloader};
use larder::parts::watch::{Watch, WatchOptions};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Within this an edit is to be live; the promise is 1 s by events and 4 s by the poll, and the
/// machine may be loaded.
pub(crate) const SEEN: Duration = Duration::from_secs(10);

/// Whether the system has a watcher to give. Other programs may have taken all: then everything is
/// found by the poll, and what is said of events cannot be seen.
pub(crate) fn has_events() -> bool {
    let has = notify::recommended_watcher(|_| ()).is_ok();
    if !has {
        eprintln!("-- NOT TESTED: other programs have taken all inotify instances");
    }
    has
}

/// Fails where an edit was live so late that the poll must have found it.
pub(crate) fn is_by_events(took: Duration) {
    assert!(took < Duration::from_millis(1500) || !has_events(), "by the poll: {took:?}");
}

/// A site whose main file names further files, one a line, and is good if it ends with `end`.
#[derive(Debug)]
struct Lines {
    live: mpsc::UnboundedSender<String>,
    builds: Arc<AtomicUsize>,
    reports: Arc<Mutex<Vec<String>>>,
}

impl Build for Lines {
    fn build(&self, files: &mut dyn Files) -> Built {
        self.builds.fetch_add(1, Ordering::SeqCst);
        match read_site(files) {
            Ok(text) => {
                let live = self.live.clone();
                let apply = move || {
                    live.send(text.clone()).ok();
                    text
                };
                Built::Good { apply: Box::new(apply), warnings: Report::default() }
            }
            Err(message) => {
                self.reports.lock().unwrap().push(message.clone());
                let source = SourceFile::new("site.txt", "");
                let span = Span::new(&source, 0..0);
                Built::Bad(Report::from_iter([Diagnostic::new(Code::YamlSyntax, message, &span)]))
            }
        }
    }
}

/// The main file's lines, each name replaced by what is in the file, each pattern by its files.
fn read_site(files: &mut dyn Files) -> Result<String, String> {
    let main = files.read("site.txt", 1 << 20).map_err(|error| format!("site.txt: {error}"))?;
    let main = String::from_utf8(main.bytes.to_vec()).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    for line in main.lines() {
        if line.contains('*') {
            text.push(files.glob(line).map_err(|error| error.to_string())?.join(","));
        } else if line.contains('.') {
            let file = files.read(line, 1 << 20).map_err(|error| format!("{line}: {error}"))?;
            text.push(String::from_utf8_lossy(&file.bytes).trim().to_owned());
        } else {
            text.push(line.to_owned());
        }
    }
    if text.pop().as_deref() == Some("end") {
        Ok(text.join("|"))
    } else {
        Err(format!("no end: {main:?}"))
    }
}

/// A running loop over a directory of its own.
pub(crate) struct Site {
    pub(crate) directory: TempDir,
    live: mpsc::UnboundedReceiver<String>,
    builds: Arc<AtomicUsize>,
    reports: Arc<Mutex<Vec<String>>>,
    pub(crate) handle: ReloadHandle,
    pub(crate) clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Site {
    pub(crate) async fn start(files: &[(&str, &str)]) -> Self {
        Self::with(files, "", WatchOptions::default()).await
    }

    pub(crate) async fn polled(files: &[(&str, &str)]) -> Self {
        let poll = Duration::from_millis(200);
        Self::with(files, "", WatchOptions { poll, force_poll: true, ..WatchOptions::default() })
            .await
    }

    pub(crate) async fn with(files: &[(&str, &str)], root: &str, options: WatchOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(&directory.path().join(path), text);
        }
        Self::over(directory, root, options).await
    }

    pub(crate) async fn over(directory: TempDir, root: &str, options: WatchOptions) -> Self {
        let site = Self::between(directory, root, options, |_| ()).await;
        // Whoever asks is answered when the watch has begun.
        assert_eq!(site.handle.reload_now().await, Outcome::Unchanged);
        site
    }

    /// With something done between the first load and the beginning of the watch.
    pub(crate) async fn between(
        directory: TempDir,
        root: &str,
        options: WatchOptions,
        act: impl FnOnce(&Path),
    ) -> Self {
        let (sender, live) = mpsc::unbounded_channel();
        let (builds, reports) = (Arc::default(), Arc::default());
        let build =
            Lines { live: sender, builds: Arc::clone(&builds), reports: Arc::clone(&reports) };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let clock = Clock::system();
        let mut reloader = Reloader::new(
            directory.path().join(root),
            "site.txt".to_owned(),
            Arc::new(build),
            clock.clone(),
            tasks.clone(),
            stop.clone(),
        );
        reloader.first().await;
        act(directory.path());
        let handle = reloader.handle();
        tasks.spawn(reloader.run(Watch::start(options)));
        Self { directory, live, builds, reports, handle, clock, stop, tasks }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The next text that goes live, and how long that took.
    pub(crate) async fn next(&mut self) -> (String, Duration) {
        let began = Instant::now();
        let text =
            tokio::time::timeout(SEEN, self.live.recv()).await.expect("seen in time").unwrap();
        (text, began.elapsed())
    }

    /// What goes live within a third of a second, if anything.
    pub(crate) async fn soon(&mut self) -> Option<String> {
        tokio::time::timeout(Duration::from_millis(333), self.live.recv()).await.ok().flatten()
    }

    pub(crate) async fn expect(&mut self, text: &str) -> Duration {
        let (seen, took) = self.next().await;
        assert_eq!(seen, text);
        println!("{text:?} live after {took:?}");
        took
    }

    /// Makes an edit of its own: what comes live next is that, so nothing came before it.
    pub(crate) async fn expect_nothing(&mut self, marker: &str) {
        write(&self.path("marker.txt"), marker);
        let (seen, _) = self.next().await;
        assert!(seen.ends_with(marker), "{seen:?} came live before {marker:?}");
    }

    pub(crate) fn builds(&self) -> usize {
        self.builds.load(Ordering::SeqCst)
    }

    pub(crate) fn reports(&self) -> Vec<String> {
        self.reports.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < SEEN, "{what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(SEEN, self.tasks.wait()).await.expect("the loop ends when told to");
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn run(program: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}
