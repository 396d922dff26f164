//! A test in a file that nobody names as a module is never run.

use regex::Regex;

use super::{nothing_in, rust_files};

#[test]
fn every_file_of_tests_is_compiled() {
    let files = rust_files(&["tests"]);
    let module = Regex::new(r"(?m)^\s*(?:pub(?:\([a-z]+\))? )?mod (\w+);").expect("a pattern");
    let mut found = Vec::new();
    for file in &files {
        let parts: Vec<_> = file.path.trim_end_matches(".rs").split('/').collect();
        let [above @ .., dir, name] = &parts[..] else { continue };
        // Targets of their own, and the files that name others.
        if above.is_empty() || ["main", "mod", "lib"].contains(name) {
            continue;
        }
        let above = above.join("/");
        let roots = ["mod", "main", "lib"].map(|root| format!("{above}/{dir}/{root}.rs"));
        let beside = format!("{above}/{dir}.rs");
        let mut named = files.iter().filter(|it| roots.contains(&it.path) || it.path == beside);
        let names = |text: &str| module.captures_iter(text).any(|it| &it[1] == *name);
        // The browser's tests are a package, whose targets are found by where they stand.
        if *dir != "tests" && !named.any(|it| names(&it.text)) {
            found.push(format!("{} is no module of `{above}/{dir}`", file.path));
        }
    }
    nothing_in(&found);
}
