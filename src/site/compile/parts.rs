//! What follows from a route's form: its source, what it reads, what it is made from, its digest.

use std::path::Path;
use std::sync::Arc;

use super::super::key::{Inputs, Names};
use super::super::template::{Part, Read, Reads, Step, Tree};
use super::super::{ChosenLoad, InputRead, Page, PageContent, Source};
use super::analysis::{Analysis, Pruned, prune, read_of};
use super::page::Shaped;
use super::values::{Chosen, Values};
use super::{ByName, Compiler, Uses};
use crate::config::RouteConfig;
use crate::fingerprint::{Fingerprint, Hasher};

/// Names that a page sees besides `data` and `load`.
pub(super) const REQUEST_ROOTS: &[&str] =
    &["params", "query", "headers", "cookies", "language", "route", "path", "loaded"];

/// What a route is made of, once its form is known.
pub(super) struct RouteParts {
    pub(super) source: Source,
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) inputs: Inputs,
    pub(super) reads: Vec<InputRead>,
    pub(super) uses: Uses,
    /// A digest of all that decides what is sent, for any request.
    pub(super) digest: Fingerprint,
    pub(super) analysis: Arc<Analysis>,
}

impl RouteParts {
    /// Those of a route that renders nothing and so reads nothing.
    pub(super) fn unrendered(
        typed: &RouteConfig,
        source: Source,
        status: u16,
        digest: Fingerprint,
    ) -> Self {
        let uses = match &source {
            Source::File(file) => Uses::from([file.path.clone()]),
            Source::Dir(dir) => Uses::from([dir.path.clone()]),
            Source::Page(_) | Source::Redirect(_) => Uses::default(),
        };
        Self {
            source,
            status: typed.status.as_ref().map_or(status, |status| status.value),
            content_type: String::new(),
            inputs: Inputs::default(),
            reads: Vec::new(),
            uses,
            digest,
            analysis: Arc::default(),
        }
    }
}

impl Compiler<'_> {
    /// A page: its copy of the data, pruned to what it can read, and the digest of that very copy.
    pub(super) fn page(
        &self,
        typed: &RouteConfig,
        name: &str,
        shaped: Shaped,
        own: Values,
        analysis: Arc<Analysis>,
    ) -> RouteParts {
        let (tree, content_type) = (&analysis.tree, shaped.content_type.clone());
        let status = typed.status.as_ref().map_or(200, |status| status.value);
        let mut inputs = inputs(tree);
        let data = merged(tree, &own, &analysis);
        let mut uses: Uses = analysis.reads.templates.clone();
        for root in data.keys() {
            uses.extend(origin(&own, root).or_else(|| origin(&self.values, root)));
            uses.insert(root.clone());
        }
        let assets = self.assets.of_page(&analysis.reads);
        uses.extend(assets.flat_map(|(_, asset)| asset.files.iter().cloned()));
        let mut reads = input_reads(&analysis.reads.list);
        for load in &own.chosen {
            reads.extend(input_reads(&load.address.reads()));
        }
        let route =
            format!("{name:?} {:?} {status} {}", typed.path.value, input_types(typed, &inputs));
        let (content, bare) = self.content(shaped, data, &analysis.reads, &route);
        let chosen: Vec<ChosenLoad> =
            own.chosen.into_iter().map(|load| choose(load, tree, &mut inputs, &mut uses)).collect();
        RouteParts {
            digest: chosen.iter().fold(content.digest, digest_of_all),
            source: Source::Page(Arc::new(Page { content, chosen, bare })),
            status,
            content_type,
            inputs,
            reads,
            uses,
            analysis,
        }
    }

    /// What is rendered for any request, and its digest without the addresses of stylesheets: what
    /// a page says is the same, whichever version of them it names. `route` is what decides it
    /// beside form and data.
    pub(super) fn content(
        &self,
        shaped: Shaped,
        data: ByName<Pruned>,
        reads: &Reads,
        route: &str,
    ) -> (PageContent, Fingerprint) {
        let mut hasher = shaped.hasher.field(route).field(reads.digest.as_bytes());
        for (name, (_, digest)) in &data {
            hasher.add(name);
            hasher.add(digest.as_bytes());
        }
        hasher.add("assets");
        let mut bare = hasher.clone();
        for (name, asset) in self.assets.of_page(reads) {
            let is_sheet =
                Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("css"));
            hasher.add(&asset.address);
            if !is_sheet {
                bare.add(&asset.address);
            }
        }
        let data = data.into_iter().map(|(name, (value, _))| (name, value)).collect();
        (PageContent { form: shaped.form, data, digest: hasher.finish() }, bare.finish())
    }
}

/// The reads of a request among all reads, each input once.
fn input_reads(reads: &[Read]) -> Vec<InputRead> {
    let mut found: Vec<InputRead> = Vec::new();
    for read in reads {
        let Some(input) = input_name(&read.path) else { continue };
        if !found.iter().any(|known| known.input == input) {
            found.push(InputRead { input, place: read.place.clone(), via: read.via.clone() });
        }
    }
    found
}

fn input_name(path: &[Step]) -> Option<String> {
    let (Step::Name(root), rest) = path.split_first()? else { return None };
    match (root.as_str(), rest.first()) {
        ("query" | "params" | "headers" | "cookies", Some(Step::Name(name))) => {
            Some(format!("{root}.{name}"))
        }
        ("query" | "params" | "headers" | "cookies" | "language" | "path", _) => Some(root.clone()),
        _ => None,
    }
}

/// The values that a page reads, by name: a route's own shadow the site's.
fn merged(tree: &Tree, own: &Values, analysis: &Analysis) -> ByName<Pruned> {
    let mut merged = analysis.shared.clone();
    for chosen in &own.chosen {
        merged.remove(&chosen.name);
    }
    merged.extend(read_of(own, tree));
    merged
}

fn origin(values: &Values, root: &str) -> Option<String> {
    values.fixed.get(root).and_then(|fixed| fixed.from.clone())
}

/// Prunes every file that a load's address can name, and counts the address's parameters as read.
fn choose(load: Chosen, tree: &Tree, inputs: &mut Inputs, uses: &mut Uses) -> ChosenLoad {
    for part in &load.address.parts {
        match part {
            Part::Var { root, name, .. } if root == "query" => inputs.query.insert(name),
            Part::Var { name, .. } => inputs.params.insert(name),
            Part::Text(_) => {}
        }
    }
    uses.insert(load.name.clone());
    uses.extend(load.files.keys().cloned());
    let below = tree.sub(&load.name);
    let files = load.files.iter().map(|(path, value)| (path.clone(), prune(&below, value)));
    ChosenLoad {
        files: files.collect(),
        name: load.name,
        address: load.address,
        optional: load.optional,
    }
}

fn digest_of_all(so_far: Fingerprint, load: &ChosenLoad) -> Fingerprint {
    let mut hasher = Hasher::default().field(so_far.as_bytes()).field(&load.name);
    for (path, (_, digest)) in &load.files {
        hasher.add(path);
        hasher.add(digest.as_bytes());
    }
    hasher.finish()
}

/// The declared types of what is read: a number and its digits render alike in text, not in JSON.
fn input_types(typed: &RouteConfig, inputs: &Inputs) -> String {
    let read = |names: &Names, name: &str| names.contains(name);
    let query = typed.query.iter().filter(|p| read(&inputs.query, &p.name.value));
    let params = typed.params.iter().filter(|p| read(&inputs.params, &p.name.value));
    let mut lines: Vec<String> =
        query.chain(params).map(|p| format!("{} {:?}", p.name.value, p.kind.value)).collect();
    lines.sort();
    lines.join("\n")
}

/// What a page reads of a request.
///
/// A page that reads its whole context (`{{json this}}` at the root) is given the path, the
/// parameters and the query, but no headers and no cookies: those it must name.
pub(super) fn inputs(tree: &Tree) -> Inputs {
    let whole = tree.is_open();
    let names = |root: &str| match tree.sub(root).names() {
        Some(names) => Names::Some(names.into_iter().map(str::to_owned).collect()),
        None => Names::All,
    };
    let named = |root: &str| if whole { Names::default() } else { names(root) };
    Inputs {
        query: names("query"),
        params: names("params"),
        headers: named("headers"),
        cookies: named("cookies"),
        path: !tree.sub("path").is_empty(),
        language: !whole && !tree.sub("language").is_empty(),
    }
}
