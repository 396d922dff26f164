//! A pattern → the paths it names: `*` and `?` within a segment, `**` across segments.

use std::fs;
use std::path::Path;

use super::Disk;
use super::resolve::in_words;
use crate::config::FileError;
use crate::glob::glob_matches;

/// Files that one pattern may name.
pub(super) const MAX_FILES: usize = 10_000;
/// Directory entries that one pattern may look at.
const MAX_ENTRIES: usize = 200_000;
/// Directories below each other that `**` goes into.
const MAX_DEPTH: usize = 64;

/// Whether a text has a `*` or a `?`.
pub(super) fn is_pattern(segment: &str) -> bool {
    segment.contains(['*', '?'])
}

/// Whether a name fits one segment of a pattern. A name that begins with a dot fits only a segment
/// that begins with one.
pub(super) fn fits(segment: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !segment.starts_with('.');
    // Redis' globs have sets of characters and escapes; ours do not.
    let glob = segment.replace('\\', "\\\\").replace('[', "\\[");
    !hidden && glob_matches(&glob, name)
}

/// Whether a path is one of those that a pattern names.
pub(crate) fn pattern_names(pattern: &str, path: &str) -> bool {
    let segments = |text: &str| -> Vec<String> {
        let filled = text.split('/').filter(|segment| !matches!(*segment, "" | "."));
        filled.map(str::to_owned).collect()
    };
    is_pattern(pattern) && segments_fit(&segments(pattern), &segments(path))
}

fn segments_fit(pattern: &[String], path: &[String]) -> bool {
    match (pattern, path) {
        ([], path) => path.is_empty(),
        ([any, after @ ..], path) if any == "**" => {
            let hidden = |name: &&String| name.starts_with('.');
            let most = path.iter().position(|name| hidden(&name)).unwrap_or(path.len());
            after.is_empty() && most == path.len()
                || (0..=most).any(|taken| segments_fit(after, &path[taken..]))
        }
        ([one, after @ ..], [name, rest @ ..]) => fits(one, name) && segments_fit(after, rest),
        (_, []) => false,
    }
}

/// All paths that `pattern` names, sorted.
pub(super) fn find(pattern: &str, disk: &mut Disk) -> Result<Vec<String>, FileError> {
    let mut segments: Vec<&str> =
        pattern.split('/').filter(|segment| !segment.is_empty()).collect();
    // Two in a row say the same as one, and would find everything twice.
    segments.dedup_by(|this, last| *this == "**" && *last == "**");
    let mut search = Search { disk, found: Vec::new(), looked_at: 0 };
    search.descend(if pattern.starts_with('/') { "/" } else { "" }, &segments, 0)?;
    search.found.sort();
    search.found.dedup();
    Ok(search.found)
}

struct Search<'d> {
    disk: &'d mut Disk,
    found: Vec<String>,
    looked_at: usize,
}

impl Search<'_> {
    fn descend(&mut self, base: &str, rest: &[&str], depth: usize) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            return Err(FileError::Other(format!("it is more than {MAX_DEPTH} directories deep")));
        }
        match rest {
            [] => Ok(()),
            ["**", after @ ..] => {
                // Nothing after it stands for every file below.
                let after = if after.is_empty() { &["*"][..] } else { after };
                self.descend(base, after, depth + 1)?;
                for (name, entry) in self.entries(base, None)? {
                    // Links to directories are not followed here: they may lead round in circles.
                    if entry.is_dir() && !name.starts_with('.') {
                        self.descend(&join(base, &name), rest, depth + 1)?;
                    }
                }
                Ok(())
            }
            [name, after @ ..] if !is_pattern(name) => self.step(join(base, name), after, depth),
            [segment, after @ ..] => {
                let files = after.is_empty().then_some(*segment);
                for (name, entry) in self.entries(base, files)? {
                    if !fits(segment, &name) {
                        continue;
                    }
                    if after.is_empty() && entry.is_file() {
                        self.add(join(base, &name))?;
                    } else {
                        self.step(join(base, &name), after, depth)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn step(&mut self, path: String, after: &[&str], depth: usize) -> Result<(), FileError> {
        if !after.is_empty() {
            return self.descend(&path, after, depth + 1);
        }
        if self.disk.is_file(&path) { self.add(path) } else { Ok(()) }
    }

    fn add(&mut self, path: String) -> Result<(), FileError> {
        if self.found.len() == MAX_FILES {
            return Err(FileError::Other(format!("it names more than {MAX_FILES} files")));
        }
        self.found.push(path);
        Ok(())
    }

    /// Names (those that are UTF-8: no config can name another) and types in a directory.
    fn entries(
        &mut self,
        path: &str,
        files: Option<&str>,
    ) -> Result<Vec<(String, fs::FileType)>, FileError> {
        let Some(directory) = self.disk.search(path, files)? else {
            return Ok(Vec::new());
        };
        let names = read_directory(&directory, MAX_ENTRIES - self.looked_at)
            .map_err(|why| FileError::Other(format!("`{path}/` can't be listed: {why}")))?;
        self.looked_at += names.len();
        Ok(names)
    }
}

/// The names in a real directory that are not hidden, sorted, a directory's with a slash behind it;
/// of a very full one none.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let mut entries = read_directory(directory, MAX_FILES).unwrap_or_default();
    entries.retain(|(name, _)| !name.starts_with('.'));
    let shown = |(name, kind): (String, fs::FileType)| {
        if kind.is_dir() { format!("{name}/") } else { name }
    };
    let mut names: Vec<String> = entries.into_iter().map(shown).collect();
    names.sort();
    names
}

fn read_directory(path: &Path, bound: usize) -> Result<Vec<(String, fs::FileType)>, FileError> {
    let mut names = Vec::new();
    let listing = match fs::read_dir(path).map_err(|error| in_words(&error)) {
        Err(FileError::Missing) => return Ok(names),
        listing => listing?,
    };
    for entry in listing {
        let entry = entry.map_err(|error| in_words(&error))?;
        if names.len() == bound {
            return Err(FileError::Other(format!("there are more than {MAX_ENTRIES} entries")));
        }
        // An entry that went away between listing and looking was not there.
        if let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) {
            names.push((name, kind));
        }
    }
    Ok(names)
}

fn join(base: &str, name: &str) -> String {
    let separator = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
    format!("{base}{separator}{name}")
}
