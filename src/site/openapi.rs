//! A site → its OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.0>): what each address
//! takes, and the answers as they happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::key::InputKind;
use super::route::{BodyForm, ParamKind};
use super::template::JsonTemplate;
use super::{PageForm, Route, Site, Source, media};
use crate::config::{ParamConfig, ParamType};
use crate::diagnostic::At;

/// Methods that a path item may have; others are not told.
const METHODS: &[&str] = &["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

impl Site {
    /// The OpenAPI document of the routes, in the order of their paths and methods, whatever that
    /// of the file is.
    ///
    /// Paths that differ only in the types or names of their parameters are one path to OpenAPI:
    /// the first of them is told.
    pub(crate) fn openapi(&self) -> Value {
        let mut shapes: BTreeMap<String, String> = BTreeMap::new();
        let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let mut routes: Vec<&Arc<Route>> = self.routes.iter().collect();
        routes.sort_by(|one, two| {
            let [one, two] = [one, two].map(|it| (it.pattern.as_str(), &it.method));
            one.cmp(&two)
        });
        for route in routes {
            if !METHODS.contains(&route.method.as_str()) {
                continue;
            }
            let path = route.pattern.written(str::to_owned, |it| format!("{{{}}}", it.name));
            let shape = route.pattern.written(str::to_owned, |_| "{}".to_owned());
            let known = shapes.entry(shape).or_insert_with(|| path.clone());
            if *known == path {
                let item = paths.entry(path).or_default();
                item.entry(route.method.to_ascii_lowercase()).or_insert_with(|| operation(route));
            }
        }
        let docs = self.server.docs.as_ref();
        let title = docs.and_then(|docs| docs.title.as_deref());
        let version = docs.and_then(|docs| docs.version.as_deref());
        let info = json!({
            "title": title.unwrap_or("larder"),
            "version": version.unwrap_or(env!("CARGO_PKG_VERSION")),
            "description": docs.and_then(|docs| docs.description.as_deref()),
        });
        present(json!({
            "openapi": "3.1.0",
            "info": present(info),
            "servers": self.server.base.as_ref().map(|base| json!([{ "url": base }])),
            "paths": paths,
            "components": { "schemas": { "Problem": problem() } },
        }))
    }
}

/// A mapping without the fields that have no value.
fn present(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

pub(super) fn operation(route: &Route) -> Value {
    present(json!({
        "operationId": &*route.name,
        "summary": route.summary,
        "parameters": Some(parameters(route)).filter(|list| !list.is_empty()),
        "requestBody": route.reads_body().then(|| request_body(route)),
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
    for name in read(route, InputKind::Query) {
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

/// The body that is taken: its declared fields, and those that are read of whatever kind.
fn request_body(route: &Route) -> Value {
    let fields = &route.declared.fields;
    let mut properties: BTreeMap<&str, Value> =
        read(route, InputKind::Body).map(|name| (name, json!({}))).collect();
    for typed in fields {
        let told = json!({ "description": typed.description });
        let mut told = present(told);
        if let (Value::Object(told), Value::Object(schema)) = (&mut told, schema(typed)) {
            told.extend(schema);
        }
        properties.insert(&typed.name.value, told);
    }
    let required = fields.iter().filter(|typed| typed.required);
    let required: Vec<&str> = required.map(|typed| typed.name.value.as_str()).collect();
    let is_required = !required.is_empty();
    let schema = present(json!({
        "type": Some("object").filter(|_| !properties.is_empty()),
        "required": Some(required).filter(|names| !names.is_empty()),
        "properties": Some(&properties).filter(|fields| !fields.is_empty()),
    }));
    let content = BodyForm::TYPES.map(|name| (name.to_owned(), json!({ "schema": schema })));
    json!({ "required": is_required, "content": Map::from_iter(content) })
}

/// Request headers and cookies that are read; those that OpenAPI tells elsewhere are left out.
fn of_headers(route: &Route) -> Vec<Value> {
    let schema = json!({ "type": "string" });
    let told = |name: &str, place: &str| json!({ "name": name, "in": place, "schema": schema });
    let elsewhere = ["accept", "content-type", "authorization", "cookie"];
    let headers = read(route, InputKind::Headers).filter(|name| !elsewhere.contains(name));
    let language = route.inputs.any(InputKind::Language).then_some("accept-language");
    let headers = headers.chain(language).map(|name| told(name, "header"));
    headers.chain(read(route, InputKind::Cookies).map(|name| told(name, "cookie"))).collect()
}

/// The names of a kind that a route reads.
fn read(route: &Route, kind: InputKind) -> impl Iterator<Item = &str> {
    route.inputs.of(kind).filter_map(|input| input.name.as_deref())
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
        Source::Page(page) => json!({
            "description": "The answer",
            "content": { media::essence(&route.content_type): content(&page.content.form) },
        }),
        Source::File(_) => json!({
            "description": "The answer",
            "content": { media::essence(&route.content_type): {} },
        }),
    };
    for status in route.statuses() {
        responses.insert(status.to_string(), content.clone());
    }
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
    problem("400", "The address or the body is not well-formed");
    if !route.pattern.params().is_empty() {
        problem("404", "There is no such page");
    }
    if route.reads_body() {
        problem("413", "The body is larger than 1 MiB");
        problem("415", "The body is of a type that is not read");
    }
    if !route.declared.query.is_empty() || !route.declared.fields.is_empty() {
        problem("422", "A parameter of the query, or a field of the body, breaks its rule");
    }
    Value::Object(responses)
}

/// The largest body that is an example, in bytes.
const EXAMPLE_BYTES: usize = 16 * 1024;
/// How many levels of a value are described.
const DEPTH: usize = 12;

/// What is known of a page's content: of a body its form and the body itself, of a value with
/// templates in it its form.
fn content(form: &PageForm) -> Value {
    match form {
        PageForm::Body(body) if body.len() <= EXAMPLE_BYTES => {
            match serde_json::from_slice::<Value>(body) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                    json!({ "schema": schema_of(&value, DEPTH), "example": value })
                }
                _ => match std::str::from_utf8(body) {
                    Ok(text) => json!({ "schema": { "type": "string" }, "example": text }),
                    Err(_no_text) => json!({}),
                },
            }
        }
        PageForm::Json(template) => json!({ "schema": schema_of_template(template, DEPTH) }),
        PageForm::Body(_) | PageForm::Template { .. } => json!({}),
    }
}

/// A schema that a value fits.
fn schema_of(value: &Value, depth: usize) -> Value {
    match value {
        Value::Null => json!({ "type": "null" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => of_items(items.iter().map(|item| deeper(item, depth, schema_of))),
        Value::Object(fields) => {
            let field = |(name, value)| (String::clone(name), deeper(value, depth, schema_of));
            of_fields(&fields.iter().map(field).collect())
        }
    }
}

/// The same for a value with templates in it: what one expression gives is of any type.
fn schema_of_template(template: &JsonTemplate, depth: usize) -> Value {
    match template {
        JsonTemplate::Plain(value) => schema_of(value, depth),
        JsonTemplate::Text(_) => json!({ "type": "string" }),
        JsonTemplate::Typed(..) => json!({}),
        JsonTemplate::List(items) => {
            of_items(items.iter().map(|item| deeper(item, depth, schema_of_template)))
        }
        JsonTemplate::Map(fields) => {
            let field = |(name, value): &(String, JsonTemplate)| {
                (name.clone(), deeper(value, depth, schema_of_template))
            };
            of_fields(&fields.iter().map(field).collect())
        }
    }
}

fn deeper<T>(value: &T, depth: usize, schema: fn(&T, usize) -> Value) -> Value {
    if depth == 0 { json!({}) } else { schema(value, depth - 1) }
}

/// A list whose items fit one schema, where they all have the same.
fn of_items(items: impl Iterator<Item = Value>) -> Value {
    let mut different: Vec<Value> = Vec::new();
    for item in items {
        if !different.contains(&item) {
            different.push(item);
        }
    }
    match different.as_slice() {
        [] => json!({ "type": "array" }),
        [one] => json!({ "type": "array", "items": one }),
        several => json!({ "type": "array", "items": { "anyOf": several } }),
    }
}

fn of_fields(properties: &Map<String, Value>) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
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
