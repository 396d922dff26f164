//! Any text as a template: it parses or is told why, and what the walk left out changes nothing.

#![no_main]

use larder::clock::Clock;
use larder::diagnostic::SourceFile;
use larder::site::template::{Bounds, TemplateFile, TemplateSet, Tree};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let file = SourceFile::new("templates/page.html.hbs", text);
    let files = vec![TemplateFile { name: "page.html.hbs".to_owned(), file }];
    let (set, report) = TemplateSet::compile(files, &Clock::manual());
    let Some(page) = set.find("page.html.hbs").filter(|_| !report.has_errors()) else { return };
    if set.check(page, None).has_errors() {
        return;
    }
    let full = json!({
        "a": { "b": "one", "c": [1, 2, { "d": "<x>" }] },
        "list": [{ "x": 1, "y": [true] }, { "x": null }],
        "text": "some", "none": null, "params": { "n": "p" }, "query": { "q": "" },
    });
    let pruned = Tree::from(&set.reads(page, None)).prune(&full);
    let bounds = Bounds { bytes: 1 << 16, ..Bounds::default() };
    let of_full = set.render(page, None, &full, &bounds);
    assert_eq!(of_full, set.render(page, None, &pruned, &bounds));
});
