//! YAML → a value, within budgets, and the parser's reasons in words.

use std::sync::Arc;

use serde_json::Value;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, UserMessageFormatter};

use super::failed;
use super::loaded::Loaded;
use crate::diagnostic::{Diagnostic, SourceFile, Span};

/// Mappings and lists inside each other.
const MAX_DEPTH: usize = 64;
/// Mappings, lists and scalars of one file.
const MAX_NODES: usize = 2_000_000;
/// Parser events that all aliases together may repeat.
const MAX_ALIASED_EVENTS: usize = 500_000;
/// What is said of a file beyond these.
const TOO_MUCH: &str = "this is deeper, larger or repeats more than a file may";

/// The value of `text`, which begins `lines_before` lines into `source`. No document is `null`.
pub(super) fn parse(
    source: &Arc<SourceFile>,
    text: &str,
    lines_before: usize,
) -> Result<Value, Diagnostic> {
    let parsed = serde_yaml::from_str_with_options::<Option<Loaded>>(text, options());
    match parsed {
        Ok(loaded) => Ok(loaded.map_or(Value::Null, |Loaded(value)| value)),
        Err(error) => Err(in_words(source, &error, lines_before)),
    }
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 2,
            max_documents: 2,
            max_recorded_anchor_events: MAX_ALIASED_EVENTS,
            flow_nesting_limit: MAX_DEPTH,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_EVENTS,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

fn in_words(source: &Arc<SourceFile>, error: &Error, lines_before: usize) -> Diagnostic {
    let error = error.without_snippet();
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let at = error.location().filter(|location| location.line() > 0);
    let (line, column) = at.map_or((1, 1), |at| (number(at.line()), number(at.column())));
    let span = Span::at(source, line + lines_before, column.max(1), 1);
    let words = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return failed(format!("the key `{key}` is here twice"), &span);
        }
        Error::NonFiniteFloat { value, .. } => {
            let message = format!("`{value}` is a number that JSON does not have");
            return failed(message, &span).help(format!("put quotes around it: \"{value}\""));
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            return failed(TOO_MUCH, &span);
        }
        Error::MultipleDocuments { .. } => "there is a second document".to_owned(),
        Error::NullIntoString { .. } => "a key is empty".to_owned(),
        Error::UnknownAnchor { .. } => "there is no anchor of this name".to_owned(),
        Error::Message { msg, .. } => return failed(msg.clone(), &span),
        other => {
            let words = other.render_with_formatter(&UserMessageFormatter);
            if words.contains("limits breached") || words.contains("recursion limit") {
                return failed(TOO_MUCH, &span);
            }
            let words = words.lines().next().unwrap_or_default();
            words.split(" at line ").next().unwrap_or_default().to_owned()
        }
    };
    failed(format!("this is not YAML: {words}"), &span)
}
