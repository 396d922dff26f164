//! `errors:` → pages for errors. They are rendered each time and never stored.

use std::collections::BTreeMap;

use serde_json::Map;

use super::super::ErrorPage;
use super::Compiler;
use super::analysis::Analyses;
use super::page::{Shaped, Surroundings};
use crate::config::{ErrorPageConfig, ErrorStatus};

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
    ) -> BTreeMap<ErrorStatus, ErrorPage> {
        drafts
            .into_iter()
            .map(|ErrorDraft { status, shaped }| {
                let analysis = self.analyse(&shaped.form, analyses);
                self.check_error_known(&analysis);
                let data: Map<_, _> = analysis
                    .shared
                    .iter()
                    .map(|(name, (value, _))| (name.clone(), value.as_ref().clone()))
                    .collect();
                let page = ErrorPage { form: shaped.form, content_type: shaped.content_type, data };
                (status, page)
            })
            .collect()
    }
}
