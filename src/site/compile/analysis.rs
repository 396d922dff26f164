//! What a page reads, derived once for all routes that share its templates.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::super::PageForm;
use super::super::template::{
    Content, Escape, Finding, Language, Read, Reads, Step, TemplateId, Tree, is_unwanted,
};
use super::page::{Shaped, language};
use super::{ByName, Compiler, Values, outside};
use crate::diagnostic::{Code, Diagnostic, Report, Span};
use crate::fingerprint::Fingerprint;

/// The analyses of templates in their layouts: ten thousand routes may share one.
pub(super) type Analyses =
    foldhash::HashMap<(TemplateId, Option<TemplateId>, Language), Arc<Analysis>>;

/// A value as far as a page reads it, with the digest of that copy.
pub(super) type Pruned = (Arc<Value>, Fingerprint);

/// What a page reads, and its copy of the site's values.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    pub(super) reads: Reads,
    pub(super) tree: Tree,
    /// Whether its templates are wrong: what it reads is then not known, and nothing more is said.
    pub(super) is_wrong: bool,
    /// What is wrong or odd about its templates, and what it wants of the site's values that they
    /// are not: the same for all its pages.
    pub(super) found: Report,
    pub(super) unfit: OnceLock<Report>,
    /// The site's values that it reads.
    pub(super) shared: ByName<Pruned>,
    /// Where it prints what must not come from outside.
    pub(super) findings: Vec<Finding>,
}

impl Compiler<'_> {
    /// What a page reads, and what chooses its status; says what is wrong with its templates.
    pub(super) fn analyse(&mut self, shaped: &Shaped) -> Arc<Analysis> {
        let analysis = self.analysis(shaped);
        self.analysed(&analysis);
        analysis
    }

    fn analysis(&mut self, shaped: &Shaped) -> Arc<Analysis> {
        let Shaped { form, status, .. } = shaped;
        let language = language(&shaped.content_type);
        let set = &self.templates;
        let status = status.as_ref().map(|status| status.template);
        let (mut found, reads, key) = match form {
            PageForm::Body(_) if status.is_none() => return Arc::default(),
            PageForm::Body(_) => (Report::default(), set.reads_of(status, None), None),
            PageForm::Template { page, layout } => {
                let key = (*page, *layout, language);
                if let Some(known) = self.analyses.get(&key).filter(|_| status.is_none()) {
                    return Arc::clone(known);
                }
                let reads = match status {
                    None => set.reads(*page, *layout),
                    Some(status) => set.reads_of([*page, status], *layout),
                };
                (set.check(*page, *layout), reads, status.is_none().then_some(key))
            }
            PageForm::Json(json) => {
                let templates = json.templates().into_iter().take_while(|_| !is_unwanted());
                let found: Report =
                    templates.flat_map(|id| set.check(id, None).into_iter()).collect();
                (found, json.reads(set, status), None)
            }
        };
        found.extend(status.map(|id| set.check(id, None)).unwrap_or_default());
        let is_wrong = found.has_errors();
        if let PageForm::Template { layout: Some(layout), .. } = form
            && !is_wrong
        {
            let place = set.beginning(*layout);
            let wrong = layout_content(&reads, &place, language.escape() != Escape::None);
            found.extend(wrong.into_iter().collect());
        }
        let findings = match form {
            _ if is_wrong || !outside::may_come(&reads, &set.of_servers) => Vec::new(),
            PageForm::Template { page, layout } => set.findings(*page, *layout, language),
            PageForm::Json(_) if language.escape() != Escape::None => outside::all_of(&reads),
            _ => Vec::new(),
        };
        let tree = Tree::from(&reads);
        let shared = read_of(&self.values, &tree);
        let analysis = Arc::new(Analysis {
            reads,
            tree,
            is_wrong,
            found,
            unfit: OnceLock::new(),
            shared,
            findings,
        });
        self.analyses.extend(key.map(|key| (key, Arc::clone(&analysis))));
        analysis
    }
}

/// Those of the values that a page reads, pruned.
pub(super) fn read_of(values: &Values, tree: &Tree) -> ByName<Pruned> {
    let fixed = values.fixed.iter().map(|(name, fixed)| (name, fixed, tree.sub(name)));
    fixed
        .filter(|(_, _, below)| !below.is_empty() || tree.lists_names())
        .map(|(name, fixed, below)| (name.clone(), prune(&below, &fixed.value)))
        .collect()
}

/// What is read of a value. The digest is that of its text, whatever its place: objects in the
/// order that they have.
pub(super) fn prune(read: &Tree, value: &Value) -> Pruned {
    let pruned = if read.is_empty() { Value::Null } else { read.prune(value) };
    let digest = Fingerprint::of(pruned.to_string().as_bytes());
    (Arc::new(pruned), digest)
}

/// What is wrong with a layout that does not show its page, or shows its tags as text.
fn layout_content(reads: &Reads, layout: &Span, escapes: bool) -> Option<Diagnostic> {
    let Content { is_named, is_raw, escaped } = &reads.content;
    let is_whole = |read: &Read| !matches!(read.path.first(), Some(Step::Name(_)));
    match escaped {
        Some(place) if escapes && !is_raw => {
            let message = "the layout escapes its page, whose tags are then text";
            let help = "three braces print it as it is: `{{{content}}}`";
            Some(Diagnostic::new(Code::LayoutContent, message, place).help(help))
        }
        _ if !is_named && !reads.list.iter().any(is_whole) => {
            let message = "the layout leaves its page out";
            let help = "write `{{{content}}}` where the page is to be";
            Some(Diagnostic::new(Code::LayoutContent, message, layout).help(help).mild())
        }
        _ => None,
    }
}
