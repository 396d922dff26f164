//! `asset`: the addresses of files that are served.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use serde_json::Value;

/// The addresses of a site's files by name, given once, when all that pages name is known. Clones
/// are the same.
///
/// They are no part of a page's context, for they are nothing of the request: a page's fingerprint
/// holds the addresses of all files that its templates name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<OnceLock<BTreeMap<String, String>>>);

impl Addresses {
    /// Gives them; what was given first stays.
    pub(crate) fn give(&self, addresses: BTreeMap<String, String>) {
        let _ = self.0.set(addresses);
    }
}

/// `asset`.
pub(super) struct Asset(pub(super) Addresses);

impl Asset {
    fn address(&self, call: &Helper<'_>) -> Result<&str, RenderError> {
        let name = call.param(0).map(handlebars::PathAndJson::value).and_then(Value::as_str);
        let found = name.and_then(|name| self.0.0.get()?.get(name));
        found.map(String::as_str).ok_or_else(|| {
            let name = name.unwrap_or_default();
            RenderErrorReason::Other(format!("`asset` knows no file `{name}`")).into()
        })
    }
}

impl HelperDef for Asset {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.address(call).map(|address| ScopedJson::Derived(Value::from(address)))
    }

    /// Printed as it stands: an address is encoded, and nothing in it needs escaping.
    fn call<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        out.write(self.address(call)?).map_err(RenderError::from)
    }
}
