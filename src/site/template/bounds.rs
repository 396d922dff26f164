//! What a render may cost, and how it fails.

use std::fmt;
use std::time::Duration;

/// What one render may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of output; 8 MiB.
    pub bytes: usize,
    /// How long it may run; 2 s.
    pub time: Duration,
    /// How deep partials may be inside each other; 32.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 8 << 20, time: Duration::from_secs(2), depth: 32 }
    }
}

/// A render that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// The template that it failed in, as a person knows it: `templates/hello.html.hbs`.
    pub template: String,
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The column, from 1; 0 where it is not known.
    pub column: usize,
    /// What went wrong, one sentence without a full stop.
    pub message: String,
    /// Whether it was that [`Bounds::time`] had passed.
    pub out_of_time: bool,
}

impl fmt::Display for RenderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { template, line, column, message, .. } = self;
        match line {
            0 => write!(out, "{template}: {message}"),
            _ => write!(out, "{template}:{line}:{column}: {message}"),
        }
    }
}

impl std::error::Error for RenderError {}
