//! Known values that a helper can make nothing of, or that equal nothing it compares them with.
//!
//! Only what is certain is reported, and all of it is a warning: a helper that can make nothing of
//! a value gives nothing. What a value says is told only if it is of a loaded file: those of the
//! main file may be from the environment.

use serde_json::Value;

use super::functions::{self, Wanted};
use super::known::{KnownContext, below, child, through_partials};
use super::reads::{Reads, Step, Want};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

/// How many values a way is followed through.
const VALUES: usize = 1_000;
/// Texts that are booleans to YAML 1.1 and to people, and none to larder.
const WORDS: &[&str] = &["yes", "no", "on", "off", "y", "n"];

/// Reports dates that are none, and comparisons that can never hold; one a place.
pub(crate) fn check_fit(reads: &Reads, known: &KnownContext) -> Report {
    let mut said: Vec<&Span> = Vec::new();
    let mut report = Report::default();
    for want in &reads.wants {
        if said.contains(&&want.place) {
            continue;
        }
        if let Some(found) = check(want, known) {
            report.push(through_partials(found, &want.via));
            said.push(&want.place);
        }
    }
    report
}

/// A value, and the name of the file that it is from.
type Found<'v> = (&'v Value, Option<&'v str>);

fn check(want: &Want, known: &KnownContext) -> Option<Diagnostic> {
    let Step::Name(root) = want.path.first()? else { return None };
    if known.open.contains(root) {
        return None;
    }
    let values = follow(want, known.values.get(root)?);
    let is_loaded = known.loaded.contains(root);
    match &want.wanted {
        Wanted::Number => None,
        Wanted::Date => no_date(want, &values, is_loaded),
        Wanted::Equal(Value::Bool(flag)) => {
            no_boolean(want, &values, *flag, is_loaded).or_else(|| list(want, &values))
        }
        Wanted::Equal(_) => list(want, &values),
    }
}

/// The values at the end of a way, but those that are absent.
fn follow<'v>(want: &Want, root: &'v Value) -> Vec<Found<'v>> {
    let mut values: Vec<Found<'v>> = vec![(root, None)];
    for step in want.path.iter().skip(1) {
        values = match step {
            Step::Name(name) => values
                .into_iter()
                .filter_map(|(value, file)| Some((child(value, name)?, file)))
                .collect(),
            Step::Any | Step::All => values
                .into_iter()
                .flat_map(|(value, file)| {
                    let slug = |item: &'v Value| item.get("slug").and_then(Value::as_str);
                    let items = below(value).into_iter();
                    items.map(move |item| (item, file.or_else(|| slug(item))))
                })
                .take(VALUES)
                .collect(),
        };
    }
    values.retain(|(value, _)| !value.is_null());
    values
}

fn no_date(want: &Want, values: &[Found<'_>], is_loaded: bool) -> Option<Diagnostic> {
    let is_wrong = |(value, _): &&Found<'_>| match value {
        Value::String(text) => !text.is_empty() && !functions::is_date(value),
        Value::Number(_) => false,
        _ => true,
    };
    let (value, file) = values.iter().find(is_wrong)?;
    let message = format!("{} is no date", described(want, value, *file, is_loaded));
    let help = "a date is written `2026-11-27` or `2026-11-27T08:00:00Z`, or is a number of \
                seconds since 1970: of anything else `date` makes nothing";
    Some(Diagnostic::new(Code::BadDate, message, &want.place).help(help))
}

/// A word that is meant as a boolean, compared with one.
fn no_boolean(
    want: &Want,
    values: &[Found<'_>],
    flag: bool,
    is_loaded: bool,
) -> Option<Diagnostic> {
    let is_word = |(value, _): &&Found<'_>| {
        value.as_str().is_some_and(|text| WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
    };
    let (value, file) = values.iter().find(is_word)?;
    let message = format!(
        "{} is a text, and never equal to `{flag}`",
        described(want, value, *file, is_loaded)
    );
    let help = "booleans are `true` and `false`, without quotes";
    Some(Diagnostic::new(Code::NeverEqual, message, &want.place).help(help))
}

/// A list that is compared with one value.
fn list(want: &Want, values: &[Found<'_>]) -> Option<Diagnostic> {
    let is_list = |(value, _): &Found<'_>| value.is_array();
    if values.is_empty() || !values.iter().all(is_list) {
        return None;
    }
    let name = last_name(want);
    let message = format!("`{name}` is a list, and a list never equals one value");
    let help = format!("whether a list has a value is `{{{{#if (contains {name} \"…\")}}}}`");
    Some(Diagnostic::new(Code::NeverEqual, message, &want.place).help(help))
}

fn last_name(want: &Want) -> &str {
    let names = want.path.iter().rev().filter_map(|step| match step {
        Step::Name(name) => Some(name.as_str()),
        Step::Any | Step::All => None,
    });
    { names }.next().unwrap_or_default()
}

/// The value with its name, and where it is from.
fn described(want: &Want, value: &Value, file: Option<&str>, is_loaded: bool) -> String {
    let name = last_name(want);
    match (value, file) {
        (Value::String(text), _) if is_loaded && text.chars().count() <= 40 => match file {
            Some(file) => format!("`{name}: {text}` of `{file}`"),
            None => format!("`{name}: {text}`"),
        },
        (_, Some(file)) => format!("`{name}` of `{file}`"),
        _ => format!("`{name}`"),
    }
}
