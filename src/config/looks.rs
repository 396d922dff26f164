//! Warnings: values that stand for something else than what they look like.

use super::decode::scalar::text_as_written;
use super::model::SourceConfig;
use super::node::{Node, NodeValue};
use crate::diagnostic::{At, Code, Diagnostic, Report};
use crate::units::parse_ttl;

/// Extensions of files that `load` reads.
const DATA_FILES: &[&str] = &[".yaml", ".yml", ".json", ".toml", ".csv", ".md", ".txt"];

/// A shorthand that was meant as a body, a redirect or a template's name.
pub(super) fn shorthand(report: &mut Report, text: &At<String>) {
    let value = text_as_written(&text.value, &text.span);
    let (message, help) = if value.starts_with("http://") || value.starts_with("https://") {
        ("an address", format!("write {{ redirect: \"{value}\" }}"))
    } else if value.starts_with('/') {
        ("a path of the site", format!("write {{ redirect: {value} }}"))
    } else if !value.contains(['.', '/']) || value.contains(' ') {
        ("a text to be sent", format!("write {{ body: {} }}", as_yaml(value)))
    } else {
        template_name(report, text);
        return;
    };
    let message = format!("`{value}` looks like {message}, but is read as a file's name");
    report.push(Diagnostic::new(Code::LooksLike, message, &text.span).help(help));
}

/// A template's name with the directory in front, which is there already.
pub(super) fn template_name(report: &mut Report, text: &At<String>) {
    let value = text_as_written(&text.value, &text.span);
    if let Some(name) = value.strip_prefix("templates/")
        && name.strip_suffix(".hbs").is_some()
    {
        let message = format!("`{value}` is looked for below `templates` already");
        let help = format!("write {name}");
        report.push(Diagnostic::new(Code::LooksLike, message, &text.span).help(help));
    }
}

fn as_yaml(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " _-.!?".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

/// A value under `data` that is a file.
pub(super) fn data(report: &mut Report, name: &At<String>, node: &Node) {
    let NodeValue::Text(text) = &node.value else { return };
    let data_file = DATA_FILES.iter().any(|ext| text.len() > ext.len() && text.ends_with(ext));
    if !data_file || text.contains(char::is_whitespace) || text.contains("://") {
        return;
    }
    let message = format!("`{}` is a text that looks like a file", name.value);
    let help = format!("to load what is there: `load: {{ {}: {} }}`", name.value, node.span.text());
    report.push(Diagnostic::new(Code::LooksLike, message, &node.span).help(help));
}

/// What a body, a `json` or a template's name looks like.
pub(super) fn source(report: &mut Report, source: &SourceConfig) {
    match source {
        SourceConfig::Body(node) => {
            let help = match node.value {
                NodeValue::Text(_) => "write `inline:` to have it rendered",
                _ => "write `json:` to have its strings rendered",
            };
            braces(report, node, help);
            swallowed_field(report, "body", node);
        }
        SourceConfig::Json(node) => swallowed_field(report, "json", node),
        SourceConfig::Template(name) => template_name(report, name),
        _ => {}
    }
}

/// `{{…}}` in what is sent as it stands: the first of them in each string.
fn braces(report: &mut Report, node: &Node, help: &str) {
    match &node.value {
        NodeValue::Text(text) => {
            let Some((_, rest)) = text.split_once("{{") else { return };
            let Some((inside, _)) = rest.split_once("}}") else { return };
            let span = node.span.find(&format!("{{{{{inside}}}}}"));
            let message = "`body` is sent as it stands, braces too";
            report.push(Diagnostic::new(Code::BodyNotTemplated, message, &span).help(help));
        }
        NodeValue::List(items) => items.iter().for_each(|item| braces(report, item, help)),
        NodeValue::Map(fields) => fields.iter().for_each(|(_, item)| braces(report, item, help)),
        _ => {}
    }
}

/// A field of the route that its indentation makes a part of the body.
fn swallowed_field(report: &mut Report, source: &str, node: &Node) {
    let NodeValue::Map(fields) = &node.value else { return };
    let Some(first) = fields.first().map(|(key, _)| &key.span) else { return };
    for (key, value) in fields.iter().skip(1) {
        let NodeValue::Text(text) = &value.value else { continue };
        let of_route = match key.value.as_str() {
            "ttl" | "max_age" | "stale_while_revalidate" | "stale_if_error" => {
                parse_ttl(text).is_ok()
            }
            "content_type" => text.contains('/'),
            _ => false,
        };
        if !of_route {
            continue;
        }
        let (line, column) = key.span.line_column();
        if line != first.line_column().0 && column > 2 {
            let (key, place, column) = (&key.value, &key.span, column - 2);
            let message = format!("`{key}` is a part of `{source}` here");
            let help = format!("dedent to column {column} to make `{key}` a field of the route");
            report.push(Diagnostic::new(Code::LooksLike, message, place).help(help));
        }
    }
}
