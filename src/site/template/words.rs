//! What is wrong with a template that does not parse, in words.

use std::ops::Range;

use super::origin::Origin;
use super::scan::{Kind, Scan, Tag};
use crate::diagnostic::{Code, Diagnostic};

/// Says what is wrong; `at` is where the engine's parser gave up.
pub(super) fn explain(origin: &Origin, scan: &Scan, at: Option<usize>) -> Diagnostic {
    let text = &*origin.text;
    let found = scan
        .tags
        .iter()
        .find_map(|tag| in_tag(text, tag))
        .or_else(|| unclosed(scan))
        .or_else(|| blocks(text, scan));
    match found {
        Some(Trouble { range, message, help, also }) => {
            let mut found = Diagnostic::new(Code::TemplateSyntax, message, &origin.span(range));
            if let Some((range, remark)) = also {
                found = found.label(&origin.span(range), remark);
            }
            match help {
                Some(help) => found.help(help),
                None => found,
            }
        }
        None => unknown(origin, scan, at),
    }
}

struct Trouble {
    range: Range<usize>,
    message: String,
    help: Option<String>,
    also: Option<(Range<usize>, String)>,
}

impl Trouble {
    fn new(range: &Range<usize>, message: impl Into<String>) -> Self {
        Self { range: range.clone(), message: message.into(), help: None, also: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

fn unknown(origin: &Origin, scan: &Scan, at: Option<usize>) -> Diagnostic {
    let at = at.unwrap_or_default();
    let tag = scan.tags.iter().find(|tag| tag.range.start <= at && at <= tag.range.end);
    let range = tag.map_or(at..at, |tag| tag.range.clone());
    let written = origin.text.get(range.clone()).unwrap_or_default();
    let message = match tag {
        Some(_) => format!("`{}` is nothing that a template can hold", shortened(written)),
        None => "the template cannot be read from here on".to_owned(),
    };
    let help = "write `{{name}}`, `{{helper name}}` or `{{#block name}}…{{/block}}`; \
                `\\{{` for braces that are text";
    Diagnostic::new(Code::TemplateSyntax, message, &origin.span(range)).help(help)
}

fn unclosed(scan: &Scan) -> Option<Trouble> {
    let at = scan.unclosed?;
    let trouble = Trouble::new(&(at..at + 2), "`{{` is never closed");
    Some(trouble.help("end it with `}}`; write `\\{{` for braces that are text"))
}

/// Blocks that do not fit into each other.
fn blocks(text: &str, scan: &Scan) -> Option<Trouble> {
    let mut open: Vec<&Tag> = Vec::new();
    for tag in &scan.tags {
        match tag.kind {
            Kind::Open | Kind::PartialOpen | Kind::DecoratorOpen => open.push(tag),
            Kind::Else if open.is_empty() => {
                let trouble = Trouble::new(&tag.range, "`else` stands outside of any block");
                let name = text.get(tag.inner.clone()).unwrap_or_default();
                let glued = text.get(..tag.inner.start).is_some_and(|t| t.ends_with("else"));
                let variable =
                    || format!("a variable whose name begins so is `{{{{this.else{name}}}}}`");
                return Some(if glued && !name.is_empty() {
                    trouble.help(variable())
                } else {
                    trouble
                });
            }
            Kind::Close => {
                let name = text.get(tag.inner.clone()).unwrap_or_default();
                let Some(block) = open.pop() else {
                    let message = format!("`{{{{/{name}}}}}` closes nothing");
                    return Some(Trouble::new(&tag.range, message));
                };
                let wanted = first_word(text, block);
                if wanted != name && !(name.is_empty() && block.kind != Kind::Open) {
                    let message = format!("`{{{{/{name}}}}}` closes a block of `{wanted}`");
                    let mut trouble = Trouble::new(&tag.range, message)
                        .help(format!("close it with `{{{{/{wanted}}}}}` first"));
                    trouble.also = Some((block.range.clone(), "opened here".to_owned()));
                    return Some(trouble);
                }
            }
            _ => {}
        }
    }
    let block = open.first()?;
    let name = first_word(text, block);
    let message = format!("the block of `{name}` is never closed");
    Some(Trouble::new(&block.range, message).help(format!("close it with `{{{{/{name}}}}}`")))
}

fn first_word<'t>(text: &'t str, tag: &Tag) -> &'t str {
    let inner = text.get(tag.inner.clone()).unwrap_or_default();
    inner.split(|c: char| c.is_whitespace() || c == '~').next().unwrap_or_default()
}

/// What stands in one tag: mostly the habits of other template languages.
fn in_tag(text: &str, tag: &Tag) -> Option<Trouble> {
    if matches!(tag.kind, Kind::Comment | Kind::Raw) {
        return None;
    }
    let inner = text.get(tag.inner.clone()).unwrap_or_default();
    let bare = without_strings(inner);
    let refuse = |message: &str| Trouble::new(&tag.range, message);
    if inner.is_empty() {
        let fine = tag.kind == Kind::Else || tag.kind == Kind::Close;
        return (!fine).then(|| refuse("there is nothing between the braces"));
    }
    if tag.kind == Kind::Else && text.get(tag.range.clone()).is_some_and(|t| t.contains('^')) {
        let outside = bare.starts_with(|c: char| c.is_alphanumeric());
        return outside.then(|| {
            refuse("`{{^x}}` is not known here").help("write `{{#unless x}}…{{/unless}}`")
        });
    }
    if let Some(message) = unbalanced(&bare) {
        return Some(refuse(message));
    }
    operator(&bare).map(|(message, help)| refuse(&message).help(help)).or_else(|| shape(tag, &bare))
}

/// The text with what is in quotes blanked out.
fn without_strings(inner: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let blank = |c: char| match (quote, c) {
        (Some(_), _) if escaped => {
            escaped = false;
            '_'
        }
        (Some(_), '\\') => {
            escaped = true;
            '_'
        }
        (Some(open), c) if c == open => {
            quote = None;
            c
        }
        (Some(_), _) => '_',
        (None, '"' | '\'') => {
            quote = Some(c);
            c
        }
        (None, c) => c,
    };
    inner.chars().map(blank).collect()
}

fn unbalanced(bare: &str) -> Option<&'static str> {
    let count = |wanted: char| bare.chars().filter(|c| *c == wanted).count();
    if count('"') % 2 == 1 || count('\'') % 2 == 1 {
        return Some("a quote is never closed");
    }
    match count('(').cmp(&count(')')) {
        std::cmp::Ordering::Greater => Some("a parenthesis is never closed"),
        std::cmp::Ordering::Less => Some("a parenthesis is closed that was never opened"),
        std::cmp::Ordering::Equal => None,
    }
}

fn operator(bare: &str) -> Option<(String, String)> {
    let bars = bare.matches('|').count();
    if bars == 2 && bare.contains(" as |") {
        let help = "write `as |value key|`, without a comma";
        return bare
            .contains(',')
            .then(|| ("a comma stands between names".to_owned(), help.into()));
    }
    for (sign, helper) in OPERATORS {
        if bare.contains(sign) {
            let message = format!("`{}` is no operator of templates", sign.trim());
            return Some((message, format!("helpers come first: `{helper}`")));
        }
    }
    None
}

/// Signs of other languages, and what is written here; the longer ones first.
const OPERATORS: &[(&str, &str)] = &[
    ("===", "(eq a b)"),
    ("==", "(eq a b)"),
    ("!==", "(ne a b)"),
    ("!=", "(ne a b)"),
    ("&&", "(and a b)"),
    ("||", "(or a b)"),
    ("<=", "(lte a b)"),
    (">=", "(gte a b)"),
    ("|", "{{upper name}}"),
    (" < ", "(lt a b)"),
    (" > ", "(gt a b)"),
    (" + ", "{{add a b}}"),
    (" - ", "{{sub a b}}"),
    (" ? ", "{{#if a}}b{{else}}c{{/if}}"),
    ("!", "(not a)"),
];

fn shape(tag: &Tag, bare: &str) -> Option<Trouble> {
    let refuse = |message: String| Trouble::new(&tag.range, message);
    let word = bare.split_whitespace().next().unwrap_or_default();
    if let Some((name, _)) = word.split_once('[').filter(|(name, _)| is_name_end(name)) {
        let help = format!("write `{name}.[0]` or `{name}.[a b]`; `lookup` for a computed key");
        return Some(refuse(format!("`{name}[` is no path")).help(help));
    }
    if word.starts_with(['"', '\'']) && tag.kind == Kind::Print {
        let help = "write the text itself, without braces";
        return Some(refuse("a text alone is nothing to print".to_owned()).help(help));
    }
    let path = word.contains(['.', '/']);
    if path && tag.kind == Kind::Open {
        let help =
            format!("write `{{{{#each {word}}}}}`, `{{{{#with {word}}}}}` or `{{{{#if {word}}}}}`");
        return Some(refuse(format!("`{word}` is no block helper")).help(help));
    }
    if path && tag.kind == Kind::Print && bare.split_whitespace().nth(1).is_some() {
        let message = format!("`{word}` is a path and takes no arguments");
        return Some(refuse(message).help("the helper comes first: `{{upper user.name}}`"));
    }
    if bare.split(|c: char| c.is_whitespace() || c == '(' || c == ')').any(|word| word == ".") {
        return Some(refuse("`.` alone is no path".to_owned()).help("the current value is `this`"));
    }
    if word.starts_with('%') || word == "include" {
        return Some(
            refuse(format!("`{word}` is of another template language"))
                .help("a partial is `{{> partials/nav}}`"),
        );
    }
    None
}

fn is_name_end(name: &str) -> bool {
    name.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
