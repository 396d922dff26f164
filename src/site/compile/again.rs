//! What one compilation leaves to the next: an edit compiles the routes whose inputs it changed.
//!
//! A route is decided by its own text, by the rest of the configuration (`Config::frame`), by the
//! site's values and templates, and by the files that it asks for. The first is the same where it
//! is the same [`RouteConfig`]; the last are asked for again. Where any of the others changed, all
//! is compiled anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::route::Router;
use super::super::template::{Addresses, TemplateSet};
use super::super::{Middle, Route};
use super::analysis::{Analyses, Analysis};
use super::values::Values;
use crate::config::{FileContent, FileError, Files, RouteConfig};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::fingerprint::Fingerprint;

/// The last site that was compiled, and what it was compiled from.
#[derive(Debug)]
pub(crate) struct Before {
    pub(super) frame: Vec<Arc<SourceFile>>,
    /// The templates' files, by name, with the digests of what was in them.
    pub(super) files: Vec<(String, Fingerprint)>,
    pub(super) templates: Arc<TemplateSet>,
    pub(super) values: Arc<Values>,
    /// What the site's values asked for.
    pub(super) asked: Vec<Asked>,
    pub(super) addresses: Addresses,
    pub(super) analyses: Analyses,
    pub(super) router: Arc<Router>,
    /// In their order.
    pub(super) routes: Vec<Arc<Made>>,
}

/// A route, and what it was made from.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) typed: Arc<RouteConfig>,
    pub(super) route: Arc<Route>,
    pub(super) analysis: Arc<Analysis>,
    pub(super) asked: Vec<Asked>,
    /// What is odd about it alone: found by the first pass.
    pub(super) drafted: Vec<Diagnostic>,
    /// Found by the second.
    pub(super) finished: Vec<Diagnostic>,
}

impl Before {
    /// Of each route as typed, what was made before.
    pub(super) fn of_each(&self, typed: &[Arc<RouteConfig>]) -> Vec<Option<&Arc<Made>>> {
        let is_same = |made: &Arc<Made>, typed: &Arc<RouteConfig>| Arc::ptr_eq(&made.typed, typed);
        let middle = Middle::of(&self.routes, typed, is_same);
        let moved = self.routes[middle.old.clone()].iter();
        let moved: foldhash::HashMap<_, _> =
            moved.map(|made| (Arc::as_ptr(&made.typed), made)).collect();
        let made = |(at, typed)| match middle.in_old(at) {
            Some(at) => self.routes.get(at),
            None => moved.get(&Arc::as_ptr(typed)).copied(),
        };
        typed.iter().enumerate().map(made).collect()
    }

    /// Whether the rest of the configuration is the same.
    pub(super) fn has_frame(&self, frame: &[Arc<SourceFile>]) -> bool {
        let mut pairs = self.frame.iter().zip(frame);
        self.frame.len() == frame.len() && pairs.all(|(one, two)| Arc::ptr_eq(one, two))
    }

    /// Whether requests come to the same routes, with the same names and keys.
    pub(super) fn has_addresses(&self, routes: &[Arc<Route>]) -> bool {
        let is_same = |(made, route): (&Arc<Made>, &Arc<Route>)| {
            let before = &made.route;
            Arc::ptr_eq(before, route)
                || before.method == route.method
                    && before.pattern.as_str() == route.pattern.as_str()
                    && before.name == route.name
                    && before.key == route.key
        };
        self.routes.len() == routes.len() && self.routes.iter().zip(routes).all(is_same)
    }
}

/// A question to the files, and a digest of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    question: Question,
    answer: Fingerprint,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    Read(String, u64),
    Glob(String),
    Digest(String),
    Directory(String),
    Real(String),
}

/// The site's files, with a note of what is asked.
pub(super) struct Asking<'f> {
    files: &'f mut dyn Files,
    asked: Vec<Asked>,
}

impl<'f> Asking<'f> {
    pub(super) fn new(files: &'f mut dyn Files) -> Self {
        Self { files, asked: Vec::new() }
    }

    /// What was asked since this was called last.
    pub(super) fn take(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.asked)
    }

    /// Asks the same again; whether the answers are the same.
    pub(super) fn is_as_before(&mut self, asked: &[Asked]) -> bool {
        for Asked { question, .. } in asked {
            // The answers are in the note.
            match question {
                Question::Read(path, bound) => _ = self.read(path, *bound),
                Question::Glob(pattern) => _ = self.glob(pattern),
                Question::Digest(path) => _ = self.digest(path),
                Question::Directory(path) => _ = self.directory(path),
                Question::Real(path) => _ = self.real(path),
            }
        }
        self.take() == asked
    }

    fn note<T, D: std::fmt::Debug>(
        &mut self,
        question: Question,
        answer: Result<T, FileError>,
        digest: impl FnOnce(&T) -> D,
    ) -> Result<T, FileError> {
        let shown = format!("{:?}", answer.as_ref().map(digest));
        self.asked.push(Asked { question, answer: Fingerprint::of(shown.as_bytes()) });
        answer
    }
}

impl Files for Asking<'_> {
    fn root(&self) -> Option<&Path> {
        self.files.root()
    }

    fn read(&mut self, path: &str, bound: u64) -> Result<FileContent, FileError> {
        let answer = self.files.read(path, bound);
        let digest = |file: &FileContent| (file.digest, file.modified);
        self.note(Question::Read(path.to_owned(), bound), answer, digest)
    }

    fn glob(&mut self, pattern: &str) -> Result<Vec<String>, FileError> {
        let answer = self.files.glob(pattern);
        self.note(Question::Glob(pattern.to_owned()), answer, Clone::clone)
    }

    fn digest(&mut self, path: &str) -> Result<Fingerprint, FileError> {
        let answer = self.files.digest(path);
        self.note(Question::Digest(path.to_owned()), answer, |digest| *digest)
    }

    fn directory(&mut self, path: &str) -> Result<PathBuf, FileError> {
        let answer = self.files.directory(path);
        self.note(Question::Directory(path.to_owned()), answer, Clone::clone)
    }

    fn names(&mut self, path: &str) -> Vec<String> {
        self.files.names(path)
    }

    fn real(&mut self, path: &str) -> Result<PathBuf, FileError> {
        let answer = self.files.real(path);
        self.note(Question::Real(path.to_owned()), answer, Clone::clone)
    }
}
