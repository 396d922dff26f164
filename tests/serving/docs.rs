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
