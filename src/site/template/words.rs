//! What is wrong with a template that does not parse, in words.

use std::cmp::Ordering;
use std::ops::Range;

use super::origin::Origin;
use super::scan::{Kind, Scan, Tag};
use crate::diagnostic::{Code, Diagnostic};

/// Says what is wrong; `at` is where the engine's parser gave up.
pub(super) fn explain(origin: &Origin, scan: &Scan, at: Option<usize>) -> Diagnostic {
    let in_tag = scan.tags.iter().find_map(|tag| in_tag(origin, tag));
    in_tag
        .or_else(|| unclosed(origin, scan))
        .or_else(|| blocks(origin, scan))
        .unwrap_or_else(|| unknown(origin, scan, at.unwrap_or_default()))
}

/// A name that begins with `else`, which the engine reads as `else` and a block.
pub(super) fn glued_else(origin: &Origin, scan: &Scan) -> Option<Diagnostic> {
    let text = &*origin.text;
    scan.tags.iter().filter(|tag| tag.kind == Kind::Else).find_map(|tag| {
        let name = text.get(tag.inner.clone()).unwrap_or_default();
        let is_glued = text.get(..tag.inner.start)?.ends_with("else") && !name.is_empty();
        let found = || {
            let message = format!("`{{{{else{name}}}}}` is read as `else`, and a block `{name}`");
            let help = match name.strip_prefix("if ") {
                Some(condition) => format!("write `{{{{else if {condition}}}}}`"),
                None => format!("a variable whose name begins so is `{{{{this.else{name}}}}}`"),
            };
            wrong(origin, &tag.range, message).help(help)
        };
        is_glued.then(found)
    })
}

fn wrong(origin: &Origin, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::TemplateSyntax, message, &origin.span(range.clone()))
}

fn unknown(origin: &Origin, scan: &Scan, at: usize) -> Diagnostic {
    let help = "write `{{name}}`, `{{helper name}}` or `{{#block name}}…{{/block}}`; \
                `\\{{` for braces that are text";
    let tag = scan.tags.iter().find(|tag| tag.range.start <= at && at <= tag.range.end);
    match tag {
        Some(tag) => {
            let written = origin.text.get(tag.range.clone()).unwrap_or_default();
            let message = format!("`{}` is nothing that a template can hold", shortened(written));
            wrong(origin, &tag.range, message).help(help)
        }
        None => wrong(origin, &(at..at), "the template cannot be read from here on").help(help),
    }
}

fn unclosed(origin: &Origin, scan: &Scan) -> Option<Diagnostic> {
    let at = scan.unclosed?;
    let found = wrong(origin, &(at..at + 2), "`{{` is never closed");
    Some(found.help("end it with `}}`; write `\\{{` for braces that are text"))
}

/// Blocks that do not fit into each other.
fn blocks(origin: &Origin, scan: &Scan) -> Option<Diagnostic> {
    let text = &*origin.text;
    let mut open: Vec<&Tag> = Vec::new();
    for tag in &scan.tags {
        let name = text.get(tag.inner.clone()).unwrap_or_default();
        match tag.kind {
            Kind::Open | Kind::PartialOpen | Kind::DecoratorOpen => open.push(tag),
            Kind::Else if open.is_empty() => {
                return Some(wrong(origin, &tag.range, "`else` stands outside of any block"));
            }
            Kind::Close => {
                let Some(block) = open.pop() else {
                    let message = format!("`{{{{/{name}}}}}` closes nothing");
                    return Some(wrong(origin, &tag.range, message));
                };
                let wanted = first_word(text, block);
                if wanted != name && !(name.is_empty() && block.kind != Kind::Open) {
                    let message = format!("`{{{{/{name}}}}}` closes a block of `{wanted}`");
                    let found = wrong(origin, &tag.range, message)
                        .help(format!("close it with `{{{{/{wanted}}}}}` first"));
                    return Some(found.label(&origin.span(block.range.clone()), "opened here"));
                }
            }
            _ => {}
        }
    }
    let block = open.first()?;
    let name = first_word(text, block);
    let found = wrong(origin, &block.range, format!("the block of `{name}` is never closed"));
    Some(found.help(format!("close it with `{{{{/{name}}}}}`")))
}

fn first_word<'t>(text: &'t str, tag: &Tag) -> &'t str {
    let inner = text.get(tag.inner.clone()).unwrap_or_default();
    inner.split(|c: char| c.is_whitespace() || c == '~').next().unwrap_or_default()
}

/// What stands in one tag: mostly the habits of other template languages.
fn in_tag(origin: &Origin, tag: &Tag) -> Option<Diagnostic> {
    if matches!(tag.kind, Kind::Comment | Kind::Raw) {
        return None;
    }
    let text = &*origin.text;
    let inner = text.get(tag.inner.clone()).unwrap_or_default();
    let bare = without_strings(inner);
    let refuse = |message: &str| wrong(origin, &tag.range, message);
    if inner.is_empty() {
        let fine = tag.kind == Kind::Else || tag.kind == Kind::Close;
        return (!fine).then(|| refuse("there is nothing between the braces"));
    }
    if tag.kind == Kind::Else && text.get(tag.range.clone()).is_some_and(|t| t.contains('^')) {
        let outside = bare.starts_with(|c: char| c.is_alphanumeric());
        let help = "write `{{#unless x}}…{{/unless}}`";
        return outside.then(|| refuse("`{{^x}}` is not known here").help(help));
    }
    if let Some(message) = unbalanced(&bare) {
        return Some(refuse(message));
    }
    if tag.kind == Kind::Partial && inner.starts_with('"') {
        let help = format!("write `{{{{> {}}}}}`", inner.replace('"', ""));
        return Some(refuse("a partial's name stands without quotes").help(help));
    }
    let (message, help) = operator(&bare).or_else(|| shape(tag, &bare))?;
    Some(refuse(&message).help(help))
}

/// The text with what is in quotes blanked out.
fn without_strings(inner: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let blank = |c: char| match quote {
        Some(open) if c == open && !escaped => {
            quote = None;
            c
        }
        Some(_) => {
            escaped = c == '\\' && !escaped;
            '_'
        }
        None => {
            quote = Some(c).filter(|c| matches!(c, '"' | '\''));
            c
        }
    };
    inner.chars().map(blank).collect()
}

fn unbalanced(bare: &str) -> Option<&'static str> {
    let count = |wanted: char| bare.matches(wanted).count();
    if count('"') % 2 == 1 || count('\'') % 2 == 1 {
        return Some("a quote is never closed");
    }
    match count('(').cmp(&count(')')) {
        Ordering::Greater => Some("a parenthesis is never closed"),
        Ordering::Less => Some("a parenthesis is closed that was never opened"),
        Ordering::Equal => None,
    }
}

/// What is wrong, and how to mend it.
type Refusal = (String, String);

fn operator(bare: &str) -> Option<Refusal> {
    if bare.matches('|').count() == 2 && bare.contains(" as |") {
        let help = "write `as |value key|`, without a comma";
        return bare.contains(',').then(|| ("a comma stands between names".into(), help.into()));
    }
    let (sign, helper) = OPERATORS.iter().find(|(sign, _)| bare.contains(sign))?;
    let message = format!("`{}` is no operator of templates", sign.trim());
    Some((message, format!("helpers come first: `{helper}`")))
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

fn shape(tag: &Tag, bare: &str) -> Option<Refusal> {
    let word = bare.split_whitespace().next().unwrap_or_default();
    if let Some((name, _)) = word.split_once('[').filter(|(name, _)| is_name_end(name)) {
        let help = format!("write `{name}.[0]` or `{name}.[a b]`; `lookup` for a computed key");
        return Some((format!("`{name}[` is no path"), help));
    }
    let is_print = tag.kind == Kind::Print;
    let is_path = word.contains(['.', '/']);
    let (message, help) = if word.starts_with(['"', '\'']) && is_print {
        ("a text alone is nothing to print".into(), "write the text itself, without braces")
    } else if is_path && tag.kind == Kind::Open {
        let help =
            format!("write `{{{{#each {word}}}}}`, `{{{{#with {word}}}}}` or `{{{{#if {word}}}}}`");
        return Some((format!("`{word}` is no block helper"), help));
    } else if is_path && is_print && bare.split_whitespace().nth(1).is_some() {
        let help = "the helper comes first: `{{upper user.name}}`";
        (format!("`{word}` is a path and takes no arguments"), help)
    } else if bare
        .split(|c: char| c.is_whitespace() || c == '(' || c == ')')
        .any(|word| word == ".")
    {
        ("`.` alone is no path".into(), "the current value is `this`")
    } else if word.starts_with('%') || word == "include" {
        let help = "a partial is `{{> partials/nav}}`";
        (format!("`{word}` is of another template language"), help)
    } else {
        return None;
    };
    Some((message, help.to_owned()))
}

fn is_name_end(name: &str) -> bool {
    name.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
