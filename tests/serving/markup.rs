//! What visitors write, as it is sent: escaped by the type, or refused before.

use crate::harness::{Larder, MEMORY, Site, check};

const SITE: &str = r#"
data: { host: "https://shop.example" }
errors:
  404: { inline: "<p title=\"{{path}}\">{{error.title}}</p>" }
routes:
  /x.txt: { template: a.hbs, content_type: application/json }
  /page.txt: { template: page.txt.hbs, content_type: text/html }
  /text: { inline: "{{{query.q}}}", content_type: text/plain }
  /table.csv: { inline: "{{query.q}}" }
  /said: { json: { q: "{{query.q}}" }, content_type: text/plain }
  /data: { json: { q: "{{query.q}}" } }
  /feed.xml: { inline: "<t a='{{query.q}}'>{{query.q}}</t>" }
  /site.js: { inline: "f({{json query.q}})" }
  /page:
    inline: "<p title='{{query.q}}' data-q=\"{{json query.q}}\">{{query.q}}{{json query.q}}"
  /begins: { inline: "{{json query.q}}<script>f({{json query.q}})</script>" }
  /file: { template: file.html.hbs }
  /marked: { inline: "{{markdown query.q untrusted=true}}" }
  /typed: { redirect: "/å b/[1]?q=<{{query.q}}>%20#é" }
  /to/{name}: { redirect: "/page?q={{params.name}}&b={{query.q}}" }
  /at/{name}:
    inline: >-
      <link rel=canonical href='{{host}}{{path}}'><a href='{{path}}?q={{urlencode query.q}}'>
"#;

/// `"><b a='b'>&</b>`, percent-encoded.
const Q: &str = "%22%3E%3Cb%20a=%27b%27%3E%26%3C/b%3E";

fn site() -> Site {
    let site = Site::with(SITE).file("templates/a.hbs", "{ \"q\": {{json query.q}} }");
    let site = site.file("templates/page.txt.hbs", "<p>{{query.q}}</p>");
    let page = "<p>{{json query.q}}<script>{{> call}}</script>{{#if site}}{{else}}{{json query.q}}\
                {{/if}}{{{json query.q}}}";
    site.file("templates/file.html.hbs", page).file("templates/call.hbs", "f({{json query.q}})")
}

#[tokio::test]
async fn what_a_visitor_writes_is_escaped_by_the_type_that_is_sent() {
    let larder = Larder::serve(&site(), MEMORY);
    let html = "&quot;&gt;&lt;b a&#x3D;&#x27;b&#x27;&gt;&amp;&lt;/b&gt;";
    let json = r#""\"\u003e\u003cb a=\u0027b\u0027\u003e\u0026\u003c/b\u003e""#;
    let in_html = json.replace('"', "&quot;").replace('=', "&#x3D;");
    for (path, expected) in [
        ("/x.txt", format!("{{ \"q\": {json} }}")),
        ("/page.txt", format!("<p>{html}</p>")),
        ("/text", "\"><b a='b'>&</b>".to_owned()),
        ("/table.csv", "\"><b a='b'>&</b>".to_owned()),
        ("/data", r#"{"q":"\"><b a='b'>&</b>"}"#.to_owned()),
        ("/site.js", format!("f({json})")),
        ("/page", format!("<p title='{html}' data-q=\"{in_html}\">{html}{in_html}")),
        ("/begins", format!("{in_html}<script>f({json})</script>")),
        ("/file", format!("<p>{in_html}<script>f({json})</script>{in_html}{json}")),
    ] {
        assert_eq!(larder.get(&format!("{path}?q={Q}")).await.text(), expected, "{path}");
    }
    let feed = larder.get(&format!("/feed.xml?q={Q}")).await.text().to_owned();
    assert!(!feed.contains("<b") && !feed.contains("='b'"), "{feed}");
    let marked = larder.get(&format!("/marked?q={Q}%20[a](javascript:f)%20[b](http://b/)")).await;
    assert!(!marked.text().contains("<b") && !marked.text().contains("javascript"), "{marked:?}");
    assert!(marked.text().contains("<a href=\"http://b/\""), "{marked:?}");
    let missing = larder.request("GET", &format!("/none/{Q}"), &[("accept", "text/html")]).await;
    assert_eq!(missing.text(), format!("<p title=\"/none/{html}\">Not Found</p>"));
}

#[tokio::test]
async fn text_that_a_visitor_writes_is_never_taken_for_a_page() {
    let larder = Larder::serve(&site(), MEMORY);
    for path in ["/text", "/table.csv", "/said"] {
        let answer = larder.get(&format!("{path}?q={Q}")).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let missing = larder.request("GET", "/none", &[("accept", "text/html")]).await;
    assert_eq!(missing.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn an_address_that_a_visitor_has_a_part_in_leads_where_the_file_says() {
    let larder = Larder::serve(&site(), MEMORY);
    let to = larder.get(&format!("/to/{}?q={Q}", Q.replace('/', "%2F"))).await;
    let q = "%22%3E%3Cb%20a%3D%27b%27%3E%26%3C%2Fb%3E";
    assert_eq!(to.header("location"), format!("/page?q={q}&b={q}"));
    let typed = larder.get(&format!("/typed?q={Q}")).await;
    assert_eq!(typed.header("location"), format!("/%C3%A5%20b/[1]?q=%3C{q}%3E%20#%C3%A9"));
    let page = larder.get("/at/%2F%2Fevil.example?q=//evil.example").await;
    let (path, q) = ("/at///evil.example", "%2F%2Fevil.example");
    let expected =
        format!("<link rel=canonical href='https://shop.example{path}'><a href='{path}?q={q}'>");
    assert_eq!(page.text(), expected);
}

#[test]
fn an_address_of_values_is_refused_where_it_can_begin_with_two_slashes() {
    for (path, page, is_good) in [
        ("/at/{name}", "<a href='{{path}}'>", true),
        ("/v{name}", "<a href='{{path}}'>", true),
        ("/{name}", "<a href='{{path}}'>", false),
        ("/{*rest}", "<form action='{{path}}'>", false),
        ("/{id:int}", "<a href='{{path}}'>", true),
        ("/{*rest}", "<a href='https://shop.example{{path}}'>", true),
        ("/at/{name}", "<a href='/{{path}}'>", false),
        ("/at/{name}", "<a title={{path}}>", false),
        ("/p/{*rest}", "<a href='/{{urlencode params.rest}}/{{urlencode query.q}}'>", false),
        ("/p/{name}", "<a href='/{{urlencode params.name}}/{{urlencode query.q}}'>", true),
        ("/p/{id:slug}", "<a href='/{{params.id}}/{{urlencode query.q}}'>", true),
        ("/p", "<a href='/{{site.lang}}/{{urlencode query.q}}'>", true),
        ("/p", "<a href='/{{site.none}}/{{urlencode query.q}}'>", false),
        ("/p", "<a href='/{{language}}/{{urlencode query.q}}'>", true),
    ] {
        let site = Site::with(&format!(
            "languages: [en]\ndata: {{ site: {{ lang: en, none: '' }} }}\n\
             routes: {{ \"{path}\": {{ inline: \"{page}\" }} }}\n"
        ));
        let checked = check(&site, &[]);
        let said = String::from_utf8_lossy(&checked.stderr);
        assert_eq!(checked.status.success(), is_good, "{path} {page}: {said}");
        assert_eq!(said.contains("input_in_code"), !is_good, "{path} {page}: {said}");
    }
}
