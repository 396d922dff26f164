//! The examples of the guide and the readme are sites that larder takes.

use std::fs;
use std::path::Path;

use crate::harness::{Site, check};

#[test]
fn every_site_in_the_guide_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_dir(root.join("docs/guide")).expect("the guide");
    let mut pages: Vec<_> = guide.map(|page| page.expect("a page").path()).collect();
    pages.push(root.join("README.md"));
    let mut checked = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for example in examples(&text) {
            // In the demo site, so that the templates and files that examples name are there.
            let site = Site::demo();
            site.edit("routes.yaml", example);
            let output = check(&site, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{}:\n{example}\n{said}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} examples were found");
}

#[test]
fn the_guide_names_every_helper() {
    let guide = include_str!("../../docs/guide/templates.md");
    for helper in larder::parts::site::template::FUNCTIONS.iter().map(|function| function.name) {
        assert!(guide.contains(&format!("`{helper}`")), "the guide does not tell of `{helper}`");
    }
}

/// The blocks of YAML that are whole sites.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("routes:\n"))
}
