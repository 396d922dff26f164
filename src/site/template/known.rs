//! Reads that nothing provides.
//!
//! Only what is certain is reported: a name that is in none of the values that the read can meet.
//! Not reported: below what is open (the request, values from elsewhere), below null, in lists and
//! mappings that are empty, where one of several possible values has the name, and where the
//! template says itself what to do without (`default`, `lookup`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::reads::{Read, Reads, Step};
use crate::diagnostic::{Code, Diagnostic, Report, nearest};

/// How many values a read is followed through.
const VALUES: usize = 1_000;
/// How many names a message lists.
const LISTED: usize = 12;

/// What a page's context is known to hold before any request.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownContext {
    /// Root names whose values are known.
    pub values: BTreeMap<String, Arc<Value>>,
    /// Root names that may hold anything: `query`, `headers`, `cookies`, loads from elsewhere.
    pub open: BTreeSet<String>,
}

/// Reports the reads that nothing provides, each name once for each place.
pub(crate) fn check_known(reads: &Reads, known: &KnownContext) -> Report {
    reads.list.iter().filter(|read| !read.optional).filter_map(|read| check(read, known)).collect()
}

fn check(read: &Read, known: &KnownContext) -> Option<Diagnostic> {
    let (Step::Name(root), rest) = read.path.split_first()? else { return None };
    if known.open.contains(root) {
        return None;
    }
    let Some(value) = known.values.get(root) else {
        let words = known.values.keys().chain(&known.open).map(String::as_str);
        let help = nearest(root, words).map(|word| format!("did you mean `{word}`?"));
        return Some(missing(read, root, help));
    };
    let mut values: Vec<&Value> = vec![value];
    let mut way = root.clone();
    for step in rest {
        let Step::Name(name) = step else {
            if *step == Step::All {
                return None;
            }
            values = values.into_iter().flat_map(below).take(VALUES).collect();
            way.push_str(".*");
            continue;
        };
        let next: Vec<_> = values.iter().filter_map(|value| child(value, name)).collect();
        if next.is_empty() {
            let certain = !values.is_empty() && !values.iter().any(|value| value.is_null());
            return certain.then(|| missing(read, name, Some(provided(&way, name, &values))));
        }
        values = next;
        way = format!("{way}.{name}");
    }
    None
}

fn below(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        Value::Object(map) => map.get(name),
        _ => None,
    }
}

fn missing(read: &Read, name: &str, help: Option<String>) -> Diagnostic {
    let written = read.place.text();
    let braces =
        if written.contains('{') { written.to_owned() } else { format!("{{{{{written}}}}}") };
    let message = match read.path.as_slice() {
        [Step::Name(only)] if only == written => format!("nothing provides `{name}`"),
        _ => format!("`{braces}`: nothing provides `{name}`"),
    };
    let mut found = Diagnostic::new(Code::UnknownVariable, message, &read.place);
    for via in &read.via {
        found = found.label(via, "through this partial");
    }
    found.help = help;
    found
}

/// What there is instead.
fn provided(way: &str, name: &str, values: &[&Value]) -> String {
    let maps = values.iter().filter_map(|value| value.as_object());
    let names: BTreeSet<&str> = maps.flat_map(|map| map.keys().map(String::as_str)).collect();
    let thing = match way.strip_suffix(".*") {
        Some(list) => format!("an item of `{list}`"),
        None => format!("`{way}`"),
    };
    if names.is_empty() {
        return match values.first() {
            Some(Value::Array(_)) => format!("{thing} is a list: `{{{{#each {way}}}}}`"),
            Some(Value::Object(_)) => format!("{thing} has no names"),
            _ => format!("{thing} is a single value"),
        };
    }
    let listed: Vec<&str> = names.iter().copied().take(LISTED).collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    let has = format!("{thing} has: {}{more}", listed.join(", "));
    match nearest(name, names) {
        Some(word) => format!("did you mean `{word}`? {has}"),
        None => has,
    }
}
