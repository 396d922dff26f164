//! What is known of a file is used for as long as a full look would find the same, and no longer.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use http::HeaderMap;

use super::super::tests::cache;
use super::super::{Content, Resource};
use super::*;

/// A directory in a directory, whose clock is ahead: what was written just now has long been so.
struct Served {
    temporary: tempfile::TempDir,
    dir: Dir,
    cache: Cache,
}

const NAME: &str = "a/b/page.css";

impl Served {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("public");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(temporary.path().join("outside")).unwrap();
        fs::write(root.join(NAME), "as it was").unwrap();
        fs::write(root.join("a/b/coded.css"), "identity").unwrap();
        fs::write(root.join("a/b/coded.css.gz"), "coded").unwrap();
        let (site, root) = (temporary.path().to_owned(), root.canonicalize().unwrap());
        let dir = SiteDir { path: "public".to_owned(), root, site, before: 1 };
        let clock = Clock::system();
        clock.advance(Duration::from_secs(60));
        Self { temporary, dir: Dir { clock, ..Dir::of(&dir) }, cache: cache() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// What is known of a file.
    fn known(&self, name: &str, request: &HeaderMap) -> Option<String> {
        self.dir.at_once(name, None, request, &self.cache).map(|file| text(&file))
    }

    /// What a full look finds.
    async fn found(&self, name: &str, request: &HeaderMap) -> Option<String> {
        match self.dir.find(name, request, &self.cache).await.unwrap()? {
            Found::File(file) => Some(text(&file)),
            Found::NeedsSlash => None,
        }
    }
}

fn text(file: &Resource) -> String {
    match &file.content {
        Content::Memory(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::Disk(all) => format!("{} bytes", all.len()),
    }
}

fn gzip() -> HeaderMap {
    [(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static("gzip"))].into_iter().collect()
}

/// Makes a change; says what is to be found from then on.
type Change = fn(&Served) -> Option<&'static str>;

const CHANGES: [(&str, Change); 10] = [
    ("written in place", |served| {
        fs::write(served.at("public").join(NAME), "as it is").unwrap();
        Some("as it is")
    }),
    ("replaced by a rename", |served| {
        fs::write(served.at("public/a/b/new"), "another").unwrap();
        fs::rename(served.at("public/a/b/new"), served.at("public").join(NAME)).unwrap();
        Some("another")
    }),
    ("cut short", |served| {
        let file = File::options().write(true).open(served.at("public").join(NAME)).unwrap();
        file.set_len(2).unwrap();
        Some("as")
    }),
    ("deleted", |served| {
        fs::remove_file(served.at("public").join(NAME)).unwrap();
        None
    }),
    ("a link to the same file outside", |served| {
        let (file, outside) = (served.at("public").join(NAME), served.at("outside/page.css"));
        fs::rename(&file, &outside).unwrap();
        symlink(outside, file).unwrap();
        None
    }),
    ("its directory moved out and linked", |served| {
        fs::rename(served.at("public/a/b"), served.at("outside/b")).unwrap();
        symlink(served.at("outside/b"), served.at("public/a/b")).unwrap();
        None
    }),
    ("the directory above that moved out and linked", |served| {
        fs::rename(served.at("public/a"), served.at("outside/a")).unwrap();
        symlink(served.at("outside/a"), served.at("public/a")).unwrap();
        None
    }),
    ("a directory in its place", |served| {
        fs::remove_file(served.at("public").join(NAME)).unwrap();
        fs::create_dir(served.at("public").join(NAME)).unwrap();
        None
    }),
    ("the whole directory published anew", |served| {
        fs::rename(served.at("public"), served.at("outside/old")).unwrap();
        fs::create_dir_all(served.at("public/a/b")).unwrap();
        fs::write(served.at("public").join(NAME), "published").unwrap();
        Some("published")
    }),
    ("permission changed", |served| {
        let file = served.at("public").join(NAME);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        Some("as it was")
    }),
];

#[tokio::test]
async fn what_is_known_is_not_used_after_any_change() {
    for (name, change) in CHANGES {
        let served = Served::new();
        let request = HeaderMap::new();
        assert_eq!(served.known(NAME, &request), None, "{name}: nobody has asked yet");
        assert_eq!(served.found(NAME, &request).await.as_deref(), Some("as it was"), "{name}");
        assert_eq!(served.known(NAME, &request).as_deref(), Some("as it was"), "{name}");
        let expected = change(&served);
        assert_eq!(served.known(NAME, &request), None, "{name}: known still");
        assert_eq!(served.found(NAME, &request).await.as_deref(), expected, "{name}");
    }
}

#[tokio::test]
async fn coded_neighbours_that_come_change_or_go_show() {
    type Step<'s> = (&'s str, &'s dyn Fn());
    let (served, request) = (Served::new(), gzip());
    let beside = served.at("public/a/b/page.css.gz");
    let mut expected = "as it was";
    let steps: [Step<'_>; 4] = [
        ("as it was", &|| {}),
        ("came", &|| fs::write(&beside, "came").unwrap()),
        ("written again", &|| fs::write(&beside, "written again").unwrap()),
        ("as it was", &|| fs::remove_file(&beside).unwrap()),
    ];
    for (text, change) in steps {
        change();
        let known = served.known(NAME, &request);
        assert!(known.is_none(), "{known:?} is known, and {text:?} is right; before: {expected}");
        assert_eq!(served.found(NAME, &request).await.as_deref(), Some(text));
        assert_eq!(served.known(NAME, &request).as_deref(), Some(text));
        expected = text;
    }
    // A link may lead to where nothing tells of changes.
    symlink(served.at("outside/later.gz"), &beside).unwrap();
    assert_eq!(served.found(NAME, &request).await.as_deref(), Some("as it was"));
    assert_eq!(served.known(NAME, &request), None);
}

#[tokio::test]
async fn each_client_gets_its_own_form_of_what_is_known() {
    let served = Served::new();
    let plain = HeaderMap::new();
    served.found("a/b/coded.css", &plain).await;
    assert_eq!(served.known("a/b/coded.css", &gzip()).as_deref(), Some("coded"));
    assert_eq!(served.known("a/b/coded.css", &plain).as_deref(), Some("identity"));
    // As a directory it is something else.
    assert_eq!(served.known("a/b/coded.css/", &plain), None);
}

#[tokio::test]
async fn what_changed_just_now_is_not_relied_on() {
    let served = Served::new();
    let dir = Dir { clock: Clock::system(), ..served.dir.clone() };
    let served = Served { dir, ..served };
    assert!(served.found(NAME, &HeaderMap::new()).await.is_some());
    assert_eq!(served.known(NAME, &HeaderMap::new()), None);
}

#[tokio::test]
async fn a_version_is_known_once_it_was_asked_for_and_as_long_as_the_file_is_the_same() {
    let served = Served::new();
    let version = served.dir.version(NAME).await.unwrap();
    let (request, asked) = (HeaderMap::new(), Some(version.as_str()));
    served.found(NAME, &request).await;
    let known = || served.dir.at_once(NAME, asked, &request, &served.cache).is_some();
    assert!(!known());
    assert!(!served.dir.is_still(NAME, "another".to_owned(), &served.cache).await);
    assert!(!known());
    assert!(served.dir.is_still(NAME, version.clone(), &served.cache).await);
    assert!(known());
    fs::write(served.at("public").join(NAME), "edited").unwrap();
    assert!(!known());
    assert!(!served.dir.is_still(NAME, version.clone(), &served.cache).await);
}

#[tokio::test]
async fn large_files_are_known_and_opened_anew_for_each_answer() {
    let (served, request) = (Served::new(), HeaderMap::new());
    let path = served.at("public/large.bin");
    fs::write(&path, vec![b'x'; 300_000]).unwrap();
    assert_eq!(served.found("large.bin", &request).await.as_deref(), Some("300000 bytes"));
    assert_eq!(served.known("large.bin", &request).as_deref(), Some("300000 bytes"));
    File::options().append(true).open(&path).unwrap().set_len(300_001).unwrap();
    assert_eq!(served.known("large.bin", &request), None);
    assert_eq!(served.found("large.bin", &request).await.as_deref(), Some("300001 bytes"));
}
