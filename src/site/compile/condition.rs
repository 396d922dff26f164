//! A condition on a text that the environment filled in: `false` is a text, and so it is true.

use super::super::template::{How, Read, Step};
use super::Compiler;
use super::analysis::Analysis;
use crate::config::{Node, NodeValue, RouteConfig};
use crate::diagnostic::{At, Code, Diagnostic};

/// Texts that are meant to be true or false, in lower case.
const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "1", "0"];

impl Compiler<'_> {
    /// Warns of the tests of such a text; `typed` is the route, where the page is of one.
    pub(super) fn check_conditions(&mut self, analysis: &Analysis, typed: Option<&RouteConfig>) {
        for read in analysis.reads.list.iter().filter(|read| read.how == How::Test) {
            let mut lists = typed.map(|route| &route.data).into_iter().chain([&self.config.data]);
            let value = lists.find_map(|list| value_of(read, list));
            if let Some(found) = value.and_then(|node| text_as_condition(read, node)) {
                self.report.push(found);
            }
        }
    }
}

/// The value that is read, where it is written under `data`.
fn value_of<'n>(read: &Read, data: &'n [(At<String>, Node)]) -> Option<&'n Node> {
    let mut steps = read.path.iter().map(|step| match step {
        Step::Name(name) => Some(name),
        Step::Any | Step::All => None,
    });
    let root = steps.next()??;
    let (_, node) = data.iter().find(|(name, _)| name.value == *root)?;
    steps.try_fold(node, |node, step| Some(&node.field(step?)?.1))
}

fn text_as_condition(read: &Read, node: &Node) -> Option<Diagnostic> {
    let NodeValue::Text(text) = &node.value else { return None };
    let is_word = WORDS.contains(&text.to_lowercase().as_str());
    if !is_word || !node.span.text().contains("${") {
        return None;
    }
    let name = read.place.text();
    let message = format!("`{name}` is a text from the environment: any but an empty one is true");
    let help =
        format!("compare it: `{{{{#if (eq {name} \"true\")}}}}`, or leave it empty for false");
    let found = Diagnostic::new(Code::LooksLike, message, &read.place);
    Some(found.label(&node.span, "filled in here").help(help))
}
