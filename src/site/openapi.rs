//! A site → its OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.0>): what each address
//! takes, and the answers as they happen.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::route::ParamKind;
use super::{Route, Site, Source, media};
use crate::config::{ParamConfig, ParamType};
use crate::diagnostic::At;

/// Methods that a path item may have; others are not told.
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

impl Site {
    /// The OpenAPI document of the routes, in the order of their paths.
    ///
    /// Paths that differ only in the types or names of their parameters are one path to OpenAPI:
    /// the first in the order of the file is told.
    pub(crate) fn openapi(&self) -> Value {
        let mut shapes: BTreeMap<String, String> = BTreeMap::new();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for route in &self.routes {
            if !METHODS.contains(&route.method.as_str()) {
                continue;
            }
            let (path, shape) = template(route);
            let known = shapes.entry(shape).or_insert_with(|| path.clone());
            if *known == path {
                let item = paths.entry(path).or_default();
                item.entry(route.method.to_ascii_lowercase()).or_insert_with(|| operation(route));
            }
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "larder", "version": env!("CARGO_PKG_VERSION") },
            "paths": paths,
            "components": { "schemas": { "Problem": problem() } },
        })
    }
}

/// The path as OpenAPI writes it, and its shape, which names no parameter.
fn template(route: &Route) -> (String, String) {
    let (mut path, mut shape) = (String::new(), String::new());
    let mut rest = route.pattern.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').unwrap_or((after, ""));
        let name = inside.trim_start_matches('*').split(':').next().unwrap_or_default();
        path.extend([before, "{", name, "}"]);
        shape.push_str(before);
        shape.push_str("{}");
        rest = after;
    }
    path.push_str(rest);
    shape.push_str(rest);
    (path, shape)
}

/// A mapping without the fields that have no value.
fn present(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

fn operation(route: &Route) -> Value {
    present(json!({
        "operationId": &*route.name,
        "summary": route.summary,
        "parameters": Some(parameters(route)).filter(|list| !list.is_empty()),
        "responses": responses(route),
    }))
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut list: Vec<Value> = route
        .pattern
        .params()
        .iter()
        .map(|param| {
            let declared =
                route.declared.params.iter().find(|typed| typed.name.value == *param.name);
            let schema = declared.map_or_else(|| kind_schema(param.kind), schema);
            json!({ "name": &*param.name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    let mut query: BTreeMap<&str, Value> = BTreeMap::new();
    for name in route.inputs.query.iter() {
        let told = json!({ "name": name, "in": "query", "schema": { "type": "string" } });
        query.insert(name, told);
    }
    for typed in &route.declared.query {
        let name = typed.name.value.as_str();
        let told = json!({
            "name": name, "in": "query", "required": typed.required, "schema": schema(typed),
            "description": typed.description,
        });
        query.insert(name, present(told));
    }
    list.extend(query.into_values());
    list.extend(of_headers(route));
    list
}

/// Request headers and cookies that are read; those that OpenAPI tells elsewhere are left out.
fn of_headers(route: &Route) -> Vec<Value> {
    let schema = json!({ "type": "string" });
    let told = |name: &str, place: &str| json!({ "name": name, "in": place, "schema": schema });
    let elsewhere = ["accept", "content-type", "authorization", "cookie"];
    let headers = route.inputs.headers.iter().filter(|name| !elsewhere.contains(name));
    let cookies = route.inputs.cookies.iter();
    headers
        .map(|name| told(name, "header"))
        .chain(cookies.map(|name| told(name, "cookie")))
        .chain(route.inputs.language.then(|| told("accept-language", "header")))
        .collect()
}

fn kind_schema(kind: ParamKind) -> Value {
    match kind {
        ParamKind::Uuid => json!({ "type": "string", "format": "uuid" }),
        ParamKind::Date => json!({ "type": "string", "format": "date" }),
        ParamKind::Int => json!({ "type": "integer", "format": "int64" }),
        ParamKind::Slug => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$" }),
        ParamKind::Text => json!({ "type": "string", "minLength": 1 }),
        ParamKind::Rest => json!({ "type": "string" }),
    }
}

fn schema(typed: &ParamConfig) -> Value {
    let kind = match typed.kind.value {
        ParamType::String => "string",
        ParamType::Int => "integer",
        ParamType::Number => "number",
        ParamType::Bool => "boolean",
    };
    let value = |text: &At<String>| match typed.kind.value {
        ParamType::String => json!(text.value),
        _ => serde_json::from_str(&text.value).unwrap_or_else(|_| json!(text.value)),
    };
    let choices: Vec<Value> = typed.choices.iter().map(value).collect();
    let is_text = typed.kind.value == ParamType::String;
    present(json!({
        "type": kind,
        "default": typed.default.as_ref().map(value),
        "enum": Some(choices).filter(|choices| !choices.is_empty()),
        "minimum": typed.min.as_ref().map(|bound| number(bound.value)),
        "maximum": typed.max.as_ref().map(|bound| number(bound.value)),
        "maxLength": is_text.then_some(typed.max_length),
        "pattern": typed.pattern.as_ref().map(|pattern| format!("^(?:{})$", pattern.value)),
    }))
}

/// A whole number without a fraction, as people write bounds.
fn number(bound: f64) -> Value {
    let text = bound.to_string();
    text.parse::<i64>().map_or_else(|_| json!(bound), |whole| json!(whole))
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    let content = match &route.source {
        Source::Redirect(_) => json!({ "description": "Elsewhere" }),
        Source::Dir(_) => json!({ "description": "The file", "content": { "*/*": {} } }),
        Source::Page(_) | Source::File(_) => json!({
            "description": "The answer",
            "content": { media::essence(&route.content_type): {} },
        }),
    };
    responses.insert(route.status.to_string(), content);
    if route.method == "GET" && !matches!(route.source, Source::Redirect(_)) {
        responses.insert("304".to_owned(), json!({ "description": "The client has it already" }));
    }
    let mut problem = |status: &str, description: &str| {
        responses.entry(status.to_owned()).or_insert_with(|| {
            json!({
                "description": description,
                "content": {
                    "application/problem+json": {
                        "schema": { "$ref": "#/components/schemas/Problem" },
                    },
                    "text/html": {},
                },
            })
        });
    };
    problem("400", "The address is not well-formed");
    if !route.pattern.params().is_empty() {
        problem("404", "There is no such page");
    }
    if !route.declared.query.is_empty() {
        problem("422", "A parameter of the query is not one that is taken");
    }
    Value::Object(responses)
}

/// The members of a problem document (RFC 9457).
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "parameter": { "type": "string" },
        },
    })
}
