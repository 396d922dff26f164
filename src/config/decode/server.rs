//! `server` and `cache`: what needs a restart.

use std::net::{IpAddr, SocketAddr};

use super::scalar::{as_written, scalar_text, text_as_written};
use super::{Decoder, Entry};
use crate::config::model::{ServerConfig, TlsConfig};
use crate::config::node::NodeValue;
use crate::config::secret::Secret;
use crate::diagnostic::{Code, nearest};

/// Addresses of stores: the scheme and an example of it.
const STORES: &[(&str, &str)] = &[
    ("redis", "redis://127.0.0.1:6379/0"),
    ("rediss", "rediss://cache.example.com:6380/0"),
    ("redis+unix", "redis+unix:///run/redis.sock"),
];

impl Decoder<'_> {
    /// The `server` section.
    pub(super) fn server(&mut self, entry: &Entry) -> ServerConfig {
        let server: ServerConfig = self.section(entry);
        let field = |name| entry.node.field(name).map(|(_, node)| node);
        if let (Some(address), Some(admin)) = (&server.admin, field("admin"))
            && !is_loopback(address)
            && field("admin_token").is_none()
        {
            let message = "`admin` is not on loopback, and there is no `admin_token`".to_owned();
            let help = "add `admin_token: ${LARDER_ADMIN_TOKEN}`, or listen on 127.0.0.1";
            self.error(Code::BadUrl, message, &admin.span, help);
        }
        server
    }

    /// Certificate and key.
    pub(super) fn tls(&mut self, entry: &Entry) -> Option<(String, String)> {
        let fields = self.fields(&TlsConfig::SECTION, entry)?;
        for name in TlsConfig::SECTION.names() {
            if fields.entry(name).is_none() {
                let message = format!("`tls` has no `{name}`");
                let help = "it needs `cert` and `key`, two files";
                self.error(Code::BadType, message, &fields.place, help);
            }
        }
        let TlsConfig { cert, key } = TlsConfig::read(self, &fields);
        Some((cert?.value, key?.value))
    }

    /// Host and port, or `off`.
    pub(super) fn address_or_off(&mut self, entry: &Entry) -> Option<Option<String>> {
        if is_off(entry) { Some(None) } else { self.address(entry).map(Some) }
    }

    /// Host and port.
    pub(super) fn address(&mut self, entry: &Entry) -> Option<String> {
        let text = scalar_text(entry.node).unwrap_or_default();
        let port = |port: &str| port.parse::<u16>().is_ok();
        let host = |host: &str| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        };
        let good = text.parse::<SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(h, p)| host(h) && port(p));
        if !good {
            let message = format!("`{}` is no address for {}", as_written(entry.node), entry.what);
            let help = match text.trim_start_matches(':') {
                digits if port(digits) => format!("write 127.0.0.1:{digits}, or 0.0.0.0:{digits}"),
                _ => "write an IP address and a port: 127.0.0.1:8000".to_owned(),
            };
            return self.refuse(Code::BadUrl, message, &entry.node.span, &help);
        }
        Some(text)
    }

    /// A path of the main listener, or `off`.
    pub(super) fn path_or_off(&mut self, entry: &Entry) -> Option<Option<String>> {
        if is_off(entry) {
            return Some(None);
        }
        let text = self.filled(entry)?;
        let plain = |c: char| !c.is_whitespace() && !"{}?#%*\\".contains(c) && !c.is_control();
        let path = text.value.as_str();
        if !path.starts_with('/') || path == "/" || !path.chars().all(plain) {
            let message =
                format!("`{}` is no path for {}", text_as_written(path, &text.span), entry.what);
            let help = format!("write `/{}`, or `off`", entry.name());
            return self.refuse(Code::BadUrl, message, &text.span, &help);
        }
        Some(Some(path.trim_end_matches('/').to_owned()))
    }

    /// `memory`, or where a Redis is.
    pub(super) fn store(&mut self, entry: &Entry) -> Option<Secret> {
        let text = self.filled(entry)?;
        let store = text.value.trim();
        if store != "memory"
            && let Err(help) = check_store(store)
        {
            // The address may hold a password: only what the file itself shows is marked.
            let message = "`store` is no address of a store".to_owned();
            return self.refuse(Code::BadStoreUrl, message, &text.span, &help);
        }
        Some(Secret::new(store))
    }

    /// A part of keys that is not empty.
    pub(super) fn filled_key_part(&mut self, entry: &Entry) -> Option<String> {
        self.filled(entry)?;
        self.key_part(entry)
    }

    /// A part of keys: no braces, blanks or control characters.
    pub(super) fn key_part(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || "{}*?[]\\".contains(c);
        if text.value.chars().any(bad) || text.value.len() > 200 {
            let message = format!("{} cannot be a part of keys", entry.what);
            let help = "use at most 200 letters, digits and : . - _";
            return self.refuse(Code::BadType, message, &text.span, help);
        }
        Some(text.value)
    }
}

fn is_off(entry: &Entry) -> bool {
    match &entry.node.value {
        NodeValue::Text(text) => text == "off",
        NodeValue::Bool(false) => true,
        _ => false,
    }
}

/// What is wrong with the address of a store, as help.
fn check_store(store: &str) -> Result<(), String> {
    let Some((scheme, rest)) = store.split_once("://") else {
        return Err(match nearest(store, ["memory"]) {
            Some(word) => format!("did you mean `{word}`?"),
            None => "write `memory`, or redis://127.0.0.1:6379/0".to_owned(),
        });
    };
    let Some((_, example)) = STORES.iter().find(|(known, _)| *known == scheme) else {
        let schemes = STORES.iter().map(|(scheme, _)| *scheme);
        // Clusters and sentinels are not spelled wrong: they are something else.
        let near = nearest(scheme, schemes.clone()).filter(|_| !scheme.contains('-'));
        return Err(match near {
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
    // A password may hold any sign but the last `@`, after which the host begins.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    if is_host(host) { Ok(()) } else { bad() }
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
    !host.is_empty() && !host.contains(',') && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
