use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;

struct Site(TempDir);

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().expect("a directory"));
        for (path, text) in files {
            site.write(path, text);
        }
        site
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join("site").join(path)
    }

    fn real(&self, path: &str) -> PathBuf {
        fs::canonicalize(self.at("")).expect("the root").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("written");
    }

    fn link(&self, target: &str, path: &str) {
        fs::create_dir_all(self.at(path).parent().expect("a parent")).expect("directories");
        symlink(target, self.at(path)).expect("linked");
    }

    fn disk(&self) -> Disk {
        Disk::new(&self.at(""), SystemTime::now())
    }

    fn read(&self, path: &str) -> Result<String, FileError> {
        let content = self.disk().read(path, 1000)?;
        Ok(String::from_utf8_lossy(&content.bytes).into_owned())
    }

    fn inputs(&self, paths: &[&str]) -> Arc<Inputs> {
        let mut disk = self.disk();
        for path in paths {
            disk.read(path, 1000).ok();
        }
        Arc::new(disk.into_inputs())
    }

    fn again(inputs: &Arc<Inputs>, trust: Trust) -> Inputs {
        inputs.again(SystemTime::now(), trust, (BTreeSet::new(), inputs))
    }
}

#[test]
fn a_file_has_one_name_however_it_is_written() {
    let site = Site::new(&[("a/b.txt", "b")]);
    for path in ["a/b.txt", "./a/b.txt", "a//b.txt", "a/./b.txt", "a/../a/b.txt"] {
        assert_eq!(site.read(path).as_deref(), Ok("b"), "{path}");
    }
    let content = site.disk().read("./a//b.txt", 10).expect("read");
    assert_eq!(content.path, "a/b.txt");
    assert!(content.modified.is_some());
    assert_eq!(content.digest, Fingerprint::of(b"b"));
}

#[test]
fn nothing_outside_of_the_site_is_read() {
    let site = Site::new(&[("a/b.txt", "b"), ("../secret.txt", "s"), ("../site2/x.txt", "x")]);
    site.link("../secret.txt", "out.txt");
    site.link("..", "up");
    site.link("/etc/hostname", "host.txt");
    site.link("../nowhere", "gone.txt");
    for path in [
        "../secret.txt",
        "a/../../secret.txt",
        "/etc/hostname",
        "../site2/x.txt",
        "out.txt",
        "host.txt",
        "up/secret.txt",
        "../nothing-here",
        "gone.txt",
    ] {
        assert_eq!(site.read(path), Err(FileError::Escapes), "{path}");
    }
    for pattern in ["../*.txt", "/etc/*", "up/*.txt"] {
        assert_eq!(site.disk().glob(pattern), Err(FileError::Escapes), "{pattern}");
    }
}

#[test]
fn links_inside_the_site_are_followed() {
    let site = Site::new(&[("..2026/a.txt", "a"), ("real/b.txt", "b")]);
    site.link("..2026", "..data");
    site.link("..data/a.txt", "a.txt");
    site.link("real", "dir");
    let absolute = site.at("real/b.txt");
    site.link(absolute.to_str().expect("a path"), "absolute.txt");
    for (path, text) in [("a.txt", "a"), ("dir/b.txt", "b"), ("absolute.txt", "b")] {
        assert_eq!(site.read(path).as_deref(), Ok(text), "{path}");
    }
    site.link("round", "about");
    site.link("about", "round");
    let error = site.read("round").expect_err("a circle");
    assert_eq!(error.to_string(), "its symbolic links lead in a circle");
}

#[test]
fn what_is_no_file_is_told_apart_and_never_waited_for() {
    let site = Site::new(&[("a.txt", "a"), ("dir/b.txt", "b")]);
    let fifo = std::process::Command::new("mkfifo").arg(site.at("fifo")).status().expect("mkfifo");
    assert!(fifo.success());
    let _socket = std::os::unix::net::UnixListener::bind(site.at("socket")).expect("a socket");
    for (path, error) in [
        ("nope.txt", FileError::Missing),
        ("nope/a.txt", FileError::Missing),
        ("a.txt/b", FileError::Missing),
        ("dir", FileError::NotRegular),
        ("", FileError::NotRegular),
        ("fifo", FileError::NotRegular),
        ("socket", FileError::NotRegular),
    ] {
        assert_eq!(site.read(path), Err(error.clone()), "{path}");
        assert_eq!(site.disk().digest(path), Err(error), "{path}");
    }
}

#[test]
fn the_bound_counts_bytes_and_a_digest_has_none() {
    let site = Site::new(&[("a.txt", "12345")]);
    let mut disk = site.disk();
    assert_eq!(disk.read("a.txt", 4).map(|_| ()), Err(FileError::TooLarge { bound: 4 }));
    assert_eq!(disk.read("a.txt", 5).map(|content| content.bytes.len()), Ok(5));
    let large = "x".repeat(3 * CHUNK + 1);
    site.write("large.txt", &large);
    let digest = site.disk().digest("large.txt").expect("digested");
    let content = site.disk().read("large.txt", 1 << 20).expect("read");
    assert_eq!(content.digest, digest);
    assert_eq!(content.bytes, large);
}

#[test]
fn a_load_sees_each_file_once_whatever_happens_meanwhile() {
    let site = Site::new(&[("a.txt", "one")]);
    let mut disk = site.disk();
    assert_eq!(disk.read("a.txt", 10).expect("read").bytes, "one");
    site.write("a.txt", "two");
    assert_eq!(disk.read("a.txt", 10).expect("read").bytes, "one");
    assert_eq!(disk.glob("*.txt").expect("found"), ["a.txt"]);
    site.write("b.txt", "b");
    assert_eq!(disk.glob("*.txt").expect("found"), ["a.txt"]);
}

#[test]
fn globs_find_what_they_say() {
    let site = Site::new(&[
        ("posts/a.md", ""),
        ("posts/b.md", ""),
        ("posts/c.txt", ""),
        ("posts/.hidden.md", ""),
        ("posts/old/d.md", ""),
        ("posts/old/er/e.md", ""),
        ("posts/.git/f.md", ""),
        ("x.yaml", ""),
    ]);
    fs::create_dir(site.at("posts/dir.md")).expect("a directory");
    site.link("../x.yaml", "posts/link.md");
    site.link("old", "posts/linked");
    site.link("nowhere", "posts/dangling.md");
    for (pattern, found) in [
        ("posts/*.md", &["posts/a.md", "posts/b.md", "posts/link.md"][..]),
        ("./posts//*.md", &["posts/a.md", "posts/b.md", "posts/link.md"]),
        ("posts/?.md", &["posts/a.md", "posts/b.md"]),
        ("posts/.*.md", &["posts/.hidden.md"]),
        ("posts/*/*.md", &["posts/linked/d.md", "posts/old/d.md"]),
        (
            "posts/**/*.md",
            &["posts/a.md", "posts/b.md", "posts/link.md", "posts/old/d.md", "posts/old/er/e.md"],
        ),
        ("**/e.md", &["posts/old/er/e.md"]),
        ("posts/old/**", &["posts/old/d.md", "posts/old/er/e.md"]),
        ("*.yaml", &["x.yaml"]),
        ("x.yaml", &["x.yaml"]),
        ("nope/*.md", &[]),
        ("x.yaml/*", &[]),
        ("*z*", &[]),
    ] {
        assert_eq!(site.disk().glob(pattern).expect(pattern), found, "{pattern}");
    }
}

#[test]
fn stars_match_any_text_and_take_no_time() {
    for (segment, name, expected) in [
        ("*", "a", true),
        ("*", ".a", false),
        (".*", ".a", true),
        ("a*", "a", true),
        ("*a", "ba", true),
        ("*a", "ab", false),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abcd", false),
        ("?", "é", true),
        ("?", "", false),
        ("**", "ab", true),
        ("a", "a", true),
        ("a", "A", false),
        ("*.md", "a.md", true),
        ("*.md", ".md", false),
        ("[a]", "a", false),
    ] {
        assert_eq!(glob::fits(segment, name), expected, "{segment} {name}");
    }
    assert!(!glob::fits(&"*a".repeat(50), &"a".repeat(49).replace('a', "aaaab")));
}

proptest::proptest! {
    #[test]
    fn stars_match_what_the_same_regular_expression_matches(
        segment in "[ab*?]{0,8}",
        name in "[ab]{0,10}",
    ) {
        let pattern = segment.replace('*', ".*").replace('?', ".");
        let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).expect("a pattern");
        proptest::prop_assert_eq!(glob::fits(&segment, &name), pattern.is_match(&name));
    }
}

#[test]
fn a_walk_ends_where_the_kernel_s_does() {
    let site = Site::new(&[("a/b/c.txt", ""), ("a/d.txt", ""), ("e.txt", "")]);
    site.link("a/b", "to-b");
    site.link("../../e.txt", "a/b/up.txt");
    site.link("to-b/../d.txt", "through.txt");
    site.link("./to-b/./up.txt", "twice.txt");
    site.link(site.at("to-b").to_str().expect("a path"), "a/absolute");
    for path in [
        "a/b/c.txt",
        "to-b/c.txt",
        "to-b/../d.txt",
        "to-b/up.txt",
        "through.txt",
        "twice.txt",
        "a/absolute/up.txt",
        "a/absolute/../b/../d.txt",
        "to-b",
        "a/..",
        "nope",
        "to-b/nope",
        "a/nope/../d.txt",
    ] {
        let root = fs::canonicalize(site.at("")).expect("the root");
        let walked = resolve::walk(&root, Path::new(path)).real.ok();
        assert_eq!(walked, fs::canonicalize(site.at(path)).ok(), "{path}");
    }
}

#[test]
fn the_digest_moves_with_content_and_with_nothing_else() {
    let site = Site::new(&[("a.txt", "one"), ("b.txt", "b")]);
    let inputs = site.inputs(&["a.txt", "b.txt", "gone.txt"]);
    let same = || Site::again(&inputs, Trust::Nothing).digest() == inputs.digest();
    assert!(same());
    let touched = fs::File::options().write(true).open(site.at("a.txt")).expect("opened");
    touched.set_modified(SystemTime::UNIX_EPOCH).expect("touched");
    site.write("other.txt", "not asked for");
    assert!(same());
    for (path, text) in [("a.txt", "two"), ("b.txt", ""), ("gone.txt", "here")] {
        let before = fs::read_to_string(site.at(path));
        site.write(path, text);
        assert!(!same(), "{path}");
        match before {
            Ok(before) => site.write(path, &before),
            Err(_) => fs::remove_file(site.at(path)).expect("removed"),
        }
        assert!(same(), "{path}");
    }
    let swapped = site.inputs(&["b.txt", "a.txt", "gone.txt"]);
    assert_eq!(swapped.digest(), inputs.digest(), "the order of asking means nothing");
}

#[test]
fn metadata_is_trusted_only_when_it_is_old_enough_to_tell() {
    let site = Site::new(&[("a.txt", "one")]);
    let path = site.at("a.txt");
    let times = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("times");
    let later = SystemTime::now() + Duration::from_secs(60);
    let mut disk = Disk::new(&site.at(""), later);
    disk.read("a.txt", 1000).expect("read");
    let settled = Arc::new(disk.into_inputs());
    let fresh = site.inputs(&["a.txt"]);
    assert_eq!(settled.digest(), fresh.digest());
    assert!(settled.files.values().all(|seen| seen.as_ref().is_ok_and(|seen| seen.settled)));
    assert!(fresh.files.values().all(|seen| seen.as_ref().is_ok_and(|seen| !seen.settled)));
    // The change time can't be set back, so that even this is seen.
    site.write("a.txt", "two");
    fs::File::options().write(true).open(&path).and_then(|f| f.set_modified(times)).expect("set");
    for inputs in [&settled, &fresh] {
        assert_ne!(Site::again(inputs, Trust::Metadata).digest(), inputs.digest());
    }
}

#[test]
fn a_load_reads_only_what_changed_since_it_was_seen() {
    let site = Site::new(&[("a.txt", "one"), ("b.txt", "b")]);
    let later = SystemTime::now() + Duration::from_secs(60);
    let load = |seen: &Arc<Inputs>| {
        let mut disk = Disk::new(&site.at(""), later).knowing(Arc::clone(seen), Trust::Metadata);
        let [a, b] = ["a.txt", "b.txt"].map(|path| disk.read(path, 10).expect(path).bytes);
        (a, b, Arc::new(disk.into_inputs()))
    };
    let (_, read, seen) = load(&Arc::default());
    site.write("a.txt", "two");
    let (a, b, seen) = load(&seen);
    assert_eq!((&a[..], &b[..]), (&b"two"[..], &b"b"[..]));
    assert_eq!(b.as_ptr(), read.as_ptr(), "the bytes that were kept");
    // Whatever the metadata shows makes it read again, though the bytes are the same.
    fs::set_permissions(site.at("b.txt"), fs::Permissions::from_mode(0o640)).expect("chmod");
    let (_, b, _) = load(&seen);
    assert_ne!(b.as_ptr(), read.as_ptr());
}

#[test]
fn a_load_of_what_a_look_found_is_that_whatever_was_saved_since() {
    let large = "x".repeat(MAX_KEPT_FILE + 1);
    let site = Site::new(&[("a.txt", "a"), ("gone.txt", "g"), ("posts/1.md", "1")]);
    site.write("large.txt", &large);
    let mut disk = site.disk();
    for path in ["a.txt", "gone.txt", "none.txt"] {
        let _ = disk.read(path, 1000);
    }
    disk.read("large.txt", 1 << 20).expect("read");
    disk.glob("posts/*.md").expect("found");
    let seen = Arc::new(disk.into_inputs());

    site.write("a.txt", "");
    site.write("none.txt", "n");
    site.write("new.txt", "new");
    site.write("posts/2.md", "2");
    fs::remove_file(site.at("gone.txt")).expect("removed");
    let load = |large: bool| {
        let mut disk = site.disk().knowing(Arc::clone(&seen), Trust::All);
        let a = disk.read("a.txt", 1000).expect("as it was");
        assert_eq!((&a.bytes[..], a.modified.is_some()), (&b"a"[..], true));
        assert_eq!(disk.read("gone.txt", 1000).expect("as it was").bytes, "g");
        assert_eq!(disk.read("none.txt", 1000).expect_err("as it was"), FileError::Missing);
        assert_eq!(disk.glob("posts/*.md").expect("as it was"), ["posts/1.md"]);
        // What was not asked then is what it is now.
        assert_eq!(disk.read("new.txt", 1000).expect("read").bytes, "new");
        if large {
            disk.read("large.txt", 1 << 20).expect("read");
        }
        let from = Arc::new(disk.into_inputs());
        let now = Site::again(&from, Trust::Metadata);
        assert_ne!(from.digest(), now.digest());
        assert!(from.directories.concern(&site.real("posts/3.md")));
        from.is_as_it_was(&seen, &now)
    };
    assert!(load(true));
    // Too large to be kept, so it had to be read, and was another by then.
    site.write("large.txt", &large.replace('x', "y"));
    assert!(load(false) && !load(true));
}

#[test]
fn an_input_in_the_middle_of_a_save_is_doubted() {
    for (before, after, doubt) in [
        ("one two", Some("one"), None),
        ("one two", Some(""), Some(Doubt::Empty)),
        ("one two", None, Some(Doubt::Gone)),
        ("one two", Some("two"), None),
        ("one", Some("one two"), None),
        ("", Some(""), None),
        ("", None, Some(Doubt::Gone)),
    ] {
        let site = Site::new(&[("a.txt", before)]);
        let inputs = site.inputs(&["a.txt", "never.txt"]);
        match after {
            Some(text) => site.write("a.txt", text),
            None => fs::remove_file(site.at("a.txt")).expect("removed"),
        }
        let doubts = Site::again(&inputs, Trust::Metadata).doubts(&inputs);
        let expected: Vec<_> = doubt.into_iter().map(|doubt| ("a.txt".to_owned(), doubt)).collect();
        assert_eq!(doubts, expected, "{before:?} {after:?}");
    }
}

#[test]
fn a_file_that_is_open_for_writing_is_as_it_was_before() {
    let site = Site::new(&[("a.txt", "a"), ("posts/1.md", "1")]);
    let mut disk = site.disk();
    disk.read("a.txt", 1000).expect("read");
    disk.glob("posts/*.md").expect("found");
    let before = Arc::new(disk.into_inputs());
    site.write("a.txt", "half");
    site.write("posts/2.md", "half");
    let open = |path: &str| BTreeSet::from([site.real(path)]);
    let again = |open| before.again(SystemTime::now(), Trust::Metadata, (open, &before));
    assert_ne!(again(open("a.txt")).digest(), before.digest(), "a new file that is closed");
    let both = again(open("a.txt").union(&open("posts/2.md")).cloned().collect());
    assert_eq!((both.digest(), both.is_half), (before.digest(), false));
    assert_eq!(both.open.keys().collect::<Vec<_>>(), ["a.txt", "posts/2.md"]);
    // What it was before has to be known, or nothing is made of it.
    let unknown =
        before.again(SystemTime::now(), Trust::Metadata, (open("a.txt"), &Inputs::default()));
    assert!(unknown.is_half);
}

#[test]
fn the_directories_of_every_hop_are_watched() {
    let site = Site::new(&[("..2026/a.txt", "a"), ("deep/er/b.txt", "b")]);
    site.link("..2026", "..data");
    site.link("..data/a.txt", "a.txt");
    let mut disk = site.disk();
    disk.read("a.txt", 10).expect("read");
    disk.read("deep/er/b.txt", 10).expect("read");
    disk.read("gone/c.txt", 10).expect_err("missing");
    disk.glob("posts/*.md").expect("nothing");
    disk.glob("deep/*.md").expect("nothing");
    let inputs = disk.into_inputs();
    let root = fs::canonicalize(site.at("")).expect("the root");
    let concern = |path: &str| inputs.directories.concern(&root.join(path));
    for path in [
        "a.txt",
        "..data",
        "..2026",
        "..2026/a.txt",
        "..data_tmp",
        "deep",
        "deep/er",
        "deep/er/b.txt",
        "gone",
        "posts",
        "deep/new.md",
    ] {
        assert!(concern(path), "{path}");
    }
    for path in ["other.txt", "deep/er/other.txt", "gone/c.txt", "x/y"] {
        assert!(!concern(path), "{path}");
    }
}

#[test]
fn a_root_through_links_is_watched_at_each_of_them() {
    let site = Site::new(&[("1/a.txt", "one")]);
    site.link("1", "current");
    let mut disk = Disk::new(&site.at("current"), SystemTime::now());
    assert_eq!(disk.read("a.txt", 10).expect("read").bytes, "one");
    let inputs = disk.into_inputs();
    let parent = fs::canonicalize(site.at("")).expect("the parent");
    assert!(inputs.directories.concern(&parent.join("current")));
    assert!(inputs.directories.concern(&parent.join("1/a.txt")));
    let none =
        Disk::new(&site.at("none"), SystemTime::now()).read("a.txt", 10).expect_err("no root");
    assert_eq!(none, FileError::Missing);
}
