//! Requests with a body: what `body` is in templates, and what is refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::{Client, Larder, MEMORY, PATIENCE, Site, both_stores, eventually, raw};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

const SITE: &str = r#"
languages: [en, no]
errors: { 413: { inline: "<h1>too much</h1>" } }
routes:
  /: { body: home }
  POST /login:
    fields:
      name: { required: true, max_length: 20 }
      age: { type: int, min: 1 }
      role: { enum: [cook, guest], default: guest }
    status: 201
    json:
      hello: "{{body.name}}"
      age: "{{body.age}}"
      role: "{{body.role}}"
      more: "{{body.more}}"
  POST /page: { inline: "<p>{{body.name}}</p>{{#if body.user}}{{body.user.name}}{{/if}}" }
  POST /sum: { fields: { n: int }, inline: "{{add body.n 1}}" }
  POST /all: { json: { all: "{{body}}" } }
  PUT /each:
    inline: "{{#each body.items}}[{{this}}]{{/each}}{{len body.items}}"
    content_type: text/plain
  POST /static: { fields: { name: { required: true } }, body: done, cors: "*" }
  POST /away: { fields: { name: { required: true } }, redirect: /, status: 303 }
  POST /blind: { body: blind }
  DELETE /things/{id:int}: { inline: "{{params.id}} {{query.why}} {{body.note}} {{language}}" }
  POST /helpers:
    inline: >-
      {{upper body.x}}{{truncate body.x 3}}{{join body.x ","}}{{len body.x}}{{default body.x "d"}}
      {{#each (sort body.x "a")}}{{this}}{{/each}}{{#each (where body.x "a" 1)}}{{this}}{{/each}}
      {{urlencode body.x}}{{replace body.x "a" "b"}}{{#each (split body.x ",")}}{{this}}{{/each}}
      {{#each (reverse body.x)}}{{this}}{{/each}}{{eq body.x 1}}{{lt body.x body.y}}
      {{contains body.x "a"}}{{concat body.x 1}}{{#with (find body.x "a" 1)}}{{b}}{{/with}}
      {{#each (group body.x "a")}}{{@key}}{{/each}}{{markdown body.x untrusted=true}}
      {{lookup body.x "a"}}{{body.x.a.b.c}}{{body.x.[0].a}}{{json body.x}}
      {{#each body.x}}{{this}}{{@key}}{{/each}}{{#with body.x}}{{a}}{{/with}}
"#;

fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, text): &(&str, &str)| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--edge--\r\n"
}

#[tokio::test]
async fn fields_are_read_from_every_form_of_body_and_by_both_protocols() {
    both_stores(async |store| {
        let larder = Larder::serve(&Site::with(SITE), store);
        let form = multipart(&[("name", "ada"), ("age", "36"), ("more", "x")]);
        let clients = [larder.client(), Client::of_http2(&larder.address)];
        for client in &clients {
            for (header, body) in [
                (JSON, r#"{"name":"ada","age":36,"more":"x"}"#),
                (JSON, r#"{"more":"x","age":"36","name":"ada"}"#),
                (FORM, "name=ada&age=036&more=x"),
                (("content-type", "multipart/form-data; boundary=edge"), &form),
            ] {
                let sent = client.send("POST", "/login", &[header], body.as_bytes()).await;
                let answer = sent.expect("an answer");
                assert_eq!(answer.status, 201, "{body}: {}", answer.text());
                let expected = r#"{"hello":"ada","age":36,"role":"guest","more":"x"}"#;
                assert_eq!(answer.text(), expected, "{body}");
                assert_eq!(answer.cache(), "larder; fwd=bypass");
            }
        }
        let asked = (0..20).map(|turn| {
            let larder = &larder;
            async move {
                let body = format!(r#"{{"name":"n{turn}"}}"#);
                let answer = larder.send("POST", "/login", &[JSON], &body).await;
                assert!(answer.text().contains(&format!("\"n{turn}\"")), "{}", answer.text());
                assert!(answer.text().contains(r#""age":null"#), "of no other request");
            }
        });
        join_all(asked).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_body_says_is_a_value_and_what_it_leaves_out_is_empty() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for (method, path, header, body, expected) in [
        ("POST", "/page", JSON, r#"{"name":"<b>","user":{"name":"&"}}"#, "<p>&lt;b&gt;</p>&amp;"),
        ("POST", "/page", JSON, r#"{"user":[1]}"#, "<p></p>"),
        ("POST", "/page", JSON, "[1]", "<p></p>"),
        ("POST", "/page", FORM, "", "<p></p>"),
        ("POST", "/sum", JSON, r#"{"n":41}"#, "42"),
        ("POST", "/all", JSON, r#"{"b":[1,{"c":null}],"a":"x"}"#, {
            r#"{"all":{"b":[1,{"c":null}],"a":"x"}}"#
        }),
        ("POST", "/all", JSON, "[1,2]", r#"{"all":[1,2]}"#),
        ("PUT", "/each", JSON, r#"{"items":["a",2]}"#, "[a][2]2"),
        ("DELETE", "/things/7?why=old", FORM, "note=gone", "7 old gone en"),
        ("POST", "/static", FORM, "name=x", "done"),
        ("POST", "/away", FORM, "name=x", ""),
        ("POST", "/blind", ("content-type", "text/csv"), "a,b", "blind"),
    ] {
        let answer = larder.send(method, path, &[header], body).await;
        assert_eq!(answer.text(), expected, "{method} {path} {body}");
        assert!(answer.status.as_u16() < 400, "{method} {path} {body}");
    }
    let away = larder.send("POST", "/away", &[FORM], "name=x").await;
    assert_eq!((away.status.as_u16(), away.header("location")), (303, "/"));
}

#[tokio::test]
async fn a_body_that_does_not_do_is_refused_with_what_is_wrong() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let large = format!("name={}", "x".repeat(1 << 20));
    let gzip = [JSON, ("content-encoding", "gzip")];
    for (path, headers, body, status, said) in [
        ("/login", &[JSON][..], "{}", 422, "`name` is required"),
        ("/login", &[JSON], r#"{"name":"ada","age":0}"#, 422, "`age` must be at least 1"),
        ("/login", &[FORM], "name=ada&role=king", 422, "`role` must be one of"),
        ("/login", &[FORM], "name=ada&name=eve", 422, "`name` is given more than once"),
        ("/login", &[], "", 422, "`name` is required"),
        ("/static", &[FORM], "other=x", 422, "`name` is required"),
        ("/away", &[FORM], "other=x", 422, "`name` is required"),
        ("/login", &[JSON], "{", 400, "not JSON"),
        ("/login", &[FORM], "name=%ff", 400, "not UTF-8"),
        ("/page", &[("content-type", "text/plain")], "name=x", 415, "application/json"),
        ("/page", &[], "name=x", 415, "application/json"),
        ("/page", &gzip, "{}", 415, "Content-Encoding"),
        ("/page", &[FORM], &large, 413, "larger"),
        ("/blind", &[FORM], &large, 413, "larger"),
    ] {
        let answer = larder.send("POST", path, headers, body).await;
        let what = format!("{path} {body:.30}: {}", answer.text());
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        assert!(answer.text().contains(said), "{what}");
    }
    let named = larder.send("POST", "/login", &[JSON], "{}").await.json();
    assert_eq!(named["parameter"], "name");
    let origin = [JSON, ("origin", "https://a.example")];
    let shared = larder.send("POST", "/static", &origin, "{").await;
    assert_eq!(shared.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn whatever_is_in_a_body_no_helper_fails_on_it() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for value in [
        "null",
        "true",
        "1",
        "-1.5e300",
        "\"\"",
        "\"a,b\"",
        "[]",
        "{}",
        "[1,\"a\",null,[2]]",
        "[{\"a\":1,\"b\":{}},{\"a\":[1]},[],\"x\"]",
        "{\"a\":1}",
        "{\"a\":[{\"b\":{\"c\":[]}}]}",
        "{\"a\":{\"b\":[1]},\"0\":[]}",
        "{\"\":{\"\":\"\"}}",
    ] {
        let body = format!(r#"{{"x":{value},"y":{value},"items":{value},"user":{value}}}"#);
        for (method, path) in [("POST", "/helpers"), ("POST", "/page"), ("PUT", "/each")] {
            let answer = larder.send(method, path, &[JSON], &body).await;
            assert_eq!(answer.status, 200, "{path} {value}: {}", answer.text());
        }
    }
}

/// Sends a head, and the body once it is asked for; all that comes back.
fn expecting(address: &str, path: &str, body: &str, content_type: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a deadline");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
         content-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let (mut answer, mut bytes) = (String::new(), [0; 1024]);
    let mut is_sent = false;
    loop {
        let count = stream.read(&mut bytes).expect("an answer");
        answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if count == 0 {
            return answer;
        }
        if !is_sent && answer.starts_with("HTTP/1.1 100") {
            stream.write_all(body.as_bytes()).expect("sent");
            is_sent = true;
        }
    }
}

#[tokio::test]
async fn who_waits_to_be_told_to_go_on_is_told_so_only_where_the_body_is_wanted() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let form = "application/x-www-form-urlencoded";
    let taken = expecting(&larder.address, "/page", "name=ada", form);
    assert!(taken.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), "{taken}");
    assert!(taken.contains("<p>ada</p>"), "{taken}");
    let refused = expecting(&larder.address, "/page", "name=ada", "text/plain");
    assert!(refused.starts_with("HTTP/1.1 415"), "{refused}");
    let large = expecting(&larder.address, "/page", &"x".repeat((1 << 20) + 1), form);
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
}

/// Bodies that are nearly as large as they may be, and never end.
#[tokio::test]
async fn bodies_that_are_being_read_have_a_bound_together() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let (large, large_text) = (1 << 20, "x".repeat((1 << 20) - 1));
    let open = || {
        let mut stream = TcpStream::connect(&larder.address).expect("a connection");
        let head = format!(
            "POST /page HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {large}\r\n\r\n"
        );
        // Whom there is no room for is told so, and need not take all of it.
        let _told = stream.write_all(head.as_bytes());
        let _told = stream.write_all(large_text.as_bytes());
        stream
    };
    let streams: Vec<_> = (0..70).map(|_| open()).collect();
    eventually("there is no more room", PATIENCE, async || {
        let answer = larder.send("POST", "/page", &[JSON], "{}").await;
        let is_told = answer.status == 503 && answer.header("retry-after") == "1";
        assert!(is_told || answer.status == 200, "{answer:?}");
        is_told.then_some(())
    })
    .await;
    // What reads no body is answered as ever.
    assert_eq!(larder.get("/").await.text(), "home");
    assert_eq!(larder.send("POST", "/blind", &[JSON], "{}").await.text(), "blind");
    drop(streams);
    eventually("there is room again", PATIENCE, async || {
        let answer = larder.send("POST", "/page", &[JSON], "{}").await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_in_pieces_and_a_get_has_none() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let pieces = "POST /page HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                  transfer-encoding: chunked\r\n\r\n8\r\n{\"name\":\r\n6\r\n\"ada\"}\r\n0\r\n\r\n";
    let get = "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";
    let last = "POST /page HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answers = raw(&larder.address, &format!("{pieces}{get}{last}"));
    let at = |text: &str| answers.find(text).unwrap_or_else(|| panic!("no {text} in {answers}"));
    assert!(at("<p>ada</p>") < at("home") && at("home") < at("<p></p>"), "{answers}");
}

#[tokio::test]
async fn the_openapi_document_tells_the_body() {
    let site = Site::with(&format!("server: {{ docs: /docs }}\n{SITE}"));
    let larder = Larder::serve(&site, MEMORY);
    let document = larder.get("/openapi.json").await.json();
    let body = &document["paths"]["/login"]["post"]["requestBody"];
    assert_eq!(body["required"], true);
    for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let schema = &body["content"][kind]["schema"];
        assert_eq!(schema["required"], serde_json::json!(["name"]), "{kind}");
        assert_eq!(schema["properties"]["age"]["type"], "integer", "{kind}");
        assert_eq!(schema["properties"]["more"], serde_json::json!({}), "{kind}");
    }
    let responses = &document["paths"]["/login"]["post"]["responses"];
    for status in ["201", "400", "413", "415", "422"] {
        assert!(responses[status].is_object(), "{status}: {responses}");
    }
    assert!(document["paths"]["/blind"]["post"]["requestBody"].is_null());
}

#[tokio::test]
async fn an_edit_of_a_field_is_live_and_said() {
    let site = Site::with(SITE);
    let larder = Larder::serve(&site, MEMORY);
    let line = larder.logs_after("reloaded", || site.replace("routes.yaml", "min: 1", "min: 40"));
    assert!(line.contains("= POST /login (fields)"), "{line}");
    let answer = larder.send("POST", "/login", &[FORM], "name=a&age=36").await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}

#[tokio::test]
async fn the_site_for_who_works_on_it_reads_bodies_too() {
    let larder = Larder::dev(&Site::with(SITE), &[]);
    let browser = [FORM, ("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")];
    for headers in [&[FORM][..], &browser] {
        let answer = larder.send("POST", "/page", headers, "name=ada").await;
        assert!(answer.text().contains("<p>ada</p>"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_status_is_the_one_that_the_conditions_choose() {
    let site = Site::with(
        r#"
data: { jars: [plum, fig] }
routes:
  POST /order:
    status: "{{#if (contains jars body.jar)}}201{{else if body.jar}}409{{else}} 422 {{/if}}"
    json: { jar: "{{body.jar}}" }
  POST /quiet: { body: "", status: "{{#eq query.way 'no'}}404{{else}}204{{/eq}}" }
  PUT /page:
    inline: "<p>{{query.a}}</p>"
    status: "{{#unless query.a}}400{{else}}202{{/unless}}"
server: { docs: /docs }
"#,
    );
    let larder = Larder::serve(&site, MEMORY);
    for (method, path, body, status, text) in [
        ("POST", "/order", "jar=fig", 201, r#"{"jar":"fig"}"#),
        ("POST", "/order", "jar=oil", 409, r#"{"jar":"oil"}"#),
        ("POST", "/order", "", 422, r#"{"jar":null}"#),
        ("POST", "/quiet", "", 204, ""),
        ("POST", "/quiet?way=no", "", 404, ""),
        ("PUT", "/page?a=1", "", 202, "<p>1</p>"),
        ("PUT", "/page", "", 400, "<p></p>"),
    ] {
        let answer = larder.send(method, path, &[FORM], body).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, text), "{path} {body}");
    }
    let document = larder.get("/openapi.json").await.json();
    let responses = &document["paths"]["/order"]["post"]["responses"];
    assert!(["201", "409", "422"].iter().all(|status| responses[status].is_object()));
    let line = larder.logs_after("reloaded", || site.replace("routes.yaml", "409", "403"));
    assert!(line.contains("~ POST /order"), "{line}");
    assert_eq!(larder.send("POST", "/order", &[FORM], "jar=oil").await.status, 403);
}
