//! Each dependency says why it is here.

use super::nothing_in;

const MANIFEST: &str = include_str!("../../Cargo.toml");
const DECISIONS: &str = include_str!("../../docs/decisions/0002-dependencies.md");

#[test]
fn every_dependency_has_its_line_in_the_decisions() {
    let mut found = Vec::new();
    for name in dependencies() {
        let told = DECISIONS.lines().any(|line| {
            let cell = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next());
            cell.is_some_and(|cell| cell.split(", ").any(|told| told == name))
                || line.starts_with("For tests:") && line.contains(&format!("`{name}`"))
        });
        if !told {
            found.push(format!("{name} has no line in docs/decisions/0002-dependencies.md"));
        }
    }
    nothing_in(&found);
}

fn dependencies() -> impl Iterator<Item = &'static str> {
    let sections = MANIFEST.split("\n[").filter(|section| {
        section.starts_with("dependencies]") || section.starts_with("dev-dependencies]")
    });
    let lines = sections.flat_map(|section| section.lines().skip(1));
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once(" =")?.0))
}
