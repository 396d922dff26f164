//! `asset`: the addresses of files that are served.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use handlebars::Helper;
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

    /// The address of the file that a call names.
    pub(super) fn address(&self, call: &Helper<'_>) -> Result<Value, String> {
        let name = call.param(0).map(handlebars::PathAndJson::value).and_then(Value::as_str);
        let found = name.and_then(|name| self.0.get()?.get(name));
        let unknown = || format!("`asset` knows no file `{}`", name.unwrap_or_default());
        found.map(|address| Value::from(address.as_str())).ok_or_else(unknown)
    }
}
