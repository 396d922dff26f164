//! A site in a directory of its own, and the ways in which people edit one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

/// A template that fails when the page is made: it prints more than a page may be, with
/// [`too_much`] among the site's values.
pub(crate) const FAILS: &str = "{{#each times}}{{@root.much}}{{/each}}";

/// `data` for [`FAILS`].
pub(crate) fn too_much() -> String {
    format!("data: {{ much: {}, times: {:?} }}\n", "x".repeat(100_000), [0; 100])
}

/// A site's directory; gone when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Site {
    dir: Arc<TempDir>,
}

impl Site {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { dir: Arc::new(tempfile::tempdir().expect("a temporary directory")) }
    }

    /// One whose routes.yaml is `text`.
    pub(crate) fn with(text: &str) -> Self {
        Self::new().file("routes.yaml", text)
    }

    /// A copy of the demo site.
    pub(crate) fn demo() -> Self {
        let (site, root) = (Self::new(), Path::new(env!("CARGO_MANIFEST_DIR")));
        fs::copy(root.join("routes.yaml"), site.path("routes.yaml")).expect("the demo site");
        for dir in ["templates", "data", "public"] {
            copy_tree(&root.join(dir), &site.path(dir));
        }
        site
    }

    /// A copy of one of the examples.
    pub(crate) fn example(name: &str) -> Self {
        let site = Self::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        copy_tree(&examples.join(name), &site.path(""));
        site
    }

    /// The same site with one more file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.edit_in_place(path, text);
        self
    }

    /// The whole path of one of its files.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// What one of its files holds now.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("a file of the site")
    }

    /// Saves as most editors do: the new text beside the file, then renamed over it.
    pub(crate) fn edit(&self, path: &str, text: &str) {
        let beside = self.path(&format!("{path}.new~"));
        fs::write(&beside, text).expect("writing beside the file");
        fs::rename(&beside, self.path(path)).expect("renaming over the file");
    }

    /// Saves with `from` turned into `to`; fails where there is no `from`.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} holds no {from:?}");
        self.edit(path, &text.replace(from, to));
    }

    /// Saves by emptying the file and writing it again.
    pub(crate) fn edit_in_place(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("making directories");
        fs::write(path, text).expect("writing in place");
    }

    /// Deletes a file.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("deleting a file");
    }

    /// Sets a file's times to now and leaves its content.
    pub(crate) fn touch(&self, path: &str) {
        let file = fs::File::options().append(true).open(self.path(path)).expect("a file");
        file.set_modified(std::time::SystemTime::now()).expect("setting its time");
    }

    /// Publishes `files` as Kubernetes does a config map: `..data` is a link to a directory, each
    /// file a link through it, and an edit swaps `..data` alone.
    pub(crate) fn publish(&self, version: &str, files: &[(&str, &str)]) {
        let (dir, data) = (format!("..{version}"), self.path("..data"));
        for (name, text) in files {
            self.edit_in_place(&format!("{dir}/{name}"), text);
            if !self.path(name).is_symlink() {
                symlink(format!("..data/{name}"), self.path(name)).expect("a link to the file");
            }
        }
        symlink(&dir, self.path("..data_tmp")).expect("a link to the version");
        let before = fs::read_link(&data).ok();
        fs::rename(self.path("..data_tmp"), &data).expect("swapping ..data");
        if let Some(before) = before {
            fs::remove_dir_all(self.dir.path().join(before)).expect("deleting the old version");
        }
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("making a directory");
    for entry in fs::read_dir(from).expect("reading a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copying a file");
        }
    }
}
