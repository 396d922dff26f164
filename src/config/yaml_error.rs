//! The parser's errors in our own words: what a person did, not which rule of the grammar failed.

use std::sync::Arc;

use serde_yaml::budget::BudgetBreach;
use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::{Error, ExternalMessageSource};

use super::line::Line;
use super::quotes::{extent, extent_in_brackets, needs_quotes};
use super::yaml::span_of;
use crate::diagnostic::{Code, Diagnostic, SourceFile, Span};

/// What the parser could not read, where and how to mend it.
pub(super) fn diagnose(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let span = place(file, error);
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => diagnose(file, error),
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(scan) => syntax(file, scan.kind(), &span),
            _ => Diagnostic::new(Code::YamlSyntax, "this is no YAML", &span),
        },
        Error::Budget { breach, .. } => budget(breach, &span),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => too_much("aliases stand for too much", &span),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::new(Code::YamlSyntax, "this alias is inside of what it stands for", &span)
        }
        Error::UnknownAnchor { .. } => unknown_anchor(file, &span),
        Error::MultipleDocuments { .. } => {
            let line = Line::around(file, span.range().start);
            let dashes = line.above().filter(|above| above.text.starts_with("---"));
            let span = dashes.map_or(span, Line::trimmed_span);
            Diagnostic::new(Code::YamlSyntax, "a second document begins here", &span)
                .help("a file is one document: remove the `---`")
        }
        Error::InvalidScalar { ty, .. } => {
            let message = format!("the tag says {ty}, and the value is none");
            Diagnostic::new(Code::YamlSyntax, message, &span).help("remove the tag")
        }
        other => {
            let message = format!("this is no YAML: {}", first_line(other));
            Diagnostic::new(Code::YamlSyntax, message, &span)
        }
    }
}

/// The place that an error is about: at least one character.
fn place(file: &Arc<SourceFile>, error: &Error) -> Span {
    let range = error.location().map_or(0..0, |at| span_of(file, &at).range());
    Span::new(file, range.start..range.end.max(range.start + 1))
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    // The parser adds the place, which the diagnostic shows in its own way.
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

fn too_much(message: &str, span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlBudget, message, span)
        .help("split the file with `include`, or move values into files under `load`")
}

fn too_deep_nesting(span: &Span) -> Diagnostic {
    Diagnostic::new(Code::YamlBudget, "the document nests too deep", span)
        .help("write it flatter: 32 levels are the most")
}

fn budget(breach: &BudgetBreach, span: &Span) -> Diagnostic {
    let message = match breach {
        BudgetBreach::Depth { .. } => return too_deep_nesting(span),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. } => "aliases stand for too much",
        BudgetBreach::Documents { .. } => "the file holds too many documents",
        BudgetBreach::ScalarBytes { .. } | BudgetBreach::CommentBytes { .. } => {
            "the document holds too much text"
        }
        _ => "the document holds too many values",
    };
    too_much(message, span)
}

fn syntax(file: &Arc<SourceFile>, kind: &ErrorKind, span: &Span) -> Diagnostic {
    let line = Line::around(file, span.range().start);
    if let Some(tab) = tab(line, kind) {
        return tab;
    }
    match kind {
        ErrorKind::UnexpectedCharacter { character } => unexpected(line, *character, span),
        ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => {
            unknown_anchor(file, span)
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            colon_out_of_place(line, span)
        }
        ErrorKind::ExpectedBlockMappingKey => no_key(line, span),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            no_separator(line, span)
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => no_colon(line),
        ErrorKind::ExpectedBlockSequenceEntry => misplaced(line, span),
        ErrorKind::RecursionLimitExceeded => too_deep_nesting(span),
        other => plain(other, line, span),
    }
}

/// A tab where the indentation is, for the errors that it causes.
fn tab(line: Line, kind: &ErrorKind) -> Option<Diagnostic> {
    let in_indent = line.text.get(..line.indent()).is_some_and(|text| text.contains('\t'));
    let about_tabs = matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
    );
    if !in_indent && !about_tabs {
        return None;
    }
    let start = line.text.find('\t')?;
    let tabs = line.text.get(start..)?;
    let end = start + tabs.len() - tabs.trim_start_matches('\t').len();
    let message = if in_indent { "a tab indents this line" } else { "a tab stands here" };
    Some(
        Diagnostic::new(Code::YamlTab, message, &line.span(start, end))
            .help("YAML is indented by spaces alone: replace each tab by two"),
    )
}

/// A sign that no plain value may begin with.
fn unexpected(line: Line, character: char, span: &Span) -> Diagnostic {
    let from = span.range().start.saturating_sub(line.start);
    let Some(value) = line.text.get(from..).filter(|_| "@`%".contains(character)) else {
        let message = format!("the sign {character:?} cannot stand here");
        return Diagnostic::new(Code::YamlSyntax, message, span);
    };
    let sign = match character {
        '@' => "an at sign",
        '%' => "a percent sign",
        _ => "a backtick",
    };
    let message = format!("{sign} cannot begin a value without quotes");
    needs_quotes(line, from, extent(line, from, value), &message)
}

/// `*name` where nothing is marked by that name.
fn unknown_anchor(file: &Arc<SourceFile>, span: &Span) -> Diagnostic {
    let line = Line::around(file, span.range().start);
    let from = span.range().start.saturating_sub(line.start);
    let value = line.text.get(from..).unwrap_or_default();
    let message = "YAML reads `*` as the name of a value marked with `&`, and there is none";
    needs_quotes(line, from, extent(line, from, value), message)
}

/// A colon that begins a value where none can: in an unquoted value, or on a line that is too deep.
fn colon_out_of_place(line: Line, span: &Span) -> Diagnostic {
    let at = span.range().start.saturating_sub(line.start);
    if let Some((from, value)) = line.value()
        && from < at
    {
        let message = "YAML reads `: ` in this value as the start of another one";
        return needs_quotes(line, from, extent(line, from, value), message);
    }
    if let Some(bracket) = line.open_bracket_above() {
        return not_closed(&bracket, line);
    }
    let Some(above) = line.above() else { return no_colon(line) };
    if above.key().is_none() && above.indent() == line.indent() {
        return no_colon(above);
    }
    too_deep(line, above)
}

/// A line further in than the field above it, which has a value already.
fn too_deep(line: Line, above: Line) -> Diagnostic {
    let key = line.key().unwrap_or("this");
    let message = format!("`{key}` is indented below `{}`, which has a value", name(above));
    let column = above.column();
    let help = match parent(above) {
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

/// The key of the nearest line above that is further out.
fn parent(line: Line<'_>) -> Option<&str> {
    let mut above = line;
    while let Some(next) = above.above() {
        if next.column() < line.column() {
            return next.key();
        }
        above = next;
    }
    None
}

/// A line where a key was expected: after a mapping in braces, or between two indentations.
fn no_key(line: Line, span: &Span) -> Diagnostic {
    if let Some((from, value)) = line.value()
        && value.starts_with("{{")
    {
        let message = "YAML reads `{{` as the start of a mapping";
        return needs_quotes(line, from, extent(line, from, value), message);
    }
    let at = span.range().start.saturating_sub(line.start);
    if at > line.indent() {
        return Diagnostic::new(Code::YamlSyntax, "this follows a whole value", span)
            .help("put the value in quotes, or this on a line of its own");
    }
    misplaced(line, span)
}

/// A line whose indentation is that of no line above.
fn misplaced(line: Line, span: &Span) -> Diagnostic {
    let (mut inner, mut outer) = (None::<Line>, None);
    let mut at = line;
    while let Some(above) = at.above() {
        if above.indent() <= line.indent() {
            outer = Some(above);
            break;
        }
        // The innermost enclosing mapping or list is the last one met on the way up.
        if above.is_item() == line.is_item() && inner.is_none_or(|i| above.indent() < i.indent()) {
            inner = Some(above);
        }
        at = above;
    }
    let what = line.key().map_or_else(|| "this line".to_owned(), |key| format!("`{key}`"));
    let Some(outer) = outer else {
        return Diagnostic::new(Code::YamlIndent, format!("{what} is indented like nothing"), span);
    };
    if outer.indent() == line.indent() {
        let message = format!("{what} is beside `{}`, which is of another kind", name(outer));
        return Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span())
            .label(&outer.trimmed_span(), "beside this")
            .help("a list's items all begin with `- `, a mapping's fields all have a `:`");
    }
    let beside = |other: Line| format!("column {}, beside `{}`", other.indent() + 1, name(other));
    let help = match inner {
        Some(inner) => format!("indent to {}, or dedent to {}", beside(inner), beside(outer)),
        None => format!("dedent to {}", beside(outer)),
    };
    let message = format!("{what} is indented like no line above it");
    Diagnostic::new(Code::YamlIndent, message, &line.trimmed_span()).help(help)
}

/// Two values in brackets with nothing between them.
fn no_separator(line: Line, span: &Span) -> Diagnostic {
    let at = span.range().start.saturating_sub(line.start);
    let before = line.text.get(..at).unwrap_or_default();
    if let Some(from) = before.rfind('$').filter(|_| line.text.contains("${")) {
        let value = line.text.get(from..).unwrap_or_default();
        let message = "YAML reads the `{` of `${` as the start of a mapping";
        return needs_quotes(line, from, extent(line, from, value), message);
    }
    if let Some(from) = before.find("{{") {
        let value = line.text.get(from..).unwrap_or_default();
        let message = "YAML reads `{{` as the start of a mapping";
        return needs_quotes(line, from, extent(line, from, value), message);
    }
    if let Some(bracket) = line.open_bracket_above()
        && line.key().is_some()
    {
        return not_closed(&bracket, line);
    }
    let message = "a comma or a closing bracket is missing before this";
    Diagnostic::new(Code::YamlSyntax, message, span)
}

fn not_closed(bracket: &Span, line: Line) -> Diagnostic {
    if let Some(diagnostic) = comment_in_brackets(bracket) {
        return diagnostic;
    }
    let message = "the bracket that opens here is not closed";
    Diagnostic::new(Code::YamlSyntax, message, bracket)
        .label(&line.trimmed_span(), "this was read as a part of it")
}

/// A value in brackets that begins with ` #`, so that the closing bracket is a comment's.
fn comment_in_brackets(bracket: &Span) -> Option<Diagnostic> {
    let line = Line::around(bracket.file(), bracket.range().start);
    let at = line.text.find(" #").filter(|at| line.start + at > bracket.range().start)?;
    let comment = line.text.get(at + 1..)?;
    if !comment.contains(['}', ']']) {
        return None;
    }
    // The value that the sign is in: from the separator before it.
    let before = line.text.get(..at + 1)?;
    let from = before.rfind([':', ',', '{', '[']).map_or(at + 1, |at| at + 1);
    let from = from + line.text.get(from..)?.len() - line.text.get(from..)?.trim_start().len();
    let value = extent_in_brackets(line.text.get(from..)?);
    Some(needs_quotes(line, from, value, "YAML reads ` #` as the start of a comment"))
}

/// A line without a colon where a field was expected.
fn no_colon(line: Line) -> Diagnostic {
    let said = line.text.trim();
    let diagnostic =
        Diagnostic::new(Code::YamlSyntax, "a `:` is missing here", &line.trimmed_span());
    match said.split_once(':') {
        Some((key, value)) if !value.is_empty() => {
            diagnostic.help(format!("put a blank after the colon:  {key}: {}", value.trim_start()))
        }
        _ => diagnostic.help("write `name: value`; indent a line to continue the value above it"),
    }
}

/// Whether a bracket is missing at the end.
fn is_unclosed(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::UnclosedFlowCollection { .. }
            | K::UnexpectedEofFlowSequence
            | K::UnexpectedEofFlowMapping
            | K::UnexpectedEofImplicitFlowMapping
    )
}

/// The errors that need no more than a sentence.
fn plain(kind: &ErrorKind, line: Line, span: &Span) -> Diagnostic {
    use ErrorKind as K;
    if is_unclosed(kind)
        && let Some(diagnostic) = comment_in_brackets(span)
    {
        return diagnostic;
    }
    let (message, help) = match kind {
        K::UnclosedQuotedScalar => ("the quote that opens here is not closed", ""),
        K::UnclosedFlowCollection { .. } => ("the bracket that opens here is not closed", ""),
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping => ("a bracket is not closed at the end", ""),
        K::MisplacedFlowCollectionEnd => ("this bracket closes nothing", ""),
        K::MismatchedFlowCollectionEnd { .. } => ("this bracket closes another kind", ""),
        K::InvalidTrailingSingleQuotedScalar => (
            "text follows the closing quote",
            "write '' for a quote inside single quotes, or use double quotes around all of it",
        ),
        K::InvalidTrailingDoubleQuotedScalar => (
            "text follows the closing quote",
            "write \\\" for a quote inside double quotes, or use single quotes around all of it",
        ),
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidUnicodeEscape => (
            "a backslash in double quotes begins an escape, and this is none",
            "write \\\\ for a backslash, or use single quotes",
        ),
        K::BlockSequenceEntryNotAllowed => (
            "a list cannot begin on the line of its name",
            "begin it on the next line, or write it in brackets: [a, b]",
        ),
        K::InvalidBlockScalarHeader => (
            "text follows `|` or `>`, whose text begins on the next line",
            "put the text on the next line, further in; or in quotes here",
        ),
        K::InvalidBlockScalarIndent => {
            ("this line is further out than the text it belongs to", "indent it like the others")
        }
        K::InvalidIndentation | K::InvalidQuotedScalarIndent | K::InvalidFlowScalarIndent => {
            return Diagnostic::new(
                Code::YamlIndent,
                "this line continues a value and is not further in",
                &line.trimmed_span(),
            )
            .help("indent it further than the field's name");
        }
        K::CommentInterceptedScalar => {
            ("a comment stands inside a value of several lines", "put the value in quotes")
        }
        K::CommentNotSeparated => ("a blank is missing before this `#`", ""),
        K::UndeclaredTagHandle => {
            ("YAML reads `!` as the start of a tag", "put the value in quotes")
        }
        K::DirectiveDisallowed | K::MissingDirectiveName | K::InvalidDirectiveName => {
            ("YAML reads `%` at the start of a line as a directive", "remove it, or quote it")
        }
        K::BomInsideDocument => ("a byte order mark stands inside the text", "remove it"),
        other => {
            let message = format!("this is no YAML: {other}");
            return Diagnostic::new(Code::YamlSyntax, message, span);
        }
    };
    let diagnostic = Diagnostic::new(Code::YamlSyntax, message, span);
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}
