//! The parser's errors in our own words: what a person did, not which rule of the grammar failed.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_yaml::budget::BudgetBreach as Breach;
use serde_yaml::granit_parser::ErrorKind as Kind;
use serde_yaml::{Error, ExternalMessageSource};

use super::invisible;
use super::line::{BRACES, Line, extent_in_brackets, needs_quotes, needs_quotes_around};
use super::yaml::span_of;
use super::yaml_scan::anchors;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span, nearest};

/// What the parser could not read, where and how to mend it.
pub(crate) fn diagnose(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let found = diagnosis(file, error);
    let unseen = found.place().and_then(invisible::near).filter(|_| found.code != Code::YamlBudget);
    unseen.unwrap_or(found)
}

fn diagnosis(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let span = place(file, error);
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => {
            diagnosis(file, error)
        }
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(scan) => syntax(file, scan.kind(), &span),
            _ => syntax_error("this is no YAML", &span),
        },
        Error::Budget { breach, .. } => budget(breach, &span),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => too_much("aliases stand for too much", &span),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            syntax_error("this alias is inside of what it stands for", &span)
        }
        Error::UnknownAnchor { .. } => unknown_anchor(file, Line::around(file, span.range().start)),
        Error::MultipleDocuments { .. } => {
            let above = Line::around(file, span.range().start).above().next();
            let dashes = above.filter(|above| above.text.starts_with("---"));
            let span = dashes.map_or(span, Line::trimmed_span);
            syntax_error("a second document begins here", &span)
                .help("a file is one document: remove the `---`")
        }
        Error::InvalidScalar { ty, .. } => {
            syntax_error(format!("the tag says {ty}, and the value is none"), &span)
                .help("remove the tag")
        }
        other => {
            // The parser adds the place, which the diagnostic shows in its own way.
            let text = other.to_string();
            let what =
                text.split(['\n', '\r']).next().and_then(|line| line.split(" at line ").next());
            syntax_error(format!("this is no YAML: {}", what.unwrap_or_default()), &span)
        }
    }
}

/// The place that an error is about: at least one character.
pub(crate) fn place(file: &Arc<SourceFile>, error: &Error) -> Span {
    let range = error.location().map_or(0..0, |at| span_of(file, &at).range());
    Span::new(file, range.start..range.end.max(range.start + 1))
}

fn too_much(message: &str, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlBudget, message, span)
        .help("split the file with `include`, or move values into files under `load`")
}

fn too_deep_nesting(span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlBudget, "the document nests too deep", span)
        .help("write it flatter: 32 levels are the most")
}

fn budget(breach: &Breach, span: &Span) -> Diagnostic {
    let message = match breach {
        Breach::Depth { .. } => return too_deep_nesting(span),
        Breach::Aliases { .. }
        | Breach::Anchors { .. }
        | Breach::AliasAnchorRatio { .. }
        | Breach::RecordedAnchorEvents { .. }
        | Breach::RecordedAnchorBytes { .. } => "aliases stand for too much",
        Breach::Documents { .. } => "the file holds too many documents",
        Breach::ScalarBytes { .. } | Breach::CommentBytes { .. } => {
            "the document holds too much text"
        }
        _ => "the document holds too many values",
    };
    too_much(message, span)
}

fn syntax(file: &Arc<SourceFile>, kind: &Kind, span: &Span) -> Diagnostic {
    let start = span.range().start;
    let line = Line::around(file, start);
    // The place is where the value begins, the tab perhaps lines below.
    let tab_at = match kind {
        Kind::TabInPlainScalar => file.text.get(start..).and_then(|text| text.find('\t')),
        _ => None,
    };
    if let Some(tab) = tab(Line::around(file, start + tab_at.unwrap_or(0)), kind) {
        return tab;
    }
    match kind {
        Kind::UnexpectedCharacter { character } => unexpected(line, *character, span),
        Kind::UnknownAnchor | Kind::MissingAnchorOrAliasName => unknown_anchor(file, line),
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement => colon_out_of_place(line),
        Kind::ExpectedBlockMappingKey => no_key(line, span),
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => {
            no_separator(line, span)
        }
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => no_colon(line),
        Kind::ExpectedBlockSequenceEntry => misplaced(line, span),
        Kind::RecursionLimitExceeded => too_deep_nesting(span),
        Kind::UnclosedFlowCollection { .. } => {
            comment_in_brackets(span).unwrap_or_else(|| syntax_error(NOT_CLOSED, span))
        }
        Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => comment_in_brackets(span)
            .unwrap_or_else(|| syntax_error("a bracket is not closed at the end", span)),
        Kind::InvalidIndentation
        | Kind::InvalidQuotedScalarIndent
        | Kind::InvalidFlowScalarIndent => {
            let message = "this line continues a value and is not further in";
            Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span())
                .help("indent it further than the field's name")
        }
        other => plain(other, span),
    }
}

/// A text that is no YAML.
fn syntax_error(message: impl Into<String>, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlSyntax, message, span)
}

/// A tab before the first value of a file, which the parser takes for a space.
pub(super) fn tab_first(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let mut start = 0;
    let first = file.text.split_inclusive('\n').find(|line| {
        let text = line.trim_start_matches('\u{feff}').trim_start();
        let is_said = !text.is_empty() && !text.starts_with('#') && !text.starts_with("---");
        start += if is_said { 0 } else { line.len() };
        is_said
    })?;
    // Before brackets it is white space like any other.
    let is_block = first.starts_with([' ', '\t']) && !first.trim_start().starts_with(['{', '[']);
    is_block.then(|| tab(Line::around(file, start), &Kind::TabInIndentation)).flatten()
}

/// A tab where the indentation is, for the errors that it causes.
fn tab(line: Line, kind: &Kind) -> Option<Diagnostic> {
    let message = if line.text.get(..line.indent())?.contains('\t') {
        "a tab indents this line"
    } else {
        match kind {
            Kind::TabNotAllowed
            | Kind::TabInBlockIndentation
            | Kind::TabAtBlockScalarStart
            | Kind::TabInIndentation
            | Kind::TabInPlainScalar => "a tab stands here",
            _ => return None,
        }
    };
    let start = line.text.find('\t')?;
    let end = line.text.len() - line.text.get(start..)?.trim_start_matches('\t').len();
    Some(
        Diagnostic::new(Code::YamlTab, message, &line.span(start, end))
            .help("YAML is indented by spaces alone: replace each tab by two"),
    )
}

/// A sign that no plain value may begin with.
fn unexpected(line: Line, character: char, span: &Span) -> Diagnostic {
    let sign = match character {
        '@' => "an at sign",
        '%' => "a percent sign",
        '`' => "a backtick",
        _ => return syntax_error(format!("the sign {character:?} cannot stand here"), span),
    };
    needs_quotes(line, line.at, &format!("{sign} cannot begin a value without quotes"))
}

/// `*name` where nothing is marked by that name.
fn unknown_anchor(file: &Arc<SourceFile>, line: Line) -> Diagnostic {
    let written = line.text.get(line.at..).and_then(|text| text.strip_prefix('*'));
    let ends = |c: char| c.is_whitespace() || ",[]{}".contains(c);
    let name = written.and_then(|text| text.split(ends).next()).unwrap_or_default();
    let anchors = anchors(&file.text);
    let known: BTreeSet<&str> = anchors.iter().map(String::as_str).collect();
    let is_merged = line.key() == Some("<<");
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    if name.is_empty() || !is_name(name) || known.is_empty() && !is_merged {
        let message = "YAML reads `*` as the name of a value marked with `&`, and there is none";
        return needs_quotes(line, line.at, message);
    }
    let span = line.span(line.at, line.at + 1 + name.len());
    let shown: Vec<String> =
        known.iter().take(SHOWN_ANCHORS).map(|it| format!("`&{it}`")).collect();
    let (message, help) = if known.contains(name) {
        let message = format!("`&{name}` is marked further down, and `*{name}` stands above it");
        (message, "move what is marked up".to_owned())
    } else if let Some(near) = nearest(name, known.iter().copied()) {
        (format!("nothing is marked `&{name}`"), format!("did you mean `*{near}`?"))
    } else if known.is_empty() {
        let help = format!("mark the mapping that is meant with `&{name}`, above this");
        (format!("nothing is marked `&{name}`"), help)
    } else {
        let help =
            format!("marked are: {}; a text that begins with `*` is quoted", shown.join(", "));
        (format!("nothing is marked `&{name}`"), help)
    };
    syntax_error(message, &span).help(help)
}

/// Marked names that a help lists.
const SHOWN_ANCHORS: usize = 10;

/// A colon that begins a value where none can: in an unquoted value, or on a line that is too deep.
fn colon_out_of_place(line: Line) -> Diagnostic {
    if let Some((from, _)) = line.value()
        && from < line.at
    {
        let message = "YAML reads `: ` in this value as the start of another one";
        return needs_quotes(line, from, message);
    }
    if let Some(bracket) = line.open_bracket_above() {
        return not_closed(&bracket, line);
    }
    match line.above().next() {
        None => no_colon(line),
        Some(above) if above.key().is_none() && above.indent() == line.indent() => no_colon(above),
        Some(above) => too_deep(line, above),
    }
}

/// A line further in than the field above it, which has a value already.
fn too_deep(line: Line, above: Line) -> Diagnostic {
    let key = line.key().unwrap_or("this");
    let message = format!("`{key}` is indented below `{}`, which has a value", name(above));
    let column = above.column();
    let parent = above.above().find(|line| line.column() < column).and_then(Line::key);
    let help = match parent {
        Some(parent) => format!("dedent to column {column} to make `{key}` a field of `{parent}`"),
        None => format!("dedent to column {column}"),
    };
    Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span())
        .label(&above.trimmed_span(), "this has a value on its own line")
        .help(help)
}

fn name(line: Line<'_>) -> &str {
    line.key().unwrap_or_else(|| line.text.trim())
}

/// A line where a key was expected: after a mapping in braces, or between two indentations.
fn no_key(line: Line, span: &Span) -> Diagnostic {
    if let Some((from, value)) = line.value()
        && value.starts_with("{{")
    {
        return needs_quotes(line, from, BRACES);
    }
    if line.at > line.indent() {
        return syntax_error("this follows a whole value", span)
            .help("put the value in quotes, or this on a line of its own");
    }
    misplaced(line, span)
}

/// A line whose indentation is that of no line above.
fn misplaced(line: Line, span: &Span) -> Diagnostic {
    let what = line.key().map_or_else(|| "this line".to_owned(), |key| format!("`{key}`"));
    let Some(outer) = line.above().find(|above| above.indent() <= line.indent()) else {
        return Diagnostic::new(Code::YamlIndent, format!("{what} is indented like nothing"), span);
    };
    if outer.indent() == line.indent() {
        let message = format!("{what} is beside `{}`, which is of another kind", name(outer));
        return Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span())
            .label(&outer.trimmed_span(), "beside this")
            .help("a list's items all begin with `- `, a mapping's fields all have a `:`");
    }
    let beside = |other: Line| format!("column {}, beside `{}`", other.indent() + 1, name(other));
    // The mapping or list that ends above, and has items or fields as this line is one.
    let deeper = line.above().take_while(|above| above.indent() > line.indent());
    let alike = deeper.filter(|above| above.is_item() == line.is_item());
    let help = match alike.min_by_key(|above| above.indent()) {
        Some(inner) => format!("indent to {}, or dedent to {}", beside(inner), beside(outer)),
        None => format!("dedent to {}", beside(outer)),
    };
    let message = format!("{what} is indented like no line above it");
    Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span()).help(help)
}

/// Two values in brackets with nothing between them.
fn no_separator(line: Line, span: &Span) -> Diagnostic {
    let before = line.text.get(..line.at).unwrap_or_default();
    if let Some(from) = before.rfind('$').filter(|_| line.text.contains("${")) {
        let message = "YAML reads the `{` of `${` as the start of a mapping";
        return needs_quotes(line, from, message);
    }
    if let Some(from) = before.find("{{") {
        return needs_quotes(line, from, BRACES);
    }
    match line.open_bracket_above() {
        Some(bracket) if line.key().is_some() => not_closed(&bracket, line),
        _ => syntax_error("a comma or a closing bracket is missing before this", span),
    }
}

const NOT_CLOSED: &str = "the bracket that opens here is not closed";

fn not_closed(bracket: &Span, line: Line) -> Diagnostic {
    comment_in_brackets(bracket).unwrap_or_else(|| {
        syntax_error(NOT_CLOSED, bracket)
            .label(&line.trimmed_span(), "this was read as a part of it")
    })
}

/// A value in brackets that begins with ` #`, so that the closing bracket is a comment's.
fn comment_in_brackets(bracket: &Span) -> Option<Diagnostic> {
    let line = Line::around(bracket.file(), bracket.range().start);
    let at = line.text.find(" #").filter(|at| *at > line.at)?;
    let (before, comment) = line.text.split_at_checked(at + 1)?;
    if !comment.contains(['}', ']']) {
        return None;
    }
    // The value that the sign is in: from the separator before it.
    let from = before.rfind([':', ',', '{', '[']).map_or(at + 1, |at| at + 1);
    let value = line.text.get(from..)?.trim_start();
    let from = line.text.len() - value.len();
    let message = "YAML reads ` #` as the start of a comment";
    Some(needs_quotes_around(line, from, extent_in_brackets(value), message))
}

/// A line without a colon where a field was expected.
fn no_colon(line: Line) -> Diagnostic {
    let help = match line.text.trim().split_once(':') {
        Some((key, value)) if !value.is_empty() => {
            format!("put a blank after the colon:  {key}: {}", value.trim_start())
        }
        _ => "write `name: value`; indent a line to continue the value above it".to_owned(),
    };
    syntax_error("a `:` is missing here", &line.trimmed_span()).help(help)
}

/// The errors that need no more than a sentence.
fn plain(kind: &Kind, span: &Span) -> Diagnostic {
    let (message, help) = match kind {
        Kind::UnclosedQuotedScalar => ("the quote that opens here is not closed", ""),
        Kind::MisplacedFlowCollectionEnd => ("this bracket closes nothing", ""),
        Kind::MismatchedFlowCollectionEnd { .. } => ("this bracket closes another kind", ""),
        Kind::InvalidTrailingSingleQuotedScalar => (
            "text follows the closing quote",
            "write '' for a quote inside single quotes, or use double quotes around all of it",
        ),
        Kind::InvalidTrailingDoubleQuotedScalar => (
            "text follows the closing quote",
            "write \\\" for a quote inside double quotes, or use single quotes around all of it",
        ),
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidUnicodeEscape => (
            "a backslash in double quotes begins an escape, and this is none",
            "write \\\\ for a backslash, or use single quotes",
        ),
        Kind::BlockSequenceEntryNotAllowed => (
            "a list cannot begin on the line of its name",
            "begin it on the next line, or write it in brackets: [a, b]",
        ),
        Kind::InvalidBlockScalarHeader => (
            "text follows `|` or `>`, whose text begins on the next line",
            "put the text on the next line, further in; or in quotes here",
        ),
        Kind::InvalidBlockScalarIndent => {
            ("this line is further out than the text it belongs to", "indent it like the others")
        }
        Kind::CommentInterceptedScalar => {
            ("a comment stands inside a value of several lines", "put the value in quotes")
        }
        Kind::CommentNotSeparated => ("a blank is missing before this `#`", ""),
        Kind::UndeclaredTagHandle => {
            ("YAML reads `!` as the start of a tag", "put the value in quotes")
        }
        Kind::DirectiveDisallowed | Kind::MissingDirectiveName | Kind::InvalidDirectiveName => {
            ("YAML reads `%` at the start of a line as a directive", "remove it, or quote it")
        }
        Kind::BomInsideDocument => ("a byte order mark stands inside the text", "remove it"),
        other => return syntax_error(format!("this is no YAML: {other}"), span),
    };
    let diagnostic = syntax_error(message, span);
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}
