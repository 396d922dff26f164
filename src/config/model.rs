//! The shape of the file as written, nothing resolved: every section of it, declared once.

use std::sync::Arc;
use std::time::Duration;

use super::decode::{Decoder, Entry, Fields, kind};
pub(crate) use super::loads::{LoadConfig, SourceMethod, UpstreamConfig};
use super::network::Network;
use super::node::Node;
use super::schema;
use super::secret::Secret;
use super::section::{Field, Kind, Lead, Section, Standalone, Word, one_of, section, words};
use crate::diagnostic::{At, FilledIn, SourceFile};

/// How long a route's responses are kept where nobody says.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_secs(5 * 60);

/// A whole site as written, includes merged in.
#[derive(Debug)]
pub struct Config {
    /// Every YAML file that was read, the main one first.
    pub files: Vec<Arc<SourceFile>>,
    /// The texts that decide the site besides its routes: as long as they are the same ones, so is
    /// all that is read from them.
    pub(crate) frame: Vec<Arc<SourceFile>>,
    /// The `server` section.
    pub server: ServerConfig,
    /// The `cache` section.
    pub cache: CacheConfig,
    /// Where templates live, relative to the main file.
    pub templates: At<String>,
    /// The languages that the site has, the first where a visitor names none of them.
    pub languages: Vec<At<String>>,
    /// The site's values, in the order of the file.
    pub data: Vec<(At<String>, Node)>,
    /// The servers that loads name.
    pub upstreams: Vec<UpstreamConfig>,
    /// The site's loads, in the order of the file.
    pub load: Vec<LoadConfig>,
    /// The main file's `defaults`, which are in its routes' settings already.
    pub defaults: RouteSettings,
    /// The pages for errors.
    pub errors: Vec<ErrorPageConfig>,
    /// The routes of all files, in the order of the files.
    pub routes: Vec<Arc<RouteConfig>>,
    /// The directory whose files stand in for what servers send, by the names of loads; only for
    /// who works on the site.
    pub(crate) stub: Option<String>,
    /// Variables that were filled in, and what with: never to be printed.
    pub(crate) environment: FilledIn,
}

section! {
    /// A site in one file, served by larder.
    "the site" pub(crate) struct MainConfig {
        ..part: PartConfig;
        /// Listeners. A change needs a restart.
        server: ServerConfig as server,
        /// Where responses are kept. A change needs a restart, but for `namespace`.
        cache: CacheConfig as section<CacheConfig>,
        /// The directory where templates live. Default: templates.
        templates: Option<At<String>> as site_path,
        /// Servers that `load` asks, by the names that stand before their paths: `api:/users`.
        upstreams: Vec<UpstreamConfig> as upstreams,
        /// The site's languages; `{{language}}` is the visitor's best among them.
        languages: Vec<At<String>> as languages,
        /// Pages for errors, by status: `404`, `5xx`.
        errors: Vec<ErrorPageConfig> as errors,
    }
}

section! {
    /// A part of a site.
    "an included file" pub(crate) struct PartConfig {
        /// What this file's routes do not say themselves.
        defaults: RouteSettings as section<RouteSettings>,
        /// More files: paths and globs, relative to the main file.
        include: Vec<At<String>> as include,
        /// Values for templates, as they stand.
        data: Vec<(At<String>, Node)> as data,
        /// Values for templates from files and from HTTP servers.
        load: Vec<LoadConfig> as loads,
        /// The routes, keyed by `[METHOD ]path`.
        routes: Vec<Arc<RouteConfig>> as routes,
    }
}

section! {
    /// Listeners. A change needs a restart.
    "`server`" pub struct ServerConfig {
        /// Where the site is served. Default: 127.0.0.1:8000.
        listen: String as address = "127.0.0.1:8000".to_owned(),
        /// Where the admin listener is: key list, purge, metrics, status; `off` for none. Default:
        /// 127.0.0.1:8001.
        admin: Option<String> as address_or_off = Some("127.0.0.1:8001".to_owned()),
        /// Bearer token of the admin listener; needed where it is not on loopback.
        admin_token: Option<Secret> as secret,
        /// Host names, besides loopback ones, that the admin listener answers to.
        admin_hosts: Vec<String> as hosts,
        /// Threads that serve. Default: one a core.
        workers: Option<usize> as whole<_, 1, 1024>,
        /// Connections at once. Default: 10000.
        max_connections: usize as whole<_, 1, 1_000_000> = 10_000,
        /// Certificate and key, watched.
        tls: Option<(String, String)> as tls,
        /// How each request is logged. Default: off.
        access_log: AccessLog as word = AccessLog::Off,
        /// A path on the main listener that answers 200, or `off`. Default: off.
        health: Option<String> as path_or_off = None,
        /// How long a connection may rest between requests. Default: 75s.
        idle: Duration as duration = Duration::from_secs(75),
        /// Addresses and networks of proxies, such as 10.0.0.0/8, whose `X-Forwarded-For` the
        /// access log believes.
        trusted_proxies: Vec<Network> as networks,
        /// The path under which a proxy shows the site, such as `/shop`: it is taken off a request
        /// that has it, and stands before every address that larder writes.
        base: Option<String> as path,
        /// Where Swagger UI is, and `/openapi.json` beside it, or `off`; a mapping says more of the
        /// document. Default: off.
        docs: Option<Docs> as docs = None,
        /// How much the `Cache-Status` header tells; `full` includes the key. Default: short.
        cache_status: CacheStatusDetail as word = CacheStatusDetail::Short,
    }
}

impl ServerConfig {
    /// What stands before every address of the site; empty where nothing does.
    pub(crate) fn base(&self) -> &str {
        self.base.as_deref().unwrap_or_default()
    }
}

/// Where the documentation of the addresses is, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Docs {
    /// The path of Swagger UI.
    pub path: String,
    /// The document's title.
    pub title: Option<String>,
    /// The version of what is documented.
    pub version: Option<String>,
    /// A text about it, in Markdown.
    pub description: Option<String>,
}

section! {
    /// The documentation of the site's addresses.
    "`docs`" pub(crate) struct DocsConfig {
        /// The path of Swagger UI.
        path: Option<String> as path,
        /// The document's title. Default: larder.
        title: Option<String> as plain_text,
        /// The version of what is documented. Default: that of larder.
        version: Option<String> as plain_text,
        /// A text about it, in Markdown.
        description: Option<String> as plain_text,
    }
}

section! {
    /// Certificate and key.
    "`tls`" pub(crate) struct TlsConfig {
        /// The certificate chain's file, PEM.
        cert: Option<At<String>> as filled,
        /// The private key's file, PEM.
        key: Option<At<String>> as filled,
    }
}

words! {
    /// How each request is logged.
    pub enum AccessLog {
        /// Not at all.
        Off = "off",
        /// A line of text.
        Text = "text",
        /// A line of JSON.
        Json = "json",
    }
}

words! {
    /// How much `Cache-Status` tells.
    pub enum CacheStatusDetail {
        /// Without the key.
        Short = "short",
        /// With the key.
        Full = "full",
        /// No header.
        Off = "off",
    }
}

section! {
    /// Where responses are kept. A change needs a restart, but for `namespace`.
    "`cache`" pub struct CacheConfig {
        /// `memory`, or an address: redis://, rediss://, redis+unix://. Default: memory.
        store: Secret as store = Secret::new("memory"),
        /// The first part of every key; no braces. Default: api:cache.
        prefix: String as prefix = "api:cache".to_owned(),
        /// The second part of every key; may be empty.
        namespace: String as namespace = String::new(),
        /// Bytes of responses kept in this process. Default: 256MiB.
        memory: u64 as size = 256 << 20,
        /// How long one answer waits for the store, all calls together. Default: 100ms.
        timeout: Duration as duration = Duration::from_millis(100),
        /// The largest entry that is stored. Default: 1MiB.
        max_entry: u64 as size = 1 << 20,
        /// New keys that one route stores in a second; a key beyond them is stored when it is asked
        /// for again. Default: 1000.
        max_new_keys: u32 as whole<_, 1, 1_000_000> = 1000,
    }
}

section! {
    /// What a route does not say itself: headers merge, the rest is replaced.
    "`defaults`" pub struct RouteSettings {
        /// How long larder keeps the response: `300` (seconds), `30s`, `5m`, `1h30m`, `2d`, `1y`,
        /// `off`. Default: 5m.
        ttl: Option<Option<Duration>> as ttl,
        /// What the cache key is made of: `auto`, `path`, `url`, `hash`, or a pattern such as
        /// `{{prefix}}:{{namespace}}:{{route}}:{{path}}`. Default: auto.
        key: Option<At<String>> as filled,
        /// Response headers; `null` removes one that `defaults` sets.
        headers: HeadersConfig as headers,
        /// How long a stale answer may be given while a fresh one is made (RFC 5861). Default: off.
        stale_while_revalidate: Option<Option<Duration>> as ttl,
        /// How long a stale answer may be given when making a fresh one fails (RFC 5861). Default:
        /// off.
        stale_if_error: Option<Option<Duration>> as ttl,
        /// How long browsers and CDNs may keep the response. Default: off.
        max_age: Option<Option<Duration>> as ttl,
        /// The template around the page, which goes into its `{{{content}}}`; `null` for none.
        layout: Option<Option<At<String>>> as layout,
        /// Origins that may read the answer: `"*"`, or a list.
        cors: Option<CorsConfig> as cors,
    }
}

impl RouteSettings {
    /// These, and what they leave open as `defaults` has it.
    pub(super) fn or(self, defaults: Self) -> Self {
        // A lifetime of its own is nearer than what a header of the defaults says of it.
        let says_lifetime = self.max_age.is_some();
        let is_kept = |header: &HeaderConfig| !(says_lifetime && header.is_lifetime());
        let inherited = defaults.headers.into_iter().filter(is_kept);
        let inherited = inherited.map(|header| HeaderConfig { is_default: true, ..header });
        Self {
            ttl: self.ttl.or(defaults.ttl),
            key: self.key.or(defaults.key),
            // A later header replaces, or with `null` removes, an earlier one of its name.
            headers: inherited.chain(self.headers).collect(),
            stale_while_revalidate: self.stale_while_revalidate.or(defaults.stale_while_revalidate),
            stale_if_error: self.stale_if_error.or(defaults.stale_if_error),
            max_age: self.max_age.or(defaults.max_age),
            layout: self.layout.or(defaults.layout),
            cors: self.cors.or(defaults.cors),
        }
    }
}

/// Response headers; a later one takes the place of an earlier one of its name.
pub(crate) type HeadersConfig = Vec<HeaderConfig>;

/// A response header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderConfig {
    /// Its name, as written.
    pub name: At<String>,
    /// Its value; nothing removes an earlier one of that name.
    pub value: Option<At<String>>,
    /// Whether a route has it from `defaults`.
    pub is_default: bool,
}

impl HeaderConfig {
    /// Whether it says how long an answer may be kept.
    fn is_lifetime(&self) -> bool {
        ["cache-control", "expires"].iter().any(|it| self.name.value.eq_ignore_ascii_case(it))
    }
}

/// Who may read answers from another origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsConfig {
    /// Every origin: `"*"`.
    Any,
    /// Listed origins.
    Origins(Vec<String>),
}

section! {
    /// A path and what is answered there.
    "route" pub struct RouteConfig (
        /// The method; GET where none is written. The span is that of the whole key.
        method: At<String>,
        /// The path, as written.
        path: At<String>,
        /// Where the response comes from.
        source: SourceConfig,
    ) led by Lead {
        fields: SourceConfig::FIELDS, required: true, short: schema::text
    } => {
        ..settings: RouteSettings;
        /// The route's name, unique: letters, digits, `_`, `.`, `-`. Default: from the path.
        name: Option<At<String>> as route_name,
        /// A line for `larder routes` and the OpenAPI document.
        summary: Option<String> as plain_text,
        /// The response's status, or a template of conditions that chooses one, where the method is
        /// not GET: `"{{#if body.name}}201{{else}}422{{/if}}"`. Default: 200.
        status: Option<At<StatusConfig>> as status,
        /// The response's media type. Default: from the source.
        content_type: Option<At<String>> as content_type,
        /// Another namespace than `cache.namespace`.
        namespace: Option<String> as namespace,
        /// Values for templates, as they stand.
        data: Vec<(At<String>, Node)> as data,
        /// Values for templates from files and from HTTP servers.
        load: Vec<LoadConfig> as loads,
        /// The query's parameters; one that breaks its rule is a 422.
        query: Vec<ParamConfig> as params,
        /// The fields of the body, which no GET has; one that breaks its rule is a 422.
        fields: Vec<ParamConfig> as params,
        /// The path's parameters; one that breaks its rule is a 404.
        params: Vec<ParamConfig> as params,
        /// The names of the routes whose pages an answer below 400 purges, where the method is not
        /// GET: the page for the same parameters where the path has them, else all.
        purges: Vec<At<String>> as names,
        /// How long a render takes, for trying slow pages; less than 30s.
        delay: Option<Duration> as delay,
    }
}

one_of! {
    /// Where a response comes from: exactly one a route.
    pub enum SourceConfig {
        /// Sent as it stands; a mapping or list is sent as JSON.
        body: Body(Node) as node,
        /// A mapping or list whose strings are templates; one that is a single expression keeps its
        /// value's type.
        json: Json(Node) as tree,
        /// A template's file below `templates`.
        template: Template(At<String>) as template_name,
        /// A template written in place.
        inline: Inline(At<String>) as text,
        /// A file, sent as it is.
        file: File(At<String>) as site_path,
        /// A directory whose files are sent; for `{*rest}` paths.
        dir: Dir(At<String>) as site_path,
        /// An address to go to; may use `{{params.x}}` and `{{query.x}}`. 302 unless `status`.
        redirect: Redirect(At<String>) as redirect,
    }
}

/// The status of a route's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusConfig {
    /// Always this one.
    Fixed(u16),
    /// The one that a template gives.
    Chosen(String),
}

section! {
    /// A declared parameter of a query or a path, or a field of a body; its type for short.
    "parameter" pub struct ParamConfig (
        /// Its name.
        name: At<String>,
        /// `type`; string where nothing is said.
        kind: At<ParamType>,
    ) led by Lead {
        fields: &[Field {
            name: "type",
            doc: "What its text must be. Default: string.",
            schema: schema::word::<ParamType>,
        }],
        required: false,
        short: schema::word::<ParamType>
    } => {
        /// Its value where a request has none.
        default: Option<At<String>> as scalar,
        /// Whether a request must have it. Default: false.
        required: bool as flag = false,
        /// The only values that it may have.
        "enum" choices: Vec<At<String>> as scalars,
        /// The least number.
        min: Option<At<f64>> as number,
        /// The largest number.
        max: Option<At<f64>> as number,
        /// The longest text, in characters. Default: 200.
        max_length: usize as whole<_, 1, 8192> = 200,
        /// A regular expression that the whole text matches.
        pattern: Option<At<String>> as text,
        /// A line for the OpenAPI document.
        description: Option<String> as plain_text,
    }
}

words! {
    /// What a parameter's text must be.
    pub enum ParamType {
        /// Any text.
        String = "string",
        /// A whole number of 64 bits.
        Int = "int",
        /// A finite number.
        Number = "number",
        /// `true` or `false`.
        Bool = "bool",
    }
}

section! {
    /// A page for errors; it sees `error.status`, `error.title`, `error.detail` and `path`.
    "error page" pub struct ErrorPageConfig (
        /// `404`, or `5` for `5xx`.
        status: At<ErrorStatus>,
        /// What is sent.
        source: SourceConfig,
    ) led by Lead {
        // Neither a directory nor an address is a page.
        fields: SourceConfig::FIELDS.split_at(5).0, required: true, short: schema::text
    } => {
        /// The page's media type. Default: from the source.
        content_type: Option<At<String>> as content_type,
        /// The template around the page, which goes into its `{{{content}}}`; `null` for none.
        layout: Option<Option<At<String>>> as layout,
        /// Response headers of the page; `null` removes one that `defaults` sets.
        headers: HeadersConfig as headers,
    }
}

/// Which errors a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorStatus {
    /// One status.
    Exactly(u16),
    /// All of a class: 4 or 5.
    Class(u16),
}
