//! Swagger UI and the OpenAPI document: what they tell is what the site does.

use crate::harness::{Larder, MEMORY, Site};

const SITE: &str = r#"
server: { docs: /docs }
routes:
  /users/{id:int}:
    summary: One user
    json: { id: "{{params.id}}", page: "{{query.page}}" }
    query: { page: { type: int, default: 1, min: 1, max: 9, description: Which one } }
  POST /users: { status: 201, body: { made: true } }
  /old: { redirect: /users/1 }
"#;

#[tokio::test]
async fn the_document_tells_parameters_bounds_and_answers() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let document = larder.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let user = &document["paths"]["/users/{id}"]["get"];
    assert_eq!(user["summary"], "One user");
    assert_eq!(user["operationId"], "users-id");
    let parameters = user["parameters"].as_array().expect("parameters");
    assert_eq!(parameters[0]["in"], "path");
    assert_eq!(parameters[0]["schema"]["type"], "integer");
    let page = serde_json::json!({
        "name": "page", "in": "query", "required": false, "description": "Which one",
        "schema": { "type": "integer", "default": 1, "minimum": 1, "maximum": 9 },
    });
    assert_eq!(parameters[1], page);
    let answers = |operation: &serde_json::Value| -> Vec<String> {
        operation["responses"].as_object().expect("responses").keys().cloned().collect()
    };
    assert_eq!(answers(user), ["200", "304", "400", "404", "422"]);
    assert_eq!(answers(&document["paths"]["/users"]["post"]), ["201", "400"]);
    assert_eq!(answers(&document["paths"]["/old"]["get"]), ["302", "400"]);
}

#[tokio::test]
async fn an_edit_is_in_the_document_at_once() {
    let site = Site::with(SITE);
    let larder = Larder::serve(&site, MEMORY);
    larder.get("/openapi.json").await;
    larder.reloads_after(|| site.replace("routes.yaml", "max: 9", "max: 8"));
    let document = larder.get("/openapi.json").await.json();
    let page = &document["paths"]["/users/{id}"]["get"]["parameters"][1];
    assert_eq!(page["schema"]["maximum"], 8);
}

#[tokio::test]
async fn swagger_ui_is_where_the_file_says_and_nowhere_else() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    let moved = larder.get("/docs").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, "/docs/"));
    let page = larder.get("/docs/").await;
    assert!(page.text().contains("swagger-ui"), "{}", page.text());
    let script = larder.get("/docs/swagger-ui-bundle.js").await;
    assert_eq!(script.status, 200);
    assert!(larder.get("/docs/swagger-initializer.js").await.text().contains("/openapi.json"));
    assert_eq!(larder.get("/docs/nothing").await.status, 404);
    // What is in memory does not stand before them.
    let all = "server: { docs: /docs }\nroutes:\n  /{*rest}: { body: any, key: \"k:{{route}}\" }\n";
    let all = Larder::serve(&Site::with(all), MEMORY);
    for path in ["/x", "/x"] {
        assert_eq!(all.get(path).await.text(), "any");
    }
    assert_eq!(all.get("/docs").await.status, 308);
    assert!(all.get("/openapi.json").await.text().contains("openapi"));
    let without = Larder::serve(&Site::with("routes:\n  /: { body: hello }\n"), MEMORY);
    for path in ["/docs", "/docs/", "/openapi.json"] {
        assert_eq!(without.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_pages_of_larders_own_are_in_no_frame_and_run_no_script_but_theirs() {
    let larder = Larder::serve(&Site::with(SITE), MEMORY);
    for path in ["/docs/", "/docs/swagger-initializer.js", "/openapi.json"] {
        let answer = larder.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    let page = larder.get("/docs/").await;
    for part in page.text().split("<script").skip(1) {
        let (attributes, rest) = part.split_once('>').expect("the end of a tag");
        let inline = rest.split("</script").next().expect("the end of a script");
        assert!(attributes.contains("src=\"./") && inline.trim().is_empty(), "{part}");
    }
}

#[tokio::test]
async fn the_document_has_the_sites_own_title_and_examples_from_its_bodies() {
    let site = Site::with(
        r#"
server: { docs: { path: /reference, title: The shop, version: "2.1", description: All of it } }
routes:
  /status: { body: { up: true, load: 0.5, hosts: [a, b], since: { year: 2026 } } }
  /word: { body: hello }
  /users/{id:int}: { json: { id: "{{params.id}}", name: "user {{params.id}}", tags: [x] } }
"#,
    );
    let larder = Larder::serve(&site, MEMORY);
    assert_eq!(larder.get("/reference/").await.status, 200);
    let document = larder.get("/openapi.json").await.json();
    let info = serde_json::json!({
        "title": "The shop", "version": "2.1", "description": "All of it",
    });
    assert_eq!(document["info"], info);
    let content = |path: &str, kind: &str| {
        document["paths"][path]["get"]["responses"]["200"]["content"][kind].clone()
    };
    let status = content("/status", "application/json");
    assert_eq!(status["example"], larder.get("/status").await.json());
    let properties = &status["schema"]["properties"];
    assert_eq!(properties["up"]["type"], "boolean");
    assert_eq!(properties["load"]["type"], "number");
    assert_eq!(properties["hosts"]["items"]["type"], "string");
    assert_eq!(properties["since"]["properties"]["year"]["type"], "integer");
    assert_eq!(content("/word", "text/plain")["example"], "hello");
    let user = content("/users/{id}", "application/json");
    // One expression keeps its type, which only a request knows.
    assert_eq!(user["schema"]["properties"]["id"], serde_json::json!({}));
    assert_eq!(user["schema"]["properties"]["name"]["type"], "string");
}
