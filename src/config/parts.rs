//! A file as parts that are read each by itself: its sections, and each route. What a part says is
//! kept from one load to the next, so that an edit among ten thousand routes reads one of them.
//!
//! The lines alone say where parts begin. That they are right is known afterwards: something that
//! goes on over the beginning of the next part, a text in quotes say, does not parse by itself.
//! Where a part does not, or the lines leave a doubt, the file is read as a whole, and what is
//! wrong with it is said of the whole.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::decode;
use super::env::{self, Env};
use super::model::{MainConfig, RouteConfig, RouteSettings};
use super::node::{Node, NodeValue};
use super::yaml;
use crate::diagnostic::{At, Diagnostic, Report, SourceFile, Span};

/// What the files of the last load said, by their paths.
#[derive(Debug, Default)]
pub(crate) struct KnownFiles(HashMap<String, Arc<KnownFile>>);

/// What a file says, whatever it includes.
#[derive(Debug)]
pub(super) struct KnownFile {
    /// The whole text.
    pub(super) file: Arc<SourceFile>,
    /// What it says; of an included file the part that it may say.
    pub(super) config: MainConfig,
    /// Its sections but for `routes`: `server` alone is asked for again.
    pub(super) root: Node,
    /// Whether it has a route, and where it says so.
    pub(super) has_routes: bool,
    pub(super) routes_key: Option<Span>,
    pub(super) is_empty: bool,
    /// Its sections' texts, or the whole where it was read as a whole: all that decides it but for
    /// routes.
    pub(super) frame: Vec<Arc<SourceFile>>,
    found: Vec<Diagnostic>,
    asked: Asked,
    parts: Option<Parts>,
}

/// The variables that were asked for, and what they were.
type Asked = Vec<(String, Option<String>)>;

#[derive(Debug)]
struct Parts {
    sections: Vec<Arc<Part>>,
    routes: Vec<Arc<RoutePart>>,
}

/// A part of a file that is one field.
#[derive(Clone, Debug)]
struct Part {
    file: Arc<SourceFile>,
    key: At<String>,
    node: Node,
    found: Vec<Diagnostic>,
    asked: Asked,
}

/// A route, with its file's defaults.
#[derive(Debug)]
struct RoutePart {
    file: Arc<SourceFile>,
    name: String,
    /// Nothing where it is wrong, or none.
    route: Option<Arc<RouteConfig>>,
    found: Vec<Diagnostic>,
    asked: Asked,
}

/// Reads the sections of a file: `decode::file` of one kind.
pub(super) type Decode = fn(&mut Report, &Node) -> MainConfig;

impl KnownFiles {
    /// What `file` says, as far as possible from what it said before. Nothing where it is no YAML;
    /// then it is known as it was before.
    pub(super) fn read(
        &mut self,
        file: &Arc<SourceFile>,
        env: Env,
        decode: Decode,
        report: &mut Report,
    ) -> Option<Arc<KnownFile>> {
        let before = self.0.get(&*file.name).cloned();
        if let Some(before) = before.as_ref().filter(|it| it.file.text == file.text)
            && is_as_asked(&before.asked, env)
        {
            report.extend(before.found.iter().cloned().collect());
            return Some(Arc::clone(before));
        }
        let mut found = Report::default();
        let asked = RefCell::default();
        let in_parts =
            in_parts(file, before.as_deref(), &recording(env, &asked), decode, &mut found);
        let read = in_parts.or_else(|| {
            found = Report::default();
            whole(file, &recording(env, &asked), decode, &mut found)
        });
        report.extend(found.clone());
        let known = Arc::new(KnownFile {
            found: found.into_iter().collect(),
            asked: asked.into_inner(),
            ..read?
        });
        self.0.insert(file.name.to_string(), Arc::clone(&known));
        Some(known)
    }

    /// Forgets the files that are not among `files`.
    pub(super) fn keep_only(&mut self, files: &[Arc<SourceFile>]) {
        let names: HashSet<&str> = files.iter().map(|file| &*file.name).collect();
        self.0.retain(|name, _| names.contains(name.as_str()));
    }
}

/// The environment, with a note of what is asked for.
fn recording<'e>(env: Env<'e>, asked: &'e RefCell<Asked>) -> impl Fn(&str) -> Option<String> + 'e {
    move |name| {
        let value = env(name);
        asked.borrow_mut().push((name.to_owned(), value.clone()));
        value
    }
}

/// Whether all variables are as they were; they are asked for again.
fn is_as_asked(asked: &Asked, env: Env) -> bool {
    asked.iter().filter(|(name, value)| env(name) != *value).count() == 0
}

/// A file that is read as a whole.
fn whole(
    file: &Arc<SourceFile>,
    env: Env,
    decode: Decode,
    report: &mut Report,
) -> Option<KnownFile> {
    let mut root = yaml::parse(file, report)?;
    env::fill(report, env, &mut root);
    let config = decoded(decode, &root, report);
    Some(KnownFile::new(file, root, config, vec![Arc::clone(file)], None))
}

/// What the sections of a file say, its routes with its defaults.
fn decoded(decode: Decode, root: &Node, report: &mut Report) -> MainConfig {
    let mut config = decode(report, root);
    let defaults = config.part.defaults.clone();
    for route in &mut config.part.routes {
        *route = with_defaults(RouteConfig::clone(route), &defaults);
    }
    config
}

/// A route with what its file says for all.
fn with_defaults(route: RouteConfig, defaults: &RouteSettings) -> Arc<RouteConfig> {
    let settings = route.settings.or(defaults.clone());
    Arc::new(RouteConfig { settings, ..route })
}

/// A file that is read in parts; nothing where it is to be read as a whole.
fn in_parts(
    file: &Arc<SourceFile>,
    before: Option<&KnownFile>,
    env: Env,
    decode: Decode,
    report: &mut Report,
) -> Option<KnownFile> {
    let lines = split(&file.text)?;
    let before = before.and_then(|before| before.parts.as_ref());
    let sections = before.map(|before| before.sections.as_slice()).unwrap_or_default();
    let known: HashMap<&str, &Arc<Part>> =
        sections.iter().map(|part| (part.file.text.as_str(), part)).collect();
    let mut sections = Vec::with_capacity(lines.sections.len());
    for (above, range) in lines.sections {
        let text = file.text.get(range.clone())?;
        let part = match known.get(text).filter(|part| is_as_asked(&part.asked, env)) {
            Some(part) => {
                part.file.stands_at(above, range.start);
                Arc::clone(part)
            }
            None => Arc::new(Part::read(file.part(range), None, env)?),
        };
        report.extend(part.found.iter().cloned().collect());
        sections.push(part);
    }
    let fields: Vec<_> =
        sections.iter().map(|part| (part.key.clone(), part.node.clone())).collect();
    if !all_differ(fields.iter().map(|(key, _)| key.value.as_str())) {
        return None;
    }
    let root = Node { value: NodeValue::Map(fields), span: Span::new(file, 0..0) };
    let mut config = decoded(decode, &root, report);
    // A route is with the defaults of its file: where these are others, it is another one.
    let of_defaults = |parts: &[Arc<Part>]| -> Option<Arc<SourceFile>> {
        let part = parts.iter().find(|part| part.key.value == "defaults")?;
        Some(Arc::clone(&part.file))
    };
    let is_same = |one: Option<Arc<SourceFile>>, two: Option<Arc<SourceFile>>| match (one, two) {
        (Some(one), Some(two)) => Arc::ptr_eq(&one, &two),
        (one, two) => one.is_none() && two.is_none(),
    };
    let known = before.filter(|it| is_same(of_defaults(&it.sections), of_defaults(&sections)));
    let known = known.map(|it| it.routes.as_slice()).unwrap_or_default();
    let known: HashMap<&str, &Arc<RoutePart>> =
        known.iter().map(|part| (part.file.text.as_str(), part)).collect();
    let mut routes = Vec::with_capacity(lines.routes.len());
    for (above, range) in lines.routes {
        let text = file.text.get(range.clone())?;
        let part = known.get(text).filter(|part| is_as_asked(&part.asked, env));
        routes.push(if let Some(part) = part {
            part.file.stands_at(above, range.start);
            Arc::clone(part)
        } else {
            let part = Part::read(file.part(range), Some("routes"), env)?;
            Arc::new(RoutePart::read(part, &config.part.defaults))
        });
    }
    if !all_differ(routes.iter().map(|part| part.name.as_str())) {
        return None;
    }
    for part in routes.iter().filter(|part| !part.found.is_empty()) {
        report.extend(part.found.iter().cloned().collect());
    }
    config.part.routes.extend(routes.iter().filter_map(|part| part.route.clone()));
    let frame = sections.iter().map(|part| Arc::clone(&part.file)).collect();
    Some(KnownFile::new(file, root, config, frame, Some(Parts { sections, routes })))
}

fn all_differ<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> bool {
    let count = names.len();
    names.collect::<HashSet<_>>().len() == count
}

impl KnownFile {
    fn new(
        file: &Arc<SourceFile>,
        root: Node,
        config: MainConfig,
        frame: Vec<Arc<SourceFile>>,
        parts: Option<Parts>,
    ) -> Self {
        let is_free = |name: &str| name.starts_with("x-");
        let in_place = root.field("routes").is_some_and(|(_, routes)| match &routes.value {
            NodeValue::Null => false,
            NodeValue::Map(fields) => !fields.iter().all(|(key, _)| is_free(&key.value)),
            _ => true,
        });
        let of_parts = parts.iter().flat_map(|parts| &parts.routes);
        let has_routes = in_place || of_parts.map(|part| &part.name).any(|name| !is_free(name));
        let routes_key = root.field("routes").map(|(key, _)| key.span.clone());
        let is_empty = [NodeValue::Null, NodeValue::Map(Vec::new())].contains(&root.value);
        let server = root.field("server").cloned().into_iter().collect();
        let root = Node { value: NodeValue::Map(server), span: root.span };
        let (found, asked) = (Vec::new(), Vec::new());
        let file = Arc::clone(file);
        Self { file, config, root, has_routes, routes_key, is_empty, frame, found, asked, parts }
    }
}

impl Part {
    /// The one field of a part, of the field `of` of the file; nothing where it is anything else.
    fn read(file: Arc<SourceFile>, of: Option<&str>, env: Env) -> Option<Self> {
        let mut report = Report::default();
        let mut root = yaml::parse(&file, &mut report)?;
        let asked = RefCell::default();
        match of {
            Some(of) => env::fill_below(&mut report, &recording(env, &asked), of, &mut root),
            None => env::fill(&mut report, &recording(env, &asked), &mut root),
        }
        let NodeValue::Map(mut fields) = root.value else { return None };
        let (key, node) = fields.pop().filter(|_| fields.is_empty())?;
        let found = report.into_iter().collect();
        Some(Self { file, key, node, found, asked: asked.into_inner() })
    }
}

impl RoutePart {
    fn read(part: Part, defaults: &RouteSettings) -> Self {
        let Part { file, key, node, found, asked } = part;
        let mut report: Report = found.into_iter().collect();
        let (name, span) = (key.value.clone(), key.span.clone());
        let root = Node { value: NodeValue::Map(vec![(key, node)]), span };
        let route = decode::routes(&mut report, &root).pop();
        let route = route.map(|route| with_defaults(route, defaults));
        Self { file, name, route, found: report.into_iter().collect(), asked }
    }
}

/// Where parts are, each with the number of lines above it.
#[derive(Debug, Default, PartialEq)]
struct Lines {
    sections: Vec<(usize, Range<usize>)>,
    routes: Vec<(usize, Range<usize>)>,
}

/// Where the parts of a file begin, by its lines; nothing where they leave a doubt.
fn split(text: &str) -> Option<Lines> {
    // What a mark of one part means in another, no part tells.
    if text.contains(['\r', '\u{feff}']) || has_anchor(text) {
        return None;
    }
    let mut lines = Lines::default();
    // How far the routes are indented, while among them; nothing before the first.
    let mut routes: Option<Option<usize>> = None;
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (begin, said) = (start, line.trim_start_matches(' '));
        start += line.len();
        let indent = line.len() - said.len();
        let said = said.trim_end_matches('\n');
        let is_first = lines.sections.is_empty();
        let is_item = said == "-" || said.starts_with("- ");
        if said.is_empty() || said.starts_with('#') || is_first && begin == 0 && said == "---" {
            continue;
        }
        let here = (number, begin..text.len());
        if indent > 0 && is_first || said.starts_with('\t') {
            return None;
        }
        let is_route =
            indent > 0 && routes.is_some_and(|of| of.is_none_or(|of_routes| of_routes >= indent));
        if indent == 0 && !is_item || is_route {
            let is_key = said.starts_with(|c: char| c.is_alphanumeric() || "/\"'_".contains(c));
            if !is_key || said.starts_with("...") {
                return None;
            }
        }
        if indent == 0 && !is_item {
            end(&mut lines, begin);
            let after = said.strip_prefix("routes:").map(str::trim_start);
            let is_alone = after.is_some_and(|it| it.is_empty() || it.starts_with('#'));
            routes = is_alone.then_some(None);
            lines.sections.push(here);
        } else if is_route {
            match routes.flatten() {
                Some(of_routes) if of_routes != indent => return None,
                _ => routes = Some(Some(indent)),
            }
            end(&mut lines, begin);
            lines.routes.push(here);
        } else if indent == 0 && routes.is_some() {
            return None;
        }
    }
    (!lines.sections.is_empty()).then_some(lines)
}

/// The part that began last ends at `at`.
fn end(lines: &mut Lines, at: usize) {
    let last = [lines.sections.last_mut(), lines.routes.last_mut()].into_iter().flatten();
    if let Some((_, range)) = last.max_by_key(|(_, range)| range.start) {
        range.end = at;
    }
}

/// Whether a text has what may be a mark that is used elsewhere: `&name` where a value begins.
fn has_anchor(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.match_indices('&').any(|(at, _)| {
        let before = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
        let after = bytes.get(at + 1).copied().unwrap_or(b' ');
        (before.is_ascii_whitespace() || b",[{:-?".contains(&before))
            && !after.is_ascii_whitespace()
            && !b"&=,;".contains(&after)
    })
}
