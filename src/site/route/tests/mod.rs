//! The promises of routes, each a sentence.

mod address;
mod body;
mod oracle;
mod pattern;
mod query;
mod router;
mod rules;

use super::{PathText, Pattern, Router, RouterBuilder};
use crate::diagnostic::{At, SourceFile, Span};

/// A value in a file of its own, which holds nothing else.
pub(crate) fn at<T: ToString>(value: T) -> At<T> {
    let text = value.to_string();
    let end = text.len();
    At::new(value, Span::new(&SourceFile::new("routes.yaml", text), 0..end))
}

pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::parse(&at(text.to_owned())).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A builder with the routes of `list`, `[METHOD ]path` each; their targets are their places in it.
pub(crate) fn builder(list: &[&str]) -> RouterBuilder {
    let mut builder = RouterBuilder::default();
    for (target, typed) in (0..).zip(list) {
        let (method, path) = typed.split_once(' ').unwrap_or(("GET", typed));
        builder.add(method, &pattern(path), target, &at((*typed).to_owned()).span);
    }
    builder
}

/// The canonical form of a path, as it stands in keys.
pub(crate) fn canonical(path: &PathText) -> String {
    let mut out = String::new();
    path.push_canonical(&mut out);
    out
}

pub(crate) fn router(list: &[&str]) -> Router {
    let builder = builder(list);
    let report = builder.check();
    assert!(report.is_empty(), "{report:?}");
    builder.build()
}
