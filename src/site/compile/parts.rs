//! What follows from a route's form: its source, what it reads, what it is made from, its digest.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::key::{InputKind, InputName, Inputs};
use super::super::template::{Read, Reads, Step, TextTemplate, Tree};
use super::super::{ChosenLoad, InputRead, Page, PageContent, PageForm, PageLoad, Source};
use super::analysis::{Analysis, Pruned, prune, read_of};
use super::page::Shaped;
use super::values::Values;
use super::{ByName, Compiler, Uses};
use crate::config::{RouteConfig, StatusConfig, is_read};
use crate::fingerprint::{Fingerprint, Hasher};

/// Names that a page sees besides `data` and `load`.
pub(super) const REQUEST_ROOTS: &[&str] =
    &["params", "query", "headers", "cookies", "body", "language", "route", "path", "loaded"];

/// What a route is made of, once its form is known.
pub(super) struct RouteParts {
    pub(super) source: Source,
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) is_template: bool,
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
            status: fixed_status(typed).unwrap_or(status),
            content_type: String::new(),
            is_template: false,
            inputs: Inputs::default(),
            reads: Vec::new(),
            uses,
            digest,
            analysis: Arc::default(),
        }
    }
}

fn fixed_status(typed: &RouteConfig) -> Option<u16> {
    match typed.status.as_ref()?.value {
        StatusConfig::Fixed(status) => Some(status),
        StatusConfig::Chosen(_) => None,
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
        let least = shaped.status.as_ref().and_then(|status| status.among.first());
        let status = least.copied().or(fixed_status(typed)).unwrap_or(200);
        let mut inputs = inputs(tree, !is_read(&typed.method.value));
        let data = merged(tree, &own, &analysis);
        let mut uses: Uses = analysis.reads.templates.clone();
        for root in data.keys() {
            uses.extend(origin(&own, root).or_else(|| origin(&self.values, root)));
            uses.insert(root.clone());
        }
        let assets = self.assets.of_page(&analysis.reads);
        uses.extend(assets.flat_map(|(_, asset)| asset.files.iter().cloned()));
        let mut reads = input_reads(&analysis.reads.list);
        let is_rendered = !matches!(shaped.form, PageForm::Body(_));
        let remote = if is_rendered { self.remote(&own, tree, &analysis) } else { Vec::new() };
        let of_files = own.chosen.iter().map(|load| &load.address);
        let addresses = of_files.chain(remote.iter().map(|it| &it.load.address));
        for (input, place) in addresses.flat_map(TextTemplate::reads) {
            reads.push(InputRead { input: input.clone(), place: place.clone(), via: Vec::new() });
        }
        let (types, languages) = (input_types(typed, &inputs), self.languages(typed, &inputs));
        let route = format!("{name:?} {:?} {status} {types} {languages}", typed.path.value);
        for load in &remote {
            inputs.extend(load.load.address.reads().map(|(input, _)| input.clone()));
            uses.insert(load.load.name.to_string());
        }
        let shaped = Shaped { hasher: of_remote(shaped.hasher, &remote), ..shaped };
        let (content, bare) = self.content(shaped, data, &analysis.reads, &route);
        let mut chosen = own.chosen;
        for load in &mut chosen {
            let mut below = tree.sub(&load.name);
            for it in &remote {
                it.read_of(&load.name, &mut below);
            }
            choose(load, &below, &mut inputs, &mut uses);
        }
        RouteParts {
            digest: chosen.iter().fold(content.digest, digest_of_all),
            source: Source::Page(Arc::new(Page {
                content,
                chosen,
                remote,
                is_of_its_moment: analysis.reads.is_of_its_moment,
                bare,
            })),
            status,
            content_type,
            is_template: is_rendered,
            inputs,
            reads,
            uses,
            analysis,
        }
    }

    /// The site's languages, where a key tells them by what clients send alone: it is the same for
    /// a visitor whose best language is another one after an edit.
    fn languages(&self, typed: &RouteConfig, inputs: &Inputs) -> String {
        let names = self.config.languages.iter().map(|name| name.value.as_str());
        let key = typed.settings.key.as_ref().map(|key| key.value.to_ascii_lowercase());
        let is_by_header = key.is_some_and(|key| key.contains("headers.accept-language"));
        let is_told = is_by_header && inputs.any(InputKind::Language);
        names.filter(|_| is_told).collect::<Vec<_>>().join(" ")
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
        if reads.prints_base {
            hasher.add(self.config.server.base());
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
        (
            PageContent {
                form: shaped.form,
                status: shaped.status,
                data,
                digest: hasher.finish(),
                label: shaped.label,
                told_cut: AtomicBool::new(false),
            },
            bare.finish(),
        )
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

fn input_name(path: &[Step]) -> Option<InputName> {
    let (Step::Name(root), rest) = path.split_first()? else { return None };
    let (_, kind) = InputKind::WORDS.into_iter().find(|(word, _)| word == root)?;
    match rest.first() {
        Some(Step::Name(name)) if kind.is_named() => Some(kind.named(name)),
        _ => Some(kind.all()),
    }
}

/// The values that a page reads, by name: a route's own shadow the site's.
fn merged(tree: &Tree, own: &Values, analysis: &Analysis) -> ByName<Pruned> {
    let mut merged = analysis.shared.clone();
    for chosen in &own.chosen {
        merged.remove(&chosen.name);
    }
    for load in &own.remote {
        merged.remove(&*load.name);
    }
    merged.extend(read_of(own, tree));
    merged
}

fn origin(values: &Values, root: &str) -> Option<String> {
    values.fixed.get(root).and_then(|fixed| fixed.from.clone())
}

/// Prunes every file that a load's address can name, and counts the address's parameters as read.
fn choose(load: &mut ChosenLoad, below: &Tree, inputs: &mut Inputs, uses: &mut Uses) {
    inputs.extend(load.address.reads().map(|(input, _)| input.clone()));
    uses.insert(load.name.clone());
    uses.extend(load.files.keys().cloned());
    load.files.values_mut().for_each(|pruned| *pruned = prune(below, &pruned.0));
}

/// What decides the values that servers send.
fn of_remote(hasher: Hasher, remote: &[PageLoad]) -> Hasher {
    remote
        .iter()
        .fold(hasher, |hasher, it| hasher.field(&*it.load.name).field(it.load.digest.as_bytes()))
}

fn digest_of_all(so_far: Fingerprint, load: &ChosenLoad) -> Fingerprint {
    let (address, optional) = (load.address.written(), load.optional);
    let load_itself = format!("{} {address:?} {optional}", load.name);
    let mut hasher = Hasher::default().field(so_far.as_bytes()).field(load_itself);
    for (path, (_, digest)) in &load.files {
        hasher.add(path);
        hasher.add(digest.as_bytes());
    }
    hasher.finish()
}

/// The declared types of what is read: a number and its digits render alike in text, not in JSON.
fn input_types(typed: &RouteConfig, inputs: &Inputs) -> String {
    let query = typed.query.iter().filter(|p| inputs.has(InputKind::Query, &p.name.value));
    let params = typed.params.iter().filter(|p| inputs.has(InputKind::Params, &p.name.value));
    let fields = typed.fields.iter().filter(|p| inputs.has(InputKind::Body, &p.name.value));
    let mut lines: Vec<String> = query
        .chain(fields)
        .chain(params)
        .map(|p| format!("{} {:?}", p.name.value, p.kind.value))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// What a page reads of a request.
///
/// A page that reads its whole context (`{{json this}}` at the root) is given the path, the
/// parameters and the query; of headers, cookies, the language and the body only what it names
/// somewhere.
fn inputs(tree: &Tree, has_body: bool) -> Inputs {
    use InputKind::{Body, Cookies, Headers, Language};
    let mut inputs = Inputs::default();
    for (word, kind) in InputKind::WORDS {
        let below = match kind {
            Body if !has_body => continue,
            Body | Headers | Cookies | Language => tree.named(word),
            _ => tree.sub(word),
        };
        if below.is_empty() {
            continue;
        }
        match below.names().filter(|_| kind.is_named()) {
            Some(names) => inputs.extend(names.into_iter().map(|name| kind.named(name))),
            None => inputs.insert(kind.all()),
        }
    }
    inputs
}
