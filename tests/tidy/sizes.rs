//! How long things may be.

use super::{nothing_in, rust_files};

const LINES_A_FILE: usize = 500;
const CHARS_A_LINE: usize = 100;
const LINES_A_FUNCTION: usize = 70;

#[test]
fn files_lines_and_functions_are_short() {
    let mut found = Vec::new();
    for file in rust_files(&["src", "tests", "benches", "examples"]) {
        let lines: Vec<_> = file.text.lines().collect();
        if lines.len() > LINES_A_FILE {
            found.push(format!("{}: {} lines", file.path, lines.len()));
        }
        for (index, line) in lines.iter().enumerate() {
            let place = format!("{}:{}", file.path, index + 1);
            // An annotation for CI is one line, however long: golden output has to hold it whole.
            if line.chars().count() > CHARS_A_LINE && !line.starts_with("::") {
                found.push(format!("{place}: a line of {} characters", line.chars().count()));
            }
            if let Some(length) = function_at(&lines, index)
                && length > LINES_A_FUNCTION
            {
                found.push(format!("{place}: a function of {length} lines"));
            }
        }
    }
    nothing_in(&found);
}

#[test]
fn the_demo_site_is_short_enough_to_be_read() {
    let text = include_str!("../../routes.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema=./routes.schema.json\n"));
    assert!(text.lines().count() < 120, "{} lines", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= CHARS_A_LINE));
}

/// The lines of the function that begins at `index`; rustfmt puts its end at the same depth.
fn function_at(lines: &[&str], index: usize) -> Option<usize> {
    let line = lines[index];
    let depth = line.len() - line.trim_start().len();
    let words = line.trim_start().split(' ');
    let kinds = ["const", "async", "extern", "pub", "pub(crate)", "pub(super)"];
    let first = words.into_iter().find(|word| !kinds.contains(word))?;
    if first != "fn" {
        return None;
    }
    let end = format!("{}}}", " ".repeat(depth));
    let body = lines.get(index..)?;
    let declared = body.iter().position(|line| line.ends_with(';') || line.ends_with('{'))?;
    if body.get(declared)?.ends_with(';') {
        return None;
    }
    body.iter().position(|line| *line == end).map(|last| last + 1)
}
