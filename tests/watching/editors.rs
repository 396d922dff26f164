//! Every editor's and every tool's way of saving: by the program itself where it is installed, and
//! by its system calls (as `strace` shows them) for those that cannot be driven here.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::harness::{Site, run};
use crate::harness::{self, Larder, MEMORY, eventually};

/// A way to save.
pub(crate) struct Way {
    name: &'static str,
    /// The program that it takes, if any.
    program: Option<&'static str>,
    /// Gives the file at the path this text; a second path is there for what is not the site's.
    save: fn(&Path, &str, &Path),
}

const WAYS: &[Way] = &[
    by("vim backupcopy=yes", "vim", |path, text, aside| vim("yes", path, text, aside)),
    by("vim backupcopy=no", "vim", |path, text, aside| vim("no", path, text, aside)),
    by("vim backupcopy=auto", "vim", |path, text, aside| vim("auto", path, text, aside)),
    by("emacs", "emacs", |path, text, _| emacs("", path, text)),
    by("emacs, backup by copying", "emacs", |path, text, _| {
        emacs("(setq backup-by-copying t)", path, text);
    }),
    by("nano", "nano", |path, text, _| nano(path, text)),
    by("sed -i", "sed", |path, text, _| {
        let script = format!("1c {}", text.trim_end().replace('\n', "\\\n"));
        tool("sed", &["-i", "-e", &script, "-e", "2,$d"], path);
    }),
    by("cp", "cp", |path, text, aside| from_aside("cp", &[], path, text, aside)),
    by("mv", "mv", |path, text, aside| from_aside("mv", &[], path, text, aside)),
    by("install", "install", |path, text, aside| from_aside("install", &[], path, text, aside)),
    by("rsync", "rsync", |path, text, aside| {
        from_aside("rsync", &["--checksum"], path, text, aside);
    }),
    by("rsync --inplace", "rsync", |path, text, aside| {
        from_aside("rsync", &["--checksum", "--inplace"], path, text, aside);
    }),
    by("a shell's redirection", "sh", |path, text, aside| {
        fs::write(aside, text).expect("a file aside");
        let script = "cat \"$1\" > \"$2\"";
        run("sh", &["-c", script, "sh", &word(aside), &word(path)], directory(path));
    }),
    // open(O_WRONLY|O_CREAT|O_TRUNC), write in chunks, fdatasync, close.
    calls("VS Code", |path, text, _| {
        let mut file = File::create(path).expect("emptied");
        // An editor that is slow to write what it has emptied.
        std::thread::sleep(Duration::from_millis(20));
        for part in halves(text) {
            file.write_all(part).expect("written");
        }
        file.sync_data().expect("on the disk");
    }),
    // A file beside it, the original renamed away, the new one renamed to it, the original deleted.
    calls("JetBrains, safe write", |path, text, _| {
        let (new, old) = (beside(path, "___jb_tmp___"), beside(path, "___jb_old___"));
        fs::write(&new, text).expect("written");
        fs::rename(path, &old).expect("renamed away");
        fs::rename(&new, path).expect("renamed to it");
        fs::remove_file(&old).expect("deleted");
    }),
    // rename(file, file~), open(O_WRONLY|O_CREAT|O_TRUNC), write, fsync, close; a lock beside it.
    calls("emacs", |path, text, _| {
        let lock = path.with_file_name(".#lock");
        std::os::unix::fs::symlink("me@here.1:2", &lock).expect("a lock");
        fs::rename(path, beside(path, "~")).expect("renamed away");
        let mut file = File::create(path).expect("made anew");
        file.write_all(text.as_bytes()).expect("written");
        file.sync_all().expect("on the disk");
        drop(file);
        fs::remove_file(lock).expect("unlocked");
    }),
    // link(file, file~), a file of its own name beside it, fsync, rename over.
    calls("GNOME's editors", |path, text, _| {
        let (new, old) = (path.with_file_name(".goutputstream-X1Y2Z3"), beside(path, "~"));
        let _ = fs::remove_file(&old);
        fs::hard_link(path, &old).expect("linked");
        let mut file = File::create(&new).expect("made");
        file.write_all(text.as_bytes()).expect("written");
        file.sync_all().expect("on the disk");
        fs::rename(&new, path).expect("renamed over");
    }),
    // unlink, open(O_CREAT|O_EXCL), write, close.
    calls("git and tar", |path, text, _| {
        fs::remove_file(path).expect("deleted");
        let mut file = File::create_new(path).expect("made anew");
        file.write_all(text.as_bytes()).expect("written");
    }),
    // open without O_TRUNC, write, ftruncate to what was written.
    calls("written over and cut", |path, text, _| {
        let mut file = File::options().write(true).open(path).expect("opened");
        file.write_all(text.as_bytes()).expect("written");
        file.set_len(text.len() as u64).expect("cut");
    }),
];

const fn by(name: &'static str, program: &'static str, save: fn(&Path, &str, &Path)) -> Way {
    Way { name, program: Some(program), save }
}

const fn calls(name: &'static str, save: fn(&Path, &str, &Path)) -> Way {
    Way { name, program: None, save }
}

/// The ways that this machine has; the others are named.
fn ways() -> impl Iterator<Item = &'static Way> {
    WAYS.iter().filter(|way| {
        let missing = way.program.is_some_and(|program| {
            let search = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            !search.is_ok_and(|found| found.status.success())
        });
        if missing {
            eprintln!("-- NOT TESTED: {} is not installed", way.name);
        }
        !missing
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_editor_s_save_is_one_reload_with_what_was_saved() {
    let aside = tempfile::tempdir().expect("a directory");
    let mut site = Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "start\n")]).await;
    site.expect("start").await;
    for (number, way) in ways().enumerate() {
        println!("{}", way.name);
        // Longer and shorter than what was there before, by turns.
        let text = format!("{number}{}", "-".repeat(if number % 2 == 0 { 3000 } else { 3 }));
        let (path, next) = (site.path("part.txt"), aside.path().join("next"));
        let saved = format!("{text}\n");
        tokio::task::spawn_blocking(move || (way.save)(&path, &saved, &next)).await.expect("saved");
        site.expect(&text).await;
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_editor_s_save_of_the_main_file_is_served() {
    let aside = tempfile::tempdir().expect("a directory");
    let routes = |word: &str| format!("routes:\n  /: {{ inline: {word} }}\n  /b: {{ body: b }}\n");
    let site = harness::Site::with(&routes("start"));
    let larder = Larder::serve(&site, MEMORY);
    for (number, way) in ways().enumerate() {
        let word = format!("{}-{number}", way.name.replace([' ', ',', '=', '\''], "-"));
        let (path, saved) = (site.path("routes.yaml"), routes(&word));
        tokio::task::block_in_place(|| (way.save)(&path, &saved, &aside.path().join("next")));
        eventually(way.name, Duration::from_secs(10), async || {
            assert_eq!(larder.get("/b").await.text(), "b", "{}", way.name);
            (larder.get("/").await.text() == word).then_some(())
        })
        .await;
    }
    assert_eq!(larder.logged("ERROR"), 0, "{}", larder.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_does_to_many_files_at_once_is_one_reload() {
    let mut site = Site::start(&[("site.txt", "part.txt\nend\n"), ("part.txt", "one\n")]).await;
    let at = site.directory.path().to_path_buf();
    site.expect("one").await;
    let git = |arguments: &[&str]| {
        let me = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
        run("git", &[&me[..], arguments].concat(), &at);
    };
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "one"]] {
        git(arguments);
    }
    git(&["switch", "-qc", "other"]);
    fs::create_dir(site.path("new")).expect("a directory");
    fs::write(site.path("new/part.txt"), "three\n").expect("written");
    fs::write(site.path("part.txt"), "two\n").expect("written");
    fs::write(site.path("site.txt"), "part.txt\nnew/part.txt\nend\n").expect("written");
    // Written one after the other with nothing between: all of it, however many reloads it takes.
    while site.next().await.0 != "two|three" {}
    git(&["add", "."]);
    git(&["commit", "-qm", "two"]);
    for (arguments, expected) in [
        (&["switch", "-q", "main"][..], "one"),
        (&["merge", "-q", "other"], "two|three"),
        (&["reset", "-q", "--hard", "HEAD~1"], "one"),
        (&["checkout", "-q", "other", "--", "part.txt"], "two"),
        (&["stash", "-q"], "one"),
        (&["stash", "pop", "-q"], "two"),
        (&["checkout", "-q", "HEAD", "--", "part.txt"], "one"),
        (&["cherry-pick", "other"], "two|three"),
    ] {
        println!("git {arguments:?}");
        git(arguments);
        site.expect(expected).await;
    }
    assert_eq!(site.reports(), [""; 0]);
    site.end().await;
}

/// vim with its ways of keeping a backup while it writes. In `/tmp` it keeps none unless told to.
fn vim(backupcopy: &str, path: &Path, text: &str, aside: &Path) {
    fs::write(aside, text).expect("a file aside");
    let set = format!("set backupskip= writebackup backupcopy={backupcopy}");
    let read = format!("silent 0r {}", aside.display());
    let commands = ["-c", &set, "-c", "silent %d", "-c", &read, "-c", "wq"];
    tool("vim", &[&["-u", "NONE", "-es"][..], &commands].concat(), path);
}

/// Emacs, as it saves what a person visits: with a backup, which it leaves out in `/tmp`.
fn emacs(set: &str, path: &Path, text: &str) {
    let saving = format!(
        "(progn (setq backup-enable-predicate (lambda (_) t)) {set} (find-file {:?}) \
         (erase-buffer) (insert {text:?}) (save-buffer))",
        word(path)
    );
    run("emacs", &["-Q", "--batch", "--eval", &saving], directory(path));
}

/// nano on a terminal of its own, by its keys: cut to the end, type, `^O` Enter, `^X`.
fn nano(path: &Path, text: &str) {
    let mut child = Command::new("script")
        .args(["-qec", &format!("nano --ignorercfiles --nowrap {}", path.display()), "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of every Debian");
    let (mut keys, mut screen) =
        (child.stdin.take().expect("its keys"), child.stdout.take().expect("its screen"));
    // What is typed before nano is there would be thrown away.
    let mut shown = Vec::new();
    let mut until = |words: &str| {
        let mut byte = [0];
        while !String::from_utf8_lossy(&shown).contains(words) {
            assert_eq!(screen.read(&mut byte).expect("the screen"), 1, "nano ended: {shown:?}");
            shown.push(byte[0]);
        }
    };
    until("Exit");
    // Enter is a carriage return; a line feed would be a key of its own.
    let typed = text.trim_end().replace('\n', "\r");
    keys.write_all(&[b"\x1bT", typed.as_bytes(), b"\x0f\r"].concat()).expect("typed");
    until("Wrote");
    keys.write_all(b"\x18").expect("typed");
    drop(keys);
    let mut rest = Vec::new();
    let _ = screen.read_to_end(&mut rest);
    assert!(child.wait().is_ok_and(|status| status.success()), "nano failed");
}

fn from_aside(program: &str, arguments: &[&str], path: &Path, text: &str, aside: &Path) {
    fs::write(aside, text).expect("a file aside");
    tool(program, &[arguments, &[&word(aside)]].concat(), path);
}

fn tool(program: &str, arguments: &[&str], path: &Path) {
    run(program, &[arguments, &[&word(path)]].concat(), directory(path));
}

fn word(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

fn directory(path: &Path) -> &Path {
    path.parent().expect("a parent")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    path.with_file_name(format!("{name}{ending}"))
}

fn halves(text: &str) -> [&[u8]; 2] {
    let (one, two) = text.as_bytes().split_at(text.len() / 2);
    [one, two]
}
