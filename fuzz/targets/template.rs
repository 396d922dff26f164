//! Any texts as a page, its layout and a partial: they parse or it is told why, rendering ends, and
//! what the walk left out of the data changes nothing.
//!
//! ` === ` alone on a line stands between page, layout and partial.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use larder::parts::clock::Clock;
use larder::parts::diagnostic::SourceFile;
use larder::parts::site::template::{Bounds, RenderError, TemplateFile, TemplateSet, Tree};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static FULL: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "a": { "b": "one", "c": [1, 2, { "d": "<x>" }], "e": {} },
        "list": [{ "x": 1, "y": [true], "z": "b" }, { "x": null, "z": "a" }, 7],
        "text": "some", "none": null, "no": false, "empty": [], "number": -1.5,
        "params": { "n": "p" }, "query": { "q": "" }, "date": "2026-11-24",
    })
});

fn late(outcome: &Result<String, RenderError>) -> bool {
    outcome.as_ref().is_err_and(|why| why.out_of_time)
}

fuzz_target!(|text: &str| {
    let names = ["page.html.hbs", "layout.html.hbs", "part.html.hbs"];
    let files = names.iter().zip(text.split("\n === \n")).map(|(name, text)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(format!("templates/{name}"), text),
        wrong: None,
    });
    // The clock has to run: it is what ends loops inside of loops.
    let set = TemplateSet::compile(files.collect(), &Clock::system());
    let (Some(page), layout) = (set.find(names[0]), set.find(names[1])) else { return };
    if set.broken().next().is_some() || set.check(page, layout).has_errors() {
        return;
    }
    let tree = Tree::from(&set.reads(page, layout));
    let pruned = tree.prune(&FULL);
    assert_eq!(tree.prune(&pruned).to_string(), pruned.to_string(), "twice is once");
    let bounds = Bounds { bytes: 1 << 16, time: Duration::from_millis(200), depth: 8 };
    let of_full = set.render(page, layout, &mut FULL.clone().into(), &bounds);
    let of_pruned = set.render(page, layout, &mut pruned.clone().into(), &bounds);
    let moves = text.contains("now") || late(&of_full) || late(&of_pruned);
    assert!(moves || of_full == of_pruned, "{of_full:?}\n{of_pruned:?}\npruned: {pruned}");
});
