use serde_json::{Value, json};

use super::pattern;
use super::rules::{declare, declared};
use crate::config::{ParamConfig, ParamType};
use crate::site::route::rules::Rules;
use crate::site::route::{BodyForm, RawBody};

const MULTIPART: &str = "multipart/form-data; charset=utf-8; Boundary=\"a b\"";

fn rules(fields: &[ParamConfig]) -> Rules {
    let (rules, mut report) = Rules::new(&[], &[], &pattern("/"));
    let rules = rules.with_fields(fields, &mut report);
    assert!(report.is_empty(), "{report:?}");
    rules
}

fn parsed(content_type: &str, body: &[u8]) -> Result<Value, String> {
    let form = BodyForm::of(content_type).ok_or("415")?;
    let raw = RawBody::parse(&form, body)?;
    rules(&[]).body(raw).map_err(|wrong| wrong.detail)
}

/// The parts of a form, each a head and a text.
fn multipart(parts: &[(&str, &str)]) -> String {
    let part = |(head, text): &(&str, &str)| {
        format!("--a b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--a b--\r\n"
}

#[test]
fn a_body_is_read_by_its_type() {
    let form = multipart(&[("name=\"a\"", "x y"), ("name=\"b\"", "one\r\ntwo --a b")]);
    for (content_type, body, expected) in [
        ("application/json", r#"{"a":{"b":[1,null]}}"#, json!({ "a": { "b": [1, null] } })),
        ("Application/Vnd.X+JSON; charset=utf-8", " [1, 2] ", json!([1, 2])),
        ("application/x-www-form-urlencoded", "a=x+y&b=%C3%A5&a=2&c", {
            json!({ "a": "x y", "b": "å", "c": "" })
        }),
        (MULTIPART, &form, json!({ "a": "x y", "b": "one\r\ntwo --a b" })),
    ] {
        let value = parsed(content_type, body.as_bytes());
        assert_eq!(value, Ok(expected), "{content_type}");
    }
    for content_type in [
        "text/plain",
        "application/jsonp",
        "multipart/mixed; boundary=a",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "",
    ] {
        assert_eq!(parsed(content_type, b"{}"), Err("415".into()), "{content_type}");
    }
}

#[test]
fn parts_of_a_form_are_read_as_browsers_write_them() {
    let part = |head: &str| parsed(MULTIPART, multipart(&[(head, "x")]).as_bytes());
    for (head, expected) in [
        ("name=a", json!({ "a": "x" })),
        ("name=\"a\"; size=3", json!({ "a": "x" })),
        ("name=\"a; b=c\"", json!({ "a; b=c": "x" })),
        ("name=\"a%22\\\"%0D%0A\"", json!({ "a\"\"\r\n": "x" })),
        ("name=\"å\"\r\nContent-Type: text/plain", json!({ "å": "x" })),
        ("name=\"\"", json!({ "": "x" })),
        ("name=\"up\"; filename=\"a.txt\"", json!({})),
        ("name=\"up\"; filename=\"\"\r\nContent-Type: application/octet-stream", json!({})),
    ] {
        assert_eq!(part(head), Ok(expected), "{head}");
    }
    let whole = multipart(&[("name=a", "x"), ("name=b", "")]);
    let with_preamble = format!("before\r\n{whole}after");
    assert_eq!(parsed(MULTIPART, with_preamble.as_bytes()), Ok(json!({ "a": "x", "b": "" })));
    assert_eq!(parsed(MULTIPART, b"--a b--"), Ok(json!({})));
    // Cut off anywhere it is malformed, whatever stands in it: nothing is taken for a whole.
    for length in 0..whole.len() - 4 {
        let cut = parsed(MULTIPART, &whole.as_bytes()[..length]);
        assert!(cut.is_err(), "{length} bytes gave {cut:?}");
    }
    for body in [
        "--a b\r\n\r\nx\r\n--a b--".to_owned(),
        "--a b\r\nX: form-data; name=a\r\n\r\nx\r\n--a b--".to_owned(),
        "--a bc\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--a b--".to_owned(),
        multipart(&[("size=3", "x")]),
        multipart(&vec![("name=a", "x"); 1001]),
    ] {
        assert!(parsed(MULTIPART, body.as_bytes()).is_err(), "{body:.80}");
    }
    assert!(parsed(MULTIPART, multipart(&vec![("name=a", "x"); 1000]).as_bytes()).is_ok());
    let no_text = [b"--a b\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--a b--"];
    assert!(parsed(MULTIPART, no_text[0]).is_err());
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let many = format!("[{}0]", "0,".repeat(10_000));
    for body in ["", "{", "{} {}", r#"{"a":1,"a":2}"#, r#"{"a":1e999}"#, "\u{feff}{}", &deep, &many]
    {
        assert!(parsed("application/json", body.as_bytes()).is_err(), "{body:.40}");
    }
    assert!(parsed("application/json", b"\"\xff\"").is_err());
    let text = format!("[{:?}]", ",[{\\\"".repeat(20_000));
    assert!(parsed("application/json", text.as_bytes()).is_ok(), "signs in a text are no values");
    for body in [&b"a=%ff"[..], b"a=\xff", "a&".repeat(1001).as_bytes()] {
        assert!(parsed("application/x-www-form-urlencoded", body).is_err(), "{:?}", body.first());
    }
}

#[test]
fn declared_fields_are_checked_alike_however_they_are_sent() {
    let fields = [
        ParamConfig { required: true, ..declare("name", ParamType::String) },
        ParamConfig { max_length: 3, ..declare("short", ParamType::String) },
    ];
    let rules = rules(&[&fields[..], &declared()].concat());
    let json = |value: Value| rules.body(RawBody::Json(value));
    let form = |text: &str| {
        let raw = RawBody::parse(&BodyForm::Urlencoded, text.as_bytes()).expect(text);
        rules.body(raw)
    };
    let whole = json!({ "name": "a", "lang": "no", "page": 7, "x": 1.5, "on": true, "free": "f" });
    assert_eq!(json(whole.clone()), Ok(whole.clone()));
    let texts = json!({ "name": "a", "lang": "no", "page": "07", "x": "1.5", "on": "true" });
    let mut of_texts = whole.clone();
    of_texts.as_object_mut().expect("an object").remove("free");
    assert_eq!(json(texts), Ok(of_texts));
    assert_eq!(form("name=a&lang=no&page=07&x=1.50&on=true&free=f&free=g"), Ok(whole));
    let absent = json!({ "name": "", "lang": "en", "page": 1 });
    assert_eq!(json(json!({ "name": "", "x": null })), Ok(absent.clone()));
    assert_eq!(form("name="), Ok(absent));
    let inner = json(json!({ "name": "a", "free": { "deep": [1] } })).expect("taken");
    assert_eq!(inner["free"], json!({ "deep": [1] }));
    for (sent, name, detail) in [
        (json!({}), "name", "is required"),
        (json!({ "name": null }), "name", "is required"),
        (json!({ "name": 1 }), "name", "must be text"),
        (json!({ "name": ["a"] }), "name", "must be text"),
        (json!({ "name": "a", "short": "four" }), "short", "has more than 3 characters"),
        (json!({ "name": "a", "page": 1.5 }), "page", "must be a whole number"),
        (json!({ "name": "a", "page": true }), "page", "must be a whole number"),
        (json!({ "name": "a", "page": 101 }), "page", "must be at most 100"),
        (json!({ "name": "a", "x": {} }), "x", "must be a number"),
        (json!({ "name": "a", "on": 1 }), "on", "must be true or false"),
        (json!({ "name": "a", "lang": "de" }), "lang", "must be one of: en, no"),
        (json!([1]), "name", "is a field of an object, and the body is none"),
    ] {
        let wrong = json(sent.clone()).expect_err("refused");
        assert_eq!((&*wrong.name, &*wrong.detail), (name, detail), "{sent}");
    }
    for (sent, name, detail) in [
        ("", "name", "is required"),
        ("name=a&name=b", "name", "is given more than once"),
        ("name=a&page=x", "page", "must be a whole number"),
    ] {
        let wrong = form(sent).expect_err("refused");
        assert_eq!((&*wrong.name, &*wrong.detail), (name, detail), "{sent}");
    }
}
