//! Random text of templates: pieces that each stand by themselves.

use super::rng::Rng;

/// What a piece may name besides what every site has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'s> {
    /// Parameters of the path; none in what several routes use.
    pub(crate) params: &'s [&'s str],
    /// The partials that it may call.
    pub(crate) partials: &'s [String],
}

/// Values that print as text.
const PLAIN: &[&str] = &[
    "title",
    "site.name",
    "site.region",
    "count",
    "flag",
    "team.lead",
    "team.size",
    "team.home.city",
    "facts.kind",
    "opts.tone",
    "plain",
    "note.title",
    "route.name",
    "route.path",
    "loose.text",
];

/// What comes from the request.
const ASKED: &[&str] = &[
    "path",
    "language",
    "query.a",
    "query.b",
    "query.page",
    "query.kind",
    "headers.x-tone",
    "headers.accept-language",
    "cookies.who",
];

const LISTS: &[&str] = &[
    "items",
    "jars",
    "posts",
    "(where items \"kind\" \"jam\")",
    "(where jars \"kind\" \"jam\")",
    "(sort items \"n\")",
    "(sort jars \"name\" desc=true)",
    "(slice items 0 2)",
    "(slice posts 0 1)",
];

const MAPPINGS: &[&str] = &["site", "team", "team.home", "facts", "opts", "note", "loose"];

/// A value that prints as text.
fn plain(rng: &mut Rng, scope: Scope<'_>) -> String {
    if !scope.params.is_empty() && rng.one_in(3) {
        return format!("params.{}", rng.pick(scope.params));
    }
    let names = if rng.one_in(3) { ASKED } else { PLAIN };
    rng.pick(names).to_owned()
}

/// A condition.
fn test(rng: &mut Rng, scope: Scope<'_>) -> String {
    let value = plain(rng, scope);
    match rng.below(8) {
        0 => format!("(eq {value} \"a1\")"),
        1 => format!("(not {value})"),
        2 => format!("(and {value} {})", plain(rng, scope)),
        3 => format!("(or {value} flag)"),
        4 => format!("(gt (len {}) {})", rng.pick(LISTS), rng.below(4)),
        5 => "flag".to_owned(),
        _ => value,
    }
}

/// A piece of a page; `depth` bounds what is inside it.
pub(crate) fn piece(rng: &mut Rng, scope: Scope<'_>, depth: usize) -> String {
    if depth == 0 {
        return simple(rng, scope);
    }
    match rng.below(10) {
        0..=2 => simple(rng, scope),
        3 => called(rng, scope, depth),
        4 => listed(rng, scope, depth),
        5 => whole(rng),
        6 => helped(rng, scope),
        7 => {
            let (test, one) = (test(rng, scope), piece(rng, scope, depth - 1));
            match rng.below(3) {
                0 => format!("{{{{#if {test}}}}}{one}{{{{/if}}}}"),
                1 => format!("{{{{#unless {test}}}}}{one}{{{{/unless}}}}"),
                _ => {
                    let other = piece(rng, scope, depth - 1);
                    format!("{{{{#if {test}}}}}{one}{{{{else}}}}{other}{{{{/if}}}}")
                }
            }
        }
        8 => within(rng, scope, depth),
        _ => simple(rng, scope) + &simple(rng, scope),
    }
}

fn simple(rng: &mut Rng, scope: Scope<'_>) -> String {
    match rng.below(5) {
        0 => format!("<p>{}</p>\n", rng.word()),
        1 => format!(" {} {{{{! said nowhere }}}}", rng.word()),
        _ => format!("<b>{{{{{}}}}}</b>\n", plain(rng, scope)),
    }
}

/// A value through a helper.
fn helped(rng: &mut Rng, scope: Scope<'_>) -> String {
    let value = plain(rng, scope);
    match rng.below(13) {
        0 => format!("{{{{upper {value}}}}}"),
        1 => format!("{{{{lower (default {value} \"NONE\")}}}}"),
        2 => format!("{{{{default {value} title}}}}"),
        3 => format!("{{{{add count {}}}}}", rng.below(9)),
        4 => format!("{{{{sub count (len {})}}}}", rng.pick(LISTS)),
        5 => format!("<a href=\"/q?a={{{{urlencode {value}}}}}\">x</a>"),
        6 => "{{date facts.day \"%d.%m.%Y\"}}".to_owned(),
        7 => format!("{{{{asset \"{}\"}}}}", rng.pick(&["site.css", "note.txt"])),
        8 => "{{markdown note.body}}".to_owned(),
        9 => format!("{{{{lookup site \"{}\"}}}}", rng.pick(&["name", "region"])),
        10 => format!("{{{{lookup query {}}}}}", rng.pick(&["\"a\"", "query.kind", "title"])),
        11 => {
            format!("{{{{#with (find items \"id\" {})}}}}{{{{name}}}}{{{{/with}}}}", rng.below(4))
        }
        _ => format!("{{{{len {}}}}}", rng.pick(LISTS)),
    }
}

/// A value with all that is below it.
fn whole(rng: &mut Rng) -> String {
    let each = |what: &str| format!("{{{{#each {what}}}}}{{{{@key}}}}={{{{this}}}};{{{{/each}}}}");
    match rng.below(10) {
        0 => each("query"),
        1 => each("cookies"),
        2 => "{{json query}}".to_owned(),
        6 => "{{json params}}{{json route}}".to_owned(),
        3 => each("opts"),
        4 => "{{json this}}".to_owned(),
        5 => "{{#each headers}}{{@key}},{{/each}}".to_owned(),
        _ => {
            let names = if rng.one_in(2) { MAPPINGS } else { LISTS };
            format!("{{{{json {}}}}}", rng.pick(names))
        }
    }
}

/// A block for each item of a list.
fn listed(rng: &mut Rng, scope: Scope<'_>, depth: usize) -> String {
    let list = rng.pick(LISTS);
    let field = if list.contains("posts") { "title" } else { "name" };
    let inner = match rng.below(6) {
        0 => format!("{{{{#if @first}}}}[{{{{/if}}}}{{{{{field}}}}}"),
        1 => format!("{{{{@index}}}}:{{{{{field}}}}}{{{{@root.title}}}}"),
        2 => format!("{{{{../title}}}}{{{{{field}}}}}"),
        3 => format!("{{{{this.{field}}}}}{{{{../site.name}}}}"),
        4 if depth > 1 => {
            format!("{{{{#each ../items}}}}{{{{name}}}}{{{{/each}}}}{{{{{field}}}}}")
        }
        _ => format!("<i>{{{{{field}}}}}</i>"),
    };
    let named = rng.one_in(4);
    if named && !inner.contains("..") && !inner.contains("this") {
        let inner = inner.replace(&format!("{{{{{field}}}}}"), &format!("{{{{it.{field}}}}}"));
        return format!("{{{{#each {list} as |it|}}}}{inner}{{{{/each}}}}\n");
    }
    let none =
        if rng.one_in(3) { format!("{{{{else}}}}{}", simple(rng, scope)) } else { String::new() };
    format!("{{{{#each {list}}}}}{inner}{none}{{{{/each}}}}\n")
}

/// A block inside a mapping.
fn within(rng: &mut Rng, scope: Scope<'_>, depth: usize) -> String {
    match rng.below(5) {
        0 => "{{#with site}}{{name}}/{{region}}{{../title}}{{/with}}".to_owned(),
        1 => "{{#with team.home}}{{city}}{{@root.count}}{{/with}}".to_owned(),
        2 => "{{#with team as |crew|}}{{crew.lead}}{{title}}{{/with}}".to_owned(),
        3 => "{{#each team.home}}{{@key}}:{{this}} {{/each}}".to_owned(),
        _ => format!("{{{{#with loose}}}}{{{{text}}}}{{{{else}}}}{}{{{{/with}}}}", {
            piece(rng, scope, depth - 1)
        }),
    }
}

/// A call of a partial, of one written in place, or of one that is chosen when it runs.
fn called(rng: &mut Rng, scope: Scope<'_>, depth: usize) -> String {
    if scope.partials.is_empty() {
        return simple(rng, scope);
    }
    let name = &scope.partials[rng.below(scope.partials.len())];
    match rng.below(9) {
        0 => format!("{{{{> {name} label=title}}}}\n"),
        1 => format!("{{{{> {name} label={}}}}}\n", plain(rng, scope)),
        2 => format!("{{{{#> {name}}}}}{}{{{{/{name}}}}}\n", simple(rng, scope)),
        3 => {
            let inner = piece(rng, scope, depth - 1);
            let id = rng.below(1000);
            format!("{{{{#*inline \"own{id}\"}}}}{inner}{{{{/inline}}}}{{{{> own{id}}}}}\n")
        }
        4 if rng.one_in(2) => "{{> (lookup site \"part\")}}\n".to_owned(),
        5 => format!("{{{{> {name} site}}}}\n"),
        _ => format!("<div>\n{{{{> {name}}}}}\n</div>\n"),
    }
}

/// The pieces of a layout that stand around the page.
pub(crate) fn layout(rng: &mut Rng, partials: &[String]) -> Vec<String> {
    let scope = Scope { params: &[], partials };
    vec![
        format!("<title>{{{{title}}}} {}</title>\n", rng.word()),
        piece(rng, scope, 1),
        "<main>{{{content}}}</main>\n".to_owned(),
        piece(rng, scope, 1),
    ]
}
