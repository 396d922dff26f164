//! Which fields a running process cannot take from an edited file.

use super::model::{CacheConfig, ServerConfig};
use super::section::Standalone as _;

/// The fields of `server` and `cache` that differ and need a restart: all but `cache.namespace`.
pub(crate) fn needing_restart(
    (old_server, old_cache): (&ServerConfig, &CacheConfig),
    (server, cache): (&ServerConfig, &CacheConfig),
) -> Vec<String> {
    let server = old_server.differing(server).into_iter().map(|name| format!("server.{name}"));
    let cache = old_cache.differing(cache).into_iter().map(|name| format!("cache.{name}"));
    server.chain(cache).filter(|name| name != "cache.namespace").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_differs_is_named_but_the_namespace() {
        let (server, cache) = (ServerConfig::default(), CacheConfig::default());
        let other = ServerConfig {
            listen: "127.0.0.1:1".into(),
            docs: Some("/d".into()),
            ..server.clone()
        };
        let namespaced = CacheConfig { namespace: "n".into(), memory: 1, ..cache.clone() };
        let changed = needing_restart((&server, &cache), (&other, &namespaced));
        assert_eq!(changed, ["server.listen", "server.docs", "cache.memory"]);
        assert_eq!(needing_restart((&server, &cache), (&server, &cache)), Vec::<String>::new());
    }
}
