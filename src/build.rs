//! Files → a site that can go live: load, parse, check, compile; all errors of all stages together.
//!
//! `check` calls [`site_of`] and shows what it says; `serve` gives [`SiteBuild`] to the reload
//! loop.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::cache::check_store;
use crate::clock::Clock;
use crate::config::{
    CacheConfig, Config, Files, KnownFiles, ServerConfig, load_again, needing_restart, place,
};
use crate::diagnostic::{Code, Diagnostic, Report, Span};
use crate::http::live::Live;
use crate::http::tls::{Tls, TlsError};
use crate::reload::{Build, Built};
use crate::site::{self, Site, compile_again, diff, media};
use crate::source::certificate::Pair;
use crate::source::file::Disk;

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
    site_beside(None, main, files, clock)
}

/// What one build leaves to the next, so that an edit costs what it changes.
#[derive(Debug, Default)]
struct Before {
    files: KnownFiles,
    site: Option<site::Before>,
    /// The directory of files that stand in for servers; the same for all builds.
    stub: Option<String>,
}

/// What a process was started with, which only a restart changes.
pub(crate) type Started = (ServerConfig, CacheConfig);

/// The same for a process that was `started` already: what needs a restart is as it was then, with
/// a warning for each field that the files say otherwise.
pub(crate) fn site_beside(
    started: Option<&Started>,
    main: &str,
    files: &mut dyn Files,
    clock: &Clock,
) -> Made {
    site_after(&mut Before::default(), started, main, (files, clock))
}

/// The same, of what has not changed since the build that left `before`.
fn site_after(
    before: &mut Before,
    started: Option<&Started>,
    main: &str,
    (files, clock): (&mut dyn Files, &Clock),
) -> Made {
    let loaded = load_again(main, files, &environment, &mut before.files);
    let (mut config, mut report) = (loaded.config, loaded.report);
    if let Some(config) = &mut config {
        config.stub.clone_from(&before.stub);
    }
    let root = files.root().map(Path::to_owned);
    if let (Some(config), Some(root)) = (&config, &root) {
        config.files.iter().for_each(|file| file.stands_in(root));
        let mut found = outside(root, config, started);
        // Not what only follows from another mistake.
        let is_told = |place: &Span| {
            report.iter().filter_map(Diagnostic::place).any(|known| known.meets(place))
        };
        found.retain(|found| !found.place().is_some_and(is_told));
        report.extend(found);
    }
    let pending = config.as_mut().zip(started).map(|(config, started)| hold_back(started, config));
    let pending = pending.unwrap_or_default();
    let site = config.as_ref().and_then(|config| {
        let compiled = compile_again(config, files, clock, &mut before.site);
        report.extend(compiled.report);
        // Where the edit is refused, nothing of it is live.
        if !report.has_errors() {
            let pending = pending.iter();
            report.extend(pending.filter_map(|name| restart_needed(name, config)).collect());
        }
        compiled.site.map(|site| site.awaiting_restart(pending))
    });
    let site = if report.has_errors() { None } else { site };
    // As the files name each other, and not as they happened to be looked through.
    let mut order: Vec<Arc<str>> = report.iter().filter_map(file_of).collect();
    order.sort();
    let read = config.iter().flat_map(|config| &config.files);
    let order: Vec<_> = read.map(|file| Arc::clone(&file.name)).chain(order).collect();
    let files = config.as_ref().map(|config| config.files.as_slice()).unwrap_or_default();
    let report = report.in_order_of(&order).in_whole(files);
    let filled_in = config.as_ref().map(|config| config.environment.clone()).unwrap_or_default();
    let report = report.shown(root.as_deref(), &filled_in);
    Made { site, config, report }
}

/// What would come of it if `text` were saved as `file`, which is one that the site whose main file
/// is `main` is made from; else it is the main file as it would be.
///
/// # Errors
/// In words, where `file` is neither of the site nor looks like an edited main file.
pub(crate) fn site_edited(
    started: Option<&Started>,
    (root, main): &(PathBuf, String),
    stub: Option<&str>,
    (file, text): (&str, &str),
    clock: &Clock,
) -> Result<Made, String> {
    let with_text_as = |path: &str| {
        let mut disk = Disk::new(root, clock.wall()).with_text(path, text.to_owned());
        let mut before = Before { stub: stub.map(str::to_owned), ..Before::default() };
        let made = site_after(&mut before, started, main, (&mut disk, clock));
        (made, disk.has_used_text())
    };
    if !file.is_empty() && file != main {
        let (made, is_of_site) = with_text_as(file);
        if is_of_site {
            return Ok(made);
        }
        // What has a type of its own is no copy of the main file.
        let of_main = [media::of_name(main), media::of_name("routes.yaml")];
        let of_file = media::of_name(file);
        let is_template = Path::new(file).extension() == Some(OsStr::new("hbs"));
        if is_template || of_file.is_some() && !of_main.contains(&of_file) {
            return Err(format!(
                "`{file}` is none of the files that the site is made from, and no edited `{main}`"
            ));
        }
    }
    Ok(with_text_as(main).0)
}

fn file_of(found: &Diagnostic) -> Option<Arc<str>> {
    found.place().map(|place| Arc::clone(&place.file().name))
}

/// Puts back what needs a restart, and gives the names of the fields that were otherwise.
fn hold_back((server, cache): &Started, config: &mut Config) -> Vec<String> {
    let names = needing_restart((server, cache), (&config.server, &config.cache));
    let namespace = std::mem::take(&mut config.cache.namespace);
    config.server.clone_from(server);
    config.cache = CacheConfig { namespace, ..cache.clone() };
    names
}

/// That a field changed which the process cannot take over.
fn restart_needed(name: &str, config: &Config) -> Option<Diagnostic> {
    let message = format!("`{name}` changed: the rest is live, this needs a restart");
    let place = place(config.files.first()?, name);
    Some(Diagnostic::new(Code::RestartNeeded, message, &place))
}

/// Whether there is nothing to show a report by: not even `dev` starts without these.
pub(crate) fn stops_dev(report: &Report) -> bool {
    let needed = [Code::TlsFiles, Code::StoreAddress, Code::BadStoreUrl];
    report.iter().any(|found| needed.contains(&found.code))
}

/// What is wrong with what `serve` needs besides the site's files, asked of the code that it uses.
/// A certificate that is served with already may be in renewal: an edit of something else is as
/// good as ever.
fn outside(root: &Path, config: &Config, started: Option<&Started>) -> Report {
    let mut report = Report::default();
    let Some(main) = config.files.first() else { return report };
    let served = started.and_then(|(server, _)| server.tls.as_ref());
    let pair = config.server.tls.as_ref().filter(|pair| Some(*pair) != served);
    if let Some(Err(why)) = pair.map(|pair| open_tls(root, pair)) {
        let place = place(main, &format!("server.tls{}", why.field));
        report.push(Diagnostic::new(Code::TlsFiles, why.message, &place).help(why.help));
    }
    let store = &*config.cache.store;
    if store != "memory"
        && let Err(why) = check_store(store)
    {
        let code = if why.is_address { Code::StoreAddress } else { Code::BadStoreUrl };
        // The address may hold a password: only what the file itself shows is marked.
        let found =
            Diagnostic::new(code, "`store` is no address of a store", &place(main, "cache.store"));
        report.push(found.help(why.to_string()));
    }
    report
}

/// Why certificate and key cannot be served with.
#[derive(Debug, thiserror::Error)]
#[error("{message}: {help}")]
pub(crate) struct TlsRefused {
    /// `.cert`, `.key`, or nothing where they do not belong together.
    field: &'static str,
    message: String,
    help: &'static str,
}

/// Reads certificate and key, and makes of them what is served with.
///
/// # Errors
/// Where they cannot be read, or cannot be used.
pub(crate) fn open_tls(
    root: &Path,
    (certificate, key): &(String, String),
) -> Result<(Pair, Tls), TlsRefused> {
    let pair = Pair::read(root, certificate, key).map_err(|why| TlsRefused {
        field: if why.path == *certificate { ".cert" } else { ".key" },
        message: why.to_string(),
        help: "name a file in PEM form, by a path relative to the main file, or absolute",
    })?;
    let tls = Tls::new(&pair.certificate, &pair.key).map_err(|why| {
        let (field, path, help) = match why {
            TlsError::NoCertificate | TlsError::Unusable(_) => {
                (".cert", certificate, "name the certificate chain, in PEM form")
            }
            TlsError::NoKey => (".key", key, "name the certificate's private key, in PEM form"),
            TlsError::Unpaired => (".key", key, "name the key that the certificate was made with"),
        };
        TlsRefused { field, message: format!("`{path}`: {why}"), help }
    })?;
    Ok((pair, tls))
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
    started: OnceLock<Started>,
    /// What the last build left.
    before: Mutex<Before>,
}

impl SiteBuild {
    /// Builds from the main file `main` into `live`, with the files of the directory `stub` in
    /// place of servers.
    pub(crate) fn new(main: String, live: Arc<Live>, clock: Clock, stub: Option<String>) -> Self {
        let before = Mutex::new(Before { stub, ..Before::default() });
        Self { main, live, clock, started: OnceLock::new(), before }
    }

    /// Says what the process was started with, before anything is built that could be taken for it.
    pub(crate) fn started_with(&self, server: &ServerConfig, cache: &CacheConfig) {
        // Where the first build was good, it said the same.
        let _ = self.started.set((server.clone(), cache.clone()));
    }
}

impl Build for SiteBuild {
    fn build(&self, files: &mut dyn Files) -> Built {
        let started = self.started.get();
        // Where a build panicked, what it left is what was good before, or nothing.
        let mut before = self.before.lock();
        let Made { site, report: warnings, .. } =
            site_after(&mut before, started, &self.main, (files, &self.clock));
        let Some(site) = site else { return Built::Bad(warnings) };
        self.started.get_or_init(|| (site.server.clone(), site.cache.clone()));
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

/// Directory and name of a main file as typed.
pub(crate) fn root_and_name(config: &Path) -> (PathBuf, String) {
    let name = config.file_name().unwrap_or(OsStr::new(".")).to_string_lossy().into_owned();
    let root = config.parent().filter(|root| !root.as_os_str().is_empty());
    (root.unwrap_or(Path::new(".")).to_owned(), name)
}

#[cfg(test)]
mod tests;
