//! What a template may come to, where it is nothing but texts and conditions.

use std::collections::BTreeSet;

use super::functions::{self, HelperForm};
use super::node::{Block, Node};
use super::set::{TemplateId, TemplateSet};

/// How many outcomes are told apart.
const OUTCOMES: usize = 64;

/// Every text that the template may give, without white space around it; nothing where it holds
/// anything but texts and conditions, or has too many outcomes.
pub(crate) fn outcomes(set: &TemplateSet, id: TemplateId) -> Option<BTreeSet<String>> {
    let texts = of_nodes(&set.unit(id).nodes)?;
    Some(texts.iter().map(|text| text.trim().to_owned()).collect())
}

fn of_nodes(nodes: &[Node]) -> Option<BTreeSet<String>> {
    let mut texts = BTreeSet::from([String::new()]);
    for node in nodes {
        let next = match node {
            Node::Text(text) => BTreeSet::from([text.clone()]),
            Node::Block(block) if is_condition(block) => {
                let mut either = of_nodes(&block.body)?;
                either.extend(of_nodes(&block.other)?);
                either
            }
            Node::Print(..) | Node::Block(_) | Node::Inline(_) | Node::Partial(_) => return None,
        };
        let pairs = texts.iter().flat_map(|before| next.iter().map(move |text| (before, text)));
        let both = pairs.map(|(before, text)| format!("{before}{text}"));
        texts = both.collect();
        if texts.len() > OUTCOMES {
            return None;
        }
    }
    Some(texts)
}

/// Whether a block is its body once, or what is after `else`.
fn is_condition(block: &Block) -> bool {
    let name = block.call.name.as_str();
    matches!(name, "if" | "unless")
        || functions::find(name).is_some_and(|it| it.form == HelperForm::Both)
}
