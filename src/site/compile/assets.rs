//! `dir` routes, and the addresses that `{{asset "site.css"}}` gives of their files.
//!
//! A file belongs to the first `dir` route, in the order of the file, whose directory has it. Its
//! digest is read through the site's files, which is what makes it watched, and goes into the
//! fingerprint of the pages that name it.

use std::collections::BTreeMap;

use super::super::Source;
use super::super::dir::{self, CODED, SiteDir};
use super::super::route::{ParamKind, Pattern, RouteMatch, Router, encoded_path};
use super::super::template::{Addresses, Reads};
use super::parts::RouteParts;
use super::route::{DraftForm, Work};
use super::{Compiler, unreadable};
use crate::config::{FileError, Files as _};
use crate::diagnostic::{At, Code, Diagnostic, Span, did_you_mean, nearest};
use crate::source::file::absolute;

/// The files that pages name, by name.
#[derive(Debug, Default)]
pub(super) struct Assets {
    /// What stands before every address.
    base: String,
    dirs: Vec<AssetDir>,
    /// Nothing for a name that no directory has: it was said.
    found: BTreeMap<String, Option<Asset>>,
}

/// A `dir` route whose files have addresses: nothing in its path but the file's name is free.
#[derive(Debug)]
struct AssetDir {
    /// The route's index, which is the router's target.
    target: u32,
    /// The path before the file's name, encoded, with its slash.
    address: String,
    dir: SiteDir,
    place: Span,
}

/// A file that pages name.
#[derive(Debug)]
pub(super) struct Asset {
    /// The index of the route that sends it.
    pub(super) target: u32,
    /// Its address, with its version.
    pub(super) address: String,
    /// What it is known by while it stays the same.
    pub(super) version: String,
    /// It and its coded neighbours, relative to the site's directory.
    pub(super) files: Vec<String>,
    /// The template's call that was seen first.
    place: Span,
    /// The route that sends it.
    served: Span,
}

impl Assets {
    /// The `dir` routes, each with its index.
    pub(super) fn of(routes: &[Work<'_>], base: &str) -> Self {
        let dir = |(target, route): (u32, &Work<'_>)| {
            let (typed, pattern, dir) = match route {
                Work::Known(made) => match &made.route.source {
                    Source::Dir(dir) => (&*made.typed, &made.route.pattern, dir),
                    _ => return None,
                },
                Work::New(draft) => match &draft.form {
                    DraftForm::Unrendered(RouteParts { source: Source::Dir(dir), .. }) => {
                        (&**draft.typed, &draft.pattern, dir)
                    }
                    _ => return None,
                },
            };
            let is_plain = typed.method.value == "GET" && pattern.params().len() == 1;
            let (before, _) = pattern.as_str().rsplit_once('/')?;
            is_plain.then(|| AssetDir {
                target,
                address: format!("{}/", encoded_path(before)),
                dir: dir.clone(),
                place: typed.path.span.clone(),
            })
        };
        let (dirs, found) = ((0..).zip(routes).filter_map(dir).collect(), BTreeMap::new());
        Self { base: base.to_owned(), dirs, found }
    }

    /// The files that a page names and that there are, by name.
    pub(super) fn of_page<'r>(
        &'r self,
        reads: &'r Reads,
    ) -> impl Iterator<Item = (&'r str, &'r Asset)> {
        self.all().filter(|(name, _)| reads.assets.contains_key(*name))
    }

    /// The addresses, by name, and what stands before all.
    pub(super) fn addresses(&self) -> Addresses {
        let files = self.all().map(|(name, asset)| (name.to_owned(), asset.address.clone()));
        Addresses { base: self.base.clone(), files: files.collect() }
    }

    /// The versions, by route and name.
    pub(super) fn versions(&self) -> BTreeMap<(u32, String), String> {
        self.all()
            .map(|(name, asset)| ((asset.target, name.to_owned()), asset.version.clone()))
            .collect()
    }

    /// Says where another route answers the address of a file.
    pub(super) fn check_routed(&self, router: &Router) -> Vec<Diagnostic> {
        let shadowed = self.all().filter(|(_, asset)| {
            let path = asset.address.split('?').next().unwrap_or_default();
            let path = path.strip_prefix(&self.base).unwrap_or(path);
            let found = router.find("GET", path);
            !matches!(found, RouteMatch::Route(route) if route.target == asset.target)
        });
        let told = |(name, asset): (&str, &Asset)| {
            let message = format!("another route answers the address of the asset `{name}`");
            Diagnostic::new(Code::UnreachableRoute, message, &asset.place)
                .label(&asset.served, "its directory is served here")
                .help("write that route's path, which has no digest, or move one of the two")
        };
        shadowed.map(told).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Asset)> {
        self.found.iter().filter_map(|(name, asset)| Some((name.as_str(), asset.as_ref()?)))
    }
}

impl Compiler<'_> {
    /// Finds the files that a page names.
    pub(super) fn find_assets(&mut self, named: &BTreeMap<String, Span>) {
        for (name, place) in named {
            if self.assets.found.contains_key(name) {
                continue;
            }
            let found = self.find_asset(name, place);
            let found = found.map_err(|found| self.report.push(found)).ok();
            self.assets.found.insert(name.clone(), found);
        }
    }

    fn find_asset(&mut self, name: &str, place: &Span) -> Result<Asset, Diagnostic> {
        let missing = |message: String| Diagnostic::new(Code::FileMissing, message, place);
        if !name.split('/').all(dir::is_plain) {
            let message = format!("`{name}` is no name of a file in a served directory");
            let help = "write it as it stands below the directory: `{{asset \"css/site.css\"}}`";
            return Err(missing(message).help(help));
        }
        for dir in &self.assets.dirs {
            let path = format!("{}/{name}", dir.dir.path);
            let file = match self.files.digest(&path) {
                Ok(file) => file,
                Err(FileError::Missing) => continue,
                Err(why) => return Err(missing(format!("the asset `{path}`: {why}"))),
            };
            if !self.files.real(&path).is_ok_and(|real| dir.dir.shows(&real)) {
                let found = missing(format!("`{path}` is a link out of the served directory"));
                return Err(found.help("copy the file into it, or serve its own directory"));
            }
            let mut coded = Vec::new();
            let mut files = vec![path.clone()];
            for extension in CODED {
                let neighbour = format!("{path}.{extension}");
                if let Ok(digest) = self.files.digest(&neighbour) {
                    coded.push((extension, digest));
                    files.push(neighbour);
                }
            }
            let version = dir::version(file, &coded);
            let base = &self.assets.base;
            let address = format!("{base}{}{}?v={version}", dir.address, encoded_path(name));
            let (target, place, served) = (dir.target, place.clone(), dir.place.clone());
            return Ok(Asset { target, address, version, files, place, served });
        }
        Err(self.no_asset(name, missing(format!("no served directory has `{name}`"))))
    }

    /// Adds the nearest names of files that are served.
    fn no_asset(&mut self, name: &str, found: Diagnostic) -> Diagnostic {
        let Some(first) = self.assets.dirs.first() else {
            return found.help("serve a directory: `/assets/{*path}: { dir: public }`");
        };
        let mut names = Vec::new();
        for dir in &self.assets.dirs {
            let below = format!("{}/", dir.dir.path);
            let paths = self.files.glob(&format!("{below}**/*")).unwrap_or_default();
            names.extend(
                paths.iter().filter_map(|path| path.strip_prefix(&below)).map(str::to_owned),
            );
        }
        let bare = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let same = names.iter().find(|path| bare(path) == bare(name));
        let near = same.map(String::as_str).or(nearest(name, names.iter().map(String::as_str)));
        found.help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("put it into `{}/`", first.dir.path),
        })
    }

    /// Reads where a directory that is served is, and checks that the path can name its files.
    pub(super) fn served_dir(&mut self, path: &At<String>, pattern: &Pattern) -> Option<SiteDir> {
        let ends = pattern.params().last().is_some_and(|param| param.kind == ParamKind::Rest);
        if !ends {
            let text = pattern.as_str();
            let message = format!("`{text}` leaves no place for the names of files");
            let literal = text.split('{').next().unwrap_or(text);
            let start = if text.contains('{') {
                literal.rsplit_once('/').map_or("", |(before, _)| before)
            } else {
                text.trim_end_matches('/')
            };
            self.report.push(
                Diagnostic::new(Code::BadPattern, message, &path.span)
                    .help(format!("end the path with a parameter for them: `{start}/{{*path}}`")),
            );
        }
        let plain: Vec<&str> =
            path.value.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let plain = plain.join("/");
        match self.files.directory(&path.value) {
            Ok(root) => {
                let before = pattern.as_str().split('/').count().saturating_sub(2);
                let site = self.files.root().map(absolute).unwrap_or_default();
                ends.then_some(SiteDir { path: plain, root, site, before })
            }
            Err(why) => {
                let found = self.no_directory(path, &plain, &why);
                self.report.push(found);
                None
            }
        }
    }

    fn no_directory(&mut self, path: &At<String>, plain: &str, why: &FileError) -> Diagnostic {
        if *why != FileError::Missing {
            let found = unreadable(&path.value, "served", why, &path.span);
            return match why {
                FileError::NotDirectory => found.help("a single file is sent by `file:`"),
                _ => found,
            };
        }
        let message = format!("`{}` cannot be served: there is no such directory", path.value);
        let found = Diagnostic::new(Code::FileMissing, message, &path.span);
        let above = plain.rsplit_once('/').map_or(String::new(), |(above, _)| format!("{above}/"));
        let paths = self.files.glob(&format!("{above}*/*")).unwrap_or_default();
        let beside = paths.iter().filter_map(|path| path.rsplit_once('/')).map(|(dir, _)| dir);
        Diagnostic { help: did_you_mean(plain, beside), ..found }
    }
}
