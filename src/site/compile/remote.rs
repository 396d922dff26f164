//! `load` of what a server sends: its address, its request, and what a page reads of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::key::InputKind;
use super::super::remote::{PageLoad, RemoteLoad, at};
use super::super::route::{AddressForm, Pattern, address_segment};
use super::super::template::{AddressOf, Part, TextTemplate, Tree};
use super::Compiler;
use super::analysis::Analysis;
use super::known::check_address;
use super::values::Values;
use crate::config::{
    Config, LoadConfig, Node, NodeValue, RequestHeader, Secret, SourceMethod, SourceTtl,
    UpstreamConfig, is_address, read_origin, text_as_written,
};
use crate::diagnostic::{At, Code, Diagnostic, Report, did_you_mean};
use crate::fingerprint::Fingerprint;
use crate::source::http::{Ask, FETCH_TIME};

/// How long a value is kept, where nobody says.
const TTL: Duration = Duration::from_secs(60);

/// The names of all values that servers send, the site's and its routes'.
pub(super) fn names(config: &Config) -> BTreeSet<String> {
    let of_routes = config.routes.iter().flat_map(|route| &route.load);
    let remote = config.load.iter().chain(of_routes).filter(|it| is_address(&it.from.value));
    remote.map(|load| load.name.value.clone()).collect()
}

/// A load from a server: of a route, with its path, or of the site.
pub(super) fn remote_load(
    load: &LoadConfig,
    upstreams: &[UpstreamConfig],
    path: Option<&Pattern>,
    report: &mut Report,
) -> Result<RemoteLoad, Diagnostic> {
    let (base, upstream) = base(&load.from, upstreams)?;
    let mut address = TextTemplate::compile_of(AddressOf::Server, &load.from)?;
    if let (Some(base), Some(Part::Text(text))) = (&base, address.parts.first_mut()) {
        let path = text.split_once(':').map(|(_, path)| path).unwrap_or_default();
        *text = format!("{base}{path}");
    }
    match path {
        Some(pattern) => check_address(&address, pattern, report),
        None => check_site(load, &address)?,
    }
    let own = load.headers.iter();
    let of_upstream = upstream.iter().flat_map(|it| &it.headers);
    let of_upstream = of_upstream.filter(|it| !load.headers.iter().any(|own| own.name == it.name));
    let mut headers: Vec<RequestHeader> = own.chain(of_upstream).cloned().collect();
    headers.sort_by(|one, two| one.name.cmp(&two.name));
    let mut accept_status: Vec<u16> = load.accept_status.iter().map(|it| it.value).collect();
    if accept_status.is_empty() {
        accept_status.push(200);
    }
    accept_status.sort_unstable();
    let timeout = load.timeout.or(upstream.and_then(|it| it.timeout)).unwrap_or(FETCH_TIME);
    let may_be_absent = path.is_some() || load.optional;
    let remote = RemoteLoad {
        name: load.name.value.as_str().into(),
        from: text_as_written(&load.from.value, &load.from.span).to_owned(),
        server: server(&address),
        address: address.encoded(),
        ask: Ask {
            headers,
            timeout,
            accept_status,
            may_be_absent,
            is_post: load.method == SourceMethod::Post,
            body: load.body.as_ref().map(body),
        },
        ttl: match load.ttl {
            Some(SourceTtl::For(ttl)) => ttl,
            Some(SourceTtl::Upstream) | None => TTL,
        },
        by_server: load.ttl == Some(SourceTtl::Upstream),
        stale_if_error: load.stale_if_error.flatten().unwrap_or_default(),
        fallback: load.fallback.as_ref().map(|node| Arc::new(node.to_json())),
        optional: load.optional,
        stub: None,
        digest: Fingerprint::default(),
    };
    Ok(remote.digested())
}

/// What is sent, and its type where no header says another.
fn body(node: &Node) -> (Secret, &'static str) {
    match &node.value {
        NodeValue::Text(text) => (Secret::new(text.as_str()), "text/plain; charset=utf-8"),
        _ => (Secret::new(node.to_json().to_string()), "application/json"),
    }
}

/// The address of the upstream that is named, if one is.
fn base<'u>(
    from: &At<String>,
    upstreams: &'u [UpstreamConfig],
) -> Result<(Option<String>, Option<&'u UpstreamConfig>), Diagnostic> {
    let (scheme, rest) = from.value.split_once(':').unwrap_or_default();
    let shown = text_as_written(&from.value, &from.span);
    let wrong = |message: String, help: &str| {
        Err(Diagnostic::new(Code::BadUrl, message, &from.span).help(help))
    };
    if scheme == "http" || scheme == "https" {
        return match read_origin(&from.value) {
            Ok(()) => Ok((None, None)),
            Err(help) => wrong(format!("`{shown}` is no address of a server"), help),
        };
    }
    let Some(upstream) = upstreams.iter().find(|it| it.name.value == scheme) else {
        let message = format!("`{scheme}:` is no address that `load` knows");
        let near = did_you_mean(scheme, upstreams.iter().map(|it| it.name.value.as_str()));
        let help = near.unwrap_or_else(|| {
            "write the path of a file, an address (https://…), or the name of one of `upstreams` \
             and a path (api:/users)"
                .to_owned()
        });
        return wrong(message, &help);
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        let message = format!("after `{scheme}:` there is no path");
        return wrong(message, &format!("write it from its slash on: `{scheme}:/…`"));
    }
    if rest.contains(['\\', ' ']) || rest.chars().any(char::is_control) {
        let message = format!("`{shown}` is no address of a server");
        return wrong(message, "encode what cannot stand in an address: a space is %20");
    }
    Ok((Some(upstream.url.value.trim_end_matches('/').to_owned()), Some(upstream)))
}

/// What of an address the site's own load cannot read: it is the same on every route.
fn check_site(load: &LoadConfig, address: &TextTemplate) -> Result<(), Diagnostic> {
    let of_route = address.parts.iter().find_map(|part| match part {
        Part::Var(input, span) if input.kind == InputKind::Params => Some((span, "parameters")),
        Part::Field(_, span) => Some((span, "values to go by")),
        _ => None,
    });
    let Some((span, what)) = of_route else { return Ok(()) };
    let message = format!("the site's load `{}` has no {what}", load.name.value);
    let help = "move it into the `load` of the routes that have them";
    Err(Diagnostic::new(Code::ParamUnknown, message, span).help(help))
}

/// Scheme, host and port.
fn server(address: &TextTemplate) -> String {
    let Some(Part::Text(text)) = address.parts.first() else { return String::new() };
    let host = text.find("://").map_or(0, |at| at + 3);
    let (before, after) = text.split_at_checked(host).unwrap_or_default();
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{before}{authority}").to_ascii_lowercase()
}

impl Compiler<'_> {
    /// The values of servers that pages with these values see.
    pub(super) fn remote_of<'v>(
        &'v self,
        own: &'v Values,
    ) -> impl Iterator<Item = &'v Arc<RemoteLoad>> {
        let of_site = self.values.remote.iter().filter(|load| !own.has(&load.name));
        own.remote.iter().chain(of_site)
    }

    /// The values of servers that a page is made from: all of its route's own, and those of the
    /// site that it reads.
    pub(super) fn remote(&self, own: &Values, tree: &Tree, reads: &Analysis) -> Vec<PageLoad> {
        let is_read = |load: &&Arc<RemoteLoad>| {
            let is_named = !tree.sub(&load.name).is_empty() || tree.lists_names();
            let is_own = own.remote.iter().any(|it| it.name == load.name);
            is_own || is_named && !reads.is_wrong
        };
        let loads = self.remote_of(own).filter(is_read).map(|load| self.by_values(load, own));
        // Their order in the file decides nothing.
        let mut loads: Vec<Arc<RemoteLoad>> = loads.collect();
        loads.sort_by(|one, two| one.name.cmp(&two.name));
        let told = tree.sub("loaded");
        let page_load = |load: &Arc<RemoteLoad>| PageLoad {
            read: tree.sub(&load.name),
            told: told.sub(&load.name),
            needs: needs(load, &loads),
            load: Arc::clone(load),
        };
        loads.iter().map(page_load).collect()
    }

    /// The load with what values say that no request decides.
    fn by_values(&self, load: &Arc<RemoteLoad>, own: &Values) -> Arc<RemoteLoad> {
        let fixed = |way: &[String]| {
            let (root, below) = way.split_first()?;
            let of_site = || self.values.fixed.get(root).filter(|_| !own.has(root));
            let fixed = own.fixed.get(root).or_else(of_site)?;
            address_segment(&at(&fixed.value, below), AddressForm::Url)
        };
        let mut is_same = true;
        let part = |part: &Part| match part {
            Part::Field(way, _) => match fixed(way) {
                Some(text) => {
                    is_same = false;
                    Part::Text(text)
                }
                None => part.clone(),
            },
            Part::Text(_) | Part::Var(..) => part.clone(),
        };
        let parts = load.address.parts.iter().map(part).collect();
        if is_same {
            return Arc::clone(load);
        }
        let address = TextTemplate { parts };
        Arc::new(RemoteLoad { address, ..RemoteLoad::clone(load) }.digested())
    }

    /// Says which addresses of a route's own loads go by values that are not there, or that wait
    /// for each other.
    pub(super) fn check_remote(&mut self, own: &Values) {
        for load in &own.remote {
            for part in &load.address.parts {
                let Part::Field(way, span) = part else { continue };
                let Some(root) = way.first() else { continue };
                if own.has(root) || self.values.has(root) {
                    continue;
                }
                let names = own.names().chain(self.values.names());
                let message = format!("`{{{{{}}}}}`: nothing provides `{root}`", way.join("."));
                let found = Diagnostic::new(Code::UnknownVariable, message, span);
                let help = did_you_mean(root, names);
                self.report.push(Diagnostic { help, ..found });
            }
        }
        if let Some(found) = cycle(&own.remote) {
            self.report.push(found);
        }
    }
}

/// Those of the loads whose values an address reads, by their places.
fn needs(load: &RemoteLoad, loads: &[Arc<RemoteLoad>]) -> Vec<usize> {
    let is_needed = |it: &Arc<RemoteLoad>| {
        load.address.parts.iter().any(|part| match part {
            Part::Field(way, _) => way.first().is_some_and(|root| **root == *it.name),
            Part::Text(_) | Part::Var(..) => false,
        })
    };
    let needed = loads.iter().enumerate().filter(|(_, it)| is_needed(it));
    needed.map(|(at, _)| at).collect()
}

/// That some of the loads wait for each other, said once, with the way around.
fn cycle(loads: &[Arc<RemoteLoad>]) -> Option<Diagnostic> {
    let needs: Vec<Vec<usize>> = loads.iter().map(|load| needs(load, loads)).collect();
    // Those that wait for none but such are no part of a circle.
    let mut left: BTreeSet<usize> = (0..loads.len()).collect();
    while let Some(free) =
        left.iter().copied().find(|at| needs[*at].iter().all(|need| !left.contains(need)))
    {
        left.remove(&free);
    }
    let mut way: Vec<usize> = left.first().copied().into_iter().collect();
    while let Some(next) = way.last().and_then(|at| needs[*at].iter().find(|it| left.contains(it)))
    {
        if let Some(start) = way.iter().position(|at| at == next) {
            way.drain(..start);
            break;
        }
        way.push(*next);
    }
    let first = way.first()?;
    let names: Vec<String> =
        way.iter().chain([first]).map(|at| format!("`{}`", loads[*at].name)).collect();
    let reads = |at: usize, next: usize| {
        loads[at].address.parts.iter().find_map(|part| match part {
            Part::Field(way, span) if way.first().is_some_and(|it| **it == *loads[next].name) => {
                Some(span)
            }
            _ => None,
        })
    };
    let message = format!("these values wait for each other: {}", names.join(" → "));
    let place = reads(*first, *way.get(1).unwrap_or(first))?;
    let mut found = Diagnostic::new(Code::LoadCycle, message, place);
    for (index, at) in way.iter().enumerate().skip(1) {
        let next = way.get(index + 1).unwrap_or(first);
        if let Some(span) = reads(*at, *next) {
            found = found.label(span, "and this waits");
        }
    }
    Some(found.help("let one of them go by the request: `{{params.…}}`, `{{query.…}}`"))
}
