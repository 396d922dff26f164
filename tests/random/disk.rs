//! Files on the disk, and the ways in which people save them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::site::Tree;

/// How an edit reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Save {
    /// Written beside the file, then renamed over it.
    Renamed,
    /// Emptied and written again.
    InPlace,
    /// Deleted, then written.
    DeletedFirst,
}

/// How a site's directory is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Of files.
    Plain,
    /// Of links through one that an edit swaps, as Kubernetes publishes a config map.
    Linked,
}

/// A site's directory.
pub(crate) struct Disk {
    dir: tempfile::TempDir,
    layout: Layout,
    now: Tree,
    published: usize,
}

impl Disk {
    /// An empty one.
    pub(crate) fn new(layout: Layout) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(dir.path().join("site")).expect("a directory");
        Self { dir, layout, now: Tree::new(), published: 0 }
    }

    /// Where the site is.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("site")
    }

    /// Makes the files what `next` says.
    pub(crate) fn save(&mut self, next: &Tree, how: Save) {
        let done = match self.layout {
            Layout::Plain => self.save_each(next, how),
            Layout::Linked => self.publish(next),
        };
        done.expect("saving the site");
        self.now = next.clone();
    }

    fn save_each(&self, next: &Tree, how: Save) -> io::Result<()> {
        let root = self.root();
        for (path, text) in next {
            if self.now.get(path) != Some(text) {
                save(&root.join(path), text, how)?;
            }
        }
        for path in self.now.keys().filter(|path| !next.contains_key(*path)) {
            fs::remove_file(root.join(path))?;
        }
        Ok(())
    }

    fn publish(&mut self, next: &Tree) -> io::Result<()> {
        let root = self.root();
        self.published += 1;
        let version = format!("..v{}", self.published);
        for (path, text) in next {
            save(&root.join(&version).join(path), text, Save::InPlace)?;
        }
        for name in next.keys().filter_map(|path| path.split('/').next()) {
            if !root.join(name).is_symlink() {
                symlink(format!("..data/{name}"), root.join(name))?;
            }
        }
        symlink(&version, root.join("..data_tmp"))?;
        fs::rename(root.join("..data_tmp"), root.join("..data"))?;
        if self.published > 1 {
            fs::remove_dir_all(root.join(format!("..v{}", self.published - 1)))?;
        }
        Ok(())
    }
}

fn save(path: &Path, text: &str, how: Save) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("a parent"))?;
    match how {
        Save::Renamed => {
            let beside = path.with_extension("new~");
            fs::write(&beside, text)?;
            fs::rename(&beside, path)
        }
        Save::InPlace => fs::write(path, text),
        Save::DeletedFirst => {
            if path.exists() {
                fs::remove_file(path)?;
            }
            fs::write(path, text)
        }
    }
}
