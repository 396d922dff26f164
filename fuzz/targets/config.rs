//! Any text as the files of a site: it is loaded and compiled without a panic and in bounded time,
//! errors are what keeps it from being a site, and the same files give the same site.
//!
//! The input is the main file; ` === NAME` alone on a line begins another file.

#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use larder::parts::clock::Clock;
use larder::parts::config::{FileContent, FileError, Files, load};
use larder::parts::diagnostic::Report;
use larder::parts::diagnostic::render::{github, human, json};
use larder::parts::fingerprint::Fingerprint;
use larder::parts::site::route::{RouteMatch, Slash, push_encoded};
use larder::parts::site::{Site, compile, diff};
use libfuzzer_sys::fuzz_target;

/// Files that are there in every run, so that a text which names them gets further.
const GIVEN: &[(&str, &str)] = &[
    ("templates/base.html.hbs", "<title>{{title}}</title>{{> partials/nav}}{{{content}}}"),
    ("templates/page.html.hbs", "{{params.name}} {{query.q}} {{#each site.items}}{{this}}{{/each}}"),
    ("templates/partials/nav.html.hbs", "{{language}} {{cookies.theme}} {{site.title}}"),
    ("data/menu.yaml", "- { name: a, url: /a }\n- { name: b, url: /b }\n"),
    ("data/jars.csv", "name,grams\njam,250\n"),
    ("data/tour.toml", "a = 1\n[b]\nc = [2, 3]\n"),
    ("public/site.css", "a { color: blue }"),
];

/// A site's directory in memory.
struct Memory<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Memory<'a> {
    fn new(text: &'a str) -> Self {
        let mut files: BTreeMap<&str, &str> = GIVEN.iter().copied().collect();
        let mut parts = text.split("\n === ");
        files.insert("routes.yaml", parts.next().unwrap_or_default());
        files.extend(parts.filter_map(|part| part.split_once('\n')));
        Self(files)
    }
}

impl Files for Memory<'_> {
    fn read(&mut self, path: &str, bound: u64) -> Result<FileContent, FileError> {
        let text = self.0.get(path).ok_or(FileError::Missing)?;
        if text.len() as u64 > bound {
            return Err(FileError::TooLarge { bound });
        }
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let digest = Fingerprint::of(&bytes);
        Ok(FileContent { path: path.to_owned(), bytes, digest, modified: None })
    }

    /// What is before the first and behind the last star has to fit.
    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let before = pattern.split('*').next().unwrap_or_default();
        let after = pattern.rsplit('*').next().unwrap_or_default();
        let fits = |path: &&&str| path.starts_with(before) && path.ends_with(after);
        Ok(self.0.keys().filter(fits).map(|&path| path.to_owned()).collect())
    }
}

fn made(text: &str) -> (Option<Site>, Report) {
    let mut files = Memory::new(text);
    let env = |name: &str| (name == "REGION").then(|| "eu: 'x\"".to_owned());
    let loaded = load("routes.yaml", &mut files, &env);
    let mut report = loaded.report;
    let Some(config) = loaded.config else {
        assert!(report.has_errors(), "no config and no error");
        return (None, report);
    };
    let compiled = compile(&config, &mut files, &Clock::manual());
    assert_eq!(compiled.site.is_none(), compiled.report.has_errors());
    report.extend(compiled.report);
    let site = compiled.site.filter(|_| !report.has_errors());
    (site, report.sorted())
}

/// A route without parameters is found under its own path.
fn literal_routes_are_found(site: &Site) {
    for (target, route) in (0..).zip(&site.routes) {
        if !route.pattern.is_literal() {
            continue;
        }
        let mut path = String::new();
        push_encoded(&mut path, route.pattern.as_str(), Slash::Keep);
        match site.find(&route.method, &path) {
            RouteMatch::Route(found) => assert_eq!(found.target, target, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

fuzz_target!(|text: &str| {
    let (site, report) = made(text);
    let (again, told) = made(text);
    let drawn = human(&report, false, None);
    assert_eq!(drawn, human(&told, false, None), "two readings differ");
    assert_eq!(report.is_empty(), drawn.is_empty());
    let _ci = (github(&report), json(&report));
    if let (Some(site), Some(again)) = (&site, &again) {
        assert_eq!(diff(site, again).to_string(), "", "two readings differ");
        literal_routes_are_found(site);
    }
});
