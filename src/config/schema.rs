//! The JSON Schema of the file, for editors: made from the sections' declarations.

use serde_json::{Map, Value, json};

use super::model::{
    CacheConfig, DocsConfig, ErrorPageConfig, LoadConfig, MainConfig, ParamConfig, PartConfig,
    RouteConfig, RouteSettings, ServerConfig, TlsConfig, UpstreamConfig,
};
use super::section::{Field, Section, Word};

/// Every section but the main file, in the order of the definitions.
const DEFINITIONS: [&Section; 11] = [
    &ServerConfig::SECTION,
    &DocsConfig::SECTION,
    &TlsConfig::SECTION,
    &CacheConfig::SECTION,
    &RouteSettings::SECTION,
    &RouteConfig::SECTION,
    &ParamConfig::SECTION,
    &UpstreamConfig::SECTION,
    &LoadConfig::SECTION,
    &ErrorPageConfig::SECTION,
    &PartConfig::SECTION,
];

/// The JSON Schema (draft 2020-12) of the main file and of those that it includes.
pub(crate) fn schema() -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".into(), "larder routes.yaml".into());
    if let Value::Object(main) = definition(&MainConfig::SECTION) {
        root.extend(main);
    }
    let definitions = DEFINITIONS.map(|section| (id(section), definition(section)));
    root.insert("$defs".into(), Value::Object(definitions.into_iter().collect()));
    Value::Object(root)
}

/// The name of a section among the definitions.
fn id(section: &Section) -> String {
    section.title.replace('`', "").replace(' ', "-")
}

/// A mapping of known fields, or what may stand in its place.
fn definition(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.all().map(|field| (field.name.to_owned(), property(field))).collect();
    let required = section.lead.as_ref().filter(|lead| lead.required);
    // A section that needs nothing may be left empty, as when all in it is commented out.
    let kind = if required.is_some() { json!("object") } else { json!(["object", "null"]) };
    let mut mapping = json!({
        "type": kind,
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    });
    if let Some(lead) = required {
        let one_of = lead.fields.iter().map(|field| json!({ "required": [field.name] }));
        mapping["oneOf"] = one_of.collect();
    }
    let doc = section.doc.trim_start();
    if let Some(lead) = &section.lead {
        return json!({ "description": doc, "anyOf": [(lead.short)(), mapping] });
    }
    mapping["description"] = doc.into();
    mapping
}

fn property(field: &Field) -> Value {
    let mut property = (field.schema)();
    // Beside `$ref` other words count too, since draft 2019-09.
    property["description"] = field.doc.trim_start().into();
    property
}

/// A duration's form; that its units come in order is for `larder check` to say.
pub(super) const DURATION: &str = "[0-9]+|([0-9]+(y|w|d|h|m|s|ms))+";
/// A text in which the environment fills in something.
const VARIABLE: &str = r"\$\{";

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

/// A text, number or boolean: what a request's text may be compared with.
pub(super) fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// A whole number between two bounds, both included.
pub(super) fn whole<const LOW: u64, const HIGH: u64>() -> Value {
    variable_or(&json!({ "type": "integer", "minimum": LOW, "maximum": HIGH }))
}

/// One of some words.
pub(super) fn word<W: Word>() -> Value {
    let words: Vec<&str> = W::WORDS.iter().map(|(word, _)| *word).collect();
    variable_or(&json!({ "enum": words }))
}

/// A list of one kind of item.
pub(super) fn list(item: &Value) -> Value {
    json!({ "type": ["array", "null"], "items": item })
}

/// One text, or a list of them.
pub(super) fn text_or_list() -> Value {
    json!({ "anyOf": [text(), list(&text())] })
}

/// A section, by its definition.
pub(super) fn section(section: &Section) -> Value {
    json!({ "$ref": format!("#/$defs/{}", id(section)) })
}

/// A mapping with free names to sections; those in it that begin with `x-` are no sections.
pub(super) fn sections(value: &Section) -> Value {
    json!({
        "type": ["object", "null"],
        "additionalProperties": section(value),
        "patternProperties": { "^x-": true },
    })
}

/// A mapping whose names have a form, to sections.
pub(super) fn sections_by(form: &str, value: &Section) -> Value {
    json!({
        "type": ["object", "null"],
        "patternProperties": { form: section(value), "^x-": true },
        "additionalProperties": false,
    })
}

/// A number, or a text of a form.
pub(super) fn written(form: &str) -> Value {
    json!({
        "type": ["string", "integer"],
        "minimum": 1,
        "pattern": format!("^({form})$|{VARIABLE}"),
    })
}

/// A value, or a text that the environment makes into one.
pub(super) fn variable_or(value: &Value) -> Value {
    json!({ "anyOf": [value, { "type": "string", "pattern": VARIABLE }] })
}

#[cfg(test)]
mod tests;
