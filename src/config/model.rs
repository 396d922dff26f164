//! The shape of the file as typed: every value with its place, nothing resolved yet.

use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::secret::Secret;
use crate::diagnostic::{At, SourceFile, Span};
pub use crate::units::Ttl;

/// A whole site as typed, includes merged in.
#[derive(Debug)]
pub struct Config {
    /// Every YAML file that was read, the main one first.
    pub files: Vec<Arc<SourceFile>>,
    /// The `server` section.
    pub server: ServerConfig,
    /// The `cache` section.
    pub cache: CacheConfig,
    /// Where templates live, relative to the main file; `templates` where the file says nothing.
    pub templates: At<String>,
    /// The languages that the site has, the first where a visitor names none of them.
    pub languages: Vec<At<String>>,
    /// Servers that loads may name.
    pub upstreams: Vec<UpstreamConfig>,
    /// The site's values, in the order of the file.
    pub data: Vec<(At<String>, Node)>,
    /// The site's loads, in the order of the file.
    pub load: Vec<LoadConfig>,
    /// The pages for errors.
    pub errors: Vec<ErrorPageConfig>,
    /// The routes of all files, in the order of the files.
    pub routes: Vec<RouteConfig>,
}

/// The `server` section; a change needs a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where the site is served; 127.0.0.1:8000.
    pub listen: String,
    /// Where the admin listener is; 127.0.0.1:8001, nothing for `off`.
    pub admin: Option<String>,
    /// Bearer token of the admin listener.
    pub admin_token: Option<Secret>,
    /// Host names, besides loopback ones, that the admin listener answers to.
    pub admin_hosts: Vec<String>,
    /// Threads that serve; one a core where nothing is said.
    pub workers: Option<usize>,
    /// Connections at once; 10,000.
    pub max_connections: usize,
    /// Certificate and key files.
    pub tls: Option<(String, String)>,
    /// Whether and how each request is logged.
    pub access_log: AccessLog,
    /// A path on the main listener that answers 200.
    pub health: Option<String>,
    /// Where Swagger UI is.
    pub docs: Option<String>,
    /// How much `Cache-Status` tells.
    pub cache_status: CacheStatusDetail,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".to_owned(),
            admin: Some("127.0.0.1:8001".to_owned()),
            admin_token: None,
            admin_hosts: Vec::new(),
            workers: None,
            max_connections: 10_000,
            tls: None,
            access_log: AccessLog::Off,
            health: None,
            docs: None,
            cache_status: CacheStatusDetail::Short,
        }
    }
}

/// How each request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Not at all.
    Off,
    /// A line of text.
    Text,
    /// A line of JSON.
    Json,
}

/// How much `Cache-Status` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatusDetail {
    /// Without the key.
    Short,
    /// With the key.
    Full,
    /// No header.
    Off,
}

/// The `cache` section; a change needs a restart, but for `namespace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// `memory` or an address of Redis, environment filled in. May hold a password: never shown.
    pub store: At<Secret>,
    /// The first part of every key; not empty, no braces.
    pub prefix: String,
    /// The second part of every key; may be empty.
    pub namespace: String,
    /// Bytes of responses kept in this process; 256 MiB.
    pub memory: u64,
    /// How long one answer waits for the store, all calls together; 100 ms.
    pub timeout: Duration,
    /// The largest entry that is stored, in bytes; 1 MiB.
    pub max_entry: u64,
    /// New keys a second and route before a key has to be asked for twice; 1,000.
    pub max_new_keys: u32,
}

impl CacheConfig {
    /// What holds where the file, at `place`, says nothing.
    #[must_use]
    pub fn new(place: &Span) -> Self {
        Self {
            store: At::new(Secret::new("memory"), place.clone()),
            prefix: "api:cache".to_owned(),
            namespace: String::new(),
            memory: 256 << 20,
            timeout: Duration::from_millis(100),
            max_entry: 1 << 20,
            max_new_keys: 1000,
        }
    }
}

/// What a route does not say itself: the main file's `defaults`, or an include's for its own
/// routes.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Lifetime in the cache.
    pub ttl: Option<At<Ttl>>,
    /// Key builder.
    pub key: Option<At<String>>,
    /// Response headers; merged with the route's.
    pub headers: Vec<(At<String>, Option<At<String>>)>,
    /// How long a stale answer may be given while a fresh one is made.
    pub stale_while_revalidate: Option<At<Ttl>>,
    /// How long a stale answer may be given when making a fresh one fails.
    pub stale_if_error: Option<At<Ttl>>,
    /// Lifetime in browsers and CDNs.
    pub max_age: Option<At<Ttl>>,
    /// The layout around templates.
    pub layout: Option<At<String>>,
    /// Origins that may read answers.
    pub cors: Option<CorsConfig>,
}

/// Who may read answers from another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsConfig {
    /// `"*"`.
    Any(Span),
    /// Listed origins.
    Origins(Vec<At<String>>),
}

/// One route as typed.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// The method; GET where none is said. The span is that of the whole key.
    pub method: At<String>,
    /// The path, as typed.
    pub path: At<String>,
    /// `name`.
    pub name: Option<At<String>>,
    /// `summary`.
    pub summary: Option<String>,
    /// Where the response comes from.
    pub source: SourceConfig,
    /// `status`, 100 to 599.
    pub status: Option<At<u16>>,
    /// `headers`; `null` removes a default.
    pub headers: Vec<(At<String>, Option<At<String>>)>,
    /// `content_type`.
    pub content_type: Option<At<String>>,
    /// `ttl`.
    pub ttl: Option<At<Ttl>>,
    /// `stale_while_revalidate`.
    pub stale_while_revalidate: Option<At<Ttl>>,
    /// `stale_if_error`.
    pub stale_if_error: Option<At<Ttl>>,
    /// `max_age`.
    pub max_age: Option<At<Ttl>>,
    /// `key`.
    pub key: Option<At<String>>,
    /// `namespace`.
    pub namespace: Option<At<String>>,
    /// `data`.
    pub data: Vec<(At<String>, Node)>,
    /// `load`.
    pub load: Vec<LoadConfig>,
    /// `query`.
    pub query: Vec<ParamConfig>,
    /// `params`.
    pub params: Vec<ParamConfig>,
    /// `layout`; `Some(None)` for `layout: null`, which removes a default.
    pub layout: Option<Option<At<String>>>,
    /// `cors`.
    pub cors: Option<CorsConfig>,
    /// `delay`: how long a render takes.
    pub delay: Option<Duration>,
    /// The defaults of the file that the route is in.
    pub defaults: Arc<Defaults>,
}

/// Where a response comes from: exactly one a route.
#[derive(Clone, Debug)]
pub enum SourceConfig {
    /// A value, as it stands.
    Body(Node),
    /// A mapping or list whose strings are templates.
    Json(Node),
    /// A template file's name.
    Template(At<String>),
    /// A template written in place.
    Inline(At<String>),
    /// A file's path.
    File(At<String>),
    /// A directory's path.
    Dir(At<String>),
    /// An address, which may use `params` and `query`.
    Redirect(At<String>),
}

/// A value from elsewhere.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// The name under which templates see it.
    pub name: At<String>,
    /// Where it comes from: a path, a glob, `redis:key`, `upstream:/path`, an `https://` address.
    pub from: At<String>,
    /// Whether a page does without where it is not found.
    pub optional: bool,
    /// The value's own life; one minute where nothing is said. Files are watched and have none.
    pub ttl: Option<At<LoadTtl>>,
    /// How long an old value may be used when loading a new one fails.
    pub stale_if_error: Option<At<Ttl>>,
    /// What is used where there is neither a new nor an old value.
    pub fallback: Option<Node>,
    /// Request headers; they may hold passwords.
    pub headers: Vec<(At<String>, At<Secret>)>,
    /// How long an answer is waited for; the upstream's, else 2 s.
    pub timeout: Option<At<Duration>>,
    /// Statuses that carry a value; empty for 200 alone.
    pub accept_status: Vec<At<u16>>,
}

/// How long a loaded value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadTtl {
    /// As the file says.
    Fixed(Ttl),
    /// As the answer's `Cache-Control` says.
    Upstream,
}

/// A server that loads may name: `name:/path`.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Its name.
    pub name: At<String>,
    /// Its address, `http://` or `https://`; paths are put behind it.
    pub url: At<String>,
    /// Request headers; they may hold passwords.
    pub headers: Vec<(At<String>, At<Secret>)>,
    /// How long an answer is waited for; 2 s where nothing is said.
    pub timeout: Option<At<Duration>>,
}

/// A declared parameter of a query or a path.
#[derive(Clone, Debug)]
pub struct ParamConfig {
    /// Its name.
    pub name: At<String>,
    /// `type`; string where nothing is said.
    pub kind: At<ParamType>,
    /// `default`, as written in a request.
    pub default: Option<At<String>>,
    /// `required`.
    pub required: bool,
    /// `enum`, as written in a request; empty where anything goes.
    pub choices: Vec<At<String>>,
    /// `min`.
    pub min: Option<At<f64>>,
    /// `max`.
    pub max: Option<At<f64>>,
    /// `max_length` in characters; 200 where nothing is said.
    pub max_length: usize,
    /// `pattern`, a regular expression that the whole value matches.
    pub pattern: Option<At<String>>,
    /// `description`.
    pub description: Option<String>,
}

/// What a parameter's text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// Any text.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A finite number.
    Number,
    /// `true` or `false`.
    Bool,
}

/// A page for errors.
#[derive(Clone, Debug)]
pub struct ErrorPageConfig {
    /// `404`, or `5` for `5xx`.
    pub status: At<ErrorStatus>,
    /// What is sent.
    pub source: SourceConfig,
    /// `content_type`.
    pub content_type: Option<At<String>>,
    /// `layout`.
    pub layout: Option<Option<At<String>>>,
}

/// Which errors a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorStatus {
    /// One status.
    Exactly(u16),
    /// All of a class: 4 or 5.
    Class(u16),
}
