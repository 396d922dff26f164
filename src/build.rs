//! Files → a site that can go live: load, parse, check, compile; all errors of all stages together.
//!
//! `check` calls [`site_of`] and shows what it says; `serve` gives [`SiteBuild`] to the reload
//! loop.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::config::{CacheConfig, Config, Files, ServerConfig, load, needing_restart};
use crate::diagnostic::{Code, Diagnostic, Report, SourceFile, Span};
use crate::http::live::Live;
use crate::reload::{Build, Built};
use crate::site::{Site, compile, diff};

/// What came of a site's files.
#[derive(Debug)]
pub struct Made {
    /// The site; nothing where the report has errors.
    pub site: Option<Site>,
    /// The config as typed, where its YAML could be parsed at all.
    pub config: Option<Config>,
    /// Errors and warnings of all stages, in order of place.
    pub report: Report,
}

/// Makes the site whose main file is `main`.
pub fn site_of(main: &str, files: &mut dyn Files, clock: &Clock) -> Made {
    let loaded = load(main, files, &environment);
    let mut report = loaded.report;
    let site = loaded.config.as_ref().and_then(|config| {
        let compiled = compile(config, files, clock);
        report.extend(compiled.report);
        compiled.site
    });
    let site = if report.has_errors() { None } else { site };
    Made { site, config: loaded.config, report: report.sorted() }
}

pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Makes sites for the reload loop and puts them live.
#[derive(Debug)]
pub(crate) struct SiteBuild {
    main: String,
    live: Arc<Live>,
    clock: Clock,
    /// What the process was started with, which only a restart changes.
    started: OnceLock<(ServerConfig, CacheConfig)>,
}

impl SiteBuild {
    /// Builds from the main file `main` into `live`.
    pub(crate) fn new(main: String, live: Arc<Live>, clock: Clock) -> Self {
        Self { main, live, clock, started: OnceLock::new() }
    }

    /// Says what the process was started with, before anything is built that could be taken for it.
    pub(crate) fn started_with(&self, server: &ServerConfig, cache: &CacheConfig) {
        // Where the first build was good, it said the same.
        let _ = self.started.set((server.clone(), cache.clone()));
    }

    /// A warning for each field that the process cannot take over.
    fn restarts(&self, site: &Site, config: &Config) -> Report {
        let now = || (site.server.clone(), site.cache.clone());
        let (server, cache) = self.started.get_or_init(now);
        let mut report = Report::default();
        for name in needing_restart((server, cache), (&site.server, &site.cache)) {
            let message = format!("`{name}` changed: the rest is live, this needs a restart");
            if let Some(main) = config.files.first() {
                report.push(Diagnostic::new(Code::RestartNeeded, message, &place(main, &name)));
            }
        }
        report
    }
}

impl Build for SiteBuild {
    fn build(&self, files: &mut dyn Files) -> Built {
        let made = site_of(&self.main, files, &self.clock);
        let Some(site) = made.site else { return Built::Bad(made.report) };
        let mut warnings = made.report;
        if let Some(config) = &made.config {
            warnings.extend(self.restarts(&site, config));
        }
        let live = Arc::clone(&self.live);
        let apply = move || {
            let site = Arc::new(site);
            let before = live.site();
            live.swap(Arc::clone(&site));
            diff(&before, &site).to_string()
        };
        Built::Good { apply: Box::new(apply), warnings }
    }
}

/// Where a field such as `server.listen` is written; the file's start where it is not.
fn place(file: &Arc<SourceFile>, name: &str) -> Span {
    let (section, field) = name.split_once('.').unwrap_or((name, ""));
    let mut offset = 0;
    let (mut inside, mut range) = (false, 0..0);
    for line in file.text.split_inclusive('\n') {
        let name = line.trim_start().split(':').next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        if indent == 0 && !line.trim().is_empty() {
            inside = name == section;
        }
        let is_section = inside && indent == 0 && range.is_empty();
        if is_section || (inside && indent > 0 && name == field) {
            range = offset + indent..offset + indent + name.len();
        }
        offset += line.len();
    }
    Span::new(file, range)
}

/// Directory and name of a main file as typed.
pub(crate) fn root_and_name(config: &Path) -> (PathBuf, String) {
    let name = config.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    let root = match config.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    (root, name)
}
