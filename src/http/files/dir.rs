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
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustix::fs::OFlags;

use super::{Kept, Resource};
use crate::clock::Clock;
use crate::fingerprint::Fingerprint;
use crate::http::encoding::{Accepted, Coding};
use crate::site::key::Headers;
use crate::site::{dir, media};
use crate::source::file::{Stat, digest_of};

/// A file up to this many bytes is kept in memory.
const MAX_KEPT: u64 = 256 * 1024;

/// Bytes of files that one directory keeps in memory.
const KEPT_BYTES: u64 = 32 * 1024 * 1024;

/// A file up to this many bytes has a digest as its entity tag; of a larger one, length and time.
const MAX_DIGESTED: u64 = 8 * 1024 * 1024;

/// Digests of files that one directory keeps.
const KEPT_DIGESTS: usize = 4096;

/// How much later than its coded neighbour a file may seem to have been written although both were
/// written together: file systems and archives keep whole seconds, some every second one.
const TOGETHER: Duration = Duration::from_secs(5);

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
    /// Where it is.
    pub(crate) root: Arc<PathBuf>,
    kept: Arc<Cache<PathBuf, Remembered, ByBytes>>,
    digests: Arc<Cache<PathBuf, (Stat, Fingerprint)>>,
    clock: Clock,
}

/// A kept file, and what the disk said of it when it was read.
#[derive(Clone, Debug)]
struct Remembered {
    stamp: Stat,
    file: Arc<Kept>,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<PathBuf, Remembered> for ByBytes {
    fn weight(&self, path: &PathBuf, remembered: &Remembered) -> u64 {
        // The coded forms come later: they are counted as if they were as large as the file.
        (path.as_os_str().len() + 4 * remembered.file.weight()) as u64
    }
}

impl Dir {
    /// The directory that is really at `root`, with no link on the way. It may be absent for a
    /// while: it is looked for at each request.
    pub(crate) fn at(root: PathBuf) -> Self {
        let files = usize::try_from(KEPT_BYTES / 4096).unwrap_or(usize::MAX);
        let kept = Cache::with_weighter(files, KEPT_BYTES, ByBytes);
        let digests = Cache::new(KEPT_DIGESTS);
        let (kept, digests) = (Arc::new(kept), Arc::new(digests));
        Self { root: Arc::new(root), kept, digests, clock: Clock::system() }
    }

    /// What the file of that name is known by now, as [`dir::version`] writes it; nothing where it
    /// cannot be read. Reads the file, and its coded neighbours, where they changed since the last
    /// time: to be asked only of files that pages name.
    pub(crate) async fn version(&self, name: &str) -> Option<String> {
        let (this, inner) = (self.clone(), inner_path(name)?);
        let version = tokio::task::spawn_blocking(move || {
            let path = this.inside(&this.root.join(inner))?;
            // Outdated ones too: they count in the address until they are removed.
            let coded =
                this.neighbours(&path).into_iter().map(|Neighbour { coding, path, .. }| {
                    this.digest(path).map(|digest| (coding.extension(), digest))
                });
            let coded: Vec<_> = coded.collect::<io::Result<_>>()?;
            Ok::<_, io::Error>(dir::version(this.digest(path)?, &coded))
        });
        version.await.ok()?.ok()
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

    /// What `name`, the decoded rest of a path, leads to for a client with these headers; nothing
    /// where there is no such file, or one that is not to be seen.
    ///
    /// # Errors
    /// Where the disk fails; that a file is absent or may not be read is no error.
    pub(crate) async fn find(
        &self,
        name: &str,
        request: &dyn Headers,
    ) -> io::Result<Option<Found>> {
        let Some(inner) = inner_path(name) else { return Ok(None) };
        // Parts are of the bytes as they are: who resumes a download wants the file.
        let accepted = request.line("range", 0).is_none().then(|| Accepted::of(request));
        let (this, slash) = (self.clone(), name.is_empty() || name.ends_with('/'));
        let found = tokio::task::spawn_blocking(move || this.look(&inner, slash, accepted)).await;
        let (what, varies) = match found.map_err(io::Error::other)? {
            Ok(looked) => looked,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut resource = match what {
            What::NeedsSlash => return Ok(Some(Found::NeedsSlash)),
            What::Kept(file) => Resource::of_kept(&file, request).await,
            What::Disk(resource) => resource,
        };
        resource.varies |= varies;
        Ok(Some(Found::File(resource)))
    }

    /// What is there, and whether neighbours are for other clients.
    fn look(
        &self,
        inner: &Path,
        slash: bool,
        accepted: Option<Accepted>,
    ) -> io::Result<(What, bool)> {
        let mut path = self.inside(&self.root.join(inner))?;
        if path.is_dir() {
            let index = self.inside(&path.join("index.html"))?;
            if !slash {
                return Ok((What::NeedsSlash, false));
            }
            path = index;
        } else if slash {
            return Err(io::ErrorKind::NotFound.into());
        }
        let media = path.file_name().and_then(|name| media::of_name(&name.to_string_lossy()));
        let media = media.unwrap_or_else(|| "application/octet-stream".to_owned());
        let mut neighbours = self.neighbours(&path);
        if !neighbours.is_empty() {
            let changed = path.metadata()?.modified()?;
            neighbours.retain(|neighbour| !neighbour.is_outdated(changed));
        }
        let codings = neighbours.iter().map(|neighbour| neighbour.coding);
        let wanted = accepted.and_then(|accepted| accepted.choose_of(true, codings));
        let chosen = neighbours.iter().find(|neighbour| Some(neighbour.coding) == wanted);
        let coded = chosen.and_then(|neighbour| self.precompressed(neighbour, &media).ok());
        let what = match coded {
            Some(coded) => What::Disk(coded),
            None => self.read(path, media)?,
        };
        Ok((what, !neighbours.is_empty()))
    }

    /// The path with every link followed, if it is still inside.
    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        let path = path.canonicalize()?;
        let rest = path.strip_prefix(self.root.as_path()).map_err(|_outside| NOT_HERE)?;
        // A link may lead to a hidden file as well.
        let hidden = rest.iter().any(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden { Err(NOT_HERE.into()) } else { Ok(path) }
    }

    /// The files beside it that hold it coded: `.br`, `.zst`, `.gz`.
    fn neighbours(&self, path: &Path) -> Vec<Neighbour> {
        let neighbour = |coding: Coding| {
            let mut name = path.as_os_str().to_owned();
            name.push(".");
            name.push(coding.extension());
            let path = self.inside(Path::new(&name)).ok()?;
            let metadata = path.metadata().ok().filter(Metadata::is_file)?;
            Some(Neighbour { coding, path, changed: metadata.modified().ok()? })
        };
        Coding::ALL.into_iter().filter_map(neighbour).collect()
    }

    fn precompressed(&self, neighbour: &Neighbour, media: &str) -> io::Result<Resource> {
        let Neighbour { coding, path, .. } = neighbour;
        let mut resource = self.on_disk(path, media.to_owned())?;
        resource.etag = coding.tag(&resource.etag);
        resource.coding = Some(*coding);
        Ok(resource)
    }

    /// A file that is read while it is sent. Its entity tag is a digest, where it is not so large
    /// that reading it for that would keep the client waiting.
    fn on_disk(&self, path: &Path, media: String) -> io::Result<Resource> {
        let (file, metadata) = open_regular(path)?;
        let len = metadata.len();
        let digested = len <= MAX_DIGESTED;
        let digest = digested.then(|| self.digest_open(path.to_owned(), &file, &metadata));
        let mut resource = Resource::on_disk(file, len, media, metadata.modified().ok());
        if let Some(digest) = digest {
            resource.etag = format!("\"{}\"", digest?);
        }
        Ok(resource)
    }

    fn read(&self, path: PathBuf, media: String) -> io::Result<What> {
        let (mut file, metadata) = open_regular(&path)?;
        let (len, stamp, modified) =
            (metadata.len(), Stat::of(&metadata), metadata.modified().ok());
        if len > MAX_KEPT {
            return self.on_disk(&path, media).map(What::Disk);
        }
        if let Some(remembered) = self.kept.get(&path).filter(|kept| kept.stamp == stamp) {
            return Ok(What::Kept(remembered.file));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
        (&mut file).take(MAX_KEPT).read_to_end(&mut bytes)?;
        let kept = Arc::new(Kept::new(Bytes::from(bytes), &media, modified));
        // Kept only where nothing moved while it was read, and where the next change will show.
        if Stat::of(&file.metadata()?) == stamp && stamp.is_settled(self.clock.wall()) {
            self.kept.insert(path, Remembered { stamp, file: Arc::clone(&kept) });
        }
        Ok(What::Kept(kept))
    }
}

/// A file that holds the file beside it coded.
struct Neighbour {
    coding: Coding,
    path: PathBuf,
    changed: SystemTime,
}

impl Neighbour {
    /// Whether the file was edited after it was coded. Files that were written together, in
    /// whatever order, are of one time.
    fn is_outdated(&self, file_changed: SystemTime) -> bool {
        file_changed.duration_since(self.changed).is_ok_and(|late| late > TOGETHER)
    }
}

/// What was found on the disk.
enum What {
    Kept(Arc<Kept>),
    Disk(Resource),
    NeedsSlash,
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
