//! The main file and the files that it includes, in order, each once.

use std::sync::Arc;

use super::decode;
use super::env::{self, Env};
use super::files::{FileError, Files};
use super::model::{Config, MainConfig, PartConfig};
use super::node::Node;
use super::yaml::{self, MAX_FILE_BYTES};
use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span};

/// What came of reading a site's files.
#[derive(Debug)]
pub struct Loaded {
    /// The config; nothing where the main file could not be read or is no YAML. Where the report
    /// has errors it lacks what they are about and must not be served.
    pub config: Option<Config>,
    /// All that is wrong, in order of place.
    pub report: Report,
}

/// Reads the file `main` and all that it includes.
pub fn load(main: &str, files: &mut dyn Files, env: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut report = Report::default();
    let mut reader =
        Reader { report: &mut report, files, env, sources: Vec::new(), included: Vec::new() };
    let config = reader.main(main);
    let sources = reader.sources;
    Loaded { config, report: in_order(report, &sources) }
}

/// The report in order of files and places, without what only follows from another mistake.
fn in_order(mut report: Report, sources: &[Arc<SourceFile>]) -> Report {
    let is_cause = |it: &Diagnostic| matches!(it.code, Code::EnvMissing | Code::NeedsQuotes);
    let causes = report.iter().filter(|it| is_cause(it));
    let causes: Vec<Span> = causes.filter_map(|it| it.place().cloned()).collect();
    report.retain(|it| {
        is_cause(it)
            || !it.place().is_some_and(|place| causes.iter().any(|cause| meets(cause, place)))
    });
    let files: Vec<String> = sources.iter().map(|file| file.name.clone()).collect();
    report.in_order_of(&files)
}

/// Whether two places of one file have a byte in common.
fn meets(a: &Span, b: &Span) -> bool {
    let (one, other) = (a.range(), b.range());
    Arc::ptr_eq(a.file(), b.file()) && one.start < other.end && other.start < one.end
}

/// Whether a path names one file, rather than being a glob.
fn is_named(path: &str) -> bool {
    !path.contains(['*', '?', '['])
}

struct Reader<'a> {
    report: &'a mut Report,
    files: &'a mut dyn Files,
    env: Env<'a>,
    /// The files read so far, the main one first.
    sources: Vec<Arc<SourceFile>>,
    /// What those of them say that are YAML, without the main one.
    included: Vec<PartConfig>,
}

/// A file on the way from the main one to where we are, and the entry that led to it.
struct Step {
    path: String,
    entry: Option<Span>,
}

impl Reader<'_> {
    fn main(&mut self, path: &str) -> Option<Config> {
        let file = self.read(path, &Span::new(&SourceFile::new(path, ""), 0..0))?;
        let root = self.parse(&file)?;
        let main: MainConfig = decode::file(self.report, &root);
        let mut way = vec![Step { path: path.to_owned(), entry: None }];
        self.includes(&main.part.include, &mut way);
        let included = std::mem::take(&mut self.included);
        Some(decode::merge(self.report, &root, main, self.sources.clone(), included))
    }

    /// Reads a file for which `entry` asks.
    fn read(&mut self, path: &str, entry: &Span) -> Option<Arc<SourceFile>> {
        let read = self.files.read(path, MAX_FILE_BYTES);
        let content = read.map_err(|why| self.unreadable(path, &why, entry)).ok()?;
        let file = SourceFile::new(content.path, String::from_utf8_lossy(&content.bytes));
        self.sources.push(Arc::clone(&file));
        Some(file)
    }

    /// Says that a file cannot be read.
    fn unreadable(&mut self, path: &str, why: &FileError, entry: &Span) {
        let code = match why {
            FileError::TooLarge { .. } => Code::YamlBudget,
            FileError::Escapes => Code::PathEscape,
            _ => Code::FileMissing,
        };
        let message = format!("cannot read `{path}`: {why}");
        self.report.push(Diagnostic::new(code, message, entry));
    }

    fn parse(&mut self, file: &Arc<SourceFile>) -> Option<Node> {
        // Bytes that are no text have become this sign, and no one has it in a file by will.
        if let Some(at) = file.text.find('\u{fffd}') {
            let place = Span::new(file, at..at + '\u{fffd}'.len_utf8());
            let message = "a byte here is no UTF-8 text";
            let diagnostic = Diagnostic::new(Code::YamlSyntax, message, &place);
            self.report.push(diagnostic.help("save the file as UTF-8"));
            return None;
        }
        let mut root = yaml::parse(file, self.report)?;
        env::fill(self.report, self.env, &mut root);
        Some(root)
    }

    /// Reads the files that `patterns` name, and those that they include.
    fn includes(&mut self, patterns: &[At<String>], way: &mut Vec<Step>) {
        for pattern in patterns {
            let named = is_named(&pattern.value);
            for path in self.matches(pattern) {
                if let Some(at) = way.iter().position(|step| step.path == path) {
                    // A glob may well match the file that it is in: that one is read already.
                    if named {
                        self.cycle(&way[at..], &pattern.span, &path);
                    }
                } else if !self.sources.iter().any(|file| file.name == path) {
                    self.included(path, &pattern.span, way);
                }
            }
        }
    }

    fn included(&mut self, path: String, entry: &Span, way: &mut Vec<Step>) {
        let file = self.read(&path, entry);
        let Some(root) = file.and_then(|file| self.parse(&file)) else { return };
        let mut part: PartConfig = decode::file(self.report, &root);
        let include = std::mem::take(&mut part.include);
        // Its place among the files is before those that it includes itself.
        self.included.push(part);
        way.push(Step { path, entry: Some(entry.clone()) });
        self.includes(&include, way);
        way.pop();
    }

    /// The files that a pattern names.
    fn matches(&mut self, pattern: &At<String>) -> Vec<String> {
        let path = pattern.value.trim_start_matches("./");
        if is_named(path) {
            return vec![path.to_owned()];
        }
        let found = self.files.glob(path).map_err(|why| self.unreadable(path, &why, &pattern.span));
        if found.as_ref().is_ok_and(Vec::is_empty) {
            let message = format!("`{path}` names no file");
            self.report.push(Diagnostic::new(Code::IncludeEmpty, message, &pattern.span));
        }
        found.unwrap_or_default()
    }

    fn cycle(&mut self, way: &[Step], entry: &Span, path: &str) {
        let mut names: Vec<&str> = way.iter().map(|step| step.path.as_str()).collect();
        names.push(path);
        let message = format!("files include each other: {}", names.join(" → "));
        let mut diagnostic = Diagnostic::new(Code::IncludeCycle, message, entry)
            .remark(format!("includes `{path}` again"));
        for step in way {
            if let Some(earlier) = &step.entry {
                diagnostic = diagnostic.label(earlier, format!("includes `{}`", step.path));
            }
        }
        self.report.push(diagnostic.help("remove one of the includes"));
    }
}
