//! What a page reads, derived once for all routes that share its templates.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::template::{JsonTemplate, Reads, TemplateId, TemplateSet, Tree};
use super::values::digest;
use super::{ByName, Values};
use crate::fingerprint::Fingerprint;

/// What a page reads, and its copy of the site's values.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    pub(super) reads: Reads,
    pub(super) tree: Tree,
    /// Whether its templates are wrong: what it reads is then not known, and nothing more is said.
    pub(super) is_wrong: bool,
    /// The site's values that it reads, pruned, each with the digest of that copy.
    pub(super) shared: ByName<(Arc<Value>, Fingerprint)>,
}

impl Analysis {
    fn new(reads: Reads, values: &Values) -> Self {
        let tree = Tree::from(&reads);
        let shared = values
            .fixed
            .iter()
            .map(|(name, fixed)| (name, fixed, tree.sub(name)))
            .filter(|(_, _, below)| !below.is_empty())
            .map(|(name, fixed, below)| {
                let pruned = below.prune(&fixed.value);
                let digest = digest(&pruned);
                (name.clone(), (Arc::new(pruned), digest))
            })
            .collect();
        Self { reads, tree, is_wrong: false, shared }
    }
}

/// The analyses made so far: ten thousand routes may share one template.
#[derive(Debug, Default)]
pub(super) struct Analyses {
    by_template: HashMap<(TemplateId, Option<TemplateId>), Arc<Analysis>>,
}

impl Analyses {
    /// The analysis of a template in its layout, where it was made already.
    pub(super) fn known(
        &self,
        page: TemplateId,
        layout: Option<TemplateId>,
    ) -> Option<Arc<Analysis>> {
        self.by_template.get(&(page, layout)).map(Arc::clone)
    }

    /// The analysis of a template in its layout.
    pub(super) fn template(
        &mut self,
        set: &TemplateSet,
        values: &Values,
        page: TemplateId,
        layout: Option<TemplateId>,
        is_wrong: bool,
    ) -> Arc<Analysis> {
        let analysis = Analysis::new(set.reads(page, layout), values);
        let made = Arc::new(Analysis { is_wrong, ..analysis });
        self.by_template.insert((page, layout), Arc::clone(&made));
        made
    }

    /// The analysis of a JSON value with templates in it.
    pub(super) fn json(
        json: &JsonTemplate,
        set: &TemplateSet,
        values: &Values,
        is_wrong: bool,
    ) -> Arc<Analysis> {
        let analysis = Analysis::new(json.reads(set), values);
        Arc::new(Analysis { is_wrong, ..analysis })
    }
}
