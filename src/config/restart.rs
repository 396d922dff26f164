//! Which fields a running process cannot take from an edited file.

use super::model::{CacheConfig, ServerConfig};

/// The fields of `server` and `cache` that differ and need a restart: all but `cache.namespace`.
#[must_use]
pub fn needing_restart(
    (old_server, old_cache): (&ServerConfig, &CacheConfig),
    (server, cache): (&ServerConfig, &CacheConfig),
) -> Vec<&'static str> {
    let fields = [
        ("server.listen", old_server.listen == server.listen),
        ("server.admin", old_server.admin == server.admin),
        ("server.admin_token", old_server.admin_token == server.admin_token),
        ("server.admin_hosts", old_server.admin_hosts == server.admin_hosts),
        ("server.workers", old_server.workers == server.workers),
        ("server.max_connections", old_server.max_connections == server.max_connections),
        ("server.tls", old_server.tls == server.tls),
        ("server.access_log", old_server.access_log == server.access_log),
        ("server.health", old_server.health == server.health),
        ("server.docs", old_server.docs == server.docs),
        ("server.cache_status", old_server.cache_status == server.cache_status),
        ("cache.store", old_cache.store.value == cache.store.value),
        ("cache.prefix", old_cache.prefix == cache.prefix),
        ("cache.memory", old_cache.memory == cache.memory),
        ("cache.timeout", old_cache.timeout == cache.timeout),
        ("cache.max_entry", old_cache.max_entry == cache.max_entry),
        ("cache.max_new_keys", old_cache.max_new_keys == cache.max_new_keys),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{SourceFile, Span};

    #[test]
    fn all_that_differs_is_named_but_the_namespace() {
        let place = Span::new(&SourceFile::new("", ""), 0..0);
        let (server, cache) = (ServerConfig::default(), CacheConfig::new(&place));
        let other = ServerConfig {
            listen: "127.0.0.1:1".into(),
            docs: Some("/d".into()),
            ..server.clone()
        };
        let namespaced = CacheConfig { namespace: "n".into(), memory: 1, ..cache.clone() };
        let changed = needing_restart((&server, &cache), (&other, &namespaced));
        assert_eq!(changed, ["server.listen", "server.docs", "cache.memory"]);
        assert_eq!(needing_restart((&server, &cache), (&server, &cache)), Vec::<&str>::new());
    }
}
