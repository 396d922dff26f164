//! Whether two routes can build the same key.

use std::collections::HashMap;

use super::piece::Piece;
use super::plan::{KeyForm, KeyPlan};
use crate::diagnostic::{Code, Diagnostic, Report, Span};

/// Collisions that are told, at most: one mended pattern often mends them all.
const MAX_TOLD: usize = 50;

/// Routes whose keys can be equal, each with the first one before it; in doubt they can.
///
/// Values hold no colon, so that keys of different numbers of segments differ; others are compared
/// segment by segment. Two routes never have the same path, so that two segments that are a path
/// each differ; and digests of keys that differ do too.
pub(crate) fn collisions(plans: &[(&KeyPlan, &Span)]) -> Report {
    let mut told = Vec::new();
    let shapes: Vec<Vec<Segment>> = plans.iter().map(|(plan, _)| segments(plan)).collect();
    let mut tree = Tree::default();
    let reserved = plans.iter().zip(&shapes).filter_map(|(plan, shape)| reserved(*plan, shape));
    let mut report: Report = reserved.collect();
    for (at, shape) in shapes.iter().enumerate() {
        if let Some(before) = tree.find(shape) {
            told.extend(plans.get(before).zip(plans.get(at)));
            if told.len() == MAX_TOLD {
                break;
            }
        }
        tree.insert(shape, at);
    }
    report.extend(told.into_iter().map(|(one, two)| collision(*one, *two)).collect());
    report
}

fn collision(one: (&KeyPlan, &Span), two: (&KeyPlan, &Span)) -> Diagnostic {
    // What a person wrote is mended, not what `auto` made.
    let (first, second) = if one.0.form == KeyForm::Pattern { (one, two) } else { (two, one) };
    let message = format!("routes `{}` and `{}` can build the same key", one.0.route, two.0.route);
    Diagnostic::new(Code::KeyCollision, message, first.1)
        .remark(format!("the key of `{}`", first.0.route))
        .label(second.1, format!("the key of `{}`", second.0.route))
        .help("put `{{route}}` into the pattern")
}

/// Loaded values are kept under `prefix:namespace:~load:NAME:DIGEST`: no response's key looks so.
fn reserved((plan, span): (&KeyPlan, &Span), shape: &[Segment]) -> Option<Diagnostic> {
    let lead = plan.lead_text().matches(':').count();
    let taken = match shape.get(lead)? {
        Segment::Literal(text) => text == "~load",
        Segment::Open(bits) => {
            matches!(&bits[..], [Bit::Value, Bit::Text(text)] if text == "load")
        }
        Segment::Path | Segment::Digest => false,
    };
    let message = format!("keys of route `{}` look like those of loaded values", plan.route);
    (taken && shape.len() == lead + 3).then(|| {
        Diagnostic::new(Code::KeyCollision, message, span)
            .help("larder keeps `~load:` for itself; put `{{route}}` first")
    })
}

/// What stands between two colons of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text.
    Literal(String),
    /// A path, and nothing after it that could be mistaken for a part of it.
    Path,
    /// A digest of the whole key.
    Digest,
    /// Anything of this form.
    Open(Vec<Bit>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bit {
    /// This text.
    Text(String),
    /// A path: it begins with a slash.
    Path,
    /// A value, or several with `=` and `&`; may be empty, holds no slash.
    Value,
    /// Nothing, or `?` or `#` and values.
    Marks,
}

fn segments(plan: &KeyPlan) -> Vec<Segment> {
    if plan.form == KeyForm::Hash {
        let lead = plan.lead_text().split(':');
        let mut shape: Vec<Segment> = lead.map(|text| Segment::Literal(text.to_owned())).collect();
        shape.pop();
        shape.push(Segment::Digest);
        return shape;
    }
    let mut shape = Vec::new();
    let mut bits = Vec::new();
    for piece in &plan.pieces {
        let bit = match piece {
            Piece::Text(text) => {
                let mut rest = text.as_str();
                while let Some((part, after)) = rest.split_once(':') {
                    bits.push(Bit::Text(part.to_owned()));
                    shape.push(Segment::new(std::mem::take(&mut bits)));
                    rest = after;
                }
                Bit::Text(rest.to_owned())
            }
            Piece::Path => Bit::Path,
            Piece::WholeQuery("") | Piece::Value(_) => Bit::Value,
            Piece::Query(_) | Piece::WholeQuery(_) | Piece::Mark(_) => Bit::Marks,
        };
        bits.push(bit);
    }
    shape.push(Segment::new(bits));
    shape
}

impl Segment {
    fn new(mut bits: Vec<Bit>) -> Self {
        bits.retain(|bit| !matches!(bit, Bit::Text(text) if text.is_empty()));
        match &bits[..] {
            [] => Self::Literal(String::new()),
            [Bit::Text(text)] => Self::Literal(text.clone()),
            [Bit::Path] | [Bit::Path, Bit::Marks, ..] => Self::Path,
            [Bit::Path, Bit::Text(text), ..] if text.starts_with(['?', '&', '=', '#']) => {
                Self::Path
            }
            _ => Self::Open(bits),
        }
    }

    /// Whether a text can be of both forms; in doubt it can.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(two)) => one == two,
            (Self::Path | Self::Digest, Self::Path | Self::Digest) => false,
            (Self::Literal(text), Self::Path) | (Self::Path, Self::Literal(text)) => {
                text.starts_with('/')
            }
            (Self::Literal(text), Self::Digest) | (Self::Digest, Self::Literal(text)) => {
                text.len() == 32 && is_hex(text)
            }
            (Self::Literal(text), Self::Open(bits)) | (Self::Open(bits), Self::Literal(text)) => {
                open_meets(bits, &[Bit::Text(text.clone())])
            }
            (Self::Open(bits), Self::Path) | (Self::Path, Self::Open(bits)) => begins_path(bits),
            (Self::Open(bits), Self::Digest) | (Self::Digest, Self::Open(bits)) => {
                bits.iter().all(|bit| match bit {
                    Bit::Text(text) => is_hex(text),
                    Bit::Path => false,
                    Bit::Value | Bit::Marks => true,
                })
            }
            (Self::Open(one), Self::Open(two)) => open_meets(one, two),
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn begins_path(bits: &[Bit]) -> bool {
    let first = bits.iter().find(|bit| !matches!(bit, Bit::Value | Bit::Marks));
    match first {
        Some(Bit::Text(text)) => text.starts_with('/'),
        Some(Bit::Path) => true,
        _ => false,
    }
}

/// Both begin and end with texts that fit, and both hold a slash or none does.
fn open_meets(one: &[Bit], two: &[Bit]) -> bool {
    let text = |bit: Option<&Bit>| match bit {
        Some(Bit::Text(text)) => text.clone(),
        Some(Bit::Path | Bit::Value | Bit::Marks) | None => String::new(),
    };
    let slash = |bits: &[Bit]| {
        bits.iter().any(|bit| match bit {
            Bit::Text(text) => text.contains('/'),
            Bit::Path => true,
            Bit::Value | Bit::Marks => false,
        })
    };
    let (first, second) = (text(one.first()), text(two.first()));
    let (last, other) = (text(one.last()), text(two.last()));
    slash(one) == slash(two)
        && (first.starts_with(&second) || second.starts_with(&first))
        && (last.ends_with(&other) || other.ends_with(&last))
}

/// Segments as a tree, so that many routes are compared without comparing each pair.
#[derive(Default)]
struct Tree {
    literals: HashMap<String, Tree>,
    /// All other segments; few, since those of one form are one.
    others: Vec<(Segment, Tree)>,
    /// The first plan whose key ends here.
    plan: Option<usize>,
}

impl Tree {
    /// A plan that is in the tree and can build a key of this shape.
    fn find(&self, shape: &[Segment]) -> Option<usize> {
        let Some((first, rest)) = shape.split_first() else { return self.plan };
        let found = if let Segment::Literal(text) = first {
            self.literals.get(text).and_then(|child| child.find(rest))
        } else {
            let meets = |text: &String| Segment::Literal(text.clone()).meets(first);
            let mut fitting = self.literals.iter().filter(|(text, _)| meets(text));
            fitting.find_map(|(_, child)| child.find(rest))
        };
        let mut others = self.others.iter().filter(|(other, _)| other.meets(first));
        found.or_else(|| others.find_map(|(_, child)| child.find(rest)))
    }

    fn insert(&mut self, shape: &[Segment], plan: usize) {
        let mut node = self;
        for segment in shape {
            node = if let Segment::Literal(text) = segment {
                node.literals.entry(text.clone()).or_default()
            } else {
                let known = node.others.iter().position(|(it, _)| it == segment);
                let at = known.unwrap_or(node.others.len());
                if known.is_none() {
                    node.others.push((segment.clone(), Self::default()));
                }
                &mut node.others[at].1
            };
        }
        node.plan.get_or_insert(plan);
    }
}
