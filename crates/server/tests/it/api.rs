//! Answers of the API when all goes well.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestApp, texts};

#[tokio::test]
async fn a_context_lives_from_post_to_delete() {
    let app = TestApp::start().await;
    let answer = app
        .post("/contexts", json!({"text": " User prefers dark mode\n", "level": "l3", "session_id": "s-1", "tags": ["preference", "preference"], "metadata": {"source": "chat"}}))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.headers["location"], format!("/api/v1/contexts/{id}"));
    insta::assert_json_snapshot!("stored_context", answer.body, {
        ".id" => "[id]", ".created_at" => "[now]", ".updated_at" => "[now]", ".occurred_at" => "[now]",
    });

    let path = format!("/api/v1/contexts/{id}");
    assert_eq!(app.get(&path).await.body, answer.body);
    let change = json!({"text": "User prefers light mode", "metadata": {"source": null, "n": 1}, "importance": 1.0, "pinned": true});
    let changed = app.call("PATCH", &path, change).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(
        (changed.body["text"].as_str(), &changed.body["metadata"]),
        (Some("User prefers light mode"), &json!({"n": 1}))
    );
    assert_eq!(app.found(json!({"query": "light"})).await, ["User prefers light mode"]);

    for _ in 0..2 {
        assert_eq!(
            app.call("DELETE", &path, Value::Null).await.status,
            StatusCode::NO_CONTENT
        );
    }
    app.get(&path).await.problem(404, "not_found");
    app.call("PATCH", &path, json!({})).await.problem(404, "not_found");
    assert!(app.found(json!({"query": "light"})).await.is_empty());
}

#[tokio::test]
async fn the_same_text_or_id_is_stored_once() {
    let app = TestApp::start().await;
    let id = "0193b3a0-0000-7000-8000-000000000001";
    let body = json!({"text": "once", "id": id, "tags": ["a"], "session_id": "s"});
    let first = app.store(body.clone()).await;
    let again = app.post("/contexts", body).await;
    assert_eq!(
        (again.status, &again.body["deduplicated"]),
        (StatusCode::OK, &json!(true))
    );
    let same_text = app.post("/contexts", json!({"text": "once", "session_id": "s"})).await;
    assert_eq!(
        (same_text.status, &same_text.body["id"]),
        (StatusCode::OK, &first["id"])
    );

    app.post("/contexts", json!({"text": "other", "id": id}))
        .await
        .problem(409, "conflict");
    assert_eq!(app.get(&format!("/api/v1/contexts/{id}")).await.body["text"], "once");
    for other_scope in [
        json!({"text": "once"}),
        json!({"text": "once", "session_id": "s", "level": "short_term"}),
    ] {
        app.store(other_scope).await;
    }
}

#[tokio::test]
async fn many_who_send_the_same_text_at_once_leave_one_context() {
    let app = TestApp::start().await;
    let calls = (0..64).map(|_| {
        app.post(
            "/contexts",
            json!({"text": "the same", "level": "immediate", "session_id": "s"}),
        )
    });
    let answers = futures::future::join_all(calls).await;
    let created = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .count();
    assert_eq!(created, 1);
    assert_eq!(texts(&app.get("/api/v1/contexts").await.body).len(), 1);
}

#[tokio::test]
async fn one_bad_item_of_a_batch_loses_no_other() {
    let app = TestApp::start().await;
    let contexts = json!([{"text": "good"}, {"text": 5}, {"text": " "}, {"text": "good"}, {"text": "x", "level": "l9"}, {"text": "better"}]);
    let answer = app.post("/contexts/batch", json!({"contexts": contexts})).await;
    assert_eq!(answer.status, StatusCode::OK);
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<u64> = results
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 400, 400, 200, 400, 201]);
    let pointer = |at: usize| results[at]["error"]["errors"][0]["pointer"].clone();
    assert_eq!(
        [pointer(1), pointer(2), pointer(4)],
        ["/contexts/1/text", "/contexts/2/text", "/contexts/4/level"]
    );
    assert_eq!(results[3]["context"]["id"], results[0]["context"]["id"]);
    assert_eq!(texts(&app.get("/api/v1/contexts").await.body), ["better", "good"]);
}

#[tokio::test]
async fn a_list_is_newest_first_and_pages_through_everything() {
    let app = TestApp::start().await;
    let contexts: Vec<Value> = (0..25)
        .map(|n| json!({"text": format!("n{n}"), "tags": [if n % 2 == 0 { "even" } else { "odd" }]}))
        .collect();
    app.post("/contexts/batch", json!({"contexts": contexts})).await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/contexts?tag=even&limit=5".to_owned());
    loop {
        let page = app.get(&path).await.body;
        seen.extend(texts(&page));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/contexts?tag=even&limit=5&cursor={cursor}");
    }
    let expected: Vec<String> = (0..25).rev().filter(|n| n % 2 == 0).map(|n| format!("n{n}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn search_keeps_to_filter_limit_and_budget() {
    let app = TestApp::start().await;
    for n in 0..30 {
        let user = if n % 2 == 0 { "ann" } else { "bob" };
        app.store(json!({"text": format!("The garden has {n} apple trees"), "level": "long_term", "user_id": user}))
            .await;
    }
    let answer = app
        .post(
            "/contexts/search",
            json!({"query": "apple trees", "filter": {"user_id": "ann"}}),
        )
        .await
        .body;
    assert_eq!(answer["contexts"].as_array().unwrap().len(), 15);
    assert!(
        answer["contexts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|context| context["user_id"] == "ann")
    );
    assert_eq!(
        app.found(json!({"query": "apple trees"})).await.len(),
        20,
        "the default limit"
    );

    let answer = app
        .post(
            "/contexts/search",
            json!({"query": "apple trees", "max_tokens": 50, "explain": true}),
        )
        .await
        .body;
    let contexts = answer["contexts"].as_array().unwrap();
    let total: u64 = contexts
        .iter()
        .map(|context| context["token_count"].as_u64().unwrap())
        .sum();
    assert_eq!(answer["total_tokens"].as_u64(), Some(total));
    assert!(total <= 50 && total > 35, "{total}");
    let scores: Vec<f64> = contexts
        .iter()
        .map(|context| context["score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|score| (0.0..=1.0).contains(score)));
    assert!(contexts[0]["scores"]["lexical"].is_number());
}

#[tokio::test]
async fn every_mode_finds_by_its_own_means() {
    let app = TestApp::start().await;
    for text in ["The puppy chased the kitten", "Quarterly revenue grew by nine percent"] {
        app.store(json!({"text": text, "level": "long_term"})).await;
    }
    let search = |mode: &str, query: &str| app.found(json!({"query": query, "mode": mode, "limit": 1}));
    assert_eq!(
        search("dense", "a dog ran after a cat").await,
        ["The puppy chased the kitten"]
    );
    assert_eq!(
        search("lexical", "revenues").await,
        ["Quarterly revenue grew by nine percent"]
    );
    assert!(app.found(json!({"query": "dog", "mode": "lexical"})).await.is_empty());
    assert_eq!(search("hybrid", "kitten").await, ["The puppy chased the kitten"]);
}

#[tokio::test]
async fn a_replaced_context_leaves_search_and_lists_but_stays_readable() {
    let app = TestApp::start().await;
    let old = app.store(json!({"text": "Lives in Paris", "level": "long_term"})).await;
    let new = app
        .store(json!({"text": "Lives in Rome", "level": "long_term", "supersedes": [old["id"]]}))
        .await;
    assert_eq!(
        app.found(json!({"query": "where does she live"})).await,
        ["Lives in Rome"]
    );
    assert_eq!(texts(&app.get("/api/v1/contexts").await.body), ["Lives in Rome"]);
    assert_eq!(
        app.get("/api/v1/contexts?include_superseded=true").await.body["contexts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let read = app
        .get(&format!("/api/v1/contexts/{}", old["id"].as_str().unwrap()))
        .await
        .body;
    assert_eq!(read["superseded_by"], new["id"]);
}

#[tokio::test]
async fn deleting_by_filter_counts_exactly() {
    let app = TestApp::start().await;
    for batch in 0..10 {
        let contexts: Vec<Value> = (0..1000)
            .map(|n| json!({"text": format!("note {batch} {n}"), "user_id": "u"}))
            .collect();
        let answer = app.post("/contexts/batch", json!({"contexts": contexts})).await.body;
        assert!(
            answer["results"]
                .as_array()
                .unwrap()
                .iter()
                .all(|result| result["status"] == 201)
        );
    }
    app.store(json!({"text": "note that stays", "user_id": "v"})).await;
    assert_eq!(app.get("/api/v1/stats").await.body["contexts"]["long_term"], 10_001);
    let answer = app.post("/contexts/delete", json!({"filter": {"user_id": "u"}})).await;
    assert_eq!(answer.body, json!({"deleted": 10_000}));
    assert_eq!(
        app.found(json!({"query": "note", "limit": 1000})).await,
        ["note that stays"]
    );
    assert_eq!(
        app.post("/contexts/clear", json!({"level": "l3"})).await.body,
        json!({"deleted": 1})
    );
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
}

#[tokio::test]
async fn sessions_are_listed_and_forgotten() {
    let app = TestApp::start().await;
    for (session, level) in [
        ("b/1", "immediate"),
        ("b/1", "long_term"),
        ("a", "short_term"),
        ("c", "short_term"),
    ] {
        app.store(json!({"text": format!("in {session} {level}"), "session_id": session, "level": level}))
            .await;
    }
    let first = app.get("/api/v1/sessions?limit=2").await.body;
    let ids: Vec<&str> = first["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["session_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["a", "b/1"]);
    assert_eq!(
        first["sessions"][1]["contexts"],
        json!({"immediate": 1, "short_term": 0, "long_term": 1})
    );
    let rest = app
        .get(&format!(
            "/api/v1/sessions?cursor={}",
            first["next_cursor"].as_str().unwrap()
        ))
        .await
        .body;
    assert_eq!(
        (rest["sessions"].as_array().unwrap().len(), &rest["next_cursor"]),
        (1, &Value::Null)
    );

    assert_eq!(
        app.call("DELETE", "/api/v1/sessions/b%2F1", Value::Null).await.body,
        json!({"deleted": 2})
    );
    let search = json!({"query": "in b/1 immediate", "session_id": "b/1", "filter": {"session_id": "b/1"}});
    assert!(app.found(search).await.is_empty());
}

#[tokio::test]
async fn health_metrics_and_request_ids_are_there() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/health/live").await.status, StatusCode::OK);
    assert_eq!(app.get("/health/ready").await.status, StatusCode::OK);
    assert_eq!(app.get("/health?fresh=true").await.body["status"], "healthy");
    app.store(json!({"text": "measured"})).await;
    let metrics = app.get("/metrics").await;
    assert!(
        metrics.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let line =
        "context_manager_request_duration_seconds_count{route=\"/api/v1/contexts\",method=\"POST\",status=\"201\"} 1";
    assert!(metrics.text.contains(line), "{}", metrics.text);
    let request = Request::get("/health/live")
        .header("x-request-id", "my-id")
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(request).await.headers["x-request-id"], "my-id");
}
