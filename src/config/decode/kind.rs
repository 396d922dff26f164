//! What a field may take, each kind with its reader: the words after `as` in `model`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Decoder;
use super::route::METHODS;
use crate::config::model::{
    CorsConfig, Docs, DocsConfig, ErrorPageConfig, HeadersConfig, LoadConfig, ParamConfig,
    RouteConfig, ServerConfig, StatusConfig, TlsConfig, UpstreamConfig,
};
use crate::config::network::Network;
use crate::config::node::Node;
use crate::config::schema;
use crate::config::secret::Secret;
use crate::config::section::{Kind, Standalone, Word};
use crate::config::upstream::{RequestHeader, SourceTtl};
use crate::diagnostic::{At, Code};

/// Declares kinds: name, type of the value, schema, reader; `list of` an item's reader, or `=>`
/// what becomes of what was read.
macro_rules! kinds {
    ($(
        $name:ident: $type:ty = $schema:expr, $read:ident $(of $item:ident)? $(=> $become:expr)?;
    )*) => {
        $(pub(in crate::config) const fn $name() -> Kind<$type> {
            Kind {
                schema: $schema,
                read: |decoder, entry| {
                    decoder.$read(entry $(, Decoder::$item)?) $(.map($become))?
                },
            }
        })*
    };
}

kinds! {
    // Texts.
    text: Option<At<String>> = schema::text, text;
    plain_text: Option<String> = schema::text, plain_text;
    filled: Option<At<String>> = schema::text, filled;
    secret: Option<Secret> = schema::text, filled => |text| Secret::new(text.value);
    namespace: Option<String> = schema::text, namespace;
    prefix: Option<String> = schema::text, prefix;
    route_name: Option<At<String>> = schema::text, route_name;
    content_type: Option<At<String>> = schema::text, content_type;
    hosts: Vec<String> = || schema::list(&schema::text()), list of host;
    names: Vec<At<String>> = || schema::list(&schema::text()), list of filled;
    languages: Vec<At<String>> = || schema::list(&schema::text()), list of language;
    scalar: Option<At<String>> = schema::scalar, scalar;
    scalars: Vec<At<String>> = || schema::list(&schema::scalar()), list of scalar;
    // Numbers, and what is written like them.
    flag: Option<bool> = || schema::variable_or(&json!({ "type": "boolean" })), flag;
    number: Option<At<f64>> = || schema::variable_or(&json!({ "type": "number" })), number;
    status: Option<At<StatusConfig>> = || {
        json!({ "anyOf": [schema::whole::<200, 599>(), { "type": "string", "pattern": r"\{\{" }] })
    }, status;
    statuses: Vec<At<u16>> = || schema::list(&schema::whole::<200, 599>()), list of whole_status;
    size: Option<u64> = || schema::written("[0-9]+ *(B|KiB|MiB|GiB|TiB)?"), size;
    duration: Option<Duration> = || schema::written(schema::DURATION), duration;
    delay: Option<Duration> = || schema::written(schema::DURATION), delay;
    source_ttl: Option<SourceTtl> =
        || schema::written(&format!("upstream|{}", schema::DURATION)), source_ttl;
    fetch_time: Option<Duration> = || schema::written(schema::DURATION), fetch_time;
    ttl: Option<Option<Duration>> = || schema::written(&format!("off|{}", schema::DURATION)), ttl;
    // Addresses and paths.
    address: Option<String> = schema::text, address;
    address_or_off: Option<Option<String>> = schema::text, address_or_off;
    path: Option<String> = schema::text, path;
    path_or_off: Option<Option<String>> = schema::text, path_or_off;
    networks: Vec<Network> = || schema::list(&schema::text()), list of network;
    store: Option<Secret> = schema::text, store;
    site_path: Option<At<String>> = schema::text, site_path;
    include: Vec<At<String>> = schema::text_or_list, include;
    template_name: Option<At<String>> = schema::text, site_path;
    layout: Option<Option<At<String>>> =
        || json!({ "anyOf": [schema::text(), { "type": "null" }] }), layout;
    redirect: Option<At<String>> = schema::text, redirect;
    cors: Option<CorsConfig> = schema::text_or_list, cors;
    // Values of any shape.
    tree: Option<Node> = || json!({ "type": ["object", "array"] }), tree;
    data: Vec<(At<String>, Node)> =
        || json!({ "type": ["object", "null"], "additionalProperties": {} }), data;
    headers: HeadersConfig = || {
        let value = json!({ "type": ["string", "number", "boolean", "null"] });
        json!({ "type": ["object", "null"], "additionalProperties": value })
    }, response_headers;
    request_headers: Vec<RequestHeader> = || {
        let value = json!({ "type": ["string", "number", "boolean"] });
        json!({ "type": ["object", "null"], "additionalProperties": value })
    }, request_headers;
    // Sections.
    server: ServerConfig = || schema::section(&ServerConfig::SECTION), server;
    docs: Option<Option<Docs>> = || {
        json!({ "anyOf": [schema::text(), schema::section(&DocsConfig::SECTION)] })
    }, docs;
    tls: Option<(String, String)> = || schema::section(&TlsConfig::SECTION), tls;
    loads: Vec<LoadConfig> = || schema::sections(&LoadConfig::SECTION), loads;
    upstreams: Vec<UpstreamConfig> = || schema::sections(&UpstreamConfig::SECTION), upstreams;
    params: Vec<ParamConfig> = || schema::sections(&ParamConfig::SECTION), params;
    errors: Vec<ErrorPageConfig> =
        || schema::sections_by("^[45]([0-9][0-9]|xx|XX)$", &ErrorPageConfig::SECTION), errors;
    routes: Vec<Arc<RouteConfig>> = || {
        let key = format!("^(({})\\s+)?/", METHODS.join("|"));
        schema::sections_by(&key, &RouteConfig::SECTION)
    }, routes;
}

/// A value of any shape.
pub(in crate::config) const fn node() -> Kind<Option<Node>> {
    Kind { schema: || json!({}), read: |_, entry| Some(entry.node.clone()) }
}

/// A mapping with the fields of a section.
pub(in crate::config) const fn section<S: Standalone>() -> Kind<S> {
    Kind { schema: || schema::section(S::SECTION), read: |decoder, entry| decoder.section(entry) }
}

/// One of the words of an enum.
pub(in crate::config) const fn word<W: Word>() -> Kind<Option<W>> {
    Kind { schema: schema::word::<W>, read: |decoder, entry| decoder.word(entry) }
}

/// A whole number from `LOW` to `HIGH`.
pub(in crate::config) const fn whole<N: TryFrom<u64>, const LOW: u64, const HIGH: u64>()
-> Kind<Option<N>> {
    Kind {
        schema: schema::whole::<LOW, HIGH>,
        read: |decoder, entry| decoder.whole(entry, LOW, HIGH, Code::BadType),
    }
}
