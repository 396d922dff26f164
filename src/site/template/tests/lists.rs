use serde_json::json;

use super::{reads_of, render};

fn grouped(template: &str) -> String {
    let posts = json!({ "posts": [
        { "t": "a", "tags": ["jam", "fig"] },
        { "t": "b", "tags": ["jam", "jam"] },
        { "t": "c", "tags": [] },
        { "t": "d", "tags": "fig" },
        { "t": "e" },
        { "t": "f", "tags": [1, "1", { "x": 1 }] },
    ]});
    render(&[("page.txt.hbs", template)], "page.txt.hbs", &posts).unwrap()
}

#[test]
fn an_item_is_in_the_group_of_each_value_of_its_list() {
    let all = "{{#each (group posts \"tags\")}}{{key}}:{{#each items}}{{t}}{{/each}} {{/each}}";
    assert_eq!(grouped(all), "jam:ab fig:ad :e 1:f [object]:f ");
    let keys = "{{#each (group posts \"tags\")}}{{key.x}}{{/each}}";
    assert_eq!(grouped(keys), "1");
}

#[test]
fn what_a_group_is_made_from_is_read() {
    let files = [("p.html.hbs", "{{#each (group posts \"tags\")}}{{key}}{{len items}}{{/each}}")];
    assert!(reads_of(&files, "p.html.hbs").contains(&"posts.*.tags.** optional".to_owned()));
}

#[test]
fn markdown_is_markup_in_html_and_text_in_xml_but_for_three_braces() {
    let body = json!({ "body": "*a* & b" });
    let of = |name: &str, text: &str| render(&[(name, text)], name, &body).unwrap();
    let (markup, text) =
        ("<p><em>a</em> &amp; b</p>\n", "&lt;p&gt;&lt;em&gt;a&lt;/em&gt; &amp;amp; b&lt;/p&gt;\n");
    assert_eq!(of("a.html.hbs", "{{markdown body}}"), markup);
    assert_eq!(of("a.txt.hbs", "{{markdown body}}"), markup);
    assert_eq!(of("a.xml.hbs", "{{markdown body}}"), text);
    assert_eq!(of("a.xml.hbs", "{{markdown body untrusted=true}}"), text);
    assert_eq!(of("a.xml.hbs", "{{{markdown body}}}"), markup);
}
