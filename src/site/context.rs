//! What templates see, kept from one render of a page to the next: the site's values are copied
//! into a context once, and a render changes in it only what its request decides.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::template::Context;
use crate::fingerprint::Fingerprint;

/// Contexts that are kept, at most: a render looks through all of them.
const MAX_CONTEXTS: usize = 64;

/// Bytes that all kept contexts may hold, about; a larger one is made anew for each render.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The contexts of a site that no render uses now, the longest unused first.
#[derive(Debug, Default)]
pub(super) struct ContextPool {
    idle: Mutex<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    /// A digest that decides the values which no request decides.
    page: Fingerprint,
    context: Context,
    bytes: usize,
}

impl ContextPool {
    /// Runs `render` with a context of the values of `constant` and of `values`, which stand after
    /// those or, where they have the same name, instead of them. `page` decides what `constant`
    /// gives.
    pub(super) fn lend<'v, T>(
        &self,
        page: Fingerprint,
        constant: impl FnOnce() -> Map<String, Value>,
        values: impl Iterator<Item = (&'v str, Value)>,
        render: impl FnOnce(&mut Context) -> T,
    ) -> T {
        let mut kept = self.take(page).unwrap_or_else(|| Kept::new(page, constant()));
        let constants = kept.names().map_or(0, |names| names.len());
        let mut replaced = Vec::new();
        if let Some(names) = kept.names() {
            for (name, value) in values {
                replaced.push(name);
                match names.get_mut(name) {
                    Some(place) => *place = value,
                    None => _ = names.insert(name.to_owned(), value),
                }
            }
        }
        let result = render(&mut kept.context);
        if let Some(names) = kept.names() {
            // What a request said is not kept, however much it is.
            for name in replaced {
                if let Some(place) = names.get_mut(name) {
                    *place = Value::Null;
                }
            }
            // Another request may have no value under a name that this one had.
            while names.len() > constants
                && let Some(last) = names.keys().next_back().cloned()
            {
                names.remove(&last);
            }
        }
        self.give_back(kept);
        result
    }

    fn take(&self, page: Fingerprint) -> Option<Kept> {
        let mut idle = self.idle.lock();
        let place = idle.iter().rposition(|kept| kept.page == page)?;
        idle.remove(place)
    }

    fn give_back(&self, kept: Kept) {
        if kept.bytes > MAX_BYTES {
            return;
        }
        // Dropped after the lock: to take a large context apart takes long.
        let mut dropped = Vec::new();
        let mut idle = self.idle.lock();
        idle.push_back(kept);
        let mut bytes: usize = idle.iter().map(|kept| kept.bytes).sum();
        while idle.len() > MAX_CONTEXTS || bytes > MAX_BYTES {
            let Some(oldest) = idle.pop_front() else { return };
            bytes -= oldest.bytes;
            dropped.push(oldest);
        }
    }
}

impl Kept {
    fn new(page: Fingerprint, constant: Map<String, Value>) -> Self {
        let values = Value::Object(constant);
        Self { page, bytes: size(&values), context: Context::from(values) }
    }

    /// The values by name; always there, since a context is made of them.
    fn names(&mut self) -> Option<&mut Map<String, Value>> {
        self.context.data_mut().as_object_mut()
    }
}

/// The memory that a value takes, in bytes, about.
pub(crate) fn size(value: &Value) -> usize {
    let below = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(names) => {
            names.iter().map(|(name, value)| name.len() + size_of::<String>() + size(value)).sum()
        }
    };
    size_of::<Value>() + below
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(pool: &ContextPool, page: &str, values: &[(&str, Value)]) -> String {
        let constant = || Map::from_iter([("who".to_owned(), Value::Null), ("a".into(), 1.into())]);
        let values = values.iter().map(|(name, value)| (*name, value.clone()));
        pool.lend(Fingerprint::of(page.as_bytes()), constant, values, |it| it.data().to_string())
    }

    #[test]
    fn a_render_sees_nothing_of_the_one_before_it() {
        let pool = ContextPool::default();
        for _ in 0..2 {
            let all =
                shown(&pool, "page", &[("who", json!("x")), ("b", json!(2)), ("c", json!(3))]);
            assert_eq!(all, r#"{"who":"x","a":1,"b":2,"c":3}"#);
            assert_eq!(shown(&pool, "page", &[("who", json!("y"))]), r#"{"who":"y","a":1}"#);
            assert_eq!(shown(&pool, "other", &[]), r#"{"who":null,"a":1}"#);
        }
        assert_eq!(pool.idle.lock().len(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let pool = ContextPool::default();
        (0..100).for_each(|page| _ = shown(&pool, &page.to_string(), &[]));
        assert_eq!(pool.idle.lock().len(), MAX_CONTEXTS);
        let large = || Map::from_iter([("text".into(), "x".repeat(MAX_BYTES).into())]);
        pool.lend(Fingerprint::of(b"large"), large, std::iter::empty(), |_| ());
        assert_eq!(pool.idle.lock().len(), MAX_CONTEXTS);
        let half = || Map::from_iter([("text".into(), "x".repeat(MAX_BYTES / 2).into())]);
        for page in ["one", "two"] {
            pool.lend(Fingerprint::of(page.as_bytes()), half, std::iter::empty(), |_| ());
        }
        assert_eq!(pool.idle.lock().len(), 1);
    }
}
