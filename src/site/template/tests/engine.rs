//! What the walk takes for granted about the engine, whose version is pinned.

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};

fn segments(text: &str) -> Vec<String> {
    let template = Template::compile(text).unwrap();
    let [TemplateElement::Expression(call)] = template.elements.as_slice() else {
        panic!("{text} is one expression");
    };
    let Parameter::Path(Path::Relative((segments, _))) = &call.name else {
        panic!("{text} is a relative path: {:?}", call.name);
    };
    let segment = |segment: &PathSeg| match segment {
        PathSeg::Named(name) => name.clone(),
        PathSeg::Ruled(rule) => format!("<{rule:?}>"),
        _ => panic!("a new kind of segment"),
    };
    segments.iter().map(segment).collect()
}

#[test]
fn the_segments_of_paths_are_named_as_the_walk_expects() {
    for (text, expected) in [
        ("{{a.b}}", vec!["a", "b"]),
        ("{{a/b}}", vec!["a", "b"]),
        ("{{this}}", vec![]),
        ("{{this.a}}", vec!["a"]),
        ("{{./a}}", vec!["a"]),
        ("{{[a b].[c.d]}}", vec!["a b", "c.d"]),
        ("{{../a}}", vec!["<path_up>", "a"]),
        ("{{../../a.b}}", vec!["<path_up>", "<path_up>", "a", "b"]),
        ("{{@root.a}}", vec!["<path_root>", "a"]),
        ("{{@root/../a}}", vec!["<path_root>", "<path_up>", "a"]),
        ("{{@this}}", vec!["<path_local>"]),
        ("{{a.this.b}}", vec!["a", "b"]),
    ] {
        assert_eq!(segments(text), expected, "{text}");
    }
}

#[test]
fn a_variable_with_an_at_sign_is_local_and_keeps_one_name() {
    let template = Template::compile("{{@../index}}{{@key.x}}").unwrap();
    let names: Vec<_> = template.elements.iter().map(|element| format!("{element:?}")).collect();
    assert!(names[0].contains(r#"Local((1, "index", "@../index"))"#), "{}", names[0]);
    assert!(names[1].contains(r#"Local((0, "key", "@key.x"))"#), "{}", names[1]);
}

#[test]
fn elements_have_places_but_for_else_chains() {
    let template = Template::compile("a\n{{#if x}}b{{else if y}}c{{/if}}\n{{> p}}").unwrap();
    assert_eq!(template.elements.len(), template.mapping.len());
    let TemplateElement::HelperBlock(call) = &template.elements[1] else { panic!("a block") };
    assert_eq!(call.inverse.as_ref().unwrap().mapping.len(), 0);
}
