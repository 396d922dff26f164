//! What a name in a served directory led to, kept in memory, and whether it still leads there.
//!
//! A full look follows every link and opens the file. What it found is true for as long as each
//! directory on the way is the same one, nothing came to or left the last of them, and the file
//! and its coded neighbours are as they were: a few questions to the system that wait for no disk.
//! Where they would not show every change, there is no [`Proof`], and each request has a full look.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::dir::open_regular;
use super::stream::FilePart;
use super::{About, Content, Kept, Resource};
use crate::cache::Cache;
use crate::http::encoding::{Accepted, Coding};
use crate::source::file::Stat;

/// What a name led to.
#[derive(Debug)]
pub(super) struct Known {
    /// The file as it is, then its coded neighbours that are not outdated, the best first.
    pub(super) forms: Vec<Form>,
    pub(super) proof: Option<Proof>,
    /// What the file is known by in addresses, once it was asked for.
    version: OnceLock<String>,
}

/// A file that holds what is asked for, as it is or coded.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) path: PathBuf,
    /// What the system said of it before it was read.
    pub(super) stamp: Stat,
    pub(super) content: FormContent,
}

#[derive(Clone, Debug)]
pub(super) enum FormContent {
    Memory(Arc<Kept>),
    /// It is opened for each answer.
    Disk(Arc<Description>),
}

/// What is said of a file that is not in memory.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) about: About,
    /// Whether the disk is this machine's own.
    pub(super) is_local: bool,
}

/// What is sent.
pub(super) enum What {
    Kept(Arc<Kept>),
    Disk(Resource),
}

/// What has to be as it was. Paths are real: none of their parts is a link.
#[derive(Debug)]
pub(super) struct Proof {
    /// The directories between the served one and the last: the same ones.
    between: Vec<(PathBuf, Stat)>,
    /// The last directory, and the files: unchanged.
    unchanged: Vec<(PathBuf, Stat)>,
}

impl Known {
    pub(super) fn new(forms: Vec<Form>, proof: Option<Proof>) -> Self {
        Self { forms, proof, version: OnceLock::new() }
    }

    /// What is kept under this name.
    pub(super) fn of(cache: &Cache, key: &str) -> Option<Arc<Self>> {
        cache.file(key)?.downcast().ok()
    }

    pub(super) fn keep(self: Arc<Self>, cache: &Cache, key: &str) {
        let weight = self.weight();
        cache.keep_file(key, self, weight as u64);
    }

    /// Bytes that this holds, measured generously.
    fn weight(&self) -> usize {
        /// A path, its stamp, and what else there is of a file.
        const PATH: usize = 512;
        let paths =
            self.proof.as_ref().map_or(0, |proof| proof.between.len() + proof.unchanged.len());
        let form = |form: &Form| match &form.content {
            FormContent::Memory(kept) => kept.weight(),
            FormContent::Disk(_) => 0,
        };
        let forms = self.forms.iter().map(form).sum::<usize>();
        (paths + self.forms.len()) * PATH + forms
    }

    /// Whether a full look would find the same.
    pub(super) fn holds(&self) -> bool {
        self.proof.as_ref().is_some_and(Proof::holds)
    }

    /// What a full look found of a file, where that is as it was.
    pub(super) fn content(&self, path: &Path, stamp: Stat, varies: bool) -> Option<&FormContent> {
        let is_it = |form: &&Form| form.path == path && form.stamp == stamp;
        let content = &self.forms.iter().find(is_it)?.content;
        (content.about().varies == varies).then_some(content)
    }

    /// The form for a client that accepts these codings: the file as it is where it says nothing.
    pub(super) fn form(&self, accepted: impl FnOnce() -> Option<Accepted>) -> Option<&Form> {
        let (identity, coded) = self.forms.split_first()?;
        if coded.is_empty() {
            return Some(identity);
        }
        let codings = coded.iter().filter_map(Form::coding);
        let wanted = accepted().and_then(|accepted| accepted.choose_of(true, codings));
        let chosen = coded.iter().find(|form| wanted.is_some() && form.coding() == wanted);
        Some(chosen.unwrap_or(identity))
    }

    pub(super) fn has_version(&self, version: &str) -> bool {
        self.version.get().is_some_and(|known| known == version)
    }

    /// Keeps the version, which was found while this held.
    pub(super) fn keep_version(&self, version: String) {
        // As it holds, any other one that was kept is the same.
        let _ = self.version.set(version);
    }
}

impl FormContent {
    fn about(&self) -> &About {
        match self {
            Self::Memory(kept) => &kept.about,
            Self::Disk(said) => &said.about,
        }
    }
}

impl Form {
    fn coding(&self) -> Option<Coding> {
        self.content.about().coding
    }

    /// What is sent, where the file is as it was.
    pub(super) fn open(&self) -> io::Result<What> {
        if let FormContent::Memory(kept) = &self.content {
            return Ok(What::Kept(Arc::clone(kept)));
        }
        let (file, metadata) = open_regular(&self.path)?;
        let is_same = Stat::of(&metadata) == self.stamp;
        if is_same { Ok(self.of_open(file)) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// What is sent of the file, which is open.
    pub(super) fn of_open(&self, file: File) -> What {
        let said = match &self.content {
            FormContent::Memory(kept) => return What::Kept(Arc::clone(kept)),
            FormContent::Disk(said) => said,
        };
        let (file, part) = (Arc::new(file), 0..self.stamp.size());
        What::Disk(Resource {
            content: Content::Disk(FilePart { file, part, is_local: said.is_local }),
            about: said.about.clone(),
            kept: None,
        })
    }
}

impl Proof {
    /// That the file `named`, below `root`, is found as it was `before` it was looked for. Each of
    /// `files` must have been settled.
    pub(super) fn new(before: Way, files: Vec<(PathBuf, Stat)>, now: SystemTime) -> Option<Self> {
        let mut between = before.0;
        let parent = between.pop()?;
        if !parent.1.is_settled(now) {
            return None;
        }
        // That the served directory itself is the same one is the reload's to see.
        if !between.is_empty() {
            between.remove(0);
        }
        let mut unchanged = vec![parent];
        unchanged.extend(files);
        Some(Self { between, unchanged })
    }

    fn holds(&self) -> bool {
        let now = |path: &Path| path.symlink_metadata().ok().map(|now| Stat::of(&now));
        self.unchanged.iter().all(|(path, was)| now(path) == Some(*was))
            && self
                .between
                .iter()
                .all(|(path, was)| now(path).is_some_and(|now| now.is_same_file(was)))
    }
}

/// The directories from the served one to a file, as they were before it was looked for.
pub(super) struct Way(Vec<(PathBuf, Stat)>);

impl Way {
    /// The way from `root` to the directory `to`, which is that or below it; nothing where a part
    /// of it is not there.
    pub(super) fn of(root: &Path, to: &Path) -> Option<Self> {
        let inner = to.strip_prefix(root).ok()?;
        let mut path = root.to_path_buf();
        let stat = |path: &Path| path.symlink_metadata().ok().map(|now| Stat::of(&now));
        let mut all = vec![(path.clone(), stat(&path)?)];
        for name in inner {
            path.push(name);
            all.push((path.clone(), stat(&path)?));
        }
        Some(Self(all))
    }
}
