//! Every field of the file, declared once: its name, what it takes, its default and what it does.
//!
//! From this table come the check for unknown fields, the JSON Schema and the reference.

/// A mapping whose fields are known.
#[derive(Debug)]
pub struct Section {
    /// What the mapping is called in messages: `route`.
    pub title: &'static str,
    /// What it is, in a sentence.
    pub doc: &'static str,
    /// Its fields in the order of the reference.
    pub fields: &'static [Field],
    /// Names of the fields of which exactly one has to be there; empty where none has to.
    pub one_of: &'static [&'static str],
    /// What may stand in the mapping's place.
    pub short: &'static [Shape],
}

/// A field of a [`Section`].
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub shape: Shape,
    /// What holds where it is not there; empty where nothing does.
    pub default: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// A mapping or a list.
    Tree,
    /// Nothing, said aloud.
    Null,
    /// Text.
    Text,
    /// A duration, or `off`.
    Ttl,
    /// A duration.
    Duration,
    /// A size in bytes.
    Size,
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
    /// Any finite number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A text, number or boolean: what a request's text may be compared with.
    Scalar,
    /// A list of one shape.
    List(&'static Shape),
    /// A mapping from names to one shape.
    Map(&'static Shape),
    /// A mapping from `[METHOD ]path` to routes.
    Routes,
    /// A mapping from `404` or `5xx` to error pages.
    Errors,
    /// One of several shapes.
    Either(&'static [Shape]),
    /// A mapping of known fields.
    Section(&'static Section),
}

impl Section {
    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}

/// Every section, in the order of the reference.
pub static SECTIONS: [&Section; 11] = [
    &SITE,
    &SERVER,
    &TLS,
    &CACHE,
    &DEFAULTS,
    &ROUTE,
    &PARAM,
    &LOAD,
    &UPSTREAM,
    &ERROR_PAGE,
    &INCLUDED,
];

const fn field(
    name: &'static str,
    shape: Shape,
    default: &'static str,
    doc: &'static str,
) -> Field {
    Field { name, shape, default, doc }
}

const NONE: &[&str] = &[];

const HEADERS: Shape =
    Shape::Map(&Shape::Either(&[Shape::Text, Shape::Number, Shape::Bool, Shape::Null]));
const SENT_HEADERS: Shape = Shape::Map(&Shape::Either(&[Shape::Text, Shape::Number, Shape::Bool]));
const DATA: Shape = Shape::Map(&Shape::Any);
const LOADS: Shape = Shape::Map(&Shape::Section(&LOAD));
const PARAMS: Shape = Shape::Map(&Shape::Section(&PARAM));
const CORS: Shape = Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]);
const LAYOUT: Shape = Shape::Either(&[Shape::Text, Shape::Null]);
const INCLUDE: Shape = Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]);

const TTL_DOC: &str = "How long larder keeps the response: `300` (seconds), `30s`, `5m`, `1h30m`, \
                       `2d`, `1y`, `off`.";
const KEY_DOC: &str = "What the cache key is made of: `auto`, `path`, `url`, `hash`, or a pattern \
                       such as `{{prefix}}:{{namespace}}:{{route}}:{{path}}`.";
const HEADERS_DOC: &str = "Response headers; `null` removes one that `defaults` sets.";
const SWR_DOC: &str = "How long a stale answer may be given while a fresh one is made (RFC 5861).";
const SIE_DOC: &str =
    "How long a stale answer may be given when making a fresh one fails (RFC 5861).";
const MAX_AGE_DOC: &str = "How long browsers and CDNs may keep the response.";
const LAYOUT_DOC: &str =
    "The template around the page, which goes into its `{{{content}}}`; `null` for none.";
const CORS_DOC: &str = "Origins that may read the answer: `\"*\"`, or a list.";
const DATA_DOC: &str = "Values for templates, as they stand.";
const LOAD_DOC: &str = "Values for templates from elsewhere: files, Redis, upstreams.";
const BODY_DOC: &str = "Sent as it stands; a mapping or list is sent as JSON.";
const JSON_DOC: &str = "A mapping or list whose strings are templates; one that is a single \
                        expression keeps its value's type.";
const TEMPLATE_DOC: &str = "A template's file below `templates`.";
const INLINE_DOC: &str = "A template written in place.";
const FILE_DOC: &str = "A file, sent as it is.";

/// The main file.
pub static SITE: Section = Section {
    title: "the site",
    doc: "A site in one file, served by larder.",
    one_of: NONE,
    short: &[],
    fields: &[
        field("server", Shape::Section(&SERVER), "", "Listeners. A change needs a restart."),
        field(
            "cache",
            Shape::Section(&CACHE),
            "",
            "Where responses are kept. A change needs a restart, but for `namespace`.",
        ),
        field("defaults", Shape::Section(&DEFAULTS), "", "What a route does not say itself."),
        field("templates", Shape::Text, "templates", "The directory where templates live."),
        field("include", INCLUDE, "", "More files: paths and globs, relative to the main file."),
        field("data", DATA, "", DATA_DOC),
        field(
            "upstreams",
            Shape::Map(&Shape::Section(&UPSTREAM)),
            "",
            "Servers that `load` may name: `api:/path`.",
        ),
        field("load", LOADS, "", LOAD_DOC),
        field(
            "languages",
            Shape::List(&Shape::Text),
            "",
            "The site's languages; `{{language}}` is the visitor's best among them.",
        ),
        field("errors", Shape::Errors, "", "Pages for errors, by status: `404`, `5xx`."),
        field("routes", Shape::Routes, "", "The routes, keyed by `[METHOD ]path`."),
    ],
};

/// A file that another includes.
pub static INCLUDED: Section = Section {
    title: "an included file",
    doc: "A part of a site.",
    one_of: NONE,
    short: &[],
    fields: &[
        field(
            "defaults",
            Shape::Section(&DEFAULTS),
            "",
            "What this file's routes do not say themselves.",
        ),
        field("include", INCLUDE, "", "More files."),
        field("data", DATA, "", DATA_DOC),
        field("load", LOADS, "", LOAD_DOC),
        field("routes", Shape::Routes, "", "The routes, keyed by `[METHOD ]path`."),
    ],
};

/// `server`.
pub static SERVER: Section = Section {
    title: "`server`",
    doc: "Listeners. A change needs a restart.",
    one_of: NONE,
    short: &[],
    fields: &[
        field("listen", Shape::Text, "127.0.0.1:8000", "Where the site is served."),
        field(
            "admin",
            Shape::Text,
            "127.0.0.1:8001",
            "Where the admin listener is: key list, purge, metrics, status; `off` for none.",
        ),
        field(
            "admin_token",
            Shape::Text,
            "",
            "Bearer token of the admin listener; needed where it is not on loopback.",
        ),
        field(
            "admin_hosts",
            Shape::List(&Shape::Text),
            "",
            "Host names, besides loopback ones, that the admin listener answers to.",
        ),
        field("workers", Shape::Whole(1, 1024), "one a core", "Threads that serve."),
        field("max_connections", Shape::Whole(1, 1_000_000), "10000", "Connections at once."),
        field("tls", Shape::Section(&TLS), "", "Certificate and key, watched."),
        field("access_log", Shape::Word(ACCESS_LOG), "off", "How each request is logged."),
        field(
            "health",
            Shape::Text,
            "off",
            "A path on the main listener that answers 200, or `off`.",
        ),
        field(
            "docs",
            Shape::Text,
            "off",
            "Where Swagger UI is, and `/openapi.json` beside it, or `off`.",
        ),
        field(
            "cache_status",
            Shape::Word(CACHE_STATUS),
            "short",
            "How much the `Cache-Status` header tells; `full` includes the key.",
        ),
    ],
};

/// What `access_log` takes.
pub const ACCESS_LOG: &[&str] = &["off", "text", "json"];
/// What `cache_status` takes.
pub const CACHE_STATUS: &[&str] = &["short", "full", "off"];
/// What a parameter's `type` takes.
pub const PARAM_TYPES: &[&str] = &["string", "int", "number", "bool"];

/// `server.tls`.
pub static TLS: Section = Section {
    title: "`tls`",
    doc: "Certificate and key.",
    one_of: NONE,
    short: &[],
    fields: &[
        field("cert", Shape::Text, "", "The certificate chain's file, PEM."),
        field("key", Shape::Text, "", "The private key's file, PEM."),
    ],
};

/// `cache`.
pub static CACHE: Section = Section {
    title: "`cache`",
    doc: "Where responses are kept. A change needs a restart, but for `namespace`.",
    one_of: NONE,
    short: &[],
    fields: &[
        field(
            "store",
            Shape::Text,
            "memory",
            "`memory`, or an address: redis://, rediss://, redis+unix://, redis-sentinel://, \
             rediss-sentinel://, redis-cluster://, rediss-cluster://.",
        ),
        field("prefix", Shape::Text, "api:cache", "The first part of every key; no braces."),
        field("namespace", Shape::Text, "", "The second part of every key; may be empty."),
        field("memory", Shape::Size, "256MiB", "Bytes of responses kept in this process."),
        field(
            "timeout",
            Shape::Duration,
            "100ms",
            "How long one answer waits for the store, all calls together.",
        ),
        field("max_entry", Shape::Size, "1MiB", "The largest entry that is stored."),
        field(
            "max_new_keys",
            Shape::Whole(1, 1_000_000),
            "1000",
            "New keys a second and route before a key has to be asked for twice to be stored.",
        ),
    ],
};

/// `defaults`.
pub static DEFAULTS: Section = Section {
    title: "`defaults`",
    doc: "What a route does not say itself: headers merge, the rest is replaced.",
    one_of: NONE,
    short: &[],
    fields: &[
        field("ttl", Shape::Ttl, "5m", TTL_DOC),
        field("key", Shape::Text, "auto", KEY_DOC),
        field("headers", HEADERS, "", HEADERS_DOC),
        field("stale_while_revalidate", Shape::Ttl, "off", SWR_DOC),
        field("stale_if_error", Shape::Ttl, "off", SIE_DOC),
        field("max_age", Shape::Ttl, "off", MAX_AGE_DOC),
        field("layout", LAYOUT, "", LAYOUT_DOC),
        field("cors", CORS, "", CORS_DOC),
    ],
};

/// The fields that say where a response comes from.
pub const SOURCES: &[&str] = &["body", "json", "template", "inline", "file", "dir", "redirect"];
/// The fields that say where an error page comes from.
pub const ERROR_SOURCES: &[&str] = &["body", "json", "template", "inline", "file"];

/// A route.
pub static ROUTE: Section = Section {
    title: "route",
    doc: "A path and what is answered there.",
    one_of: SOURCES,
    short: &[Shape::Text],
    fields: &[
        field("body", Shape::Any, "", BODY_DOC),
        field("json", Shape::Tree, "", JSON_DOC),
        field("template", Shape::Text, "", TEMPLATE_DOC),
        field("inline", Shape::Text, "", INLINE_DOC),
        field("file", Shape::Text, "", FILE_DOC),
        field("dir", Shape::Text, "", "A directory whose files are sent; for `{*rest}` paths."),
        field(
            "redirect",
            Shape::Text,
            "",
            "An address to go to; may use `{{params.x}}` and `{{query.x}}`. 302 unless `status`.",
        ),
        field(
            "name",
            Shape::Text,
            "from the path",
            "The route's name, unique: letters, digits, `_`, `.`, `-`.",
        ),
        field("summary", Shape::Text, "", "A line for `larder routes` and the OpenAPI document."),
        field("status", Shape::Whole(200, 599), "200", "The response's status."),
        field("headers", HEADERS, "", HEADERS_DOC),
        field("content_type", Shape::Text, "from the source", "The response's media type."),
        field("ttl", Shape::Ttl, "5m", TTL_DOC),
        field("stale_while_revalidate", Shape::Ttl, "off", SWR_DOC),
        field("stale_if_error", Shape::Ttl, "off", SIE_DOC),
        field("max_age", Shape::Ttl, "off", MAX_AGE_DOC),
        field("key", Shape::Text, "auto", KEY_DOC),
        field("namespace", Shape::Text, "", "Another namespace than `cache.namespace`."),
        field("data", DATA, "", DATA_DOC),
        field("load", LOADS, "", LOAD_DOC),
        field("query", PARAMS, "", "The query's parameters; one that breaks its rule is a 422."),
        field("params", PARAMS, "", "The path's parameters; one that breaks its rule is a 404."),
        field("layout", LAYOUT, "", LAYOUT_DOC),
        field("cors", CORS, "", CORS_DOC),
        field("delay", Shape::Duration, "", "How long a render takes, for trying slow pages."),
    ],
};

/// A page for errors.
pub static ERROR_PAGE: Section = Section {
    title: "error page",
    doc: "A page for errors; it sees `error.status`, `error.title`, `error.detail` and `path`.",
    one_of: ERROR_SOURCES,
    short: &[Shape::Text],
    fields: &[
        field("body", Shape::Any, "", BODY_DOC),
        field("json", Shape::Tree, "", JSON_DOC),
        field("template", Shape::Text, "", TEMPLATE_DOC),
        field("inline", Shape::Text, "", INLINE_DOC),
        field("file", Shape::Text, "", FILE_DOC),
        field("content_type", Shape::Text, "from the source", "The page's media type."),
        field("layout", LAYOUT, "", LAYOUT_DOC),
    ],
};

/// A load.
pub static LOAD: Section = Section {
    title: "load",
    doc: "A value from elsewhere.",
    one_of: &["from"],
    short: &[Shape::Text],
    fields: &[
        field(
            "from",
            Shape::Text,
            "",
            "A file or glob, `redis:key`, an upstream's path (`api:/x`) or a whole address.",
        ),
        field(
            "ttl",
            Shape::Either(&[Shape::Ttl, Shape::Word(&["upstream"])]),
            "1m",
            "The value's own life; `upstream` for what its Cache-Control says.",
        ),
        field(
            "stale_if_error",
            Shape::Ttl,
            "off",
            "How long an old value may be used when loading a new one fails.",
        ),
        field("fallback", Shape::Any, "", "Used where there is neither a new nor an old value."),
        field("headers", SENT_HEADERS, "", "Request headers."),
        field("timeout", Shape::Duration, "2s", "How long an answer is waited for."),
        field(
            "accept_status",
            Shape::List(&Shape::Whole(200, 599)),
            "[200]",
            "Statuses that carry a value.",
        ),
        field("optional", Shape::Bool, "false", "Whether the page does without it."),
    ],
};

/// An upstream.
pub static UPSTREAM: Section = Section {
    title: "upstream",
    doc: "A server that loads may name.",
    one_of: &["url"],
    short: &[Shape::Text],
    fields: &[
        field("url", Shape::Text, "", "Its address: http:// or https://."),
        field("headers", SENT_HEADERS, "", "Request headers."),
        field("timeout", Shape::Duration, "2s", "How long an answer is waited for."),
    ],
};

/// A declared parameter.
pub static PARAM: Section = Section {
    title: "parameter",
    doc: "A declared parameter of a query or a path; its type for short.",
    one_of: NONE,
    short: &[Shape::Word(PARAM_TYPES)],
    fields: &[
        field("type", Shape::Word(PARAM_TYPES), "string", "What its text must be."),
        field("default", Shape::Scalar, "", "Its value where a request has none."),
        field("required", Shape::Bool, "false", "Whether a request must have it."),
        field("enum", Shape::List(&Shape::Scalar), "", "The only values that it may have."),
        field("min", Shape::Number, "", "The least number."),
        field("max", Shape::Number, "", "The largest number."),
        field("max_length", Shape::Whole(1, 8192), "200", "The longest text, in characters."),
        field("pattern", Shape::Text, "", "A regular expression that the whole text matches."),
        field("description", Shape::Text, "", "A line for the OpenAPI document."),
    ],
};
