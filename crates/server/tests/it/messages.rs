//! Messages of conversations.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::TestApp;

/// Messages as agents send them. Written out, as every byte counts.
const SENT: [&str; 6] = [
    r#"{"role": "user", "content": "Which  beans do you have?", "name":"ann","n":1.0}"#,
    r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"stock","arguments":"{\"kind\": \"beans\"}"}}]}"#,
    r#"{"type":"function_call_output","call_id":"call_1","output":"ethiopian, kenyan"}"#,
    r#"{"id":"rs_1","type":"reasoning","summary":[]}"#,
    r#"{"role":"assistant","content":[{"type":"output_text","text":"Ethiopian and Kenyan ones."}],"id":"__fake_id__"}"#,
    r#"{"role":"user","content":"ok"}"#,
];

async fn send(app: &TestApp, messages: &[&str]) -> Value {
    let body = format!(r#"{{"user_id": "ann", "messages": [{}]}}"#, messages.join(","));
    let request = axum::http::Request::post("/api/v1/sessions/s-1/messages")
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body))
        .unwrap();
    let answer = app.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn messages_come_back_byte_for_byte_in_order() {
    let app = TestApp::start().await;
    let stored = send(&app, &SENT).await;
    let results = stored["results"].as_array().unwrap();
    assert!(results.iter().all(|one| one["status"] == 201), "{stored}");
    assert_eq!(
        results
            .iter()
            .map(|one| one["context"]["role"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["user", "assistant", "tool", "assistant", "assistant", "user"]
    );
    assert_eq!(results[0]["context"]["level"], "immediate");
    assert_eq!(results[2]["context"]["origin"], "tool");

    let listed = app.get("/api/v1/sessions/s-1/messages").await;
    let sent = format!(r#""messages":[{}]"#, SENT.join(","));
    assert!(listed.text.contains(&sent), "{}", listed.text);
    assert_eq!(listed.body["ids"][0], results[0]["context"]["id"]);

    // Saying the same again is another message.
    send(&app, &[SENT[5]]).await;
    assert_eq!(
        app.get("/api/v1/sessions/s-1/messages").await.body["messages"]
            .as_array()
            .unwrap()
            .len(),
        7
    );
    let newest = app.get("/api/v1/sessions/s-1/messages?limit=2").await.body;
    assert_eq!(
        newest["messages"],
        json!([{"role": "user", "content": "ok"}, {"role": "user", "content": "ok"}])
    );
    let few = app.get("/api/v1/sessions/s-1/messages?max_tokens=3").await.body;
    assert!(
        few["total_tokens"].as_u64().unwrap() <= 3 && few["messages"].as_array().unwrap().len() >= 2,
        "{few}"
    );
}

#[tokio::test]
async fn messages_are_found_filtered_and_survive_the_move_between_levels() {
    let app = TestApp::with(|config| config.hirag.l1_cache_size = 2).await;
    send(&app, &SENT).await;
    let app = app.restart().await;
    let listed = app.get("/api/v1/sessions/s-1/messages").await;
    assert!(listed.text.contains(&SENT.join(",")), "{}", listed.text);
    let found = app
        .post(
            "/contexts/search",
            json!({"query": "kenyan beans", "filter": {"role": "tool"}}),
        )
        .await
        .body;
    assert_eq!(found["contexts"][0]["text"], "ethiopian, kenyan");
    let assembled = app
        .post(
            "/contexts/assemble",
            json!({"query": "Which beans?", "max_tokens": 300, "min_score": 0.0, "session_id": "s-1"}),
        )
        .await
        .body;
    let prompt = assembled["prompt"].as_str().unwrap();
    assert!(
        prompt.contains("Ethiopian and Kenyan ones.") && !prompt.contains("ethiopian, kenyan"),
        "{prompt}"
    );
}

#[tokio::test]
async fn popping_takes_each_message_once() {
    let app = TestApp::start().await;
    send(&app, &SENT).await;
    let pops = (0..8).map(|_| app.call("POST", "/api/v1/sessions/s-1/messages/pop", Value::Null));
    let popped = futures::future::join_all(pops).await;
    let mut taken: Vec<String> = popped
        .iter()
        .filter_map(|one| one.body["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(taken.len(), 6);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 6);
    assert_eq!(
        app.call("POST", "/api/v1/sessions/s-1/messages/pop", Value::Null)
            .await
            .body["message"],
        Value::Null
    );

    send(&app, &SENT[..2]).await;
    let last = app.call("POST", "/api/v1/sessions/s-1/messages/pop", Value::Null).await;
    assert!(last.text.contains(SENT[1]), "{}", last.text);
}

#[tokio::test]
async fn clearing_messages_leaves_other_contexts() {
    let app = TestApp::start().await;
    send(&app, &SENT).await;
    app.store(json!({"text": "a note", "session_id": "s-1"})).await;
    let cleared = app.call("DELETE", "/api/v1/sessions/s-1/messages", Value::Null).await;
    assert_eq!(cleared.body["deleted"], 6);
    assert_eq!(
        app.get("/api/v1/sessions/s-1/messages").await.body["messages"],
        json!([])
    );
    assert_eq!(
        app.get("/api/v1/contexts?session_id=s-1").await.body["contexts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_message_with_an_id_is_stored_once_and_bad_ones_lose_no_others() {
    let app = TestApp::start().await;
    let with_id =
        r#"{"id":"0193b3a0-0000-7000-8000-000000000001","role":"user","content":"once","at":"2026-01-02T03:04:05Z"}"#;
    let first = send(
        &app,
        &[
            with_id,
            r#"{"content":"no role"}"#,
            "3",
            r#"{"role":"user","content":"x","at":"soon"}"#,
            SENT[5],
        ],
    )
    .await;
    let statuses: Vec<_> = first["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 400, 400, 400, 201]);
    assert_eq!(first["results"][1]["error"]["errors"][0]["pointer"], "/messages/1/role");
    assert_eq!(
        first["results"][0]["context"]["occurred_at"],
        "2026-01-02T03:04:05.000Z"
    );
    let again = send(&app, &[with_id, &with_id.replace("once", "twice")]).await;
    let statuses: Vec<_> = again["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 409]);

    let id = first["results"][0]["context"]["id"].as_str().unwrap();
    let patched = app
        .call("PATCH", &format!("/api/v1/contexts/{id}"), json!({"text": "other"}))
        .await;
    assert_eq!(patched.problem(400, "invalid_request"), ["/text"]);
    app.post("/sessions/s-1/messages", json!({"messages": []}))
        .await
        .problem(400, "invalid_request");
    app.get("/api/v1/sessions/s-1/messages?max_tokens=0")
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn a_large_result_of_a_tool_is_kept_whole() {
    let app = TestApp::start().await;
    let binary = r#"{"role":"tool","content":"a\u0000b and \\u0000"}"#;
    let stored = send(&app, &[binary, r#"{"role":"tool","content":"\ud83d"}"#]).await;
    assert_eq!(stored["results"][0]["status"], 201, "{stored}");
    assert_eq!(stored["results"][1]["error"]["errors"][0]["pointer"], "/messages/1");
    assert!(app.get("/api/v1/sessions/s-1/messages").await.text.contains(binary));
    let message = format!(r#"{{"role":"tool","content":"{}"}}"#, "line of a log. ".repeat(10_000));
    send(&app, &[&message]).await;
    let listed = app.get("/api/v1/sessions/s-1/messages").await;
    assert!(listed.text.contains(&message));
    let text = app.get("/api/v1/contexts").await.body["contexts"][0]["text"]
        .as_str()
        .unwrap()
        .len();
    assert!(text <= 32_768);
}

#[tokio::test]
async fn messages_are_a_query() {
    let app = TestApp::start().await;
    app.store(json!({"text": "The cat of Ann is called Minka"})).await;
    app.store(json!({"text": "The dog of Bob is called Rex"})).await;
    let query = json!([
        {"role": "system", "content": "You are helpful"},
        {"role": "user", "content": "I spoke with Ann about her cat", "name": "x"},
        {"role": "assistant", "content": [{"type": "text", "text": "Tell me more"}]},
        {"role": "user", "content": "what is it called?"},
    ]);
    let found = app.found(json!({"query": query, "limit": 1})).await;
    assert_eq!(found, ["The cat of Ann is called Minka"]);
    for bad in [
        json!([]),
        json!([{"content": "x"}]),
        json!(7),
        json!([{"role": "user", "content": ""}]),
    ] {
        app.post("/contexts/search", json!({"query": bad}))
            .await
            .problem(400, "invalid_request");
    }
}
