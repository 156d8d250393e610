//! Bad input gets a clear problem and changes nothing.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn a_bad_field_is_named_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let big = json!({"k": "y".repeat(40_000)});
    let cases = [
        (json!({}), 400, "/text"),
        (json!({"text": ""}), 400, "/text"),
        (json!({"text": " \t\n"}), 400, "/text"),
        (json!({"text": "a\u{0}b"}), 400, "/text"),
        (json!({"text": 5}), 400, "/text"),
        (json!({"text": "x".repeat(32_769)}), 413, "/text"),
        (json!({"text": "x", "level": "l4"}), 400, "/level"),
        (json!({"text": "x", "id": "no-uuid"}), 400, "/id"),
        (json!({"text": "x", "tags": "one"}), 400, "/tags"),
        (json!({"text": "x", "tags": ["ok", ""]}), 400, "/tags/1"),
        (json!({"text": "x", "metadata": [1]}), 400, "/metadata"),
        (json!({"text": "x", "importance": 1.5}), 400, "/importance"),
        (json!({"text": "x", "ttl_secs": 0}), 400, "/ttl_secs"),
        (json!({"text": "x", "ttl_secs": -1}), 400, "/ttl_secs"),
        (json!({"text": "x", "occurred_at": "yesterday"}), 400, "/occurred_at"),
        (json!({"text": "x".repeat(30_000), "metadata": big}), 413, ""),
    ];
    for (body, status, pointer) in cases {
        let answer = app.post("/contexts", body).await;
        let code = if status == 413 {
            "payload_too_large"
        } else {
            "invalid_request"
        };
        assert_eq!(answer.problem(status, code), [pointer], "{}", answer.text);
    }
    let sizes = app.post("/contexts", json!({"text": "x".repeat(32_769)})).await.body["errors"][0]["detail"].clone();
    assert!(
        sizes.as_str().unwrap().contains("32769") && sizes.as_str().unwrap().contains("32768"),
        "{sizes}"
    );
    let many = app
        .post("/contexts", json!({"text": "", "importance": -1, "ttl_secs": 0}))
        .await;
    assert_eq!(
        many.problem(400, "invalid_request"),
        ["/text", "/importance", "/ttl_secs"]
    );
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
}

#[tokio::test]
async fn a_bad_search_is_refused_and_never_clamped() {
    let app = TestApp::start().await;
    let cases = [
        (json!({"query": " "}), "/query"),
        (json!({"query": "q", "max_tokens": 0}), "/max_tokens"),
        (json!({"query": "q", "max_tokens": 1_000_001}), "/max_tokens"),
        (json!({"query": "q", "limit": 0}), "/limit"),
        (json!({"query": "q", "limit": 1001}), "/limit"),
        (json!({"query": "q", "min_score": 2}), "/min_score"),
        (json!({"query": "q", "mode": "psychic"}), "/mode"),
        (json!({"query": "q", "levels": ["l1", "l7"]}), "/levels/1"),
        (json!({"query": "q", "filter": {"usre_id": "x"}}), "/filter/usre_id"),
        (
            json!({"query": "q", "filter": {"metadata": {"a/b": {"c": 1}}}}),
            "/filter/metadata/a~1b",
        ),
        (json!({"query": "q", "filter": {"ids": ["x"]}}), "/filter/ids/0"),
    ];
    for (body, pointer) in cases {
        let answer = app.post("/contexts/search", body).await;
        assert_eq!(answer.problem(400, "invalid_request"), [pointer], "{}", answer.text);
    }
}

#[tokio::test]
async fn a_bad_deletion_deletes_nothing() {
    let app = TestApp::start().await;
    app.store(json!({"text": "stays", "user_id": "u"})).await;
    for body in [
        json!({}),
        json!({"filter": {}}),
        json!({"ids": []}),
        json!({"filter": {"user_id": "u", "tag": "x"}}),
        json!({"ids": [], "filter": {"user_id": "u"}}),
    ] {
        app.post("/contexts/delete", body).await.problem(400, "invalid_request");
    }
    app.post("/contexts/clear", json!({"level": "l2", "sesion_id": "x"}))
        .await
        .problem(400, "invalid_request");
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 1);
}

#[tokio::test]
async fn bad_query_parameters_are_named() {
    let app = TestApp::start().await;
    let cases = [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=ten", "/limit"),
        ("cursor=zzz", "/cursor"),
        ("level=l9", "/level"),
        ("tag=", "/tag"),
    ];
    for (query, pointer) in cases {
        let answer = app.get(&format!("/api/v1/contexts?{query}")).await;
        assert_eq!(answer.problem(400, "invalid_request"), [pointer], "{}", answer.text);
    }
    let all = app.get("/api/v1/contexts?limit=0&cursor=zzz").await;
    assert_eq!(all.problem(400, "invalid_request").len(), 2);
    app.get("/api/v1/contexts/not-a-uuid")
        .await
        .problem(400, "invalid_request");
    app.get("/api/v1/sessions?cursor=%21")
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn what_is_not_even_a_request_body_gets_a_problem() {
    let app = TestApp::with(|config| config.server.max_body_bytes = 1000).await;
    let send = |content_type: &'static str, body: Vec<u8>| {
        let request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, content_type);
        app.send(request.body(Body::from(body)).unwrap())
    };
    send("application/json", b"{\"text\": ".to_vec())
        .await
        .problem(400, "invalid_json");
    send("application/json", b"{\"text\": \"\xff\"}".to_vec())
        .await
        .problem(400, "invalid_json");
    send("application/json", Vec::new()).await.problem(400, "invalid_json");
    send("text/plain", b"{\"text\": \"x\"}".to_vec())
        .await
        .problem(415, "unsupported_media_type");
    send("application/json", vec![b' '; 1001])
        .await
        .problem(413, "payload_too_large");
    app.post("/contexts/batch", json!({"contexts": []}))
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn unknown_paths_and_methods_get_a_problem() {
    let app = TestApp::start().await;
    app.get("/nowhere").await.problem(404, "not_found");
    app.get("/api/v1/nowhere").await.problem(404, "not_found");
    let answer = app.call("PUT", "/api/v1/contexts", Value::Null).await;
    answer.problem(405, "method_not_allowed");
    let allowed = answer.headers[header::ALLOW].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn a_request_out_of_time_says_so() {
    let app = TestApp::start().await;
    let with_timeout = |value: &'static str| {
        let request = Request::post("/api/v1/contexts/search").header("x-request-timeout-ms", value);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        // A body that never ends.
        let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        app.send(request.body(body).unwrap())
    };
    with_timeout("20").await.problem(504, "deadline_exceeded");
    with_timeout("soon").await.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_problem_looks_the_same_everywhere() {
    let app = TestApp::start().await;
    let request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, "application/json");
    let request = request
        .header("x-request-id", "r-1")
        .body(Body::from("{\"text\": \"\", \"importance\": 7}"))
        .unwrap();
    insta::assert_json_snapshot!("problem", app.send(request).await.body);
}

#[tokio::test]
async fn until_the_store_is_open_the_api_asks_for_patience() {
    let mut app = TestApp::start().await;
    app.state.services = std::sync::Arc::default();
    app.state.health = context_manager_observability::HealthRegistry::default();
    let router = context_manager::api::router(app.state.clone(), &app.config);
    for path in ["/api/v1/contexts", "/health/ready", "/health"] {
        let request = Request::get(path).header(header::HOST, "localhost");
        let request = request.body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &header::HeaderValue::from(1)),
            "{path}"
        );
    }
}
