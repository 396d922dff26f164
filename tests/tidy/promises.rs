//! Each promise of the architecture names a test that exists.

use regex::Regex;

use super::{nothing_in, rust_files};

const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");
const PROMISES: usize = 8;

#[test]
fn every_promise_names_a_test_that_exists() {
    let files = rust_files(&["src", "tests"]);
    let name = Regex::new(r"`([a-z0-9_]+_[a-z0-9_]+)`").expect("a pattern");
    let mut found = Vec::new();
    for number in 1..=PROMISES {
        let begins = format!("- **P{number} ");
        let Some(line) = ARCHITECTURE.lines().find(|line| line.starts_with(&begins)) else {
            found.push(format!("P{number} is not in ARCHITECTURE.md"));
            continue;
        };
        let names: Vec<_> = name.captures_iter(line).filter_map(|found| found.get(1)).collect();
        if names.is_empty() {
            found.push(format!("P{number} names no test"));
        }
        for name in names {
            let function = format!("fn {}()", name.as_str());
            if !files.iter().any(|file| file.text.contains(&function)) {
                found.push(format!("P{number} names `{}`, which does not exist", name.as_str()));
            }
        }
    }
    nothing_in(&found);
}
