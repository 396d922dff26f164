//! Reads that nothing provides.
//!
//! Only what is certain is reported: a name that is in none of the values that the read can meet.
//! Not reported: below what is open (the request, values from elsewhere), below null, in lists and
//! mappings that are empty, and where one of several possible values has the name. Where the
//! template says itself what to do without (`if`, `default`, `lookup`), a name is reported only if
//! it looks misspelt, or is one of the page's own, which is out of reach inside of a block; a field
//! that no item of a loaded list has may be one that none has any more. All those are warnings.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::functions;
use super::reads::{How, Read, Reads, Step};
use crate::diagnostic::{Code, Diagnostic, Report, SourceFile, Span, did_you_mean, nearest};

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
    /// Root names whose values are of files, so that an edit of those may take a field away.
    pub loaded: BTreeSet<String>,
}

/// What is said of a read.
enum Said {
    /// It finds something, or may.
    Found,
    /// It finds nothing, and may well.
    Nothing,
    /// Nothing provides what the first so many steps lead to.
    Absent(usize, Diagnostic),
    /// The same, said only where no other read at the place finds something: a partial may be
    /// meant for one of its callers alone.
    Doubtful(usize, Diagnostic),
}

/// Reports the reads that nothing provides: at each place the errors, or else one warning, and each
/// name once, where it is written.
pub(crate) fn check_known<'r>(reads: &'r Reads, known: &KnownContext) -> Report {
    let fields = reads.fields.iter().map(|read| (read, Form::Field));
    let all = fields.chain(reads.list.iter().map(|read| (read, Form::Path)));
    let all: Vec<_> = all.map(|(read, form)| (read, check(read, form, known))).collect();
    let finding = all.iter().filter(|(_, said)| matches!(said, Said::Found));
    let places = |read: &'r Read| read.also.iter().map(|(at, _)| at).chain([&read.place]);
    let finding: HashSet<_> = finding.flat_map(|(read, _)| places(read)).map(spot).collect();
    let finds = |place: &Span| finding.contains(&spot(place));
    let found = all.iter().filter_map(|(read, said)| match said {
        Said::Found | Said::Nothing => None,
        Said::Absent(count, found) => Some((*read, *count, everywhere(read, *count, found, None))),
        Said::Doubtful(count, found) => (!finds(&read.place))
            .then(|| (*read, *count, everywhere(read, *count, found, Some(&finds)))),
    });
    let (errors, warnings): (Vec<_>, Vec<_>) = found.partition(|(.., found)| found.is_error());
    let found: Vec<_> = errors.into_iter().chain(warnings).collect();
    let named = found.iter().filter(|(read, count, _)| names_it(read, *count));
    let named: BTreeSet<_> = named.map(|(read, count, _)| read.path.get(..*count)).collect();
    let mut said = HashSet::new();
    let mut report = Report::default();
    for (read, count, diagnostic) in &found {
        // What is below a name that is absent is said with the name.
        if !names_it(read, *count) && named.contains(&read.path.get(..*count)) {
            continue;
        }
        if diagnostic.is_error() || !said.contains(&spot(&read.place)) {
            let is_bare = reads.unquoted.contains(&read.place);
            report.push(if is_bare { quotes(diagnostic) } else { diagnostic.clone() });
            said.insert(spot(&read.place));
        }
    }
    report
}

/// A place in a form that sets take; the texts that are checked together are shared.
fn spot(place: &Span) -> (*const SourceFile, usize, usize) {
    (Arc::as_ptr(place.file()), place.range().start, place.range().end)
}

/// With the other places where it is read so, but those where something is found.
fn everywhere(
    read: &Read,
    count: usize,
    found: &Diagnostic,
    finds: Option<&dyn Fn(&Span) -> bool>,
) -> Diagnostic {
    let is_alike = |lacks: usize| (count <= lacks) == (count <= read.lacks);
    let also = read
        .also
        .iter()
        .filter(|(at, lacks)| is_alike(*lacks) && !finds.is_some_and(|finds| finds(at)));
    also.fold(found.clone(), |found, (at, _)| found.label(at, "here too"))
}

/// Whether the last of the first so many steps of a read is named where it is written.
fn names_it(read: &Read, count: usize) -> bool {
    let Some(Step::Name(name)) = count.checked_sub(1).and_then(|at| read.path.get(at)) else {
        return false;
    };
    let written = read.place.text();
    written.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(|word| word == name)
}

fn quotes(found: &Diagnostic) -> Diagnostic {
    let name = found.place().map(Span::text).unwrap_or_default();
    found.clone().help(format!("the name of a field stands in quotes: `\"{name}\"`"))
}

/// How a read is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Path,
    /// The name of a field, in quotes.
    Field,
}

fn check(read: &Read, form: Form, known: &KnownContext) -> Said {
    let Some((Step::Name(root), rest)) = read.path.split_first() else { return Said::Found };
    if known.open.contains(root) {
        return Said::Found;
    }
    let Some(value) = known.values.get(root) else {
        return unknown_root(read, root, form, known)
            .map_or(Said::Nothing, |found| Said::Absent(1, found));
    };
    let mut values: Vec<&Value> = vec![value];
    let mut around: Vec<&Value> = Vec::new();
    let (mut way, mut is_item) = (root.clone(), false);
    for (index, step) in (1..).zip(rest) {
        is_item |= values.iter().any(|value| value.is_array());
        let Step::Name(name) = step else {
            if *step == Step::All {
                return Said::Found;
            }
            around = std::mem::take(&mut values);
            values = around.iter().copied().flat_map(below).take(VALUES).collect();
            way.push_str(".*");
            continue;
        };
        let next: Vec<_> = values.iter().filter_map(|value| child(value, name)).collect();
        if next.is_empty() {
            let certain = !values.is_empty() && !values.iter().any(|value| value.is_null());
            let is_loaded = is_item && known.loaded.contains(root);
            let absent = Absent {
                read,
                index,
                name,
                is_loaded,
                way: &way,
                values: &values,
                around: &around,
            };
            return if certain { absent.said(form, known) } else { Said::Found };
        }
        values = next;
        around.clear();
        way = format!("{way}.{name}");
    }
    Said::Found
}

fn unknown_root(read: &Read, root: &str, form: Form, known: &KnownContext) -> Option<Diagnostic> {
    let words = known.values.keys().chain(&known.open).map(String::as_str);
    let near = did_you_mean(root, words);
    if form == Form::Field {
        return None;
    }
    if read.lacks > 0 {
        return near.map(|near| missing(read, root, Some(near)).mild());
    }
    let helper = functions::find(root).map(|function| format!("write `{}`", function.usage()));
    // It is there, but not here.
    let body = (root == "body").then(|| "a GET has none: write `POST /x: …` for one".to_owned());
    Some(missing(read, root, helper.or(body).or(near)))
}

/// A name that none of some values has.
struct Absent<'a> {
    read: &'a Read,
    /// Which step of the read it is.
    index: usize,
    name: &'a str,
    /// Whether the values are of a loaded list.
    is_loaded: bool,
    way: &'a str,
    values: &'a [&'a Value],
    /// Those that they are the items of, where the step before went to any item.
    around: &'a [&'a Value],
}

impl Absent<'_> {
    fn said(&self, form: Form, known: &KnownContext) -> Said {
        let Self { read, index, name, is_loaded, way, values, .. } = *self;
        let count = index + 1;
        if form == Form::Field {
            let help = provided(read, way, name, values);
            return Said::Doubtful(count, self.nowhere().help(help));
        }
        let own = self.own_of_page(known);
        let is_own = own.is_some();
        let own = own.or_else(|| self.own_of_mapping());
        let help = own.unwrap_or_else(|| provided(read, way, name, values));
        // Of a list that is no value but a failure, wherever it is read.
        if name.parse::<usize>().is_err() && values.iter().all(|value| value.is_array()) {
            return Said::Absent(count, missing(read, name, Some(help)));
        }
        if index < read.lacks {
            let is_misspelt = !is_loaded && help.starts_with("did you mean");
            return match (is_own, is_misspelt) {
                (true, _) => Said::Doubtful(count, self.nowhere().help(help)),
                (_, true) => Said::Absent(count, missing(read, name, Some(help)).mild()),
                _ => Said::Nothing,
            };
        }
        if !is_loaded {
            return Said::Absent(count, missing(read, name, Some(help)));
        }
        let is_shown = matches!(read.how, How::Value | How::Keys);
        let found = || Said::Absent(count, self.nowhere().help(help));
        if is_shown { found() } else { Said::Nothing }
    }

    fn nowhere(&self) -> Diagnostic {
        let Self { read, name, way, .. } = *self;
        let message = match way.strip_suffix(".*") {
            Some(list) => format!("no item of `{list}` has `{name}`"),
            None => format!("`{way}` has no `{name}`"),
        };
        through(Diagnostic::new(Code::AbsentEverywhere, message, &read.place), read)
    }

    /// Where an `each` goes over the values of a mapping that has the name itself.
    fn own_of_mapping(&self) -> Option<String> {
        let way = self.way.strip_suffix(".*").filter(|way| !way.contains('*'))?;
        let has_it =
            |value: &Value| value.as_object().is_some_and(|map| map.contains_key(self.name));
        self.around.iter().any(|value| has_it(value)).then(|| {
            format!(
                "`{way}` has it, and is no list: write `{{{{#with {way}}}}}` for \
                 `{{{{#each {way}}}}}`"
            )
        })
    }

    /// Where the whole of what is written is a name of the page's own: what to write instead.
    fn own_of_page(&self, known: &KnownContext) -> Option<String> {
        let Self { read, index, name, .. } = *self;
        let written = read.place.text();
        let names = read.path.get(index..)?.iter().map_while(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Any | Step::All => None,
        });
        let is_own = known.values.contains_key(name) || known.open.contains(name);
        (is_own && names.eq(written.split('.'))).then(|| {
            format!(
                "inside a block names are those of its value: the page's own is \
                 `@root.{written}`, or `../{written}` one block further out"
            )
        })
    }
}

fn through(found: Diagnostic, read: &Read) -> Diagnostic {
    through_partials(found, &read.via)
}

/// With the calls of partials that lead there, each once.
pub(crate) fn through_partials(found: Diagnostic, via: &[Span]) -> Diagnostic {
    let first = |(index, call): &(usize, &Span)| !via[..*index].contains(call);
    let calls = via.iter().enumerate().filter(first);
    calls.fold(found, |found, (_, call)| found.label(call, "through this partial"))
}

pub(super) fn below(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
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
    let found = Diagnostic::new(Code::UnknownVariable, message, &read.place);
    Diagnostic { help, ..through(found, read) }
}

/// What there is instead.
fn provided(read: &Read, way: &str, name: &str, values: &[&Value]) -> String {
    if ["length", "size", "count"].contains(&name)
        && values.iter().any(|value| value.is_array() || value.is_string())
    {
        let written = read.place.text();
        let list = written.strip_suffix(name).and_then(|list| list.strip_suffix('.'));
        return format!("how many there are is `{{{{len {}}}}}`", list.unwrap_or("this"));
    }
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
