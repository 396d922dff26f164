//! What is not written here.

use super::{nothing_in, program, rust_files};

/// Put together from halves, so that this file does not hold them.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

#[test]
fn nothing_is_left_to_be_done_later() {
    let mut found = Vec::new();
    for file in rust_files(&["src", "tests", "benches", "examples"]) {
        for (index, line) in file.text.lines().enumerate() {
            if UNFINISHED.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    nothing_in(&found);
}

#[test]
fn lints_are_set_in_one_place() {
    let mut found = Vec::new();
    // The names that tests reach are documented where they stand.
    for file in program().iter().filter(|file| file.path != "src/parts.rs") {
        for (line, text) in file.deeds() {
            if text.contains("#[allow(") || text.contains("#![allow(") || text.contains("#[ignore")
            {
                found.push(format!("{}:{line}: {}", file.path, text.trim()));
            }
        }
    }
    nothing_in(&found);
}

#[test]
fn modules_are_named_in_the_fields_words() {
    let empty = ["manager", "util", "utils", "helper", "helpers", "common", "misc"];
    let named =
        |path: &str| path.split(['/', '.']).find(|part| empty.contains(part)).map(str::to_owned);
    let found: Vec<_> = program()
        .iter()
        .filter(|file| !file.path.ends_with("template/helpers.rs"))
        .filter_map(|file| named(&file.path).map(|word| format!("{}: {word}", file.path)))
        .collect();
    nothing_in(&found);
}
