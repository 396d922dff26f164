//! Where a visitor's value may stand, and where it may not.

mod scripts;

use super::{Language, Places};
use crate::clock::Clock;
use crate::diagnostic::SourceFile;
use crate::site::template::{TemplateFile, TemplateSet};

/// What is found in `page.html.hbs` among some files, sent as `language`; in `base.html.hbs` where
/// there is one.
fn found(files: &[(&str, &str)], language: Language) -> String {
    let file = |(name, text): &(&str, &str)| TemplateFile {
        name: (*name).to_owned(),
        file: SourceFile::new(format!("templates/{name}"), *text),
        wrong: None,
    };
    let mut set = TemplateSet::compile(files.iter().map(file).collect(), &Clock::manual());
    assert!(set.broken().next().is_none(), "{files:?}");
    let mut id = |name: &str| set.find(name).map(|id| set.escaping(id, language.escape()));
    let (page, layout) = (id("page.html.hbs").unwrap(), id("base.html.hbs"));
    let outside = |finding: &super::Finding| {
        let name = finding.value.first().map(|step| format!("{step:?}"));
        let is_filled = finding.between.as_ref().is_some_and(|way| {
            let way = format!("{way:?}");
            way.contains("site") || way.contains("params") && !way.contains("rest")
        });
        !is_filled && name.is_none_or(|name| !name.contains("site") && !name.contains("content"))
    };
    let findings = set.findings(page, layout, language);
    let words = findings.iter().filter(|finding| outside(finding));
    words.map(|finding| format!("{:?}", finding.refusal)).collect::<Vec<_>>().join(" ")
}

fn check(language: Language, table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (template, expected) in table {
        let found = found(&[("page.html.hbs", template)], language);
        if found != *expected {
            wrong.push(format!("{template}\n  expected: {expected}\n  found:    {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A template, and why what it prints is refused.
const TEXT: &[(&str, &str)] = &[
    ("<p>{{query.q}}</p>", ""),
    ("<p>{{{query.q}}}</p>", "Unescaped"),
    ("<p>{{&query.q}}</p>", "Unescaped"),
    ("<p>{{{site.q}}}</p>", ""),
    ("<p>{{{trusted query.q}}}</p>", ""),
    ("<p>{{{len query.q}}}{{{add query.a 1}}}{{{eq query.a 1}}}</p>", ""),
    ("<p>{{{upper query.q}}}</p>", "Unescaped"),
    ("<p>{{{default query.q 'x'}}}</p>", "Unescaped"),
    ("<p>{{{default site.q query.q}}}</p>", "Unescaped"),
    ("<p>{{markdown query.q}}</p>", "Markdown"),
    ("<p>{{{markdown query.q}}}</p>", "Markdown"),
    ("<p>{{markdown query.q untrusted=true}}</p>", ""),
    ("<p>{{markdown query.q untrusted=site.no}}</p>", "Markdown"),
    ("<p>{{markdown site.q}}</p>", ""),
    ("<p title=\"{{markdown query.q untrusted=true}}\">", "Markdown"),
    ("<p>{{json query.q}}{{{json query.q}}}</p>", ""),
    ("<p title=\"{{query.q}}\" class='{{query.q}}'>", ""),
    ("<p title=\"{{{query.q}}}\">", "Unescaped"),
    ("<p data-q=\"{{json query.q}}\">", ""),
    ("<p data-q='{{json query.q}}'>", ""),
    ("<p data-q=\"{{{json query.q}}}\">", "JsonInAttribute"),
    ("<p data-q='{{{json query.q}}}'>", ""),
    ("<p title={{query.q}}>", "Unquoted"),
    ("<p title=a{{query.q}}>", "Unquoted"),
    ("<p title= {{query.q}} id=x>", "Unquoted"),
    ("<p title={{site.x}}{{query.q}}>", "Unquoted"),
    ("<p {{query.q}}>", "Name"),
    ("<p a{{query.q}}=\"\">", "Name"),
    ("<p a {{query.q}}>", "Name"),
    ("<p a=\"\"{{query.q}}>", "Name"),
    ("<{{query.q}}>", "Name"),
    ("<h{{query.q}}>", "Name"),
    ("</{{query.q}}>", "Name"),
    ("<p {{site.name}}=\"{{query.q}}\">", "Name"),
    ("<p data-{{site.name}}=\"{{query.q}}\">", ""),
    ("<p {{site.attrs}}>{{query.q}}", ""),
    ("<h{{site.n}}>{{query.q}}", ""),
    ("<{{site.tag}}>{{query.q}}", "Undecided"),
    ("<s{{site.tag}}>{{query.q}}", "Undecided"),
    ("<!DOCTYPE {{query.q}}>", "Declaration"),
    ("<?x {{query.q}}?>", "Declaration"),
    ("<!-- {{query.q}} -->", ""),
    ("<!-- {{{query.q}}} -->", "Unescaped"),
    ("<!--{{query.a}}-> <script>'{{query.q}}'</script> -->", "InsideScript"),
    ("<!--{{query.a}}> <script>'{{query.q}}'</script> -->", "InsideScript"),
    ("<title>{{query.q}}</title><textarea>{{query.q}}</textarea>", ""),
    ("<title>{{{query.q}}}</title>", "Unescaped"),
    ("<title><script></title>{{query.q}}", ""),
    ("<textarea></textarea ><style>{{query.q}}", "Style"),
    ("<iframe srcdoc=\"{{query.q}}\">", "Acting"),
    ("<plaintext></plaintext><script>{{query.q}}", ""),
    ("a < b {{query.q}} <3 {{query.q}}", ""),
    ("<p class=\"{{#each site.list}}x{{/each}}\" title=\"{{query.q}}\">", ""),
    ("<noscript><p title=\"{{query.q}}\"></noscript>{{query.q}}", ""),
    ("<noscript><!-- </noscript><script>{{query.q}}</script> --></noscript>", "Script"),
    ("<noscript><style>a{}</style></noscript><script>f({{json query.q}})</script>", ""),
    ("<select><option value=\"{{query.q}}\">{{query.q}}</select><title>{{query.q}}</title>", ""),
    ("<select><textarea><script></textarea>{{query.q}}", ""),
    ("<select><title><script>{{query.q}}</script></title></select>", "Undecided"),
];

#[test]
fn a_visitors_value_stands_as_text_in_text_and_quoted_attributes_alone() {
    check(Language::Html, TEXT);
}

#[test]
fn a_visitors_value_is_not_in_styles_events_or_what_acts() {
    check(
        Language::Html,
        &[
            ("<style>a { color: {{query.q}} }</style>", "Style"),
            ("<style>a{}</style>{{query.q}}", ""),
            ("<STYLE>a{}</STYLE >{{query.q}}", ""),
            ("<style></styles>{{query.q}}", "Style"),
            ("<p style=\"color: {{query.q}}\">", "Style"),
            ("<p ONCLICK=\"f('{{query.q}}')\">", "Event"),
            ("<p onclick=\"f({{json query.q}})\">", "Event"),
            ("<svg onload='{{query.q}}'>", "Event"),
            ("<meta http-equiv=\"refresh\" content=\"0; url={{query.q}}\">", "Refresh"),
            ("<meta content=\"0; url={{query.q}}\" http-equiv=refresh>", "MetaOrder"),
            ("<meta name=description content=\"{{query.q}}\">", ""),
            ("<meta property=\"og:title\" content=\"{{query.q}}\">", ""),
            ("<meta name=x http-equiv=refresh content=\"{{query.q}}\">", "Refresh"),
            ("<svg><set attributeName=href to=\"{{query.q}}\"/></svg>", "Acting"),
            ("<script type=\"{{query.q}}\"></script>", "Acting"),
        ],
    );
}

/// The beginning of an address, and whether a value may follow, encoded or not.
const BEGINNINGS: &[(&str, bool)] = &[
    ("/x", true),
    ("/x/", true),
    ("./", true),
    ("../", true),
    ("?q=", true),
    ("#", true),
    ("mailto:", true),
    ("https://h/", true),
    ("http://h.example:80/", true),
    ("https://h?", true),
    ("posts/", true),
    ("a.html?q=", true),
    (" /x", true),
    ("/?q=", true),
    ("{{site.base}}/x/", true),
    ("{{site.base}}?q=", true),
    ("https://{{site.host}}/", false),
    ("//", false),
    ("//h/", false),
    ("javascript:", false),
    ("JavaScript:f('", false),
    ("data:text/html,", false),
    ("vbscript:", false),
    ("https:", false),
    ("https://", false),
    ("https://h", false),
    ("http:/", false),
    ("https://h\\x", false),
    ("java\tscript:", false),
    ("&#106;avascript:", false),
    ("/\\x", false),
    ("/&#47;", false),
    ("/\t/", false),
    ("tel:", false),
    ("/\n", false),
    ("x:/", false),
];

#[test]
fn an_address_begins_in_the_template() {
    let tested = |value: &'static str, begins: &[(&str, bool)]| {
        let rows = begins.iter().map(|(prefix, good)| {
            let template = format!("<a href=\"{prefix}{{{{{value}}}}}\">");
            (template, if *good { "" } else { "Address" })
        });
        let rows: Vec<_> = rows.collect();
        let rows: Vec<_> = rows.iter().map(|(text, said)| (text.as_str(), *said)).collect();
        check(Language::Html, &rows);
    };
    tested("query.q", BEGINNINGS);
    tested("urlencode query.q", BEGINNINGS);
    tested(
        "query.q",
        &[
            ("", false),
            ("/", false),
            ("java", false),
            (" ", false),
            ("{{site.url}}", false),
            ("{{site.base}}/", false),
            ("/{{site.lang}}/", true),
            ("/{{site.lang}}/x?", true),
        ],
    );
    tested(
        "urlencode query.q",
        &[
            ("", true),
            ("/", true),
            ("java", true),
            ("{{site.base}}/", true),
            ("/{{site.lang}}/", true),
        ],
    );
    check(
        Language::Html,
        &[
            ("<a href=\"{{#if a}}/x{{else}}https://h/{{/if}}{{query.q}}\">", ""),
            ("<a href=\"{{#if a}}/x{{/if}}{{query.q}}\">", "Address"),
            ("<img src='{{query.q}}'>", "Address"),
            ("<img srcset=\"/a{{query.q}} 1x\">", "AddressList"),
            ("<img srcset=\"/a{{urlencode query.q}} 1x, /b{{urlencode query.q}} 2x\">", ""),
            ("<img srcset=\"/a 1x, //{{urlencode query.q}} 2x\">", "Address"),
            ("<link imagesrcset=\"/a{{path}} 1x\">", "AddressList"),
            ("<a ping=\"/a/{{query.q}}\">", "AddressList"),
            ("<a ping=\"/a //{{urlencode query.q}}\">", "Address"),
            ("<img attributionsrc=\"{{query.q}}\">", "AddressList"),
            ("<form action=\"{{query.q}}\"><button formaction=\"{{query.q}}\">", "Address Address"),
            ("<object data=\"{{query.q}}\"><video poster=\"{{query.q}}\">", "Address Address"),
            ("<svg><use xlink:href=\"{{query.q}}\"/></svg>", "Address"),
            ("<a HREF = \"{{query.q}}\">", "Address"),
            ("<a href={{urlencode query.q}}>", "Unquoted"),
            ("<a href=\"/{{urlencode query.a}}/{{urlencode query.q}}\">", "Address"),
            ("<a href=\"{{urlencode query.a}}/{{urlencode query.q}}\">", ""),
            ("<a href=\"/{{urlencode params.a}}/{{urlencode params.q}}\">", ""),
            ("<a href=\"/{{urlencode query.a}}x/{{query.q}}\">", ""),
            ("<a href=\"https://h{{path}}?q={{query.q}}\">", ""),
            ("<a href=\"https://h{{default path query.q}}\">", "Address"),
            ("<a href=\"https://{{path}}\">", "Address"),
            ("<a href=\"{{site.url}}{{path}}\"><a href=\"{{path}}\">", "PathAddress PathAddress"),
            ("<a href=\"x{{path}}\"><a href=\"/{{path}}\">", "Address Address"),
            ("<a href=\"{{{path}}}\">{{{path}}}", "Unescaped Unescaped"),
            ("<a href=\"/x{{{query.q}}}\">", "Unescaped"),
        ],
    );
}

#[test]
fn a_host_may_stand_where_what_is_between_two_slashes_may_be_empty() {
    for between in [
        "urlencode params.rest",
        "urlencode (slice params.z 1)",
        "urlencode (replace params.z 'a' '')",
        "truncate site.z 0",
        "lookup site query.k",
        "log site.z",
        "date site.z",
        "none",
        "default none (urlencode params.rest)",
    ] {
        for rest in ["/{{urlencode query.q}}", "//{{urlencode query.q}}", "/{{none}}/{{query.q}}"] {
            let page = format!("<script src=\"/{{{{{between}}}}}{rest}\">");
            let said = found(&[("page.html.hbs", &page)], Language::Html);
            assert!(said.starts_with("Between("), "{page}: {said}");
        }
    }
    check(
        Language::Html,
        &[
            ("<a href=\"/{{urlencode params.rest}}x/{{urlencode query.q}}\">", ""),
            ("<a href=\"/{{urlencode params.rest}}/?q={{query.q}}\">", ""),
            ("<a href=\"/{{site.a}}/{{site.b}}/{{urlencode query.q}}\">", ""),
            ("<a href=\"/{{none}}/x/{{urlencode query.q}}\">", ""),
            ("<a href=\"/{{site.a}}x//{{urlencode query.q}}\">", ""),
        ],
    );
    let files = [
        ("page.html.hbs", "{{> a one=(slice params.a 1)}}{{> a one=params.a}}{{> a}}"),
        ("a.html.hbs", "<a href=\"/{{urlencode one}}/{{urlencode query.q}}\">"),
    ];
    assert_eq!(found(&files, Language::Html), "Between(None) Between(Some(1))");
}

#[test]
fn xml_is_judged_as_what_a_browser_makes_of_it() {
    let table: &[(&str, &str)] = &[
        ("<?xml version=\"1.0\"?><rss><title>{{query.q}}</title></rss>", ""),
        ("<title>{{{query.q}}}</title>", "Unescaped"),
        ("<title><b>{{query.q}}</b></title>", ""),
        ("<a><![CDATA[ <script> {{query.q}} ]]>{{query.q}}</a>", ""),
        ("<a><![CDATA[{{query.a}}><script>'{{query.q}}'</script>]]></a>", "InsideScript"),
        ("<svg:script xmlns:svg=\"x\">'{{query.q}}'</svg:script>", "InsideScript"),
        ("<script href=\"/x\"/>{{query.q}}", ""),
        ("<script>f({{json query.q}})</script>", ""),
        ("<script><![CDATA[ a < b; f({{json query.q}}) ]]></script>{{query.q}}", ""),
        ("<style>{{query.q}}</style>", "Style"),
        ("<a xmlns=\"{{query.q}}\">", "Acting"),
        ("<?xml-stylesheet href=\"{{query.q}}\"?>", "Declaration"),
        ("<x:a x:href=\"{{query.q}}\"/>", "Address"),
        ("<!DOCTYPE a [<!ENTITY x \"><![CDATA[\">]><script>'{{query.q}}'</script>", "Undecided"),
        ("<!DOCTYPE a SYSTEM \"a.dtd\"><a>{{query.q}}</a>", ""),
        ("<é:script>{{query.q}}</é:script>", "Script"),
        ("<:style>{{query.q}}</:style>", "Style"),
    ];
    check(Language::Xml, table);
    check(Language::Xhtml, table);
}

/// The same, of blocks and partials.
const FOLLOWED: &[(&str, &str)] = &[
    ("{{#if a}}<p title=\"{{/if}}{{query.q}}", ""),
    ("{{#if a}}<script>{{/if}}{{query.q}}", "Script"),
    ("{{#if a}}<script>{{/if}}{{site.q}}", ""),
    ("{{#if a}}<script>{{/if}}</script>{{query.q}}", ""),
    ("<option {{#if a}}selected{{/if}}>{{query.q}}", ""),
    ("{{#each site.list}}<b>{{else}}<script>{{/each}}{{query.q}}", "Script"),
    ("{{#each site.list}}{{@root.query.q}}<script>{{/each}}", "Script"),
    ("{{#each query}}{{{this}}}{{{@key}}}{{/each}}", "Unescaped Unescaped"),
    ("{{#each query as |v k|}}{{{v}}}{{{k}}}{{/each}}", "Unescaped Unescaped"),
    ("{{#each site.list}}{{{this}}}{{{@index}}}{{{@key}}}{{/each}}", ""),
    ("{{#each site.list}}{{{@root.query.q}}}{{{../query.q}}}{{/each}}", "Unescaped Unescaped"),
    ("{{#with query.q}}{{{this}}}{{/with}}", "Unescaped"),
    ("{{#with (upper query.q) as |x|}}{{{x}}}{{/with}}", "Unescaped"),
    ("{{#with query}}{{{q}}}{{/with}}", "Unescaped"),
    ("{{{lookup query 'q'}}}{{{lookup site query.q}}}", "Unescaped"),
    ("{{{lookup query site.k}}}", "Unescaped"),
    ("{{{slice query.q 0 3}}}{{#each (sort query.q)}}{{{this}}}{{/each}}", "Unescaped Unescaped"),
    ("{{{find site.list 'a' query.q}}}", ""),
    ("{{#*inline \"p\"}}{{{x}}}{{/inline}}{{> p x=query.q}}", "Unescaped"),
    ("{{#*inline \"p\"}}{{{x}}}{{/inline}}{{> p x=site.q}}", ""),
    ("{{#*inline \"p\"}}{{{this}}}{{/inline}}{{> p query.q}}", "Unescaped"),
    ("{{#*inline \"p\"}}{{q}}{{/inline}}<script>{{> p query}}</script>", "Script"),
    ("{{#> nothing}}{{{query.q}}}{{/nothing}}", "Unescaped"),
    (
        "{{#*inline \"p\"}}<script>{{> @partial-block}}</script>{{/inline}}\
          {{#> p}}{{query.q}}{{/p}}",
        "Script",
    ),
    ("{{#*inline \"p\"}}<b>{{> @partial-block}}</b>{{/inline}}{{#> p}}{{query.q}}{{/p}}", ""),
    ("{{{json this}}}<script>{{json this}}</script>", ""),
    ("{{#each this}}{{{this}}}{{/each}}", "Unescaped"),
    ("{{{{raw}}}}<script>{{{{/raw}}}}{{query.q}}", "Script"),
    ("{{! <script> }}{{query.q}}", ""),
    ("\\{{ <b> {{query.q}}", ""),
];

#[test]
fn branches_loops_partials_blocks_and_layouts_are_followed() {
    check(Language::Html, FOLLOWED);
    let files = |page: &'static str, base: &'static str, part: &'static str| {
        let files = [("page.html.hbs", page), ("base.html.hbs", base), ("part.html.hbs", part)];
        found(&files, Language::Html)
    };
    assert_eq!(files("{{query.q}}", "<main>{{{content}}}</main>", ""), "");
    assert_eq!(files("{{query.q}}", "<script>{{{content}}}</script>", ""), "Script");
    assert_eq!(files("{{query.q}}", "<script>{{> part body=content}}", "{{{body}}}"), "Script");
    assert_eq!(files("<script>", "{{{content}}}{{query.q}}", ""), "Script");
    assert_eq!(files("", "{{{content}}}{{> part}}", "<p {{query.q}}>"), "Name");
    // Any partial, the page itself and its layout too.
    let chosen = "{{> (lookup site 'x')}}{{query.q}}";
    assert_eq!(files(chosen, "{{{content}}}", "<p {{query.q}}>"), "Name");
    assert_eq!(files(chosen, "{{{content}}}", "<p>{{query.q}}</p>"), "");
    assert_eq!(files(chosen, "{{{content}}}", "<script>"), "Undecided");
    let each = "{{#each site.list}}{{> (lookup this 'x') this}}{{/each}}{{query.q}}";
    assert_eq!(files(each, "{{{content}}}", "<p>{{@root.query.q}}</p>"), "");
    assert_eq!(files(each, "{{{content}}}", "{{{@root.query.q}}}"), "Unescaped");
    assert_eq!(files("{{query.q}}", "<p title=\"{{content}}\">", ""), "");
    assert_eq!(files("{{query.q}}", "<p title={{content}}>", ""), "Unquoted");
}

/// Where a text leaves off, by the states of the HTML standard; after html5lib's tokenizer tests.
const LEAVES_OFF: &[(&str, &str)] = &[
    ("<head>&body;", "Text"),
    ("foo<!--</xmp>-->", "Text"),
    ("<xmp>foo</xmp>", "Text"),
    ("<xmp>foo</xMp>", "Text"),
    ("<xmp>foo</xmp ", "InTag"),
    ("<xmp>foo</xmp", "Raw"),
    ("<xmp>foo</xmp/", "InTag"),
    ("<xmp>foo</xmp<", "Raw"),
    ("<xmp></foo>bar</xmp>", "Text"),
    ("<xmp></xmp</xmp</xmp>", "Text"),
    ("<xmp></foo>bar</xmpaar>", "Raw"),
    ("<title>foo<!--</title>-->", "Text"),
    ("<title>foo<!-->baz</title>", "Text"),
    ("<title>foo<!-- x --x>x-- >x--!>x--<></title>", "Text"),
    ("<!-->", "Text"),
    ("<!--->", "Text"),
    ("<!---->", "Text"),
    ("<!-- --!>", "Text"),
    ("<!-- -->", "Text"),
    ("<!-- - ->", "Comment(0)"),
    ("<!-- --!->", "Comment(0)"),
    ("<!-- --!-->", "Text"),
    ("<!--- ", "Comment(0)"),
    ("<!-- -", "Comment(1)"),
    ("<!-", "Bang"),
    ("<!x>", "Text"),
    ("<!DOCTYPE html>", "Text"),
    ("<!DOCTYPE", "Declaration"),
    ("<?php >", "Text"),
    ("</>", "Text"),
    ("</ a>", "Text"),
    ("</ a", "Declaration"),
    ("<a/>", "Text"),
    ("<a/b", "AttributeName"),
    ("<a b/", "InTag"),
    ("<a =b", "AttributeName"),
    ("<a b=", "BeforeValue"),
    ("<a b= ", "BeforeValue"),
    ("<a b=>", "Text"),
    ("<a b='>'", "InTag"),
    ("<a b=\">\"c", "AttributeName"),
    ("<a b=c>", "Text"),
    ("<a b=c/>", "Text"),
    ("<a b=c'", "Value(None)"),
    ("<a b ", "AfterName"),
    ("<a b =", "BeforeValue"),
    ("<a b c", "AttributeName"),
    ("<a\nb", "AttributeName"),
    ("<3", "Text"),
    ("<<a", "TagName"),
    ("<", "Open"),
    ("</", "CloseOpen"),
    ("<![CDATA[x>", "Text"),
    ("<svg><![CDATA[x", "Cdata(0)"),
    ("<svg><![CDATA[]]>", "Text"),
    ("<script><!--<script></script>", "Script"),
    ("<script><!--</script>", "Text"),
    ("<script><!--<script></script></script>", "Text"),
    ("<script><!--<script>--></script>", "Text"),
    ("<script><!--<scriptx></script>", "Text"),
    ("<script></script x", "AttributeName"),
    ("<script><!-- --></script>", "Text"),
];

#[test]
fn the_tokenizer_is_where_the_standard_says() {
    for (text, expected) in LEAVES_OFF {
        let mut places = Places::start(Language::Html);
        places.text(text);
        let at: Vec<_> = places.list.iter().map(|place| format!("{:?}", place.at)).collect();
        assert_eq!(at.join(" "), *expected, "{text}");
        let mut pieces = Places::start(Language::Html);
        text.chars().for_each(|c| pieces.text(c.encode_utf8(&mut [0; 4])));
        assert_eq!(pieces.list[0].at, places.list[0].at, "{text} in pieces");
    }
}

#[test]
fn a_text_that_may_be_in_too_many_places_is_undecided() {
    let branches: Vec<_> =
        (0..20).map(|n| format!("{{{{#if a}}}}<p data-{n}{{{{/if}}}}")).collect();
    let names: Vec<_> = (0..20).map(|n| format!("<p><i class=a x{n}=\"")).collect();
    let chain = names.iter().map(|name| format!("{{{{else if a}}}}{name}"));
    let chain = format!("{{{{#if b}}}}{}{{{{/if}}}}", chain.collect::<String>());
    let page = format!("{chain}{{{{query.q}}}}");
    assert_eq!(found(&[("page.html.hbs", &page)], Language::Html), "Undecided");
    let page = format!("{}{{{{site.q}}}}", branches.concat());
    assert_eq!(found(&[("page.html.hbs", &page)], Language::Html), "");
}

#[test]
fn what_is_found_beyond_the_bound_is_said_of_any_value() {
    let page = "{{{site.q}}}".repeat(2_000) + "{{{query.q}}}";
    assert_eq!(found(&[("page.html.hbs", &page)], Language::Html), "Unescaped");
    let page: Vec<_> = (0..1_500).map(|n| format!("{{{{{{query.q{n}}}}}}}")).collect();
    let page = page.concat();
    let all = found(&[("page.html.hbs", &page)], Language::Html);
    assert_eq!(all.split(' ').count(), 1_001);
}
