//! The house's rules that no compiler holds: sizes, arrows, who may use what, promises and tests.

mod arrows;
mod dependencies;
mod modules;
mod promises;
mod sizes;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project.
struct Source {
    /// Its path from the top, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Its lines up to the tests that it holds, each with its number.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]")
    }

    /// The same without comments, where a rule is about what is done and not what is said.
    fn deeds(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every Rust file under `dirs`, sorted.
fn rust_files(dirs: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for dir in dirs {
        walk(&root.join(dir), &mut paths);
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    let relative = |path: &PathBuf| path.strip_prefix(root).expect("inside").display().to_string();
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a file");
    paths.iter().map(|path| Source { path: relative(path), text: read(path) }).collect()
}

/// The files of the library and the program without those that hold only tests.
fn program() -> Vec<Source> {
    let mut files = rust_files(&["src"]);
    files.retain(|file| !file.path.ends_with("tests.rs") && !file.path.contains("/tests/"));
    files
}

fn walk(dir: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, into) } else { into.push(path) }
    }
}

/// Fails with all that was found.
fn nothing_in(found: &[String]) {
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}
