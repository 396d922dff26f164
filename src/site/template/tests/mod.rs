//! What templates promise.

use serde_json::Value;

use super::{Bounds, Reads, RenderError, TemplateFile, TemplateId, TemplateSet};
use crate::clock::Clock;
use crate::diagnostic::{At, Report, SourceFile, Span};

mod absent;
mod check;
mod engine;
mod json;
mod known;
mod lists;
mod places;
mod property;
mod reads;
mod render;
mod text;
mod unfit;

/// A set of files, which all parse.
fn set_of(files: &[(&str, &str)]) -> TemplateSet {
    let (set, report) = try_set(files);
    assert_eq!(report, Report::default());
    set
}

fn try_set(files: &[(&str, &str)]) -> (TemplateSet, Report) {
    let file = |(name, text): &(&str, &str)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(format!("templates/{name}"), *text),
        wrong: None,
    };
    let set = TemplateSet::compile(files.iter().map(file).collect(), &Clock::manual());
    let report = broken(&set);
    (set, report)
}

/// What is wrong with the files that do not parse.
fn broken(set: &TemplateSet) -> Report {
    set.broken().map(|(_, found)| found.clone()).collect()
}

fn id(set: &TemplateSet, name: &str) -> TemplateId {
    set.find(name).unwrap()
}

/// The page `page` of some files, rendered.
fn render(files: &[(&str, &str)], page: &str, context: &Value) -> Result<String, RenderError> {
    let set = set_of(files);
    set.render(id(&set, page), None, &mut context.clone().into(), &Bounds::default())
}

/// One template and its reads, as `path how`.
fn reads_of(files: &[(&str, &str)], page: &str) -> Vec<String> {
    let set = set_of(files);
    described(&set.reads(id(&set, page), None))
}

fn described(reads: &Reads) -> Vec<String> {
    use crate::site::template::Step;
    use crate::site::template::reads::How;
    let step = |step: &Step| match step {
        Step::Name(name) => name.clone(),
        Step::Any => "*".to_owned(),
        Step::All => "**".to_owned(),
    };
    let read = |read: &super::Read| {
        let path = read.path.iter().map(step).collect::<Vec<_>>().join(".");
        let how = match read.how {
            How::Touch => " touch",
            How::Test => " test",
            How::Keys => " keys",
            How::Value => "",
        };
        let firm = read.path.iter().filter(|step| **step != Step::All).count();
        format!("{path}{how}{}", if firm > 0 && read.lacks == firm { " optional" } else { "" })
    };
    let mut list: Vec<_> = reads.list.iter().map(read).collect();
    list.sort();
    list
}

/// A scalar of a YAML file: the place of `written`, which means `value`.
fn scalar(yaml: &str, written: &str, value: &str) -> At<String> {
    let file = SourceFile::new("routes.yaml", yaml);
    let start = yaml.find(written).unwrap();
    At::new(value.to_owned(), Span::new(&file, start..start + written.len()))
}

fn lines(report: &Report) -> Vec<String> {
    report.iter().map(ToString::to_string).collect()
}
