//! The JSON Schema of the file, for editors: made from the table of fields.

use serde_json::{Map, Value, json};

use super::fields::{Field, SECTIONS, SITE, Section, Shape};

/// The JSON Schema (draft 2020-12) of the main file and of those that it includes.
#[must_use]
pub fn schema() -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".into(), "larder routes.yaml".into());
    if let Value::Object(site) = section(&SITE) {
        root.extend(site);
    }
    let others = SECTIONS.into_iter().filter(|section| section.title != SITE.title);
    let defs = others.map(|section| (id(section), self::section(section)));
    root.insert("$defs".into(), Value::Object(defs.collect()));
    Value::Object(root)
}

/// The name of a section among the definitions.
fn id(section: &Section) -> String {
    section.title.replace('`', "").replace(' ', "-")
}

/// A mapping of known fields, or what may stand in its place.
fn section(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    // A section that needs nothing may be left empty, as when all in it is commented out.
    let kind = if section.one_of.is_empty() { json!(["object", "null"]) } else { json!("object") };
    let mut mapping = json!({
        "type": kind,
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    });
    if !section.one_of.is_empty() {
        let one_of: Vec<Value> =
            section.one_of.iter().map(|name| json!({ "required": [name] })).collect();
        mapping["oneOf"] = one_of.into();
    }
    if section.short.is_empty() {
        mapping["description"] = section.doc.into();
        return mapping;
    }
    let mut forms: Vec<Value> = section.short.iter().map(|short| shape(*short)).collect();
    forms.push(mapping);
    json!({ "description": section.doc, "anyOf": forms })
}

fn property(field: &Field) -> Value {
    let mut property = shape(field.shape);
    let doc = match field.default {
        "" => field.doc.to_owned(),
        default => format!("{} Default: {default}.", field.doc),
    };
    // Beside `$ref` other words count too, since draft 2019-09.
    if let Value::Object(property) = &mut property {
        property.insert("description".into(), doc.into());
    }
    property
}

/// A duration; that its units come in order is for `larder check` to say.
const DURATION: &str = "[0-9]+|([0-9]+(y|w|d|h|m|s|ms))+";
/// A text in which the environment fills in something.
const VARIABLE: &str = r"\$\{";

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Tree => json!({ "type": ["object", "array"] }),
        Shape::Null => json!({ "type": "null" }),
        Shape::Text => json!({ "type": "string" }),
        Shape::Ttl => written(&format!("off|{DURATION}")),
        Shape::Duration => written(DURATION),
        Shape::Size => written("[0-9]+ *(B|KiB|MiB|GiB|TiB)?"),
        Shape::Whole(low, high) => {
            variable_or(&json!({ "type": "integer", "minimum": low, "maximum": high }))
        }
        Shape::Number => variable_or(&json!({ "type": "number" })),
        Shape::Bool => variable_or(&json!({ "type": "boolean" })),
        Shape::Word(words) => variable_or(&json!({ "enum": words })),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::List(item) => json!({ "type": ["array", "null"], "items": self::shape(*item) }),
        Shape::Map(value) => map(*value),
        Shape::Routes => keyed("^((GET|HEAD|POST|PUT|PATCH|DELETE)\\s+)?/", "route"),
        Shape::Errors => keyed("^[45]([0-9][0-9]|xx|XX)$", "error-page"),
        Shape::Either(shapes) => {
            let shapes: Vec<Value> = shapes.iter().map(|shape| self::shape(*shape)).collect();
            json!({ "anyOf": shapes })
        }
        Shape::Section(section) => json!({ "$ref": format!("#/$defs/{}", id(section)) }),
    }
}

/// A number, or a text of a form.
fn written(form: &str) -> Value {
    json!({
        "type": ["string", "integer"],
        "minimum": 1,
        "pattern": format!("^({form})$|{VARIABLE}"),
    })
}

/// A value, or a text that the environment makes into one.
fn variable_or(value: &Value) -> Value {
    json!({ "anyOf": [value, { "type": "string", "pattern": VARIABLE }] })
}

/// A mapping with free names; those that hold sections may have `x-…` beside them.
fn map(value: Shape) -> Value {
    let mut map = json!({ "type": ["object", "null"], "additionalProperties": shape(value) });
    if let Shape::Section(_) = value {
        map["patternProperties"] = json!({ "^x-": true });
    }
    map
}

/// A mapping whose names have a form, to sections.
fn keyed(form: &str, id: &str) -> Value {
    json!({
        "type": ["object", "null"],
        "patternProperties": { form: { "$ref": format!("#/$defs/{id}") }, "^x-": true },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests;
