//! Documents.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, texts};

/// A handbook of this many chapters, each of which says something of its own.
fn handbook(chapters: usize) -> String {
    let chapter = |number: usize| {
        let filler = format!("Chapter {number} goes on about the routine of day {number}. ").repeat(40);
        format!(
            "## Chapter {number}\n\nThe code of door {number} is {}.\n\n{filler}\n\n",
            7000 + number
        )
    };
    format!(
        "# Handbook\n\nWelcome.\n\n{}",
        (1..=chapters).map(chapter).collect::<String>()
    )
}

async fn store(app: &TestApp, body: Value) -> (StatusCode, Value) {
    let answer = app.post("/documents", body).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_document_is_cut_found_replaced_and_deleted_as_a_whole() {
    let app = TestApp::start().await;
    let text = handbook(8);
    let body = |text: &str| json!({"id": "handbook/1", "text": text, "format": "markdown", "title": "Handbook", "tags": ["work"]});
    let (status, stored) = store(&app, body(&text)).await;
    assert_eq!(
        (status, &stored["id"], &stored["bytes"]),
        (StatusCode::CREATED, &json!("handbook/1"), &json!(text.len()))
    );
    let count = stored["contexts"].as_u64().unwrap();
    assert!(count >= 8, "{stored}");

    let search = json!({"query": "Which code has door 5?", "limit": 1, "neighbours": 1, "filter": {"document_id": "handbook/1"}});
    let found = app.post("/contexts/search", search).await.body;
    let hit = &found["contexts"][0];
    assert!(hit["text"].as_str().unwrap().contains("7005"), "{hit}");
    assert_eq!(hit["document_id"], "handbook/1");
    assert_eq!(hit["headings"], json!(["Handbook", "Chapter 5"]));
    assert_eq!(hit["tags"], json!(["work"]));
    let (offset, length) = (hit["offset"].as_u64().unwrap(), hit["length"].as_u64().unwrap());
    let range = usize::try_from(offset).unwrap()..usize::try_from(offset + length).unwrap();
    assert_eq!(&text[range], hit["text"].as_str().unwrap());
    let (before, after) = (&hit["neighbours"]["before"], &hit["neighbours"]["after"]);
    assert_eq!(
        (before.as_array().unwrap().len(), after.as_array().unwrap().len()),
        (1, 1)
    );
    let end = before[0]["offset"].as_u64().unwrap() + before[0]["length"].as_u64().unwrap();
    assert!(end <= offset && after[0]["offset"].as_u64().unwrap() >= offset + length);

    let summary = app.get("/api/v1/documents/handbook%2F1").await.body;
    assert_eq!(
        (&summary["title"], &summary["format"], &summary["contexts"]),
        (&json!("Handbook"), &json!("markdown"), &json!(count))
    );
    assert_eq!(
        app.get("/api/v1/documents").await.body["documents"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    assert_eq!(store(&app, body(&text)).await, (StatusCode::OK, stored));
    let (status, shorter) = store(&app, body(&handbook(2))).await;
    assert_eq!(status, StatusCode::CREATED);
    let page = app.get("/api/v1/contexts?limit=1000").await.body;
    assert_eq!(texts(&page).len() as u64, shorter["contexts"].as_u64().unwrap());
    assert!(!texts(&page).iter().any(|text| text.contains("7005")));

    let deleted = app.call("DELETE", "/api/v1/documents/handbook%2F1", Value::Null).await;
    assert_eq!(deleted.body["deleted"], shorter["contexts"]);
    app.get("/api/v1/documents/handbook%2F1")
        .await
        .problem(404, "not_found");
    assert!(texts(&app.get("/api/v1/contexts").await.body).is_empty());
}

#[tokio::test]
async fn neighbours_of_the_first_and_the_last_part_are_in_order_and_within_the_budget() {
    let app = TestApp::start().await;
    store(&app, json!({"id": "d", "text": handbook(6), "format": "markdown"})).await;
    let hit = async |query: &str, more: Value| {
        let mut body = json!({"query": query, "limit": 1, "neighbours": 5});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post("/contexts/search", body).await.body
    };
    let numbers = |parts: &Value| {
        let offsets = parts
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["offset"].as_u64().unwrap());
        offsets.collect::<Vec<_>>()
    };
    let first = hit("Welcome", json!({})).await;
    let after = numbers(&first["contexts"][0]["neighbours"]["after"]);
    assert_eq!(
        numbers(&first["contexts"][0]["neighbours"]["before"]),
        Vec::<u64>::new()
    );
    assert!(after.len() == 5 && after.is_sorted(), "{after:?}");
    let second = hit("code of door 2", json!({})).await;
    let before = numbers(&second["contexts"][0]["neighbours"]["before"]);
    assert_eq!(before.first(), Some(&0), "{before:?}");

    let tight = hit("code of door 3", json!({"max_tokens": 600})).await;
    assert!(tight["total_tokens"].as_u64().unwrap() <= 600, "{tight}");
    let bad = json!({"query": "x", "neighbours": 6});
    app.post("/contexts/search", bad).await.problem(400, "invalid_request");
}

#[tokio::test]
async fn bad_documents_are_refused_and_change_nothing() {
    let app = TestApp::start().await;
    for (body, pointer) in [
        (json!({"text": " \n", "format": "text"}), "/text"),
        (json!({"text": "a\u{0}b", "format": "text"}), "/text"),
        (json!({"text": "x", "format": "pdf"}), "/format"),
        (json!({"text": "x", "format": "text", "id": ""}), "/id"),
        (json!({"text": "x", "format": "text", "scope": "/"}), "/scope"),
        (json!({"text": "<script>x</script>", "format": "html"}), "/text"),
        (json!({"text": "x", "format": "text", "importance": 2}), "/importance"),
    ] {
        let refused = app.post("/documents", body.clone()).await;
        assert_eq!(refused.problem(400, "invalid_request"), [pointer], "{body}");
    }
    let large = json!({"text": "x ".repeat(5_300_000), "format": "text"});
    app.post("/documents", large).await.problem(413, "payload_too_large");
    assert!(texts(&app.get("/api/v1/contexts").await.body).is_empty());
}

#[tokio::test]
async fn documents_of_two_users_may_have_one_id() {
    let app = TestApp::start().await;
    let body = |user: &str, text: &str| json!({"id": "notes", "text": text, "format": "text", "user_id": user});
    store(&app, body("ann", "Ann's notes.")).await;
    store(&app, body("bob", "Bob's notes.")).await;
    store(&app, body("ann", "Ann's other notes.")).await;
    let mut all = texts(&app.get("/api/v1/contexts").await.body);
    all.sort();
    assert_eq!(all, ["Ann's other notes.", "Bob's notes."]);
    let of_bob = app.get("/api/v1/documents?user_id=bob").await.body;
    assert_eq!(of_bob["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_format_is_cut() {
    let app = TestApp::start().await;
    for (format, text) in [
        ("text", "One paragraph about zebras.\n\nAnother about quaggas."),
        ("markdown", "# Zebras\n\nThey have stripes."),
        ("html", "<h1>Zebras</h1><p>They have <b>stripes</b>.</p>"),
        ("code", "fn zebra() {\n    stripes();\n}\n"),
    ] {
        let (status, stored) = store(&app, json!({"id": format, "text": text, "format": format})).await;
        assert_eq!(
            (status, &stored["contexts"]),
            (StatusCode::CREATED, &json!(1)),
            "{format}"
        );
    }
    assert_eq!(
        app.found(json!({"query": "zebra stripes", "filter": {"document_id": "code"}}))
            .await
            .len(),
        1
    );
}
