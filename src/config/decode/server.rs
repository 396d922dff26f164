//! `server` and `cache`: what needs a restart.

use super::scalar::{shown, typed};
use super::{Decoder, Fields};
use crate::config::fields::{ACCESS_LOG, CACHE, CACHE_STATUS, SERVER, TLS};
use crate::config::model::{AccessLog, CacheConfig, CacheStatusDetail, ServerConfig};
use crate::config::node::{Node, NodeValue};
use crate::config::secret::Secret;
use crate::diagnostic::{At, Code, Diagnostic, Span, nearest};
use std::net::{IpAddr, SocketAddr};

/// Addresses of stores: the scheme and an example of it.
const STORES: &[(&str, &str)] = &[
    ("redis", "redis://127.0.0.1:6379/0"),
    ("rediss", "rediss://cache.example.com:6380/0"),
    ("redis+unix", "redis+unix:///run/redis.sock"),
    ("redis-sentinel", "redis-sentinel://h1:26379,h2:26379/service/0"),
    ("rediss-sentinel", "rediss-sentinel://h1:26379,h2:26379/service/0"),
    ("redis-cluster", "redis-cluster://h1:6379,h2:6379"),
    ("rediss-cluster", "rediss-cluster://h1:6379,h2:6379"),
];

impl Decoder<'_> {
    /// The `server` section; what is wrong or not there is as built in.
    pub(super) fn server(&mut self, place: &Span, node: Option<&Node>) -> ServerConfig {
        let mut server = ServerConfig::default();
        let Some(node) = node else { return server };
        let Some(fields) = self.fields(&SERVER, "`server`", place, node) else { return server };
        if let Some(listen) = self.address(&fields, "listen") {
            server.listen = listen.value;
        }
        self.admin(&fields, &mut server);
        server.workers = self.count(&fields, "workers", 1024);
        server.max_connections =
            self.count(&fields, "max_connections", 1_000_000).unwrap_or(10_000);
        server.tls = self.tls(&fields);
        server.access_log = match self.word(&fields, "access_log", ACCESS_LOG) {
            Some(1) => AccessLog::Text,
            Some(2) => AccessLog::Json,
            _ => AccessLog::Off,
        };
        server.cache_status = match self.word(&fields, "cache_status", CACHE_STATUS) {
            Some(1) => CacheStatusDetail::Full,
            Some(2) => CacheStatusDetail::Off,
            _ => CacheStatusDetail::Short,
        };
        server.health = self.own_path(&fields, "health");
        server.docs = self.own_path(&fields, "docs");
        server
    }

    fn admin(&mut self, fields: &Fields, server: &mut ServerConfig) {
        server.admin_token = self.filled(fields, "admin_token").map(|at| Secret::new(at.value));
        server.admin_hosts =
            self.texts(fields, "admin_hosts").into_iter().map(|at| at.value).collect();
        if is_off(fields, "admin") {
            server.admin = None;
            return;
        }
        let Some(admin) = self.address(fields, "admin") else { return };
        if !is_loopback(&admin.value) && fields.get("admin_token").is_none() {
            let message = "`admin` is not on loopback, and there is no `admin_token`".to_owned();
            let help = "add `admin_token: ${LARDER_ADMIN_TOKEN}`, or listen on 127.0.0.1";
            self.error(Code::BadUrl, message, &admin.span, help);
        }
        server.admin = Some(admin.value);
    }

    /// Host and port.
    fn address(&mut self, fields: &Fields, name: &str) -> Option<At<String>> {
        let node = fields.get(name)?;
        let text = super::scalar::scalar_text(node).unwrap_or_default();
        let port = |port: &str| port.parse::<u16>().is_ok();
        let host = |host: &str| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        };
        let good = text.parse::<SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(h, p)| host(h) && port(p));
        if !good {
            let message = format!("`{}` is no address for `{name}`", shown(node));
            let help = match text.trim_start_matches(':') {
                digits if port(digits) => format!("write 127.0.0.1:{digits}, or 0.0.0.0:{digits}"),
                _ => "write an IP address and a port: 127.0.0.1:8000".to_owned(),
            };
            self.error(Code::BadUrl, message, &node.span, &help);
            return None;
        }
        Some(At::new(text, node.span.clone()))
    }

    /// A path of the main listener, or `off`.
    fn own_path(&mut self, fields: &Fields, name: &str) -> Option<String> {
        if is_off(fields, name) {
            return None;
        }
        let text = self.filled(fields, name)?;
        let plain = |c: char| !c.is_whitespace() && !"{}?#%*\\".contains(c) && !c.is_control();
        let path = text.value.as_str();
        if !path.starts_with('/') || path == "/" || !path.chars().all(plain) {
            let message = format!("`{}` is no path for `{name}`", typed(path, &text.span));
            self.error(Code::BadUrl, message, &text.span, &format!("write `/{name}`, or `off`"));
            return None;
        }
        Some(path.trim_end_matches('/').to_owned())
    }

    fn count(&mut self, fields: &Fields, name: &str, most: u64) -> Option<usize> {
        self.whole(fields, name, 1..=most).and_then(|n| usize::try_from(n).ok())
    }

    fn tls(&mut self, fields: &Fields) -> Option<(String, String)> {
        let (node, place) = (fields.get("tls")?, fields.key("tls")?);
        let tls = self.fields(&TLS, "`tls`", place, node)?;
        let (cert, key) = (self.filled(&tls, "cert"), self.filled(&tls, "key"));
        for name in ["cert", "key"] {
            if tls.get(name).is_none() {
                let message = format!("`tls` has no `{name}`");
                self.error(Code::BadType, message, place, "it needs `cert` and `key`, two files");
            }
        }
        Some((cert?.value, key?.value))
    }

    /// The `cache` section; what is wrong or not there is as built in.
    pub(super) fn cache(&mut self, place: &Span, node: Option<&Node>) -> CacheConfig {
        let mut cache = CacheConfig::new(place);
        let Some(node) = node else { return cache };
        let Some(fields) = self.fields(&CACHE, "`cache`", place, node) else { return cache };
        if let Some(store) = self.store(&fields) {
            cache.store = store;
        }
        if let Some(prefix) = self.filled(&fields, "prefix")
            && self.key_part("`prefix`", &prefix).is_some()
        {
            cache.prefix = prefix.value;
        }
        if let Some(namespace) = self.namespace(&fields) {
            cache.namespace = namespace.value;
        }
        cache.memory = self.size(&fields, "memory").unwrap_or(cache.memory);
        cache.max_entry = self.size(&fields, "max_entry").unwrap_or(cache.max_entry);
        if let Some(timeout) = self.duration(&fields, "timeout") {
            cache.timeout = timeout.value;
        }
        let new_keys = self.whole(&fields, "max_new_keys", 1..=1_000_000);
        cache.max_new_keys = new_keys.and_then(|n| u32::try_from(n).ok()).unwrap_or(1000);
        cache
    }

    fn store(&mut self, fields: &Fields) -> Option<At<Secret>> {
        let text = self.filled(fields, "store")?;
        let store = text.value.trim();
        if store != "memory"
            && let Err(help) = check_store(store)
        {
            // The address may hold a password: only what the file itself shows is marked.
            let message = "`store` is no address of a store";
            self.report.push(Diagnostic::new(Code::BadStoreUrl, message, &text.span).help(help));
            return None;
        }
        Some(At::new(Secret::new(store), text.span))
    }
}

fn is_off(fields: &Fields, name: &str) -> bool {
    match fields.get(name).map(|node| &node.value) {
        Some(NodeValue::Text(text)) => text == "off",
        Some(NodeValue::Bool(false)) => true,
        _ => false,
    }
}

/// What is wrong with the address of a store, as help.
fn check_store(store: &str) -> Result<(), String> {
    let Some((scheme, rest)) = store.split_once("://") else {
        let near = nearest(store, ["memory"]).map(|word| format!("did you mean `{word}`?"));
        return Err(
            near.unwrap_or_else(|| "write `memory`, or redis://127.0.0.1:6379/0".to_owned())
        );
    };
    let Some((_, example)) = STORES.iter().find(|(known, _)| *known == scheme) else {
        let schemes = STORES.iter().map(|(scheme, _)| *scheme);
        return Err(match nearest(scheme, schemes.clone()) {
            Some(word) => format!("did you mean `{word}://`?"),
            None => format!("schemes are {}", schemes.collect::<Vec<_>>().join(", ")),
        });
    };
    let bad = || Err(format!("write it like {example}"));
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return bad();
    }
    if scheme == "redis+unix" {
        return if rest.starts_with('/') { Ok(()) } else { bad() };
    }
    // A password may hold any sign but the last `@`, after which the hosts begin.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (hosts, path) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    if hosts.is_empty() || !hosts.split(',').all(is_host) {
        return bad();
    }
    if hosts.contains(',') && !scheme.contains('-') {
        return Err("several hosts are a sentinel's (redis-sentinel://) or a cluster's \
                    (redis-cluster://)"
            .to_owned());
    }
    if scheme.ends_with("-sentinel") && path.split('/').next().is_none_or(str::is_empty) {
        return bad();
    }
    Ok(())
}

/// A host with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    !host.is_empty() && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
