//! `larder routes`: the routes of the file, a line each.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::target::{CommandError, compiled};
use super::{ListFormat, OK, say};
use crate::site::{PageForm, Route, Source, input_names};
use crate::units::show_duration;

/// Lists the routes of the site whose main file is `config`, in the order of their paths.
pub(super) fn run(config: &Path, format: ListFormat) -> Result<u8, CommandError> {
    let site = compiled(config, None)?;
    let mut routes: Vec<&Route> = site.routes.iter().map(AsRef::as_ref).collect();
    routes.sort_by(|a, b| (a.pattern.as_str(), &a.method).cmp(&(b.pattern.as_str(), &b.method)));
    if format == ListFormat::Json {
        let rows = routes.iter().map(|route| row(route)).collect();
        say(&format!("{}\n", Value::Array(rows)));
        return Ok(OK);
    }
    let address = |route: &Route| format!("{} {}", route.method, route.pattern.as_str());
    let width = routes.iter().map(|route| address(route).chars().count()).max().unwrap_or(0);
    let names = routes.iter().map(|route| route.name.chars().count()).max().unwrap_or(0);
    for route in routes {
        let unkept = if route.key.is_some() { "off" } else { "-" };
        let ttl = ttl_of(route).map_or(unkept.to_owned(), show_duration);
        say(&format!(
            "{:<width$}  {:<names$}  {:<8}  {:>6}  {}\n",
            address(route),
            route.name,
            kind(&route.source),
            ttl,
            about(route),
        ));
    }
    Ok(OK)
}

/// What the key holds besides the path, and the summary.
fn about(route: &Route) -> String {
    let mut reads = if route.key.is_some() { input_names(route) } else { Vec::new() };
    reads.retain(|name| name != "path" && !name.starts_with("params"));
    let key = (!reads.is_empty()).then(|| format!("by {}", reads.join(", ")));
    key.into_iter().chain(route.summary.clone()).collect::<Vec<_>>().join("  ")
}

fn kind(source: &Source) -> &'static str {
    match source {
        Source::Page(page) => match page.content.form {
            PageForm::Body(_) => "body",
            PageForm::Template { .. } => "template",
            PageForm::Json(_) => "json",
        },
        Source::File(_) => "file",
        Source::Dir(_) => "dir",
        Source::Redirect(_) => "redirect",
    }
}

/// How long it is kept; nothing for what is never stored.
fn ttl_of(route: &Route) -> Option<Duration> {
    route.key.as_ref().and(route.lifetime.ttl)
}

fn row(route: &Route) -> Value {
    json!({
        "name": &*route.name,
        "method": route.method,
        "path": route.pattern.as_str(),
        "source": kind(&route.source),
        "status": route.status,
        "content_type": route.content_type,
        "ttl_ms": ttl_of(route).and_then(|ttl| u64::try_from(ttl.as_millis()).ok()),
        "inputs": input_names(route),
        "summary": route.summary,
        "place": route.place.to_string(),
    })
}
