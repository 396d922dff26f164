//! `server` and `cache`: what needs a restart.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::scalar::{as_written, scalar_text, text_as_written};
use super::{Decoder, Entry};
use crate::config::model::{Docs, DocsConfig, ServerConfig, TlsConfig};
use crate::config::network::Network;
use crate::config::node::NodeValue;
use crate::config::secret::Secret;
use crate::diagnostic::{Code, Diagnostic};

/// The length of an admin token in characters, at least: who guesses is given no chance.
const MIN_TOKEN: usize = 16;

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
        let token = server.admin_token.as_ref();
        if token.is_some_and(|token| token.chars().count() < MIN_TOKEN)
            && let Some(node) = field("admin_token")
        {
            let message = format!("`admin_token` is shorter than {MIN_TOKEN} characters");
            let help = "make one that nobody guesses: openssl rand -hex 16";
            self.error(Code::BadType, message, &node.span, help);
        }
        let cannot_be_sent = |token: &Secret| {
            token.chars().any(char::is_control) || token.trim().len() < token.len()
        };
        if token.is_some_and(cannot_be_sent)
            && let Some(node) = field("admin_token")
        {
            let message = "`admin_token` has a line's end, or a blank at an end: no request can \
                           carry it";
            self.error(Code::BadType, message.to_owned(), &node.span, "write it without");
        }
        if let (Some(health), Some(docs)) = (&server.health, &server.docs)
            && (health == "/openapi.json" || is_at_or_below(health, &docs.path))
            && let Some(node) = field("health")
        {
            let message = "`health` is where `docs` is".to_owned();
            self.error(Code::ReservedPath, message, &node.span, "give it another path: /healthz");
        }
        if let Some(admin) = &server.admin
            && meets(&server.listen, admin)
        {
            // Where one of them is not written, it is larder's own.
            let places: Vec<_> =
                ["listen", "admin"].iter().filter_map(|name| field(name)).collect();
            let message = format!("`listen` and `admin` are both at port {}", port_of(admin));
            if let Some(place) = places.last() {
                let mut found = Diagnostic::new(Code::SameAddress, message, &place.span);
                if places.len() > 1 {
                    found = found.label(&places[0].span, "the site's");
                }
                self.report.push(found.help("give one another port, or write `admin: off`"));
            }
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
        if let Err(help) = read_address(&text) {
            // What the environment filled in is in no help.
            let as_typed = text_as_written(&text, &entry.node.span);
            let help = if as_typed == text { help } else { PORT.to_owned() };
            let message = format!("`{}` is no address for {}", as_written(entry.node), entry.what);
            return self.refuse(Code::BadUrl, message, &entry.node.span, &help);
        }
        Some(text)
    }

    /// A path of the main listener, or `off`.
    pub(super) fn path_or_off(&mut self, entry: &Entry) -> Option<Option<String>> {
        if is_off(entry) { Some(None) } else { self.path(entry).map(Some) }
    }

    /// A path of the main listener.
    pub(super) fn path(&mut self, entry: &Entry) -> Option<String> {
        let text = self.filled(entry)?;
        let plain = |c: char| !c.is_whitespace() && !"{}?#%*\\".contains(c) && !c.is_control();
        let path = text.value.as_str();
        let is_own = path == "/_larder" || path.starts_with("/_larder/");
        let is_root = path.trim_end_matches('/').is_empty() || path.starts_with("//");
        if !path.starts_with('/') || is_root || is_own || !path.chars().all(plain) {
            let message =
                format!("`{}` is no path for {}", text_as_written(path, &text.span), entry.what);
            let help = format!("write `/{}`, or `off`", entry.name());
            return self.refuse(Code::BadUrl, message, &text.span, &help);
        }
        Some(path.trim_end_matches('/').to_owned())
    }

    /// A path of the main listener, `off`, or a mapping with the path.
    pub(super) fn docs(&mut self, entry: &Entry) -> Option<Option<Docs>> {
        if !matches!(entry.node.value, NodeValue::Map(_)) {
            let docs = |path| Docs { path, title: None, version: None, description: None };
            return self.path_or_off(entry).map(|path| path.map(docs));
        }
        let fields = self.fields(&DocsConfig::SECTION, entry)?;
        if fields.entry("path").is_none() {
            let message = "`docs` has no `path`".to_owned();
            self.error(Code::BadType, message, &fields.place, "write where it is: path: /docs");
        }
        let DocsConfig { path, title, version, description } = DocsConfig::read(self, &fields);
        Some(Some(Docs { path: path?, title, version, description }))
    }

    /// A host, by a name or an address.
    pub(super) fn host(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?;
        let written = text_as_written(&text.value, &text.span);
        if let Err(help) = read_host(&text.value) {
            let help = if written == text.value { help } else { HOST.to_owned() };
            let message = format!("`{written}` is no host");
            return self.refuse(Code::BadUrl, message, &text.span, &help);
        }
        Some(text.value)
    }

    /// An IP address or a network of them.
    pub(super) fn network(&mut self, entry: &Entry) -> Option<Network> {
        let text = self.filled(entry)?;
        let network = text.value.trim().parse().ok();
        if network.is_none() {
            let written = text_as_written(&text.value, &text.span);
            let message = format!("`{written}` is no address or network of a proxy");
            let help = "write an IP address, or a network like 10.0.0.0/8";
            self.error(Code::BadUrl, message, &text.span, help);
        }
        network
    }

    /// `memory`, or where a Redis is: what opens it knows whether it can be.
    pub(super) fn store(&mut self, entry: &Entry) -> Option<Secret> {
        self.filled(entry).map(|text| Secret::new(text.value.trim()))
    }

    /// What keys begin with: not empty.
    pub(super) fn prefix(&mut self, entry: &Entry) -> Option<String> {
        self.filled(entry)?;
        self.key_part(entry)
    }

    /// A namespace: one part of keys, which may be empty.
    pub(super) fn namespace(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?;
        if text.value.contains(':') {
            let message = format!("{} has a `:`, which ends it in a key", entry.what);
            return self.refuse(Code::BadType, message, &text.span, "write another sign");
        }
        self.key_part(entry)
    }

    /// Parts of keys: no braces, blanks or control characters.
    fn key_part(&mut self, entry: &Entry) -> Option<String> {
        let text = self.text(entry)?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || "{}*?[]\\".contains(c);
        let help = if text.value.chars().any(bad) || text.value.len() > 200 {
            "use at most 200 letters, digits and : . - _"
        } else if text.value.split(':').any(|part| part.starts_with('~')) {
            "larder's own keys have a part that begins with `~`: write another sign"
        } else {
            return Some(text.value);
        };
        let message = format!("{} cannot be a part of keys", entry.what);
        self.refuse(Code::BadType, message, &text.span, help)
    }
}

pub(super) fn is_off(entry: &Entry) -> bool {
    match &entry.node.value {
        NodeValue::Text(text) => text == "off",
        NodeValue::Bool(false) => true,
        _ => false,
    }
}

/// What an address to listen at looks like.
const PORT: &str = "write an IP address and a port: 127.0.0.1:8000";

/// Nothing where a text is host and port, else what to write.
pub(crate) fn read_address(text: &str) -> Result<(), String> {
    let port = |port: &str| port.parse::<u16>().is_ok();
    let is_good = |text: &str| {
        text.parse::<SocketAddr>().is_ok()
            || text.rsplit_once(':').is_some_and(|(h, p)| is_name(h) && port(p))
    };
    if is_good(text) {
        return Ok(());
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let digits = bare.trim_start_matches(':');
    let is_host = is_name(bare) || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4());
    Err(match bare {
        _ if port(digits) => format!("write 127.0.0.1:{digits}, or 0.0.0.0:{digits}"),
        _ if is_good(bare) => format!("write {bare}"),
        _ if is_host => format!("write {bare}:8000, or another port"),
        _ => PORT.to_owned(),
    })
}

/// What a host looks like.
const HOST: &str = "write a name or an address, without scheme and port: larder.internal";

/// Nothing where a text is a host as requests name it, without its port; else what to write.
pub(crate) fn read_host(text: &str) -> Result<(), String> {
    let is_ipv6 = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    let is_host = |text: &str| {
        let within = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let is_ipv4 = text.parse::<std::net::Ipv4Addr>().is_ok();
        within.is_some_and(is_ipv6) || is_ipv4 || is_name(text)
    };
    if is_host(text) {
        return Ok(());
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let bare = if is_ipv6(bare) { format!("[{bare}]") } else { bare.to_owned() };
    let without_port = bare.rsplit_once(':').map(|(host, _)| host);
    let meant = [Some(&*bare), without_port].into_iter().flatten().find(|text| is_host(text));
    Err(meant.map_or_else(|| HOST.to_owned(), |host| format!("write {host}")))
}

/// Whether a path is another one, or below it.
fn is_at_or_below(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a text may be the name of a host. One whose last part is a number would be an address,
/// which is not looked up.
fn is_name(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    host.chars().all(letter) && !last.is_empty() && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn port_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(_, port)| port)
}

/// Whether two listeners cannot be at both addresses. A port 0 is any that is free.
pub(crate) fn meets(one: &str, other: &str) -> bool {
    let port = |address: &str| port_of(address).parse::<u16>().ok().filter(|port| *port > 0);
    let hosts = match (ip_of(one), ip_of(other)) {
        // Nobody listens on the whole of one family beside a part of it; `::` takes both.
        (Some(a), Some(b)) => {
            let all =
                |ip: IpAddr| ip.is_unspecified() && (ip.is_ipv6() || a.is_ipv4() == b.is_ipv4());
            a == b || all(a) || all(b)
        }
        _ => one.eq_ignore_ascii_case(other),
    };
    hosts && port(one).is_some() && port(one) == port(other)
}

/// The IP address of a host and port, without looking it up.
fn ip_of(address: &str) -> Option<IpAddr> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Whether an address that was typed is this machine's own.
pub(crate) fn is_loopback(address: &str) -> bool {
    ip_of(address).is_some_and(|ip| ip.is_loopback())
}
