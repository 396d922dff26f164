use super::scalar;
use crate::site::key::InputKind;
use crate::site::template::{Part, TextTemplate};

fn compile(text: &str) -> Result<TextTemplate, String> {
    let yaml = format!("load: \"{text}\"");
    let text = scalar(&yaml, &format!("\"{text}\""), text);
    TextTemplate::compile(&text).map_err(|found| found.to_string())
}

#[test]
fn an_address_holds_text_and_plain_variables() {
    let text = compile("/u/{{params.id}}?x={{ query.a-b }}#{}").unwrap();
    let parts: Vec<String> = text
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Var(input, span) => format!("{input} {span}"),
            Part::Field(way, span) => format!("{way:?} {span}"),
        })
        .collect();
    assert_eq!(
        parts,
        ["/u/", "params.id routes.yaml:1:11", "?x=", "query.a-b routes.yaml:1:27", "#{}"]
    );
    let filled = text.render(|input| Some(format!("<{input}>")));
    assert_eq!(filled.as_deref(), Some("/u/<params.id>?x=<query.a-b>#{}"));
    assert_eq!(text.render(|input| (input.kind == InputKind::Query).then_some("")), None);
    let places: Vec<_> = text.reads().map(|(_, place)| place.to_string()).collect();
    assert_eq!(places, ["routes.yaml:1:11", "routes.yaml:1:27"]);
}

#[test]
fn an_address_refuses_what_it_cannot_hold() {
    let only = "(help: an address takes `{{params.name}}`, `{{query.name}}` and no more)";
    for (text, expected) in [
        (
            "/a/{{b",
            "routes.yaml:1:11: error[template_syntax]: `{{` is never closed \
                    (help: end it with `}}`)"
                .to_owned(),
        ),
        (
            "{{user.id}}",
            format!(
                "routes.yaml:1:8: error[unknown_variable]: an address cannot read \
                                 `user` {only}"
            ),
        ),
        (
            "{{upper params.id}}",
            format!(
                "routes.yaml:1:8: error[template_syntax]: \
                                         `{{{{upper params.id}}}}` is no plain variable {only}"
            ),
        ),
        (
            "{{}}",
            format!(
                "routes.yaml:1:8: error[template_syntax]: `{{{{}}}}` is no plain \
                          variable {only}"
            ),
        ),
        (
            "{{{params.id}}}",
            format!(
                "routes.yaml:1:8: error[template_syntax]: \
                                     `{{{{{{params.id}}}}` is no plain variable {only}"
            ),
        ),
    ] {
        assert_eq!(compile(text).unwrap_err(), expected);
    }
}
