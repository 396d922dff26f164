//! A value whose strings are templates.

use serde_json::Value;

use super::bounds::{Bounds, RenderError};
use super::reads::Reads;
use super::set::TemplateSet;
use crate::config::Node;
use crate::diagnostic::Report;

/// A value whose strings are templates: the `json` of a route.
#[derive(Clone, Debug)]
pub struct JsonTemplate {
    value: Value,
}

impl JsonTemplate {
    /// Compiles the strings of `node` into `set`.
    #[must_use]
    pub fn compile(node: &Node, _set: &mut TemplateSet) -> (Self, Report) {
        (Self { value: node.to_json() }, Report::default())
    }

    /// What all strings together may read.
    #[must_use]
    pub fn reads(&self, _set: &TemplateSet) -> Reads {
        Reads::default()
    }

    /// Makes the value.
    ///
    /// # Errors
    /// Where a string cannot be rendered.
    pub fn render(
        &self,
        _set: &TemplateSet,
        _context: &Value,
        _bounds: &Bounds,
    ) -> Result<Value, RenderError> {
        Ok(self.value.clone())
    }
}
