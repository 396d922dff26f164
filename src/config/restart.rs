//! Which fields a running process cannot take from an edited file.

use std::sync::Arc;

use super::model::{CacheConfig, ServerConfig};
use super::section::Standalone as _;
use super::yaml;
use crate::diagnostic::{Report, SourceFile, Span};

/// The fields of `server` and `cache` that differ and need a restart: all but `cache.namespace`.
pub(crate) fn needing_restart(
    (old_server, old_cache): (&ServerConfig, &CacheConfig),
    (server, cache): (&ServerConfig, &CacheConfig),
) -> Vec<String> {
    let server = old_server.differing(server).into_iter().map(|name| format!("server.{name}"));
    let cache = old_cache.differing(cache).into_iter().map(|name| format!("cache.{name}"));
    server.chain(cache).filter(|name| name != "cache.namespace").collect()
}

/// Where the value of a field such as `server.tls.cert` is written in a main file, or else the name
/// of the section that it would be in; the file's start where neither is.
pub(crate) fn place(file: &Arc<SourceFile>, name: &str) -> Span {
    let root = yaml::parse(file, &mut Report::default());
    let (mut node, mut section) = (root.as_ref(), Span::new(file, 0..0));
    for name in name.split('.') {
        let Some((key, value)) = node.and_then(|node| node.field(name)) else { return section };
        (node, section) = (Some(value), key.span.clone());
    }
    node.map_or(section, |node| node.span.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_differs_is_named_but_the_namespace() {
        let (server, cache) = (ServerConfig::default(), CacheConfig::default());
        let other =
            ServerConfig { listen: "127.0.0.1:1".into(), max_connections: 7, ..server.clone() };
        let namespaced = CacheConfig { namespace: "n".into(), memory: 1, ..cache.clone() };
        let changed = needing_restart((&server, &cache), (&other, &namespaced));
        assert_eq!(changed, ["server.listen", "server.max_connections", "cache.memory"]);
        assert_eq!(needing_restart((&server, &cache), (&server, &cache)), Vec::<String>::new());
    }
}
