//! A directory that is served: names in, files out, and no way out of it.
//!
//! What a client writes is taken apart into names; `..`, hidden names and separators in any coding
//! are refused before the disk is asked. What remains is resolved by the system, symbolic links
//! and all, and must still lie inside. Between that look and the opening someone could swap a
//! link; who can write there is trusted, so the portable way was taken rather than
//! Linux' `openat2`.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use quick_cache::sync::Cache as Map;
use rustix::fs::OFlags;

use super::known::{Description, Form, FormContent, Known, Proof, Way, What};
use super::{About, Kept, Resource};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::http::encoding::{Accepted, Coding, compressible};
use crate::http::ready::next_serial;
use crate::site::dir::SiteDir;
use crate::site::key::Headers;
use crate::site::{dir, media};
use crate::source::file::{Stat, digest_of, network_disk};

/// A file up to this many bytes is sent from memory: a larger one costs no less than the system
/// takes to send it.
const MAX_KEPT: u64 = 64 * 1024;

/// The same of a file that larder codes: the coded forms are made of what is in memory.
const MAX_KEPT_CODED: u64 = 256 * 1024;

/// A file up to this many bytes has a digest as its entity tag; of a larger one, length and time.
const MAX_DIGESTED: u64 = 8 * 1024 * 1024;

/// Digests of files that one directory keeps.
const KEPT_DIGESTS: usize = 4096;

/// What a name in a served directory leads to.
pub(crate) enum Found {
    /// A file.
    File(Resource),
    /// A directory with an index, asked for without the slash at its end: relative links in it
    /// would lead astray, so the client is to be sent to the address with the slash.
    NeedsSlash,
}

/// A served directory. Clones share what is kept.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    /// Where it really was when the site was loaded, with no link on the way.
    root: Arc<PathBuf>,
    /// The site's directory and the path in it, as they are written.
    named: Arc<(PathBuf, String)>,
    /// What the names of its files are kept under begins with; no other directory has it.
    serial: u64,
    digests: Arc<Map<PathBuf, (Stat, Fingerprint)>>,
    clock: Clock,
}

impl Dir {
    /// The directory that `site` serves. It may be absent for a while: it is looked for at each
    /// request.
    pub(crate) fn of(site: &SiteDir) -> Self {
        let (root, named) = (Arc::new(site.root.clone()), Arc::new(named(site)));
        let digests = Arc::new(Map::new(KEPT_DIGESTS));
        Self { root, named, serial: next_serial(), digests, clock: Clock::system() }
    }

    /// Whether it is the one that `site` serves.
    pub(crate) fn is_of(&self, site: &SiteDir) -> bool {
        *self.root == site.root && *self.named == named(site)
    }

    /// What a file of this name is kept under: no key of a page begins so.
    fn key(&self, name: &str) -> String {
        let mut key = String::with_capacity(name.len() + 24);
        key.push('\0');
        key.push_str(itoa::Buffer::new().format(self.serial));
        key.push('/');
        key.push_str(name);
        key
    }

    /// What `look` finds. Where the directory is gone from where it was, because a link on the way
    /// was swapped, it is found by its name: the edit that the swap was may not be live for long.
    fn looking<T>(self, look: impl Fn(&Self) -> io::Result<T>) -> io::Result<T> {
        let found = look(&self);
        if found.is_ok() || self.root.is_dir() {
            return found;
        }
        let (site, path) = &*self.named;
        let site = site.canonicalize()?;
        let root = site.join(path).canonicalize()?;
        if root == site || !root.starts_with(&site) {
            return found;
        }
        look(&Self { root: Arc::new(root), ..self })
    }

    /// What the file of that name is known by now, as [`dir::version`] writes it; nothing where it
    /// cannot be read. Reads the file, and its coded neighbours, where they changed since the last
    /// time: to be asked only of files that pages name.
    pub(crate) async fn version(&self, name: &str) -> Option<String> {
        let (this, inner) = (self.clone(), inner_path(name)?);
        tokio::task::spawn_blocking(move || this.version_now(&inner)).await.ok()?
    }

    /// Whether a file has the version that it was asked for by.
    pub(crate) async fn is_still(&self, name: &str, version: String, cache: &Cache) -> bool {
        let Some(inner) = inner_path(name) else { return false };
        let (this, cache, key) = (self.clone(), cache.clone(), self.key(name));
        let found = tokio::task::spawn_blocking(move || {
            let known = Known::of(&cache, &key);
            let is_it = this.version_now(&inner).as_ref() == Some(&version);
            if let Some(known) = known.filter(|known| is_it && known.holds()) {
                known.keep_version(version);
            }
            is_it
        });
        found.await.unwrap_or_default()
    }

    fn version_now(self, inner: &Path) -> Option<String> {
        let version = |this: &Self| {
            let path = this.inside(&this.root.join(inner))?;
            // Outdated ones too: they count in the address until they are removed.
            let coded = this.neighbours(&path).found.into_iter().map(|neighbour| {
                let Neighbour { coding, path, .. } = neighbour;
                this.digest(path).map(|digest| (coding.extension(), digest))
            });
            let coded: Vec<_> = coded.collect::<io::Result<_>>()?;
            Ok(dir::version(this.digest(path)?, &coded))
        };
        self.looking(version).ok()
    }

    fn digest(&self, path: PathBuf) -> io::Result<Fingerprint> {
        let (file, metadata) = open_regular(&path)?;
        self.digest_open(path, &file, &metadata)
    }

    /// The digest of a file that is open. Where it is read afterwards, it is by offsets.
    fn digest_open(
        &self,
        path: PathBuf,
        mut file: &File,
        metadata: &Metadata,
    ) -> io::Result<Fingerprint> {
        let stamp = Stat::of(metadata);
        if let Some((_, digest)) = self.digests.get(&path).filter(|(known, _)| *known == stamp) {
            return Ok(digest);
        }
        let digest = digest_of(&mut file)?;
        if Stat::of(&file.metadata()?) == stamp && stamp.is_settled(self.clock.wall()) {
            self.digests.insert(path, (stamp, digest));
        }
        Ok(digest)
    }

    /// What is sent of `name`, the decoded rest of a path, to a client with these headers, where
    /// that is known without waiting for a disk; with `version`, where the file is known to have
    /// that one.
    pub(crate) fn at_once(
        &self,
        name: &str,
        version: Option<&str>,
        request: &dyn Headers,
        cache: &Cache,
    ) -> Option<Resource> {
        let known = Known::of(cache, &self.key(name))?;
        let is_sure = version.is_none_or(|version| known.has_version(version)) && known.holds();
        match known.form(|| accepted(request)).filter(|_| is_sure)?.open().ok()? {
            What::Kept(file) => file.ready(request),
            What::Disk(resource) => Some(resource),
        }
    }

    /// What `name`, the decoded rest of a path, leads to for a client with these headers; nothing
    /// where there is no such file, or one that is not to be seen.
    ///
    /// # Errors
    /// Where the disk fails; that a file is absent or may not be read is no error.
    pub(crate) async fn find(
        &self,
        name: &str,
        request: &dyn Headers,
        cache: &Cache,
    ) -> io::Result<Option<Found>> {
        let Some(inner) = inner_path(name) else { return Ok(None) };
        let (this, slash) = (self.clone(), name.is_empty() || name.ends_with('/'));
        let (accepted, key, cache) = (accepted(request), self.key(name), cache.clone());
        let found = tokio::task::spawn_blocking(move || {
            let before = Known::of(&cache, &key);
            let search = Search { inner, slash, accepted, before };
            this.looking(|dir| dir.look(&search)).map(|looked| looked.keep(&cache, &key))
        });
        let resource = match found.await.map_err(io::Error::other)? {
            Ok(None) => return Ok(Some(Found::NeedsSlash)),
            Ok(Some(What::Kept(file))) => file.made(request).await,
            Ok(Some(What::Disk(resource))) => resource,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Found::File(resource)))
    }

    fn look(&self, search: &Search) -> io::Result<Looked> {
        let now = self.clock.wall();
        let mut named = self.root.join(&search.inner);
        // Asked before all else: what changes from here on shows.
        let way = |to: Option<&Path>| to.and_then(|to| Way::of(&self.root, to));
        let ways = [way(named.parent()), way(Some(&named))];
        let [mut way, below] = ways;
        let mut path = self.inside(&named)?;
        if path.is_dir() {
            named.push("index.html");
            let index = self.inside(&path.join("index.html"))?;
            if !search.slash {
                return Ok(Looked::NeedsSlash);
            }
            (path, way) = (index, below);
        } else if search.slash {
            return Err(NOT_HERE.into());
        }
        let media = path.file_name().and_then(|name| media::of_name(&name.to_string_lossy()));
        let media = media.unwrap_or_else(|| "application/octet-stream".to_owned());
        let Neighbours { mut found, are_plain } = self.neighbours(&path);
        let all: Vec<_> = found.iter().map(|one| (one.path.clone(), one.stamp)).collect();
        if !found.is_empty() {
            let changed = path.metadata()?.modified()?;
            found.retain(|neighbour| !neighbour.is_outdated(changed));
        }
        let is_plain = are_plain && named == path;
        let is_local = network_disk(&path).is_none();
        let reading = Reading { media, varies: !found.is_empty(), is_local, search };
        let mut forms = vec![self.form(path, None, &reading)?];
        let coded = found.into_iter();
        forms.extend(coded.filter_map(|one| self.form(one.path, Some(one.coding), &reading).ok()));
        let (forms, opened): (Vec<_>, Vec<_>) = forms.into_iter().unzip();
        let files: Vec<_> =
            forms.iter().map(|form: &Form| (form.path.clone(), form.stamp)).chain(all).collect();
        let is_settled = files.iter().all(|(_, stamp)| stamp.is_settled(now));
        let proof = way.filter(|_| is_plain && is_local && is_settled);
        let proof = proof.and_then(|way| Proof::new(way, files, now));
        let known = Known::new(forms, proof);
        let what = known.form(|| search.accepted).and_then(|form| {
            let at = known.forms.iter().position(|one| std::ptr::eq(one, form))?;
            Some(form.of_open(opened.into_iter().nth(at)?))
        });
        let what = what.ok_or(NOT_HERE)?;
        Ok(Looked::File { what, known: is_settled.then(|| Arc::new(known)) })
    }

    /// The path with every link followed, if it is still inside.
    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        let path = path.canonicalize()?;
        let rest = path.strip_prefix(self.root.as_path()).map_err(|_outside| NOT_HERE)?;
        // A link may lead to a hidden file as well.
        if dir::has_hidden(rest) { Err(NOT_HERE.into()) } else { Ok(path) }
    }

    /// The files beside it that hold it coded: `.br`, `.zst`, `.gz`.
    fn neighbours(&self, path: &Path) -> Neighbours {
        let mut are_plain = true;
        let mut neighbour = |coding: Coding| {
            let mut name = path.as_os_str().to_owned();
            name.push(".");
            name.push(coding.extension());
            let there = Path::new(&name).symlink_metadata();
            if there.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                return None;
            }
            are_plain &= there.is_ok_and(|there| !there.is_symlink());
            let path = self.inside(Path::new(&name)).ok()?;
            let metadata = path.metadata().ok().filter(Metadata::is_file)?;
            let (stamp, changed) = (Stat::of(&metadata), metadata.modified().ok()?);
            Some(Neighbour { coding, path, stamp, changed })
        };
        let found = Coding::ALL.into_iter().filter_map(&mut neighbour).collect();
        Neighbours { found, are_plain }
    }

    /// A file as it is, or a neighbour in its coding; and the file, which is open.
    fn form(
        &self,
        path: PathBuf,
        coding: Option<Coding>,
        reading: &Reading<'_>,
    ) -> io::Result<(Form, File)> {
        let Reading { media, varies, is_local, search } = reading;
        let (mut file, metadata) = open_regular(&path)?;
        let (stamp, last_modified) = (Stat::of(&metadata), metadata.modified().ok());
        let before = search.before.as_ref();
        if let Some(content) = before.and_then(|known| known.content(&path, stamp, *varies)) {
            return Ok((Form { content: content.clone(), path, stamp }, file));
        }
        let is_coded_here = coding.is_none() && compressible(media);
        let most = if is_coded_here { MAX_KEPT_CODED } else { MAX_KEPT };
        let content = if metadata.len() <= most {
            let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
            (&mut file).take(most).read_to_end(&mut bytes)?;
            let mut kept = Kept::new(Bytes::from(bytes), media, last_modified);
            kept.about.varies |= varies;
            kept.about.code(coding);
            FormContent::Memory(Arc::new(kept))
        } else {
            // A digest, where it is not so large that reading it for that would keep the client
            // waiting: what its time and length say else.
            let etag = if metadata.len() <= MAX_DIGESTED {
                quoted(self.digest_open(path.clone(), &file, &metadata)?)
            } else {
                tag_by_time(metadata.len(), last_modified)
            };
            let (media, etag) = (media.as_str().into(), etag.into());
            let mut about = About { media, etag, last_modified, coding: None, varies: *varies };
            about.code(coding);
            FormContent::Disk(Arc::new(Description { about, is_local: *is_local }))
        };
        Ok((Form { path, stamp, content }, file))
    }
}

fn quoted(digest: Fingerprint) -> String {
    format!("\"{digest}\"")
}

/// An entity tag that says when a file was changed and how long it is.
fn tag_by_time(len: u64, last_modified: Option<SystemTime>) -> String {
    let since = last_modified.map(|time| time.duration_since(SystemTime::UNIX_EPOCH));
    let time = match since {
        Some(Ok(since)) => format!("{:x}", since.as_nanos()),
        Some(Err(before)) => format!("b{:x}", before.duration().as_nanos()),
        None => String::new(),
    };
    format!("\"{time}-{len:x}\"")
}

/// The codings that a client takes; nothing where it asks for parts, which are of the bytes as they
/// are: who resumes a download wants the file.
fn accepted(request: &dyn Headers) -> Option<Accepted> {
    request.line("range", 0).is_none().then(|| Accepted::of(request))
}

/// What is looked for.
struct Search {
    inner: PathBuf,
    /// Whether the name has a slash at its end.
    slash: bool,
    accepted: Option<Accepted>,
    /// What the last look found.
    before: Option<Arc<Known>>,
}

/// What the forms of a file have in common.
struct Reading<'s> {
    media: String,
    varies: bool,
    is_local: bool,
    search: &'s Search,
}

/// What a full look found.
enum Looked {
    NeedsSlash,
    File {
        what: What,
        /// Nothing where the next change may not show.
        known: Option<Arc<Known>>,
    },
}

impl Looked {
    /// What is sent; keeps what is known. Nothing for [`Looked::NeedsSlash`].
    fn keep(self, cache: &Cache, key: &str) -> Option<What> {
        let Self::File { what, known } = self else { return None };
        if let Some(known) = known {
            known.keep(cache, key);
        }
        Some(what)
    }
}

fn named(site: &SiteDir) -> (PathBuf, String) {
    (site.site.clone(), site.path.clone())
}

/// The files beside a file that hold it coded.
struct Neighbours {
    found: Vec<Neighbour>,
    /// Whether none of their names is a link.
    are_plain: bool,
}

/// A file that holds the file beside it coded.
struct Neighbour {
    coding: Coding,
    path: PathBuf,
    stamp: Stat,
    changed: SystemTime,
}

impl Neighbour {
    /// Whether the file was written after it was coded. There is no allowance for files that were
    /// copied in another order: an edit soon after the coding looks the same, and the old bytes
    /// would be sent for ever.
    fn is_outdated(&self, file_changed: SystemTime) -> bool {
        self.changed < file_changed
    }
}

const NOT_HERE: io::ErrorKind = io::ErrorKind::NotFound;

/// What a client wrote, as a path that goes only down; nothing where a part of it is no plain name.
fn inner_path(name: &str) -> Option<PathBuf> {
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.is_empty() {
        return Some(PathBuf::new());
    }
    let all = name.split('/').all(dir::is_plain);
    all.then(|| name.split('/').collect())
}

/// Opens a regular file. A FIFO or a device in its place is not waited for.
pub(super) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(NOT_HERE.into()) }
}

/// Whether an error only says that there is nothing to be seen.
fn absent(error: &io::Error) -> bool {
    use io::ErrorKind::{
        InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
    };
    let kinds =
        [NotFound, NotADirectory, IsADirectory, PermissionDenied, InvalidFilename, InvalidInput];
    // ELOOP and ENXIO (a socket) have no kind of their own that is stable.
    let links = rustix::io::Errno::from_io_error(error);
    kinds.contains(&error.kind())
        || matches!(links, Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO))
}

#[cfg(test)]
mod tests;
