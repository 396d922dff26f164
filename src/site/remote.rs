//! Values that servers send, as far as the site decides them: what is asked for, by which request,
//! and how much of it a page reads. They are asked by the HTTP edge, through the cache.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::key::{Facts, InputKind, InputName};
use super::route::{AddressForm, address_segment, leads_as_written};
use super::template::{Part, TextTemplate, Tree};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::source::http::Ask;

/// A value that a server sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RemoteLoad {
    /// The name under which pages see it.
    pub(crate) name: Arc<str>,
    /// Where it is from, as the file has it: what the environment filled in is not in it.
    pub(crate) from: String,
    /// Scheme, host and port, which share the bound on requests at once.
    pub(crate) server: String,
    /// The whole address, as it is sent but for its variables.
    pub(crate) address: TextTemplate,
    /// How it is asked for.
    pub(crate) ask: Ask,
    /// How long a value is kept, where its server does not say otherwise.
    pub(crate) ttl: Duration,
    /// Whether its server says how long it is kept.
    pub(crate) by_server: bool,
    /// How long an older one stands in where no new one can be had.
    pub(crate) stale_if_error: Duration,
    /// What stands in where there is none at all.
    pub(crate) fallback: Option<Arc<Value>>,
    /// Whether a page does without it where the server has none.
    pub(crate) optional: bool,
    /// What stands in for the server, while somebody works on the site.
    pub(crate) stub: Option<Arc<Value>>,
    /// A digest of all that decides what a page gets, besides its request.
    pub(crate) digest: Fingerprint,
}

impl RemoteLoad {
    /// The same with what decides it.
    pub(super) fn digested(mut self) -> Self {
        let hasher = self.asked("").field(self.address.written());
        let text = |value: &Option<Arc<Value>>| value.as_ref().map(ToString::to_string);
        let (fallback, stub) = (text(&self.fallback), text(&self.stub));
        self.digest = hasher.field(format!("{fallback:?} {stub:?} {}", self.optional)).finish();
        self
    }

    /// What decides the value that is got at an address.
    pub(crate) fn decided(&self, address: &str) -> Fingerprint {
        self.asked(address).finish()
    }

    fn asked(&self, address: &str) -> Hasher {
        let Ask { headers, accept_status, may_be_absent, body, is_post, timeout: _ } = &self.ask;
        let hasher = Hasher::default().field("http").field(&self.server).field(address);
        let hasher = hasher.field(format!("{accept_status:?} {may_be_absent} {is_post}"));
        let hasher = hasher.field(body.as_ref().map_or("", |(_, content_type)| content_type));
        let hasher = hasher.field(body.as_ref().map_or("", |(text, _)| text));
        headers
            .iter()
            .fold(hasher, |hasher, header| hasher.field(&header.name).field(&*header.value))
    }
}

/// A value that a page reads of what a server sends.
#[derive(Debug)]
pub(crate) struct PageLoad {
    /// The value.
    pub(crate) load: Arc<RemoteLoad>,
    /// What the page reads of it.
    pub(crate) read: Tree,
    /// What it reads of `loaded`, below the value's name.
    pub(crate) told: Tree,
    /// Those of the page's loads whose values its address reads, by their places.
    pub(crate) needs: Vec<usize>,
}

impl PageLoad {
    /// Adds what its address reads of the value of a name.
    pub(super) fn read_of(&self, name: &str, read: &mut Tree) {
        for part in &self.load.address.parts {
            if let Part::Field(way, _) = part
                && let Some((root, below)) = way.split_first()
                && root == name
            {
                read.read_at(below);
            }
        }
    }

    /// What the page is given of its value, which was got `at` (RFC 3339), and of what is known of
    /// that.
    pub(crate) fn pruned(&self, value: &Value, at: &str, stale: bool) -> (Value, Value) {
        let prune = |read: &Tree, value: &Value| {
            if read.is_empty() { Value::Null } else { read.prune(value) }
        };
        (prune(&self.read, value), prune(&self.told, &json!({ "at": at, "stale": stale })))
    }
}

/// The address of a load, as far as a request fills it in.
#[derive(Clone, Debug)]
pub(super) struct Filled(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// As it is sent.
    Text(String),
    /// A part of another load's value: the load's name, and the way from there.
    Field(Vec<String>),
}

impl Filled {
    /// Fills in what a request says, and what `known` values of other loads do. Nothing where no
    /// address holds a parameter's value.
    pub(super) fn of<'v>(
        address: &TextTemplate,
        facts: &Facts<'_>,
        known: impl Fn(&str) -> Option<&'v Value>,
    ) -> Option<Self> {
        let mut pieces = Vec::with_capacity(address.parts.len());
        let mut is_query = false;
        for part in &address.parts {
            pieces.push(match part {
                Part::Text(text) => {
                    is_query |= text.contains('?');
                    Piece::Text(text.clone())
                }
                Part::Var(input, _) => Piece::Text(text_of_input(input, facts, is_query)?),
                Part::Field(way, _) => match way.first().and_then(|root| known(root)) {
                    Some(value) => Piece::Text(segment(&at(value, way.get(1..)?))),
                    None => Piece::Field(way.clone()),
                },
            });
        }
        Some(Self(pieces))
    }

    /// The address, with the values of other loads by their names. Nothing where it would lead
    /// elsewhere than it seems to.
    pub(super) fn address<'v>(&self, value: impl Fn(&str) -> Option<&'v Value>) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(way) => match (way.first(), way.get(1..)) {
                (Some(root), Some(below)) => {
                    segment(&value(root).map(|value| at(value, below)).unwrap_or_default())
                }
                _ => String::new(),
            },
        };
        let address: String = self.0.iter().map(text).collect();
        let (_, rest) = address.split_once("://")?;
        let path = rest.get(rest.find(['/', '?']).unwrap_or(rest.len())..)?;
        leads_as_written(path).then_some(address)
    }
}

fn text_of_input(input: &InputName, facts: &Facts<'_>, is_query: bool) -> Option<String> {
    if is_query && input.kind == InputKind::Params {
        // A wildcard's slashes are a part of a value here.
        return Some(segment(&facts.get(input).unwrap_or_default()));
    }
    facts.in_address(input, AddressForm::Url)
}

fn segment(text: &str) -> String {
    address_segment(text, AddressForm::Url).unwrap_or_default()
}

/// The text of a part of a value; empty where there is none, or it is no single value.
pub(super) fn at(value: &Value, way: &[String]) -> String {
    let part = way.iter().try_fold(value, |value, name| match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    });
    match part {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}
