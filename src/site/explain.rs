//! An address → what larder knows of its answer: the route, each input and who reads it, the key.
//!
//! Pure: what the store holds under the key is added by who asks (`larder explain`, the admin API).

use serde::{Deserialize, Serialize};

use super::key::{Facts, Headers, InputKind, InputName};
use super::route::{Matched, RawQuery, RouteMatch};
use super::{InputRead, Route, Site, Source};

/// What is known of the answer to a request before it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// The address as asked.
    pub url: String,
    /// What kind of answer it gets, in a few words.
    pub answer: String,
    /// The route that answers; nothing where none does.
    pub route: Option<ExplainedRoute>,
    /// What the response reads of the request.
    pub inputs: Vec<ExplainedInput>,
    /// Parameters of the query that nothing reads, so that they make no entries.
    pub unread: Vec<String>,
    /// The key; nothing for what is never stored.
    pub key: Option<String>,
    /// What a stored response must carry to be this one.
    pub fingerprint: Option<String>,
    /// How long it is fresh, in milliseconds; nothing where it is not stored.
    pub ttl_ms: Option<u64>,
}

/// The route that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplainedRoute {
    /// Its name.
    pub name: String,
    /// Its method and path.
    pub path: String,
    /// Where it is written: `routes.yaml:12:3`.
    pub place: String,
    /// One line for people.
    pub summary: Option<String>,
}

/// Something of the request that the response reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplainedInput {
    /// What: `query.lang`; `query` for all of it.
    pub input: String,
    /// Its value in this request; nothing where it is absent, `***` for what may be a secret.
    pub value: Option<String>,
    /// Where it is read: `templates/hello.html.hbs:3:14`.
    pub read_at: String,
    /// The calls of partials that lead there, from the outside in.
    pub through: Vec<String>,
}

impl Site {
    /// Explains the answer to `method` and `url` (a path with an optional query), for a visitor
    /// whose best language is `language`.
    pub(crate) fn explain(
        &self,
        method: &str,
        url: &str,
        headers: &dyn Headers,
        language: Option<&str>,
    ) -> Explanation {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let path = super::below(path, self.server.base());
        let mut told = Explanation { url: url.to_owned(), ..Explanation::default() };
        told.answer = match self.find(method, path) {
            RouteMatch::Route(mut matched) => match self.route(matched.target) {
                Some(route) => told.add(route, &mut matched, query, (headers, language)),
                None => "404: there is no such page".to_owned(),
            },
            RouteMatch::Redirect { to } => {
                let other = self.find_other_form(method, path);
                let route = other.and_then(|(matched, _)| self.route(matched.target));
                let is_dir = route.is_some_and(|route| matches!(route.source, Source::Dir(_)));
                format!("308: moved to {to}{}", if is_dir { ", if a file is there" } else { "" })
            }
            RouteMatch::Method { allow } => format!("405: this address answers {allow}"),
            RouteMatch::NotFound => "404: no route matches".to_owned(),
            RouteMatch::Malformed => "400: the path is not well-formed".to_owned(),
        };
        told
    }
}

impl Explanation {
    /// Adds what a route says of the request; gives the kind of answer.
    fn add<'r>(
        &mut self,
        route: &'r Route,
        matched: &mut Matched<'r>,
        query: &str,
        (headers, language): (&dyn Headers, Option<&str>),
    ) -> String {
        self.route = Some(ExplainedRoute {
            name: route.name.to_string(),
            path: format!("{} {}", route.method, route.pattern.as_str()),
            place: route.place.to_string(),
            summary: route.summary.clone(),
        });
        if route.rules.path(&mut matched.params).is_err() {
            return "404: a value in the path is not one that the route takes".to_owned();
        }
        let Ok(raw) = RawQuery::parse(query) else {
            return "400: the query is not well-formed".to_owned();
        };
        let query = match route.rules.query(&raw) {
            Ok(query) => query,
            Err(wrong) => return format!("422: `{}` {}", wrong.name, wrong.detail),
        };
        let Matched { path, params, .. } = &*matched;
        let facts = Facts { path, params, query: &query, headers, language, body: None };
        self.inputs = route.reads.iter().map(|read| explained(read, &facts)).collect();
        let key = route.key.as_ref();
        let is_read = |name: &str| {
            let is_in_key = key.is_some_and(|key| key.covers.has(InputKind::Query, name));
            is_in_key || route.inputs.has(InputKind::Query, name)
        };
        let unread = query.iter().filter(|(name, _)| !is_read(name));
        self.unread = unread.map(|(name, _)| name.to_owned()).collect();
        self.add_key(route, &facts)
    }

    fn add_key(&mut self, route: &Route, facts: &Facts<'_>) -> String {
        self.fingerprint = match route.fingerprint(facts) {
            Ok(fingerprint) => Some(fingerprint.to_string()),
            Err(why) => return format!("404: {why}"),
        };
        match &route.source {
            Source::File(file) => return format!("the file {}, never stored", file.path),
            Source::Dir(dir) => {
                let words = match dir.name(facts.path) {
                    Some(name) => format!("the file {}/{name}, if it is there", dir.path),
                    None => format!("404: no file of {}/ has such a name", dir.path),
                };
                return format!("{words}; never stored");
            }
            Source::Redirect(_) => return "a redirect, never stored".to_owned(),
            Source::Page(_) => {}
        }
        let Some(plan) = &route.key else {
            return format!("a page, never stored: {} is not cached", route.method);
        };
        self.key = Some(plan.build(facts));
        let Some(ttl) = route.lifetime.ttl else {
            return "a page, never stored: its ttl is off".to_owned();
        };
        self.ttl_ms = u64::try_from(ttl.as_millis()).ok();
        "a page".to_owned()
    }
}

fn explained(read: &InputRead, facts: &Facts<'_>) -> ExplainedInput {
    ExplainedInput {
        value: match read.input {
            InputName { kind, name: None } if kind.is_named() => Some(all_of(kind, facts)),
            _ => facts.get(&read.input).map(|value| shown(&read.input, &value)),
        },
        input: read.input.to_string(),
        read_at: read.place.to_string(),
        through: read.via.iter().map(ToString::to_string).collect(),
    }
}

/// `a=1&b=2`: all that there is of a kind, as the page sees it.
fn all_of(kind: InputKind, facts: &Facts<'_>) -> String {
    let pair = |(name, value): (String, String)| {
        let value = shown(&kind.named(name.as_str()), &value);
        format!("{name}={value}")
    };
    facts.all(kind).into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The value of an input as it is shown: cookies and `authorization` are not.
fn shown(input: &InputName, value: &str) -> String {
    let is_secret = match input.kind {
        InputKind::Headers => matches!(
            input.name.as_deref(),
            Some("authorization" | "proxy-authorization" | "cookie")
        ),
        kind => kind == InputKind::Cookies,
    };
    if is_secret { "***".to_owned() } else { value.to_owned() }
}

/// The inputs by name that a route's key covers, for tables.
pub(crate) fn input_names(route: &Route) -> Vec<String> {
    route.inputs.iter().map(InputName::to_string).collect()
}
