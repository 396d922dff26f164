//! `data` and `load` → values by name, the site's and a route's.

use std::sync::Arc;

use serde_json::Value;

use super::super::template::{Part, TextTemplate};
use super::{ByName, unreadable};
use crate::config::{Config, FileError, Files, LoadConfig, Node};
use crate::diagnostic::{At, Code, Diagnostic, Report, Span};
use crate::source::value as parse;

/// The largest loaded file, in bytes.
const LOAD_BOUND: u64 = 32 * 1024 * 1024;

/// What a load's address may be made of.
const ADDRESS_ROOTS: &[&str] = &["params", "query"];

/// A set of named values: the site's, or a route's own.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Values that no request decides.
    pub(super) fixed: ByName<Fixed>,
    /// Loads whose address holds parameters.
    pub(super) chosen: Vec<Chosen>,
    /// Names whose load failed: it was said, and nothing more can be said of them.
    pub(super) failed: Vec<String>,
}

/// A value that no request decides.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    pub(super) value: Arc<Value>,
    /// The file or glob that it came from; nothing for `data`.
    pub(super) from: Option<String>,
}

/// A load whose address holds parameters, with every file that it can name.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) address: TextTemplate,
    pub(super) optional: bool,
    pub(super) files: ByName<Value>,
}

impl Values {
    /// The site's own values.
    pub(super) fn site(config: &Config, files: &mut dyn Files, report: &mut Report) -> Self {
        let values = Self::gather(&config.data, &config.load, files, report);
        for load in &config.load {
            if load.from.value.contains("{{") {
                let message = format!("the site's load `{}` has no parameters", load.name.value);
                report.push(
                    Diagnostic::new(Code::ParamUnknown, message, &load.from.span)
                        .help("move it into the `load` of the routes that have them"),
                );
            }
        }
        values
    }

    /// The values of `data` and `load` together.
    pub(super) fn gather(
        data: &[(At<String>, Node)],
        loads: &[LoadConfig],
        files: &mut dyn Files,
        report: &mut Report,
    ) -> Self {
        let mut values = Self::default();
        for (name, node) in data {
            let fixed = Fixed { value: Arc::new(node.to_json()), from: None };
            values.fixed.insert(name.value.clone(), fixed);
        }
        for load in loads {
            if let Err(diagnostic) = values.load(load, files) {
                report.push(*diagnostic);
                values.failed.push(load.name.value.clone());
            }
        }
        values
    }

    fn load(&mut self, load: &LoadConfig, files: &mut dyn Files) -> Result<(), Box<Diagnostic>> {
        let from = &load.from.value;
        let name = load.name.value.clone();
        if from.contains("{{") {
            self.chosen.push(chosen(load, files)?);
            return Ok(());
        }
        refuse_address(&load.from)?;
        let value = if from.contains(['*', '?']) {
            Value::Array(glob(from, &load.from.span, files)?.into_iter().map(|(_, v)| v).collect())
        } else {
            match files.read(from, LOAD_BOUND) {
                Ok(content) => parse::parse(&content).map_err(|wrong| {
                    let remark = format!("loaded here as `{name}`");
                    Box::new(wrong.label(&load.from.span, remark))
                })?,
                Err(FileError::Missing) if load.optional => Value::Null,
                Err(why) => {
                    return Err(Box::new(unreadable(from, "loaded", &why, &load.from.span)));
                }
            }
        };
        self.fixed.insert(name, Fixed { value: Arc::new(value), from: Some(from.clone()) });
        Ok(())
    }
}

/// Reads every file that an address with parameters can name.
fn chosen(load: &LoadConfig, files: &mut dyn Files) -> Result<Chosen, Box<Diagnostic>> {
    refuse_address(&load.from)?;
    let address = TextTemplate::compile(&load.from, ADDRESS_ROOTS).map_err(Box::new)?;
    let pattern: String = address
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Var { .. } => "*",
        })
        .collect();
    Ok(Chosen {
        name: load.name.value.clone(),
        files: glob(&pattern, &load.from.span, files)?.into_iter().collect(),
        address,
        optional: load.optional,
    })
}

fn glob(
    pattern: &str,
    span: &Span,
    files: &mut dyn Files,
) -> Result<Vec<(String, Value)>, Box<Diagnostic>> {
    let failed = |path: &str, why: &FileError| Box::new(unreadable(path, "loaded", why, span));
    let paths = files.glob(pattern).map_err(|why| failed(pattern, &why))?;
    let mut values = Vec::with_capacity(paths.len());
    for path in paths {
        let content = files.read(&path, LOAD_BOUND).map_err(|why| failed(&path, &why))?;
        values.push((path, parse::parse_item(&content).map_err(Box::new)?));
    }
    Ok(values)
}

/// An address is no file: `https:`, `redis:` and whatever else has a scheme.
fn refuse_address(from: &At<String>) -> Result<(), Box<Diagnostic>> {
    let Some((scheme, _)) = from.value.split_once(':') else { return Ok(()) };
    if scheme.contains(['/', '.', '{', '*']) {
        return Ok(());
    }
    let message = format!("`{scheme}:` is no address that `load` knows");
    Err(Box::new(
        Diagnostic::new(Code::BadUrl, message, &from.span)
            .help("write the path of a file: yaml, json, toml, csv, md or txt"),
    ))
}
