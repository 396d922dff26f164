//! `errors:` → pages for errors. They are rendered each time and never stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{ErrorPage, PageContent, PageForm};
use super::Compiler;
use super::analysis::{Analyses, Analysis};
use super::assets::{Assets, is_sheet};
use super::page::{Shaped, Surroundings};
use crate::config::{ErrorPageConfig, ErrorStatus};
use crate::fingerprint::{Fingerprint, Hasher};

/// An error page after the first pass.
pub(super) struct ErrorDraft {
    status: ErrorStatus,
    shaped: Shaped,
}

impl Compiler<'_> {
    /// The first pass over the error pages.
    pub(super) fn draft_errors(&mut self) -> Vec<ErrorDraft> {
        let config = self.config;
        config.errors.iter().filter_map(|typed| self.draft_error(typed)).collect()
    }

    fn draft_error(&mut self, typed: &ErrorPageConfig) -> Option<ErrorDraft> {
        let at = Surroundings {
            label: "an error page",
            path: "",
            content_type: typed.content_type.as_ref().map(|text| text.value.as_str()),
            layout: typed.layout.as_ref().and_then(Option::as_ref),
        };
        let shaped = self.shape(&typed.source, &at)?;
        Some(ErrorDraft { status: typed.status.value, shaped })
    }

    /// The second pass: each page with the data that it reads.
    pub(super) fn finish_errors(
        &mut self,
        drafts: Vec<ErrorDraft>,
        analyses: &mut Analyses,
    ) -> BTreeMap<ErrorStatus, Arc<ErrorPage>> {
        drafts
            .into_iter()
            .map(|ErrorDraft { status, shaped }| {
                let analysis = self.analyse(&shaped.form, analyses);
                self.check_error_known(&analysis);
                let data = analysis
                    .shared
                    .iter()
                    .map(|(name, (value, _))| (name.clone(), Arc::clone(value)))
                    .collect();
                let digest = digest(&shaped, &analysis, &self.assets);
                let Shaped { form, content_type, .. } = shaped;
                let content = PageContent { form, data, digest };
                let tree = &analysis.tree;
                let reads_request =
                    !tree.sub("path").is_empty() || !tree.sub("error").sub("detail").is_empty();
                (status, Arc::new(ErrorPage { content, content_type, reads_request }))
            })
            .collect()
    }
}

/// A digest of all that decides an error page besides the error.
fn digest(shaped: &Shaped, analysis: &Analysis, assets: &Assets) -> Fingerprint {
    let mut hasher = Hasher::default()
        .field(&shaped.content_type)
        .field(&shaped.shape)
        .field(analysis.reads.digest.as_bytes());
    if let PageForm::Body(bytes) = &shaped.form {
        hasher.add(bytes);
    }
    for (name, (_, digest)) in &analysis.shared {
        hasher.add(name);
        hasher.add(digest.as_bytes());
    }
    let named = analysis.reads.assets.keys().filter(|name| !is_sheet(name));
    for asset in named.filter_map(|name| assets.get(name)) {
        hasher.add(&asset.address);
    }
    hasher.finish()
}
