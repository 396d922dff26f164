//! Every code has its fixture: `diagnostics/CODE/routes.yaml`, and what is said about it, drawn as
//! a person sees it, in `expected.txt`. `UPDATE_EXPECT=1` writes the latter anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use larder::parts::build::site_of;
use larder::parts::clock::Clock;
use larder::parts::diagnostic::{Report, render};
use larder::parts::source::file::Disk;

/// All that `larder check` finds where the process stands.
fn check() -> Report {
    let clock = Clock::system();
    let mut files = Disk::new(Path::new("."), clock.wall());
    site_of("routes.yaml", &mut files, &clock).report
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
        // As a person stands there: places are told from here. No other test looks at where it is.
        std::env::set_current_dir(dir).unwrap();
        let report = check();
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

/// Said while a site runs, and by no look at its files.
const WHILE_IT_RUNS: &[&str] =
    &["mount_stale", "restart_needed", "save_unfinished", "watch_polled"];

#[test]
fn every_code_has_its_fixture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let codes = fs::read_to_string(root.join("src/diagnostic/code.rs")).unwrap();
    let (_, codes) = codes.split_once("\ncodes! {\n").unwrap();
    let codes: Vec<&str> = codes.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(codes.len() > 60, "{codes:?}");
    let is_there = |code: &&str| root.join("tests/diagnostics").join(code).is_dir();
    let mut without: Vec<&str> = codes.into_iter().filter(|code| !is_there(code)).collect();
    without.sort_unstable();
    assert_eq!(without, WHILE_IT_RUNS);
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
