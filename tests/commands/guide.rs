//! The examples of the guide and the readme are sites that larder takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use larder::parts::site::template::{FUNCTIONS, Function};

use crate::harness::{Larder, MEMORY, Site, check};

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
            let site = with_files(Site::demo(), &text);
            site.edit("routes.yaml", example);
            let output = check(&site, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{}:\n{example}\n{said}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} examples were found");
}

#[tokio::test]
async fn the_sites_in_the_guide_answer_what_stands_there() {
    let pages =
        [include_str!("../../docs/guide/data.md"), include_str!("../../docs/guide/templates.md")];
    for text in pages {
        let site = with_files(Site::demo(), text);
        site.edit("routes.yaml", examples(text).next().expect("a site"));
        let larder = Larder::serve(&site, MEMORY);
        let mut asked = 0;
        for (name, expected) in named_blocks(text) {
            let Some(path) = name.strip_prefix("GET ") else { continue };
            assert_eq!(larder.get(path).await.text(), expected, "{path}");
            asked += 1;
        }
        assert!(asked > 3, "only {asked} answers were found");
    }
}

/// The blog is built from its page alone, in an empty directory.
#[tokio::test]
async fn the_blog_of_the_guide_is_a_whole_site() {
    let text = include_str!("../../docs/guide/blog.md");
    let site = Site::with(examples(text).next().expect("a site"));
    let site = with_files(site, text);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, here) = (files(&root.join("examples/blog")), files(&site.path("")));
    assert!(found.remove(Path::new("README.md")).is_some(), "the example says what it is");
    assert_eq!(found, here, "examples/blog has the files of the page, and no others");
    let checked = check(&site, &[]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && !said.contains("warning["), "{said}");

    let larder = Larder::serve(&site, MEMORY);
    let mut asked = 0;
    for (name, expected) in named_blocks(text) {
        let Some(asks) = name.strip_prefix("GET ") else { continue };
        let (path, language) = asks.split_once(", accept-language: ").unwrap_or((asks, "en"));
        let headers = [("accept", "text/html"), ("accept-language", language)];
        let answer = larder.request("GET", path, &headers).await;
        let (start, end) = expected.split_once('…').unwrap_or((expected, ""));
        let found = answer.text();
        assert!(found.starts_with(start) && found.ends_with(end), "{path}: {found}");
        asked += 1;
    }
    assert_eq!(asked, 7);
    for (path, status) in [("/", 200), ("/feed.xml", 200), ("/site.css", 200), ("/tags/", 404)] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'self'", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
}

/// What the examples of helpers see.
const SHELF: &str = r"
data:
  fruit: [fig, plum]
  note: cool & dry
  posts:
    - { title: Plums, year: 2026 }
    - { title: Oats, year: 2025 }
    - { title: Apples, year: 2025 }
";

#[tokio::test]
async fn every_helper_gives_what_its_example_says() {
    let mut text = format!("{SHELF}routes:\n  /assets/{{*path}}: {{ dir: public }}\n");
    for Function { name, example, .. } in FUNCTIONS {
        let inline = serde_json::to_string(example).expect("JSON");
        let _ = writeln!(
            text,
            "  /try/{name}: {{ inline: {inline}, content_type: text/plain, ttl: off }}"
        );
    }
    let site = Site::demo();
    site.edit("routes.yaml", &text);
    let larder = Larder::serve(&site, MEMORY);
    for Function { name, gives, example, .. } in FUNCTIONS {
        let answer = larder.get(&format!("/try/{name}")).await;
        let found = answer.text();
        let fits = match gives.split_once('…') {
            Some((start, end)) => found.starts_with(start) && found.ends_with(end),
            None => found == *gives,
        };
        assert!(fits, "{example} gives {found:?}, not {gives:?}");
    }
}

#[test]
fn the_guide_has_the_table_of_helpers_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/helpers.md");
    let known = fs::read_to_string(&path).expect("the page");
    let (head, _) = known.split_once("| helper |").expect("the table");
    let mut page = format!("{head}| helper | gives | for example | is |\n|---|---|---|---|\n");
    for function in FUNCTIONS {
        let (usage, Function { doc, example, gives, .. }) = (function.usage(), function);
        let gives = match gives.trim_end() {
            "" => String::new(),
            gives => format!("`{gives}`"),
        };
        let _ = writeln!(page, "| `{usage}` | {doc} | `{example}` | {gives} |");
    }
    let _ = writeln!(page, "\nThe examples see\n\n```yaml\n{}```", SHELF.trim_start());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).expect("the page is written");
    }
    assert_eq!(known, page, "UPDATE_EXPECT=1 writes it anew");
}

/// The files below a directory, and what each holds.
fn files(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("a path below it").to_owned();
            found.insert(name, fs::read_to_string(&path).expect("a text"));
        }
    }
    found
}

/// The blocks of YAML that are whole sites.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("routes:\n"))
}

/// The site with the files that a page of the guide shows.
fn with_files(site: Site, text: &str) -> Site {
    let files = named_blocks(text).filter(|(name, _)| !name.starts_with("GET "));
    files.fold(site, |site, (path, text)| site.file(path, text))
}

/// The blocks that a line like `` `data/team.yaml`: `` stands above, with what it names.
fn named_blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("`:\n\n```").filter_map(|(at, mark)| {
        let (_, name) = text.get(..at)?.rsplit_once('`')?;
        let (_, block) = text.get(at + mark.len()..)?.split_once('\n')?;
        Some((name, block.split_once("```")?.0))
    })
}
