//! Bad input gets a clear problem and changes nothing.

use axum::body::Body;
use axum::http::{Request, header};
use context_manager::api::router;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, service};

/// Makes a call that must be refused as invalid because of these fields.
pub(crate) async fn invalid(app: &TestApp, call: &str, body: Value, pointers: &[&str]) -> Answer {
    let (method, path) = call.split_once(' ').unwrap();
    let answer = app.call(method, &format!("/api/v1{path}"), body).await;
    let named = answer.problem(400, "invalid_request");
    assert_eq!(named, pointers, "{call} {}", answer.text);
    answer
}

/// Sends a body as it is.
pub(crate) async fn raw(app: &TestApp, call: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let (method, path) = call.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
    let request = request.header(header::CONTENT_TYPE, content_type);
    app.send(request.body(body.into()).unwrap()).await
}

pub(crate) const JSON: &str = "application/json";

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
    let many = json!({"text": "", "importance": -1, "ttl_secs": 0});
    invalid(&app, "POST /contexts", many, &["/text", "/importance", "/ttl_secs"]).await;
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
        invalid(&app, "POST /contexts/search", body, &[pointer]).await;
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
    let misspelt = json!({"level": "l2", "sesion_id": "x"});
    invalid(&app, "POST /contexts/clear", misspelt, &["/sesion_id"]).await;
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
        invalid(&app, &format!("GET /contexts?{query}"), Value::Null, &[pointer]).await;
    }
    invalid(
        &app,
        "GET /contexts?limit=0&cursor=zzz",
        Value::Null,
        &["/limit", "/cursor"],
    )
    .await;
    invalid(&app, "GET /contexts/not-a-uuid", Value::Null, &["/id"]).await;
    invalid(&app, "GET /sessions?cursor=%21", Value::Null, &["/cursor"]).await;
}

#[tokio::test]
async fn bodies_are_objects_with_known_fields() {
    let app = TestApp::start().await;
    app.store(json!({"text": "stays", "level": "l3"})).await;
    let id = uuid::Uuid::now_v7();
    let change = format!("PATCH /contexts/{id}");
    let calls = [
        ("POST /contexts", json!({"text": "x", "levle": "l3"}), "/levle", "level"),
        (
            "POST /contexts/batch",
            json!({"contexts": [], "context": []}),
            "/context",
            "contexts",
        ),
        (change.as_str(), json!({"txt": "x"}), "/txt", "text"),
        (
            "POST /contexts/search",
            json!({"query": "x", "max_token": 5}),
            "/max_token",
            "max_tokens",
        ),
        (
            "POST /contexts/search",
            json!({"query": "x", "filter": {"user": "x"}}),
            "/filter/user",
            "user_id",
        ),
        (
            "POST /contexts/assemble",
            json!({"query": "x", "max_tokens": 5, "formt": "xml"}),
            "/formt",
            "format",
        ),
        ("POST /contexts/delete", json!({"id": [id]}), "/id", "ids"),
        (
            "POST /contexts/clear",
            json!({"level": "l3", "usr_id": "x"}),
            "/usr_id",
            "user_id",
        ),
        ("POST /admin/gc", json!({"dryrun": true}), "/dryrun", "dry_run"),
        (
            "POST /admin/snapshots/x/restore",
            json!({"accept_erase": true}),
            "/accept_erase",
            "accept_erased",
        ),
        ("PUT /admin/log-filter", json!({"filtr": "info"}), "/filtr", "filter"),
    ];
    for (call, body, pointer, meant) in calls {
        let answer = invalid(&app, call, body.clone(), &[pointer]).await;
        let suggestion = format!("did you mean `{meant}`?");
        assert!(answer.text.contains(&suggestion), "{}", answer.text);
        // An array of the values is no object with them.
        let values: Vec<Value> = body.as_object().unwrap().values().cloned().collect();
        for other in [json!(values), json!(["l3"]), json!([]), json!("l3"), json!(3)] {
            let answer = invalid(&app, call, other, &[""]).await;
            assert_eq!(answer.body["detail"], "the body must be an object", "{call}");
        }
    }
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 1);
}

#[tokio::test]
async fn unknown_and_unreadable_parameters_are_refused_wherever_they_stand() {
    let app = TestApp::start().await;
    let id = app.store(json!({"text": "x", "user_id": "u"})).await["id"].clone();
    let id = id.as_str().unwrap();
    for (call, pointer) in [
        ("GET /contexts?usr_id=u", "/usr_id"),
        ("GET /contexts?limt=1", "/limt"),
        (format!("GET /contexts/{id}?expand=1").as_str(), "/expand"),
        (format!("DELETE /contexts/{id}?dry_run=true").as_str(), "/dry_run"),
        ("DELETE /users/u?dry_run=true", "/dry_run"),
        ("GET /sessions?user_id=u", "/user_id"),
        ("GET /admin/export?vector=true", "/vector"),
        ("GET /contexts?user_id=%FF", "/user_id"),
        ("GET /contexts?user_id=u&user_id=v", "/user_id"),
    ] {
        invalid(&app, call, Value::Null, &[pointer]).await;
    }
    let health = app.get("/health?frsh=true").await;
    assert_eq!(health.problem(400, "invalid_request"), ["/frsh"]);
    assert_eq!(
        app.get("/api/v1/contexts?user_id=u&&").await.body["contexts"][0]["id"],
        id
    );
    invalid(
        &app,
        "POST /contexts/search?limit=3",
        json!({"query": "x"}),
        &["/limit"],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_even_a_request_body_gets_a_problem() {
    let app = TestApp::with(|config| config.server.max_body_bytes = 1000).await;
    for (content_type, body, status, code) in [
        (JSON, b"{\"text\": ".to_vec(), 400, "invalid_json"),
        (JSON, b"{\"text\": \"\xff\"}".to_vec(), 400, "invalid_json"),
        (JSON, Vec::new(), 400, "invalid_json"),
        (
            "text/plain",
            b"{\"text\": \"x\"}".to_vec(),
            415,
            "unsupported_media_type",
        ),
        (JSON, vec![b' '; 1001], 413, "payload_too_large"),
    ] {
        raw(&app, "POST /contexts", content_type, body)
            .await
            .problem(status, code);
    }
    let marked = raw(&app, "POST /contexts", JSON, "\u{feff}{\"text\": \"x\"}").await;
    assert_eq!(marked.status, 201, "{}", marked.text);
    invalid(&app, "POST /contexts/batch", json!({"contexts": []}), &["/contexts"]).await;
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
    let app = TestApp::start().await;
    let router = router(service(&app.config, &app.authenticator), &app.config);
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
