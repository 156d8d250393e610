//! The OpenAPI document that is committed is the one the code makes, its examples are calls that work, and its shapes are
//! those that generators of clients read.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::TestApp;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
const EXAMPLES: &str = include_str!("../../src/api/openapi/examples.json");

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    let served = app.get("/openapi.json").await.body;
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap();
    assert_eq!(served["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    assert!(
        served == committed,
        "docs/openapi.json is stale; write it with: cargo run --release -- openapi > docs/openapi.json"
    );
}

/// Method, path and operation of each call.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let calls = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter()
            .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    calls
        .filter(|(.., operation)| operation["operationId"].is_string())
        .collect()
}

#[tokio::test]
async fn every_operation_has_an_example_and_every_example_answers_as_it_says() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.body;
    let operations = operations(&document);
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    let shown: HashSet<&str> = examples
        .iter()
        .map(|example| example["operation"].as_str().unwrap())
        .collect();
    let known: HashSet<&str> = operations
        .iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(shown, known);

    let mut snapshot = None;
    for example in examples.iter().filter(|example| example["runs"] != false) {
        let (method, path, operation) = operations
            .iter()
            .find(|(.., operation)| operation["operationId"] == example["operation"])
            .unwrap();
        let (name, is_stream) = (&example["operation"], path.ends_with("/events"));
        let mut path = (*path).to_owned();
        let mut query = Vec::new();
        for (name, value) in example["parameters"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // Its name is the server's to give.
            let value = if name == "name" {
                snapshot.clone().unwrap_or(value)
            } else {
                value
            };
            let place = format!("{{{name}}}");
            if path.contains(&place) {
                path = path.replace(&place, &value);
            } else {
                query.push(format!("{name}={value}"));
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let media = operation["requestBody"]["content"]
            .as_object()
            .and_then(|content| content.keys().next());
        let request = Request::builder().method(method.to_uppercase().as_str()).uri(&path);
        let request = match (&example["request"], media) {
            (Value::Null, _) | (_, None) => request.body(Body::empty()),
            (body, Some(media)) => {
                let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                request.header(header::CONTENT_TYPE, media).body(Body::from(body))
            }
        };
        if is_stream {
            let answer = app.raw(request.unwrap()).await;
            assert_eq!(u64::from(answer.status().as_u16()), example["status"], "{name}");
            continue;
        }
        let answer = app.send(request.unwrap()).await;
        assert_eq!(
            u64::from(answer.status.as_u16()),
            example["status"],
            "{name}: {}",
            answer.text
        );
        assert_same_shape(&example["response"], &answer.body, &name.to_string());
        if name == "create_snapshot" {
            snapshot = answer.body["name"].as_str().map(str::to_owned);
        }
    }
}

/// Checks that an example has the fields of the answer. Values differ: times, and what another test's server measures.
fn assert_same_shape(example: &Value, answer: &Value, at: &str) {
    match (example, answer) {
        (Value::Object(example), Value::Object(answer)) => {
            let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<HashSet<_>>();
            assert_eq!(names(example), names(answer), "{at}");
            for (name, value) in example {
                assert_same_shape(value, &answer[name], &format!("{at}/{name}"));
            }
        }
        (Value::Array(example), Value::Array(answer)) => {
            for (at_item, (example, answer)) in example.iter().zip(answer).enumerate() {
                assert_same_shape(example, answer, &format!("{at}/{at_item}"));
            }
        }
        // A second call has nothing to show; a text or a list of lines is no JSON.
        (Value::Null, _)
        | (Value::String(_) | Value::Number(_), Value::Null)
        | (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{at}: {example} is not like {answer}"),
    }
}

#[tokio::test]
async fn shapes_are_those_that_generators_read() {
    fn visit(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if fields.contains_key("allOf")
                    || fields
                        .get("oneOf")
                        .is_some_and(|parts| parts.as_array().unwrap().contains(&json!({"type": "null"})))
                {
                    found.push(at.to_owned());
                }
                fields
                    .iter()
                    .for_each(|(name, field)| visit(field, &format!("{at}/{name}"), found));
            }
            Value::Array(items) => items.iter().for_each(|item| visit(item, at, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.body;
    let mut found = Vec::new();
    visit(&document, "", &mut found);
    assert_eq!(found, [""; 0]);
    for (method, path, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let content = answer["content"].as_object();
            let kinds: Vec<&String> = content.into_iter().flat_map(|content| content.keys()).collect();
            if status.starts_with(['4', '5']) {
                assert_eq!(kinds, ["application/problem+json"], "{method} {path} {status}");
            }
        }
    }
    // Python's leading generator knows JSON lines only as a file.
    let import = &document["paths"]["/api/v1/admin/import"]["post"]["requestBody"]["content"];
    for media in ["application/x-ndjson", "application/octet-stream"] {
        assert_eq!(import[media]["schema"], json!({"type": "string", "format": "binary"}));
    }
}

#[tokio::test]
async fn the_reference_page_shows_every_operation_and_loads_from_its_origin_only() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.body;
    let page = app.get("/docs").await;
    assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    for (.., operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.text.contains(&format!("<article id=\"{id}\">")), "{id}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.text.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for elsewhere in ["src=", "href=\"http", "<script"] {
        assert!(!page.text.contains(elsewhere), "{elsewhere}");
    }
    let style = app.get("/docs/style.css").await;
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
}
