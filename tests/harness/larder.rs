//! The real program, started on a free port, its log kept, ended by SIGTERM.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Answer, Client};
use super::{PATIENCE, Site};

/// What a shell does before it starts a larder that logs each time that it looks for edits.
pub(crate) const DEBUG: &str = "export RUST_LOG=larder=debug";

/// A running larder.
pub(crate) struct Larder {
    child: Child,
    log: Log,
    /// What it wrote to standard output: the access log.
    requests: Log,
    client: Client,
    /// Kept so that the directory outlives the process that reads it.
    _site: Site,
    /// Host and port of the main listener.
    pub(crate) address: String,
}

impl Larder {
    /// Serves `site` with `store`; returns when it listens.
    pub(crate) fn serve(site: &Site, store: &str) -> Self {
        Self::spawn(site, &["--store", store])
    }

    /// Serves `site` with further arguments; returns when it listens.
    pub(crate) fn spawn(site: &Site, arguments: &[&str]) -> Self {
        Self::start(command("serve", site), site, arguments)
    }

    /// Runs `larder dev` on `site` with further arguments; returns when it listens.
    pub(crate) fn dev(site: &Site, arguments: &[&str]) -> Self {
        Self::start(command("dev", site), site, arguments)
    }

    /// The same, with a variable of the environment.
    pub(crate) fn dev_with(site: &Site, (name, value): (&str, &str), arguments: &[&str]) -> Self {
        let mut command = command("dev", site);
        command.env(name, value);
        Self::start(command, site, arguments)
    }

    /// Serves `site` in namespaces of its own (`unshare -r` and `flags`), once the shell has done
    /// `before` there.
    pub(crate) fn spawn_apart(site: &Site, flags: &str, before: &str, arguments: &[&str]) -> Self {
        let unshare = ["unshare", "-r"].into_iter().chain(flags.split_whitespace());
        Self::spawn_by(&unshare.collect::<Vec<_>>(), site, before, arguments)
    }

    /// Serves `site` once the shell has done `before`.
    pub(crate) fn spawn_after(site: &Site, before: &str, arguments: &[&str]) -> Self {
        Self::spawn_by(&["env"], site, before, arguments)
    }

    /// One process all the while: each program becomes the next.
    fn spawn_by(by: &[&str], site: &Site, before: &str, arguments: &[&str]) -> Self {
        let plain = command("serve", site);
        let mut through = Command::new(by[0]);
        through.args(&by[1..]).args(["sh", "-ec", &format!("{before}\nexec \"$@\""), "sh"]);
        through.arg(plain.get_program()).args(plain.get_args());
        through.current_dir(site.path("")).stdin(Stdio::null());
        Self::start(through, site, arguments)
    }

    fn start(mut command: Command, site: &Site, arguments: &[&str]) -> Self {
        let mut child = command
            .args(if arguments.contains(&"--listen") {
                &[]
            } else {
                &["--listen", "127.0.0.1:0"][..]
            })
            .args(if arguments.contains(&"--admin") { &[][..] } else { &["--admin", "off"] })
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the larder program");
        let log = Log::of(child.stderr.take().expect("its stderr"));
        let requests = Log::of(child.stdout.take().expect("its stdout"));
        let address = log.wait(PATIENCE, |lines| lines.iter().find_map(|line| address_in(line)));
        let Some(address) = address else {
            let _ = child.kill();
            panic!("larder does not listen; its log:\n{}", log.text());
        };
        Self { child, client: Client::of(&address), log, requests, _site: site.clone(), address }
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[]).await
    }

    /// Any request; fails where there is no whole answer in time.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        self.send(method, path, headers, "").await
    }

    /// The same with a body.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        match self.client.send(method, path, headers, body.as_bytes()).await {
            Ok(answer) => answer,
            Err(why) => panic!("{method} {path}: {why}; the log:\n{}", self.log.text()),
        }
    }

    /// A client of its own for tasks that run beside the test.
    pub(crate) fn client(&self) -> Client {
        Client::of(&self.address)
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// How many lines it has logged so far that hold `text`.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log.text().lines().filter(|line| line.contains(text)).count()
    }

    /// The first line that holds `text`, as soon as there is one.
    pub(crate) fn line_with(&self, text: &str) -> String {
        let find = |lines: &[String]| lines.iter().find(|line| line.contains(text)).cloned();
        let line = self.log.wait(PATIENCE, find);
        line.unwrap_or_else(|| panic!("no {text:?} in time; the log:\n{}", self.log.text()))
    }

    /// Does `edit`, waits for one more line that holds `text`, and returns that line.
    pub(crate) fn logs_after(&self, text: &str, edit: impl FnOnce()) -> String {
        let before = self.logged(text);
        edit();
        let line = self.log.wait(PATIENCE, |lines| {
            lines.iter().filter(|line| line.contains(text)).nth(before).cloned()
        });
        line.unwrap_or_else(|| panic!("no {text:?} in time; the log:\n{}", self.log.text()))
    }

    /// Does `edit` and waits until it is live; returns the line that says so.
    pub(crate) fn reloads_after(&self, edit: impl FnOnce()) -> String {
        self.logs_after("reloaded", edit)
    }

    /// Waits until it has polled for edits `times` more: what was there before the last of these
    /// began has been dealt with. It must have been started with [`DEBUG`].
    pub(crate) fn polls(&self, times: usize) {
        let polls = |line: &&String| line.contains("looking for edits hint=Poll");
        let count = |lines: &[String]| lines.iter().filter(polls).count();
        let before = self.log.wait(PATIENCE, |lines| Some(count(lines))).unwrap_or_default();
        let enough = |lines: &[String]| (count(lines) >= before + times).then_some(());
        let done = self.log.wait(PATIENCE, enough);
        done.unwrap_or_else(|| panic!("no {times} polls in time; the log:\n{}", self.log.text()));
    }

    /// The lines of the access log, as soon as there are `count`.
    pub(crate) fn requests(&self, count: usize) -> Vec<String> {
        let enough = |lines: &[String]| (lines.len() >= count).then(|| lines.to_vec());
        let lines = self.requests.wait(PATIENCE, enough);
        lines.unwrap_or_else(|| panic!("no {count} lines in time: {}", self.requests.text()))
    }

    /// Stops reading its logs, as a reader does that stands still, or reads on.
    pub(crate) fn hold_logs(&self, is_held: bool) {
        self.log.hold(is_held);
        self.requests.hold(is_held);
    }

    /// The process's id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it holds now, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("the process's status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        signal(self.pid(), "TERM");
        let status = end(&mut self.child).unwrap_or_else(|| {
            panic!("larder does not stop; its log:\n{}", self.log.text());
        });
        (status, self.log.text())
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.pid(), "TERM");
            end(&mut self.child);
        }
        if thread::panicking() {
            eprintln!("-- the log of larder on {}:\n{}", self.address, self.log.text());
        }
    }
}

/// Runs `larder check` on a site and returns what it said.
pub(crate) fn check(site: &Site, arguments: &[&str]) -> Output {
    run("check", site, arguments)
}

/// Runs a command that ends by itself on a site and returns what it said.
pub(crate) fn run(name: &str, site: &Site, arguments: &[&str]) -> Output {
    command(name, site).args(arguments).output().expect("the larder program")
}

/// Runs `larder serve` on a site that it should refuse; fails where it goes on running.
pub(crate) fn refused(site: &Site, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = command("serve", site)
        .args(if arguments.contains(&"--admin") { &[][..] } else { &["--admin", "off"] })
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the larder program");
    let mut stderr = child.stderr.take().expect("its stderr");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let status = end(&mut child);
    let text = reader.join().expect("its log");
    (status.unwrap_or_else(|| panic!("it went on running:\n{text}")).code(), text)
}

/// Whether this machine lets us do in namespaces of our own what `before` does; says so where not,
/// since a test goes by then that would have tested it.
pub(crate) fn may_apart(flags: &str, before: &str) -> bool {
    let mut trial = Command::new("unshare");
    trial.arg("-r").args(flags.split_whitespace()).args(["sh", "-ec", before]);
    let said = trial.output();
    let may = said.as_ref().is_ok_and(|said| said.status.success());
    if !may {
        eprintln!("-- NOT TESTED: this machine does not allow `{before}`: {said:?}");
    }
    may
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} was not sent");
}

fn command(name: &str, site: &Site) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.arg(name).current_dir(site.path("")).stdin(Stdio::null());
    for variable in ["REDIS_URL", "REGION", "RUST_LOG", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

/// Waits for the end of a process; kills it and gives nothing when it takes too long.
fn end(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on http")?;
    let rest = rest.trim_start_matches('s').strip_prefix("://")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
    rest.get(..end.unwrap_or(rest.len())).map(str::to_owned)
}

/// The lines of a log, as they come.
#[derive(Clone)]
struct Log {
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
    /// Whether the stream is not read for now.
    is_held: Arc<(Mutex<bool>, Condvar)>,
}

impl Log {
    /// Reads `stream` to its end on a thread of its own, so that the program never blocks on it.
    fn of(stream: impl Read + Send + 'static) -> Self {
        let log = Self { lines: Arc::default(), is_held: Arc::default() };
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                writer.wait_while_held();
                let (lines, arrived) = &*writer.lines;
                lines.lock().expect("the log").push(line);
                arrived.notify_all();
            }
        });
        log
    }

    fn hold(&self, is_held: bool) {
        *self.is_held.0.lock().expect("the switch") = is_held;
        self.is_held.1.notify_all();
    }

    fn wait_while_held(&self) {
        let is_held = self.is_held.0.lock().expect("the switch");
        drop(self.is_held.1.wait_while(is_held, |is_held| *is_held).expect("the switch"));
    }

    fn text(&self) -> String {
        self.lines.0.lock().expect("the log").join("\n")
    }

    /// What `find` makes of the lines, as soon as it makes something of them.
    fn wait<T>(&self, deadline: Duration, find: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        let start = Instant::now();
        let (lines, arrived) = &*self.lines;
        let mut lines = lines.lock().expect("the log");
        loop {
            if let Some(found) = find(&lines) {
                return Some(found);
            }
            let left = deadline.checked_sub(start.elapsed())?;
            lines = arrived.wait_timeout(lines, left).expect("the log").0;
        }
    }
}
