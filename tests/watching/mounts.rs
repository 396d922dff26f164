//! Files that are not simply there: mounted one by one, or on a disk that others write to unseen.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::admin::Admin;
use crate::harness::{DEBUG, Larder, PATIENCE, Site, eventually, may_apart, until};

/// A poll takes four seconds; the rest is for a busy machine.
const SEEN: Duration = Duration::from_secs(15);
const ARGUMENTS: [&str; 4] = ["--store", "memory", "--admin", "127.0.0.1:0"];

fn routes(word: &str) -> String {
    format!("routes:\n  /: {{ inline: {word} }}\n")
}

async fn shows(larder: &Larder, body: &str) {
    eventually(&format!("/ shows {body:?}"), SEEN, async || {
        (larder.get("/").await.text() == body).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_mounted_alone_that_was_replaced_is_told_of_with_the_mend() {
    let mount = format!("{DEBUG}; mount --bind host.yaml routes.yaml");
    if !may_apart(
        "-m",
        "cd \"$(mktemp -d)\" && touch host.yaml routes.yaml && mount --bind host.yaml routes.yaml",
    ) {
        return;
    }
    let site = Site::new().file("host.yaml", &routes("one")).file("routes.yaml", "");
    let admin = Admin::of(Larder::spawn_apart(&site, "-m", &mount, &ARGUMENTS));
    shows(&admin.larder, "one").await;
    // What is written into the file itself arrives, by the poll.
    site.edit_in_place("host.yaml", &routes("two"));
    shows(&admin.larder, "two").await;
    assert_eq!(admin.larder.logged("mount_stale"), 0, "{}", admin.larder.log());

    site.edit("host.yaml", &routes("three"));
    let line = admin.larder.line_with("mount_stale");
    for words in ["routes.yaml", "mount the directory"] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    let status = admin.get("/api/status").json();
    assert_eq!(status["config"], "current");
    assert_eq!(status["diagnostics"][0]["code"], "mount_stale", "{status}");
    assert!(admin.get("/").body.contains("mount the directory"));
    // A few polls later it has been said once.
    admin.larder.polls(3);
    assert_eq!(admin.larder.logged("mount_stale"), 1, "{}", admin.larder.log());
    assert_eq!(admin.larder.get("/").await.text(), "two");
}

/// A directory seen through FUSE, as a network disk is: served by `sftp-server` from another one,
/// into which somebody else writes.
struct Mounted {
    server: Child,
    client: Child,
    at: std::path::PathBuf,
}

impl Mounted {
    /// Nothing where this machine has not what it takes, which is said.
    fn new(from: &std::path::Path, at: &std::path::Path) -> Option<Self> {
        let mut server = Command::new("/usr/lib/openssh/sftp-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|why| eprintln!("-- NOT TESTED: no sftp-server: {why}"))
            .ok()?;
        let client = Command::new("sshfs")
            .arg(format!(":{}", from.display()))
            .arg(at)
            .args(["-f", "-o", "passive,dir_cache=no,attr_timeout=0,entry_timeout=0"])
            .stdin(server.stdout.take().expect("its stdout"))
            .stdout(server.stdin.take().expect("its stdin"))
            .spawn()
            .inspect_err(|why| eprintln!("-- NOT TESTED: no sshfs: {why}"));
        let Ok(client) = client else {
            let _ = server.kill();
            let _ = server.wait();
            return None;
        };
        let mut mounted = Self { server, client, at: at.to_owned() };
        let is_mounted = until(PATIENCE, "sshfs mounts or ends", || {
            let is_empty = fs::read_dir(at).is_ok_and(|mut names| names.next().is_none());
            let ended = mounted.client.try_wait().is_ok_and(|status| status.is_some());
            (ended || !is_empty).then_some(!is_empty)
        });
        if !is_mounted {
            eprintln!("-- NOT TESTED: sshfs does not mount here");
        }
        is_mounted.then_some(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for (program, how) in [("fusermount3", "-uz"), ("fusermount", "-uz"), ("umount", "-l")] {
            let done = Command::new(program).arg(how).arg(&self.at).output();
            if done.is_ok_and(|done| done.status.success()) {
                break;
            }
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

#[tokio::test]
async fn a_network_disk_is_said_once_and_its_edits_are_found_by_looking() {
    let (there, here) = (Site::with(&routes("one")), Site::new());
    let Some(_mounted) = Mounted::new(&there.path(""), &here.path("")) else { return };
    let larder = Larder::spawn(&here, &["--store", "memory"]);
    let line = larder.line_with("network disk");
    assert!(line.contains("FUSE"), "{line}");
    shows(&larder, "one").await;
    there.edit("routes.yaml", &routes("two"));
    shows(&larder, "two").await;
    there.edit_in_place("routes.yaml", &routes("three"));
    shows(&larder, "three").await;
    assert_eq!(larder.logged("network disk"), 1, "{}", larder.log());
}
