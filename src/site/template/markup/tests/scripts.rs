//! Scripts, and files that are code.

use super::{Language, check};

#[test]
fn in_a_script_a_value_is_json_in_code() {
    let script = |body: &str, said: &'static str| (format!("<script>{body}</script>"), said);
    let rows = [
        script("var q = {{json query.q}};", ""),
        script("var q = {{{json query.q}}};", ""),
        script("var q = {{query.q}};", "Script"),
        script("var q = {{trusted query.q}};", ""),
        script("var q = {{default (json query.q) 1}};", "Script"),
        script("var q = '{{query.q}}';", "InsideScript"),
        script("var q = '{{json query.q}}';", "InsideScript"),
        script("var q = \"{{json query.q}}\";", "InsideScript"),
        script("var q = \"\\\"{{json query.q}}\";", "InsideScript"),
        script("var q = \"\\\\\" + {{json query.q}};", ""),
        script("var q = `{{json query.q}}`;", "InsideScript"),
        script("var q = `a ${ {{json query.q}} } b`;", ""),
        script("var q = `a ${ {a: `}`} } {{json query.q}}`;", "InsideScript"),
        script("var q = `a ${ {a: `}`} } ` + {{json query.q}};", ""),
        script("// it's\nvar q = {{json query.q}};", ""),
        script("// {{json query.q}}", "InsideScript"),
        script("/* ' */ f({{json query.q}})", ""),
        script("/* {{json query.q}} */", "InsideScript"),
        script("<!-- it's\nf({{json query.q}})\n--> it's\nf({{json query.q}})", ""),
        script("<!-- {{json query.q}}", "InsideScript"),
        script("x = /['\"]/.test(y); f({{json query.q}})", ""),
        script("x = /[/'\"]/; f({{json query.q}})", ""),
        script("x = /{{json query.q}}/", "InsideScript"),
        script("return /'/.test({{json query.q}})", ""),
        script("a.return / 2 + '{{json query.q}}'", "InsideScript"),
        script("x = a / b; y = '/{{json query.q}}'", "InsideScript"),
        script("break\n/'/.test(x = \"'{{json query.q}}\")", "InsideScript"),
        script("this.#in / 2; x = \"/{{json query.q}}\"", "InsideScript"),
        script("{{#if a}}x = \"a\\\r\n{{/if}}; f({{json query.q}})", "InsideScript"),
        script("x = 'a\\\r\nb'; f({{json query.q}})", ""),
        script("x = 'a\\\r'; y = '{{json query.q}}'", "InsideScript"),
        script("#! `\nx = `{{json query.q}}`", "InsideScript"),
        script("#! it's\nx = {{json query.q}}", ""),
        script("for await (x of y) /`/.test(x); z = `{{json query.q}}`", "InsideScript"),
        script("x = await (y) / 2 + {{json query.q}}", ""),
        script("x = 1./2; y = \"/{{json query.q}}\"", "InsideScript"),
        script("x = a[0] / b; f({{json query.q}}) / 2", ""),
        script("if (a) /'/.test(b)\nf({{json query.q}})", ""),
        script("x = (a) / 2\nf({{json query.q}})", ""),
        script("x = (a + (b)) / 2 + {{json query.q}}; '/'", ""),
        script("if ((a)) /'/.test({{json query.q}})", ""),
        script("if ((a)) /{{json query.q}}/", "InsideScript"),
        script("import {{json query.q}}; import x from {{json query.q}}", "Module Module"),
        script("import(/* x */ {{json query.q}}).then(f)", "Module"),
        script("export * from\n{{json query.q}}; importScripts({{json query.q}})", "Module Module"),
        script("import x from 'x'; from({{json query.q}}); a.import({{json query.q}})", ""),
        script("import(x, {{json query.q}}); Array.from({{json query.q}})", ""),
        script("{{#if a}}'{{/if}}{{json query.q}}", "InsideScript"),
        script("{{#if a}}f('x'){{else}}g(){{/if}};{{json query.q}}", ""),
        script("{{#each site.list}}f({{json this}});{{/each}}g({{json query.q}})", ""),
        script("var s = '<script>'; f({{json query.q}})", ""),
        script("'<!--<script>'; f({{json query.q}})</script>f('{{json query.q}}')", "InsideScript"),
    ];
    let rows: Vec<_> = rows.iter().map(|(text, said)| (text.as_str(), *said)).collect();
    check(Language::Html, &rows);
}

#[test]
fn scripts_are_judged_by_their_type() {
    check(
        Language::Html,
        &[
            ("<script></script>{{query.q}}", ""),
            ("<script>'</script>{{query.q}}", ""),
            ("<script>'</scripts>'+{{json query.q}}</script>", ""),
            ("<script type=module>f({{json query.q}})</script>", ""),
            ("<script type=\"application/ld+json\">{ \"a\": {{json query.q}} }</script>", ""),
            (
                "<script type=\"application/json\">{ \"a\": \"{{query.q}}\" }</script>",
                "InsideScript",
            ),
            ("<script type=text/x-template>{{query.q}}</script>", "ScriptType"),
            ("<script type=\"text/template\">{{json query.q}}</script>", "ScriptType"),
            ("<script src=\"/x.js\">{{query.q}}</script>", "Script"),
            ("<svg><script>f({{json query.q}})</script></svg>", ""),
            ("<svg><script>a &lt; f({{json query.q}})</script></svg>", "Undecided"),
            ("<svg><title>{{query.q}}</title></svg><title>{{query.q}}</title>", ""),
            ("<svg><title><b></title></svg>{{query.q}}", "Undecided"),
            ("<svg></math><title><script>{{query.q}}</script></title></svg>", "Undecided"),
            ("<svg><style><![CDATA[ a > b {} ]]></style></svg>{{query.q}}", ""),
            ("<svg><path d='x'/></svg><script>a<b;f({{json query.q}})</script>", ""),
            ("<svg/><script>a<b;f({{json query.q}})</script>", ""),
        ],
    );
    check(
        Language::JavaScript,
        &[
            ("var q = {{json query.q}};", ""),
            ("var q = '{{query.q}}';", "InsideScript"),
            ("var q = {{query.q}};", "Script"),
            ("var q = {{trusted query.q}};", ""),
            ("x = '<a title=\"' + {{json query.q}} + '\">'", ""),
        ],
    );
    check(
        Language::Json,
        &[
            ("{ \"a\": {{json query.q}} }", ""),
            ("{ \"a\": {{query.q}} }", "Script"),
            ("{ \"a\": \"{{query.q}}\" }", "InsideScript"),
            ("{ \"a\": \"{{json query.q}}\" }", "InsideScript"),
        ],
    );
    check(Language::Css, &[("a { color: {{query.q}} }", "Style"), ("a { color: {{site.q}} }", "")]);
    check(Language::Text, &[("{{{query.q}}}", "")]);
}
