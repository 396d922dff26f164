//! Every code has its fixture: `diagnostics/CODE/routes.yaml`, and what is said about it, drawn as
//! a person sees it, in `expected.txt`. `UPDATE_EXPECT=1` writes the latter anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use larder::config::{self, FileContent, FileError, Files};
use larder::diagnostic::{Report, render};
use larder::fingerprint::Fingerprint;

/// All that `larder check` finds in a directory.
fn check(dir: &Path) -> Report {
    let mut files = Directory(dir.to_owned());
    config::load("routes.yaml", &mut files, &|_| None).report
}

#[test]
fn every_fixture_says_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut dirs: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    let mut failures = String::new();
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        let code = dir.file_name().unwrap().to_str().unwrap();
        let report = check(dir);
        if !report.iter().any(|diagnostic| diagnostic.code.as_str() == code) {
            let _ = writeln!(failures, "{code}: nothing of this code was found");
        }
        let (shown, path) = (render::human(&report, false, None), dir.join("expected.txt"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &shown).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if shown != expected {
            let _ = writeln!(failures, "{code}:\n{}", difference(&expected, &shown));
        }
    }
    assert!(failures.is_empty(), "\n{failures}\nUPDATE_EXPECT=1 accepts what was shown");
}

/// The lines that are not the same, with those before and after that are.
fn difference(expected: &str, shown: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), shown.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = |lines: &[&str]| lines.len() - same;
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(rest(&old)).min(rest(&new));
    let mut out = String::new();
    for line in &old[same.saturating_sub(3)..same] {
        let _ = writeln!(out, "  {line}");
    }
    for line in &old[same..old.len() - tail] {
        let _ = writeln!(out, "- {line}");
    }
    for line in &new[same..new.len() - tail] {
        let _ = writeln!(out, "+ {line}");
    }
    for line in old[old.len() - tail..].iter().take(3) {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// A fixture's directory.
struct Directory(PathBuf);

impl Files for Directory {
    fn read(&mut self, path: &str, bound: u64) -> Result<FileContent, FileError> {
        let bytes = fs::read(self.0.join(path)).map_err(|_| FileError::Missing)?;
        if bytes.len() as u64 > bound {
            return Err(FileError::TooLarge { bound });
        }
        let (bytes, path) = (Bytes::from(bytes), path.to_owned());
        let digest = Fingerprint::of(&bytes);
        Ok(FileContent { path, bytes, digest, modified: None })
    }

    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let (dir, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
        let (before, after) = name.split_once('*').unwrap();
        let entries = fs::read_dir(self.0.join(dir)).into_iter().flatten();
        let mut paths: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(before) && name.ends_with(after))
            .map(|name| format!("{dir}/{name}"))
            .collect();
        paths.sort();
        Ok(paths)
    }
}
