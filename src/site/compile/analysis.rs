//! What a page reads, derived once for all routes that share its templates.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::PageForm;
use super::super::template::{Reads, TemplateId, Tree};
use super::{ByName, Compiler, Values};
use crate::fingerprint::Fingerprint;

/// The analyses of templates in their layouts: ten thousand routes may share one.
pub(super) type Analyses = HashMap<(TemplateId, Option<TemplateId>), Arc<Analysis>>;

/// A value as far as a page reads it, with the digest of that copy.
pub(super) type Pruned = (Arc<Value>, Fingerprint);

/// What a page reads, and its copy of the site's values.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    pub(super) reads: Reads,
    pub(super) tree: Tree,
    /// Whether its templates are wrong: what it reads is then not known, and nothing more is said.
    pub(super) is_wrong: bool,
    /// The site's values that it reads.
    pub(super) shared: ByName<Pruned>,
}

impl Compiler<'_> {
    /// What a page of this form reads; says what is wrong with its templates.
    pub(super) fn analyse(&mut self, form: &PageForm) -> Arc<Analysis> {
        let set = &self.templates;
        let (found, reads, key) = match form {
            PageForm::Body(_) => return Arc::default(),
            PageForm::Template { page, layout } => {
                let key = (*page, *layout);
                if let Some(known) = self.analyses.get(&key) {
                    return Arc::clone(known);
                }
                (set.check(*page, *layout), set.reads(*page, *layout), Some(key))
            }
            PageForm::Json(json) => {
                let templates = json.templates().into_iter();
                let found = templates.flat_map(|id| set.check(id, None).into_iter()).collect();
                (found, json.reads(set), None)
            }
        };
        let tree = Tree::from(&reads);
        let shared = read_of(&self.values, &tree);
        let analysis = Arc::new(Analysis { reads, tree, is_wrong: found.has_errors(), shared });
        self.report.extend(found);
        self.find_assets(&analysis.reads.assets);
        self.analyses.extend(key.map(|key| (key, Arc::clone(&analysis))));
        analysis
    }
}

/// Those of the values that a page reads, pruned.
pub(super) fn read_of(values: &Values, tree: &Tree) -> ByName<Pruned> {
    let fixed = values.fixed.iter().map(|(name, fixed)| (name, fixed, tree.sub(name)));
    fixed
        .filter(|(_, _, below)| !below.is_empty())
        .map(|(name, fixed, below)| (name.clone(), prune(&below, &fixed.value)))
        .collect()
}

/// What is read of a value. The digest is that of its text, whatever its place: objects in the
/// order that they have.
pub(super) fn prune(read: &Tree, value: &Value) -> Pruned {
    let pruned = read.prune(value);
    let digest = Fingerprint::of(pruned.to_string().as_bytes());
    (Arc::new(pruned), digest)
}
