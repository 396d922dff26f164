//! Warnings: values that stand for something else than what they look like.

use super::model::RouteConfig;
use crate::diagnostic::{At, Report};

/// A shorthand that was meant as a body or a redirect.
pub(super) fn shorthand(_report: &mut Report, _text: &At<String>) {}

/// A body with braces.
pub(super) fn route(_report: &mut Report, _route: &RouteConfig) {}
