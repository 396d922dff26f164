//! `data` and `load` → values by name, the site's and a route's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::ChosenLoad;
use super::super::key::{InputKind, InputName};
use super::super::remote::RemoteLoad;
use super::super::route::Pattern;
use super::super::template::{TextTemplate, is_name_alone};
use super::known::check_address;
use super::remote::remote_load;
use super::{ByName, unreadable};
use crate::config::{
    Config, FileError, Files, LoadConfig, Node, UpstreamConfig, glob_empty, is_address,
};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::fingerprint::Fingerprint;
use crate::source::value as parse;

/// The largest loaded file, in bytes.
const LOAD_BOUND: u64 = 32 * 1024 * 1024;

/// A set of named values: the site's, or a route's own.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Values that no request decides.
    pub(super) fixed: ByName<Fixed>,
    /// Loads whose address holds parameters, every file whole.
    pub(super) chosen: Vec<ChosenLoad>,
    /// Values that servers send.
    pub(super) remote: Vec<Arc<RemoteLoad>>,
    /// Names whose load failed: it was said, and nothing more can be said of them.
    pub(super) failed: Vec<String>,
}

impl Values {
    /// Whether there are none, nor any that failed.
    pub(super) fn is_empty(&self) -> bool {
        self.fixed.is_empty()
            && self.chosen.is_empty()
            && self.remote.is_empty()
            && self.failed.is_empty()
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let chosen = self.chosen.iter().map(|load| load.name.as_str());
        let remote = self.remote.iter().map(|load| &*load.name);
        self.fixed.keys().map(String::as_str).chain(chosen).chain(remote)
    }

    /// Whether one of them has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fixed.contains_key(name)
            || self.chosen.iter().any(|load| load.name == name)
            || self.remote.iter().any(|load| *load.name == *name)
            || self.failed.iter().any(|failed| failed == name)
    }
}

/// `load` as typed, and what it goes by.
pub(super) struct Loads<'c> {
    list: &'c [LoadConfig],
    upstreams: &'c [UpstreamConfig],
    /// The directory of files that stand in for servers.
    stub: Option<&'c str>,
}

impl<'c> Loads<'c> {
    pub(super) fn of(list: &'c [LoadConfig], config: &'c Config) -> Self {
        Self { list, upstreams: &config.upstreams, stub: config.stub.as_deref() }
    }
}

/// A value that no request decides.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    pub(super) value: Arc<Value>,
    /// The file or glob that it came from; nothing for `data`.
    pub(super) from: Option<String>,
}

impl Values {
    /// The site's own values.
    pub(super) fn site(config: &Config, files: &mut dyn Files, report: &mut Report) -> Self {
        let loads = Loads::of(&config.load, config);
        let values = Self::gather(&config.data, &loads, None, files, report);
        for load in &config.load {
            if load.from.value.contains("{{") && !is_address(&load.from.value) {
                let message = format!("the site's load `{}` has no parameters", load.name.value);
                report.push(
                    Diagnostic::new(Code::ParamUnknown, message, &load.from.span)
                        .help("move it into the `load` of the routes that have them"),
                );
            }
        }
        values
    }

    /// The values of `data` and `load` together: a route's, with its path, or the site's.
    pub(super) fn gather(
        data: &[(At<String>, Node)],
        loads: &Loads<'_>,
        path: Option<&Pattern>,
        files: &mut dyn Files,
        report: &mut Report,
    ) -> Self {
        let mut values = Self::default();
        let of_loads = loads.list.iter().map(|load| &load.name);
        let names = data.iter().map(|(name, _)| name).chain(of_loads);
        for name in names.filter(|name| is_name_alone(&name.value)) {
            let message = format!("`{{{{{0}}}}}` is the helper `{0}`, not this value", name.value);
            let help = format!("give it another name, or write `{{{{this.{}}}}}`", name.value);
            report.push(Diagnostic::new(Code::ShadowedName, message, &name.span).help(help));
        }
        for (name, node) in data {
            let fixed = Fixed { value: Arc::new(node.to_json()), from: None };
            values.fixed.insert(name.value.clone(), fixed);
        }
        for load in loads.list {
            let loaded = if is_address(&load.from.value) {
                let remote = remote_load(load, loads.upstreams, path, report);
                let remote = remote.and_then(|remote| stubbed(remote, load, loads.stub, files));
                remote.map(|load| values.remote.push(Arc::new(load)))
            } else {
                values.load(load, path, files, report)
            };
            if let Err(diagnostic) = loaded {
                report.push(diagnostic);
                values.failed.push(load.name.value.clone());
            }
        }
        values
    }

    fn load(
        &mut self,
        load: &LoadConfig,
        path: Option<&Pattern>,
        files: &mut dyn Files,
        report: &mut Report,
    ) -> Result<(), Diagnostic> {
        let from = &load.from.value;
        let name = load.name.value.clone();
        if from.contains("{{") {
            let chosen = chosen(load, path, files, report)?;
            if chosen.files.is_empty() && !load.optional {
                report.push(glob_empty(&any_of(&chosen.address), &load.from.span, files));
            }
            self.chosen.push(chosen);
            return Ok(());
        }
        let value = if from.contains(['*', '?']) {
            let items = glob(from, &load.from.span, files, report)?;
            if items.is_empty() && !load.optional {
                report.push(glob_empty(from, &load.from.span, files));
            }
            Value::Array(items.into_iter().map(|(_, item)| item).collect())
        } else {
            match files.read(from, LOAD_BOUND) {
                Ok(content) => parse::parse(&content).map_err(|wrong| {
                    let remark = format!("loaded here as `{name}`");
                    wrong.label(&load.from.span, remark)
                })?,
                Err(FileError::Missing) if load.optional => Value::Null,
                Err(why) => return Err(unreadable(from, "loaded", &why, &load.from.span)),
            }
        };
        self.fixed.insert(name, Fixed { value: Arc::new(value), from: Some(from.clone()) });
        Ok(())
    }
}

/// The files that an address names with one name for each parameter.
fn any_of(address: &TextTemplate) -> String {
    address.render(|_| Some("*")).unwrap_or_default()
}

/// Reads every file that an address with parameters can name.
fn chosen(
    load: &LoadConfig,
    path: Option<&Pattern>,
    files: &mut dyn Files,
    report: &mut Report,
) -> Result<ChosenLoad, Diagnostic> {
    let address = TextTemplate::compile(&load.from)?;
    if let Some(pattern) = path {
        check_address(&address, pattern, report);
    }
    // A wildcard stands for a name, or for directories and a name.
    let is_rest = |input: &InputName| {
        let name = input.name.as_deref().filter(|_| input.kind == InputKind::Params);
        name.is_some_and(|name| path.is_some_and(|path| path.is_rest(name)))
    };
    let mut patterns = vec![any_of(&address)];
    if address.reads().any(|(input, _)| is_rest(input)) {
        let deep = address.render(|input| Some(if is_rest(input) { "*/**/*" } else { "*" }));
        patterns.extend(deep);
    }
    let mut found = BTreeMap::new();
    for pattern in patterns {
        let items = glob(&pattern, &load.from.span, files, report)?.into_iter();
        found.extend(items.map(|(path, value)| (path, (Arc::new(value), Fingerprint::default()))));
    }
    Ok(ChosenLoad { name: load.name.value.clone(), files: found, address, optional: load.optional })
}

/// The files that a pattern names. All that are wrong are told, the last by the error.
fn glob(
    pattern: &str,
    span: &Span,
    files: &mut dyn Files,
    report: &mut Report,
) -> Result<Vec<(String, Value)>, Diagnostic> {
    let failed = |path: &str, why: &FileError| unreadable(path, "loaded", why, span);
    let paths = files.glob(pattern).map_err(|why| failed(pattern, &why))?;
    let (mut values, mut wrong) = (Vec::with_capacity(paths.len()), None);
    for path in paths {
        let content = files.read(&path, LOAD_BOUND).map_err(|why| failed(&path, &why));
        let parsed = content.and_then(|content| {
            parse::parse_item(&content).map_err(|wrong| wrong.label(span, "loaded by this"))
        });
        match parsed {
            Ok(value) => values.push((path, value)),
            Err(found) => wrong.replace(found).into_iter().for_each(|found| report.push(found)),
        }
    }
    wrong.map_or(Ok(values), Err)
}

/// The load with the file that stands in for its server, where there is one.
fn stubbed(
    remote: RemoteLoad,
    load: &LoadConfig,
    stub: Option<&str>,
    files: &mut dyn Files,
) -> Result<RemoteLoad, Diagnostic> {
    let Some(directory) = stub else { return Ok(remote) };
    let path = format!("{directory}/{}.json", remote.name);
    let content = match files.read(&path, LOAD_BOUND) {
        Ok(content) => content,
        Err(FileError::Missing) => return Ok(remote),
        Err(why) => return Err(unreadable(&path, "loaded", &why, &load.from.span)),
    };
    let value = parse::parse(&content)
        .map_err(|wrong| wrong.label(&load.from.span, "it stands in for this"))?;
    Ok(RemoteLoad { stub: Some(Arc::new(value)), ..remote }.digested())
}
