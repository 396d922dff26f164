//! What follows from a route's form: its source, what it reads, what it is made from, its digest.

use std::sync::Arc;

use serde_json::Value;

use super::super::dir::SiteDir;
use super::super::key::{Inputs, Names};
use super::super::template::{Part, Read, Step, TextTemplate, Tree};
use super::super::{ChosenLoad, InputRead, Page, PageContent, PageForm, Source};
use super::analysis::Analysis;
use super::assets::{Assets, is_sheet};
use super::page::Shaped;
use super::values::{Chosen, Values, digest};
use super::{ByName, Uses};
use crate::config::{FileContent, RouteConfig};
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

/// What the parts of a rendered route follow from.
pub(super) struct PageDraft<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    pub(super) typed: &'a RouteConfig,
    pub(super) shaped: Shaped,
    pub(super) own: Values,
    pub(super) site: &'a Values,
    pub(super) assets: &'a Assets,
    pub(super) analysis: Arc<Analysis>,
}

/// A page: its copy of the data, pruned to what it can read, and the digest of that very copy.
pub(super) fn page(draft: PageDraft<'_>) -> RouteParts {
    let PageDraft { name, path, typed, shaped, own, site, assets, analysis } = draft;
    let tree = &analysis.tree;
    let status = typed.status.as_ref().map_or(200, |status| status.value);
    let mut inputs = inputs(tree);
    let mut uses: Uses = analysis.reads.templates.clone();
    let mut hasher = Hasher::default()
        .field("page 1")
        .field(name)
        .field(path)
        .field(status.to_string())
        .field(&shaped.content_type)
        .field(&shaped.shape)
        .field(analysis.reads.digest.as_bytes())
        .field(input_types(typed, &inputs));
    if let PageForm::Body(bytes) = &shaped.form {
        hasher.add(bytes);
    }
    let mut data = Vec::new();
    for (root, (value, digest)) in merged(tree, &own, &analysis) {
        hasher.add(&root);
        hasher.add(digest.as_bytes());
        uses.extend(origin(&own, &root).or_else(|| origin(site, &root)));
        data.push((root.clone(), value));
        uses.insert(root);
    }
    let mut bare = hasher.clone();
    for (name, asset) in
        analysis.reads.assets.keys().filter_map(|name| Some((name, assets.get(name)?)))
    {
        for (hasher, counts) in [(&mut hasher, true), (&mut bare, !is_sheet(name))] {
            if counts {
                hasher.add("asset");
                hasher.add(&asset.address);
            }
        }
        uses.extend(asset.files.iter().cloned());
    }
    let (base, bare) = (hasher.finish(), bare.finish());
    let mut reads = input_reads(&analysis.reads.list);
    for load in &own.chosen {
        reads.extend(input_reads(&load.address.reads()));
    }
    let chosen: Vec<ChosenLoad> =
        own.chosen.into_iter().map(|load| choose(load, tree, &mut inputs, &mut uses)).collect();
    let content = PageContent { form: shaped.form, data, digest: base };
    RouteParts {
        digest: chosen.iter().fold(base, digest_of_all),
        source: Source::Page(Arc::new(Page { content, chosen, bare })),
        status,
        content_type: shaped.content_type,
        inputs,
        reads,
        uses,
        analysis,
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
fn merged(tree: &Tree, own: &Values, analysis: &Analysis) -> ByName<(Arc<Value>, Fingerprint)> {
    let mut merged = analysis.shared.clone();
    for chosen in &own.chosen {
        merged.remove(&chosen.name);
    }
    for (root, fixed) in &own.fixed {
        let below = tree.sub(root);
        if !below.is_empty() {
            let pruned = below.prune(&fixed.value);
            let digest = digest(&pruned);
            merged.insert(root.clone(), (Arc::new(pruned), digest));
        }
    }
    merged
}

fn origin(values: &Values, root: &str) -> Option<String> {
    values.fixed.get(root).and_then(|fixed| fixed.from.clone())
}

/// Prunes every file that a load's address can name, and counts the address's parameters as read.
fn choose(load: Chosen, tree: &Tree, inputs: &mut Inputs, uses: &mut Uses) -> ChosenLoad {
    for part in load.address.parts() {
        match part {
            Part::Var { root, name, .. } if root == "query" => inputs.query.insert(name),
            Part::Var { name, .. } => inputs.params.insert(name),
            Part::Text(_) => {}
        }
    }
    uses.insert(load.name.clone());
    uses.extend(load.files.keys().cloned());
    let below = tree.sub(&load.name);
    let files = load.files.iter().map(|(path, value)| {
        let pruned = below.prune(value);
        let digest = digest(&pruned);
        (path.clone(), (Arc::new(pruned), digest))
    });
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

/// The parts of a route that renders nothing and so reads nothing.
fn unrendered(
    typed: &RouteConfig,
    source: Source,
    status: u16,
    content_type: String,
    digest: Fingerprint,
) -> RouteParts {
    let uses = match &source {
        Source::File(file) => Uses::from([file.path.clone()]),
        Source::Dir(dir) => Uses::from([dir.path.clone()]),
        Source::Page(_) | Source::Redirect(_) => Uses::default(),
    };
    RouteParts {
        source,
        status: typed.status.as_ref().map_or(status, |status| status.value),
        content_type,
        inputs: Inputs::default(),
        reads: Vec::new(),
        uses,
        digest,
        analysis: Arc::default(),
    }
}

/// A file that is served as it is.
pub(super) fn file(typed: &RouteConfig, file: FileContent, content_type: String) -> RouteParts {
    let hasher = Hasher::default().field("file").field(&content_type);
    let digest = hasher.field(file.digest.as_bytes()).finish();
    unrendered(typed, Source::File(file), 200, content_type, digest)
}

/// A directory whose files are served as they are.
pub(super) fn dir(typed: &RouteConfig, dir: SiteDir) -> RouteParts {
    let digest = Hasher::default().field("dir").field(&dir.path).finish();
    unrendered(typed, Source::Dir(dir), 200, String::new(), digest)
}

/// A redirect to an address, which was typed as `to`.
pub(super) fn redirect(typed: &RouteConfig, to: &str, address: TextTemplate) -> RouteParts {
    let digest = Hasher::default().field("redirect").field(to).finish();
    unrendered(typed, Source::Redirect(address), 302, String::new(), digest)
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
