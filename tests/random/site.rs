//! A site as it is made up and edited, and the files that it is on the disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A site's files by path.
pub(crate) type Tree = BTreeMap<String, String>;

/// The main file.
pub(crate) const MAIN: &str = "routes.yaml";

/// A field and its value, in the order in which it is written.
pub(crate) type Fields = Vec<(String, Value)>;

/// One version of a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Site {
    /// Fields of the main file besides those below.
    pub(crate) settings: Fields,
    /// The site's `data`.
    pub(crate) data: Fields,
    /// The site's `load`.
    pub(crate) load: Fields,
    /// The routes of all files.
    pub(crate) routes: Vec<Route>,
    /// What the included files say besides routes, by their number.
    pub(crate) parts: BTreeMap<usize, Fields>,
    /// Templates and loaded files: the pieces that each is put together from.
    pub(crate) files: BTreeMap<String, Vec<Piece>>,
    /// A comment in the main file, which means nothing.
    pub(crate) remark: usize,
    /// Text at the end of the main file, which breaks it.
    pub(crate) broken: Option<String>,
}

/// A route as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    /// `[METHOD ]/path`.
    pub(crate) address: String,
    /// The included file that it stands in; nothing for the main one.
    pub(crate) part: Option<usize>,
    /// What is written for short; then there are no fields.
    pub(crate) short: Option<String>,
    /// Its fields.
    pub(crate) fields: Fields,
}

/// A part of a file that can be left out by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The same in all versions of a site.
    pub(crate) id: usize,
    /// What stands there.
    pub(crate) text: String,
}

impl Site {
    /// Its files.
    pub(crate) fn tree(&self) -> Tree {
        let text = |pieces: &Vec<Piece>| pieces.iter().map(|piece| piece.text.as_str()).collect();
        let mut tree: Tree = self.files.iter().map(|(path, it)| (path.clone(), text(it))).collect();
        tree.insert(MAIN.to_owned(), self.main_file());
        for part in self.numbers() {
            let routes = self.routes.iter().filter(|route| route.part == Some(part));
            let own = self.parts.get(&part).into_iter().flatten();
            let mut text = String::new();
            for (name, value) in own {
                let _infallible = writeln!(text, "{name}: {value}");
            }
            tree.insert(format!("routes.d/{part}.yaml"), text + &routes_of(routes));
        }
        tree
    }

    /// The numbers of the included files that have a route.
    fn numbers(&self) -> Vec<usize> {
        let mut parts: Vec<usize> = self.routes.iter().filter_map(|route| route.part).collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    fn main_file(&self) -> String {
        let mut text = String::new();
        if self.remark > 0 {
            let _infallible = writeln!(text, "# remark {}", self.remark);
        }
        for (name, value) in &self.settings {
            let _infallible = writeln!(text, "{name}: {value}");
        }
        if !self.numbers().is_empty() {
            text.push_str("include: [routes.d/*.yaml]\n");
        }
        for (section, fields) in [("data", &self.data), ("load", &self.load)] {
            if !fields.is_empty() {
                let _infallible = writeln!(text, "{section}:");
            }
            for (name, value) in fields {
                let _infallible = writeln!(text, "  {name}: {value}");
            }
        }
        text += &routes_of(self.routes.iter().filter(|route| route.part.is_none()));
        text + self.broken.as_deref().unwrap_or_default()
    }

    /// The names of its partials.
    pub(crate) fn partials(&self) -> Vec<String> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix("templates/"));
        let names = inside.filter(|name| name.starts_with("partials/"));
        names.map(|name| name.trim_end_matches(".html.hbs").to_owned()).collect()
    }

    /// The route of that address.
    pub(crate) fn route_mut(&mut self, address: &str) -> Option<&mut Route> {
        self.routes.iter_mut().find(|route| route.address == address)
    }
}

fn routes_of<'r>(routes: impl Iterator<Item = &'r Route>) -> String {
    let mut text = String::new();
    for route in routes {
        let head = if text.is_empty() { "routes:\n" } else { "" };
        let address = json!(route.address);
        let _infallible = match &route.short {
            Some(short) => writeln!(text, "{head}  {address}: {}", json!(short)),
            None => writeln!(text, "{head}  {address}:"),
        };
        for (name, value) in &route.fields {
            let _infallible = writeln!(text, "    {name}: {value}");
        }
    }
    text
}

impl Route {
    /// Its path, without the method.
    pub(crate) fn path(&self) -> &str {
        self.address.split_once(' ').map_or(&self.address, |(_, path)| path)
    }

    /// The names of its path's parameters.
    pub(crate) fn params(&self) -> Vec<&str> {
        let inside = self.path().split('{').skip(1).filter_map(|rest| rest.split('}').next());
        inside.filter_map(|it| it.trim_start_matches('*').split(':').next()).collect()
    }
}

/// The value of a field.
pub(crate) fn value_mut<'f>(fields: &'f mut Fields, name: &str) -> Option<&'f mut Value> {
    fields.iter_mut().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// Sets a field, at the end where it is new; takes it away where there is no value.
pub(crate) fn set(fields: &mut Fields, name: &str, value: Option<Value>) {
    match (value_mut(fields, name), value) {
        (Some(place), Some(value)) => *place = value,
        (None, Some(value)) => fields.push((name.to_owned(), value)),
        (_, None) => fields.retain(|(field, _)| field != name),
    }
}

/// A mapping.
pub(crate) fn mapping<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>(),
    )
}
