//! The main file and the files that it includes, in order, each once.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::decode;
use super::env::Env;
use super::files::{FileContent, FileError, Files, glob_empty};
use super::model::{Config, PartConfig};
use super::parts::{self, KnownFile, KnownFiles};
use super::yaml::MAX_FILE_BYTES;
use crate::diagnostic::{At, Code, Diagnostic, FilledIn, Report, SourceFile, Span};

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
    load_again(main, files, env, &mut KnownFiles::default())
}

/// The same, with what the last load found in the parts of files that are as they were.
pub(crate) fn load_again(
    main: &str,
    files: &mut dyn Files,
    env: &dyn Fn(&str) -> Option<String>,
    known: &mut KnownFiles,
) -> Loaded {
    let mut report = Report::default();
    let filled_in: RefCell<BTreeMap<_, _>> = RefCell::default();
    let env = |name: &str| {
        let value = env(name)?;
        filled_in.borrow_mut().insert(name.to_owned(), value.clone());
        Some(value)
    };
    let mut reader = Reader {
        report: &mut report,
        files,
        env: &env,
        known,
        frame: Vec::new(),
        sources: Vec::new(),
        read: HashSet::from([main.to_owned()]),
        included: Vec::new(),
        routes: Routes::None,
    };
    let config = reader.main(main);
    let sources = reader.sources;
    if config.is_some() {
        known.keep_only(&sources);
    }
    let environment = FilledIn(filled_in.into_inner());
    let config = config.map(|config| Config { environment, ..config });
    Loaded { config, report: in_order(report, &sources) }
}

/// The report in order of files and places, without what only follows from another mistake.
fn in_order(mut report: Report, sources: &[Arc<SourceFile>]) -> Report {
    let is_cause = |it: &Diagnostic| {
        let codes = [Code::EnvMissing, Code::EnvUnclosed, Code::NeedsQuotes, Code::NumberInexact];
        codes.contains(&it.code)
    };
    let causes = Places::of(report.iter().filter(|it| is_cause(it)).filter_map(Diagnostic::place));
    report.retain(|it| is_cause(it) || !it.place().is_some_and(|place| causes.meet(place)));
    let files: Vec<_> = sources.iter().map(|file| Arc::clone(&file.name)).collect();
    report.in_order_of(&files)
}

/// Places by the name of their file: where each begins, in order, and where the last of those that
/// begin there or before ends.
struct Places(HashMap<Arc<str>, Vec<(usize, usize)>>);

impl Places {
    fn of<'s>(spans: impl Iterator<Item = &'s Span>) -> Self {
        let mut places: HashMap<Arc<str>, Vec<(usize, usize)>> = HashMap::new();
        for span in spans {
            let range = span.range_in_file();
            places.entry(Arc::clone(&span.file().name)).or_default().push((range.start, range.end));
        }
        for ranges in places.values_mut() {
            ranges.sort_unstable();
            let mut last = 0;
            for (_, end) in ranges {
                last = last.max(*end);
                *end = last;
            }
        }
        Self(places)
    }

    /// Whether one of them has a byte in common with `span`.
    fn meet(&self, span: &Span) -> bool {
        let Some(ranges) = self.0.get(&span.file().name) else { return false };
        let range = span.range_in_file();
        let before = ranges.partition_point(|(start, _)| *start < range.end);
        before > 0 && ranges[before - 1].1 > range.start
    }
}

/// Whether a path names one file, rather than being a glob.
fn is_named(path: &str) -> bool {
    !path.contains(['*', '?', '['])
}

/// Whether any file has a route.
enum Routes {
    None,
    Some,
    /// A file could not be read, and may have had some.
    Unknown,
}

struct Reader<'a> {
    report: &'a mut Report,
    files: &'a mut dyn Files,
    env: Env<'a>,
    known: &'a mut KnownFiles,
    /// The texts that decide the site besides its routes.
    frame: Vec<Arc<SourceFile>>,
    /// The files read so far, the main one first.
    sources: Vec<Arc<SourceFile>>,
    /// The paths of all that were asked for.
    read: HashSet<String>,
    /// What those of them say that are YAML, without the main one.
    included: Vec<PartConfig>,
    routes: Routes,
}

/// A file on the way from the main one to where we are, and the entry that led to it.
struct Step {
    path: String,
    entry: Option<Span>,
}

impl Reader<'_> {
    fn main(&mut self, path: &str) -> Option<Config> {
        let file = self.read_main(path)?;
        let known = self.parse(&file, decode::main_file)?;
        let (file, root, main) = (&known.file, &known.root, known.config.clone());
        let mut way = vec![Step { path: path.to_owned(), entry: None }];
        self.includes(&main.part.include, &mut way);
        let included = std::mem::take(&mut self.included);
        if let Routes::None = self.routes {
            let start = Span::new(file, 0..0);
            let place = known.routes_key.as_ref().unwrap_or(&start);
            let found = Diagnostic::new(Code::NoRoutes, "the site has no route", place);
            self.report.push(found.help("write one:  routes: { /: { body: \"Hello\" } }"));
        }
        let texts = (self.sources.clone(), std::mem::take(&mut self.frame));
        Some(decode::merge(self.report, root, main, texts, included))
    }

    /// Reads the main file. Where there is none, says what else there is.
    fn read_main(&mut self, path: &str) -> Option<Arc<SourceFile>> {
        let file = SourceFile::new(path, "");
        if let Some(root) = self.files.root() {
            file.stands_in(root);
        }
        let (entry, shown) = (Span::new(&file, 0..0), file.shown());
        let read = self.files.read(path, MAX_FILE_BYTES);
        let (message, help) = match read {
            Err(FileError::Missing) => (format!("there is no `{shown}`"), self.instead_of(path)),
            Err(FileError::NotRegular) => (
                format!("`{shown}` is no regular file"),
                "`--config` takes the file itself, such as `site/routes.yaml`".to_owned(),
            ),
            _ => return self.took(path, read, &entry),
        };
        self.report.push(Diagnostic::new(Code::FileMissing, message, &entry).help(help));
        None
    }

    /// What to do where there is no main file of that name.
    fn instead_of(&mut self, path: &str) -> String {
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let others = ["yaml", "yml"].map(|ending| format!("{stem}.{ending}"));
        let mut is_there =
            |other: &&String| *other != path && self.files.read(other, MAX_FILE_BYTES).is_ok();
        match others.iter().find(&mut is_there) {
            Some(other) => {
                let root = self.files.root().unwrap_or(Path::new(""));
                let root = root.strip_prefix(".").unwrap_or(root);
                format!("name the one that is there: `--config {}`", root.join(other).display())
            }
            None => "`larder init DIR` writes a small site; `--config FILE` names the file of one \
                     that is elsewhere"
                .to_owned(),
        }
    }

    /// Reads a file for which `entry` asks.
    fn read(&mut self, path: &str, entry: &Span) -> Option<Arc<SourceFile>> {
        let read = self.files.read(path, MAX_FILE_BYTES);
        self.took(path, read, entry)
    }

    fn took(
        &mut self,
        path: &str,
        read: Result<FileContent, FileError>,
        entry: &Span,
    ) -> Option<Arc<SourceFile>> {
        if read.is_err() {
            self.routes = Routes::Unknown;
        }
        let content = read.map_err(|why| self.unreadable(path, &why, entry)).ok()?;
        let text = content.text(Code::YamlSyntax);
        let name_of = |found: &Diagnostic| found.place().map(|place| Arc::clone(place.file()));
        let file = text.as_ref().map_or_else(name_of, |file| Some(Arc::clone(file)));
        self.sources.extend(file);
        let refused = |found| {
            self.report.push(found);
            self.routes = Routes::Unknown;
        };
        text.map_err(refused).ok()
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

    /// What a file says that was read last.
    fn parse(&mut self, file: &Arc<SourceFile>, decode: parts::Decode) -> Option<Arc<KnownFile>> {
        let Some(known) = self.known.read(file, self.env, decode, self.report) else {
            self.routes = Routes::Unknown;
            return None;
        };
        if let Some(last) = self.sources.last_mut() {
            *last = Arc::clone(&known.file);
        }
        self.frame.extend(known.frame.iter().cloned());
        if let (Routes::None, true) = (&self.routes, known.has_routes) {
            self.routes = Routes::Some;
        }
        Some(known)
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
                } else if self.read.insert(path.clone()) {
                    self.included(path, &pattern.span, way);
                }
            }
        }
    }

    fn included(&mut self, path: String, entry: &Span, way: &mut Vec<Step>) {
        let file = self.read(&path, entry);
        let Some(known) = file.and_then(|file| self.parse(&file, decode::part_file)) else {
            return;
        };
        if known.is_empty {
            let message = format!("`{path}` is empty, and may be a save that went wrong");
            let place = Span::new(&known.file, 0..0);
            let found = Diagnostic::new(Code::IncludeEmpty, message, &place);
            self.report.push(found.label(entry, "included here").help("write it, or remove it"));
        }
        let mut part = known.config.part.clone();
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
            self.report.push(glob_empty(path, &pattern.span, self.files));
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
