//! Streamable HTTP at `/mcp`.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use context_manager::auth::{KeyHash, Permission};
use context_manager::config::{ConfiguredKey, RateConfig};
use serde_json::{Value, json};

use super::{text, tool_call};
use crate::support::{Answer, TestApp};

/// A request without sessions: the newest protocol describes the client in each.
fn stateless(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

/// Sends a message of the protocol `version` with these headers.
async fn send(app: &TestApp, version: &str, headers: &[(&str, &str)], method: &str, params: Value) -> Answer {
    let params = if version == "2026-07-28" {
        stateless(params)
    } else {
        params
    };
    let mut request = Request::post("/mcp")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-method", method);
    if let Some(name) = params["name"].as_str() {
        request = request.header("mcp-name", name);
    }
    if method != "initialize" {
        request = request.header("mcp-protocol-version", version);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    app.send(request.body(Body::from(message.to_string())).unwrap()).await
}

/// Calls a tool and returns its result.
pub(crate) async fn call(app: &TestApp, headers: &[(&str, &str)], tool: &str, arguments: Value) -> Value {
    call_as(app, "2025-11-25", headers, tool, arguments).await
}

async fn call_as(app: &TestApp, version: &str, headers: &[(&str, &str)], tool: &str, arguments: Value) -> Value {
    let (method, params) = tool_call(tool, &arguments);
    let answer = send(app, version, headers, method, params).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.body["result"].clone()
}

async fn with_key(permissions: &[Permission]) -> (TestApp, String) {
    let key = "k".repeat(40);
    let configured = ConfiguredKey {
        id: None,
        tenant: "acme".to_owned(),
        user: None,
        permissions: permissions.to_vec().into(),
        key_sha256: Some(KeyHash::of(&key)),
        key_file: None,
        expires_at: None,
    };
    let app = TestApp::with(|config| config.auth.keys = vec![configured]).await;
    (app, format!("Bearer {key}"))
}

#[tokio::test]
async fn a_memory_is_stored_found_corrected_and_forgotten_in_either_protocol() {
    for version in ["2025-11-25", "2026-07-28"] {
        let app = TestApp::with(|config| {
            // The call of a tool runs under the permit of its request: a second one would never come.
            config.server.requests.max_concurrent = 1;
            config.server.requests.max_waiting = 1;
            config.mcp.chatgpt_tools = true;
            config.server.public_url = Some("https://memory.example.com".to_owned());
        })
        .await;
        let call = async |tool: &str, arguments: Value| {
            let result = call_as(&app, version, &[], tool, arguments).await;
            assert_eq!(result["isError"], false, "{tool}: {result}");
            result
        };
        let hello = if version == "2026-07-28" {
            "server/discover"
        } else {
            "initialize"
        };
        let params =
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let hello = send(&app, version, &[], hello, params).await;
        assert!(hello.body["result"]["instructions"].is_string(), "{}", hello.text);

        let stored = call(
            "memory_store",
            json!({"text": "Mira lives in Porto.", "tags": ["person"]}),
        )
        .await;
        let first = stored["structuredContent"]["id"].as_str().unwrap().to_owned();
        let newer = json!({"text": "Mira lives in Lisbon since May 2026.", "supersedes": [first]});
        let newer = call("memory_store", newer).await;
        let second = newer["structuredContent"]["id"].as_str().unwrap().to_owned();
        let again = call("memory_store", json!({"text": "Mira lives in Lisbon since May 2026."})).await;
        assert_eq!(again["structuredContent"], json!({"id": second, "deduplicated": true}));

        let found = call("memory_search", json!({"query": "Where does Mira live?"})).await;
        let contexts = found["structuredContent"]["contexts"].as_array().unwrap();
        assert_eq!((contexts.len(), &contexts[0]["id"]), (1, &json!(second)), "{found}");
        assert!(
            text(&found).contains("> Mira lives in Lisbon since May 2026."),
            "{found}"
        );
        let nothing = call(
            "memory_search",
            json!({"query": "quarterly revenue forecast", "min_score": 0.9}),
        )
        .await;
        assert_eq!(nothing["structuredContent"]["nothing_relevant"], true);
        assert!(text(&nothing).starts_with("Nothing above the floor"), "{nothing}");

        let block = call(
            "memory_context",
            json!({"query": "Where does Mira live?", "max_tokens": 300}),
        )
        .await;
        assert!(
            text(&block).contains("Lisbon") && !text(&block).contains("Porto"),
            "{block}"
        );
        let old = call("memory_get", json!({"ids": [first]})).await;
        assert_eq!(old["structuredContent"]["contexts"][0]["superseded_by"], json!(second));
        call(
            "memory_update",
            json!({"id": second, "pinned": true, "tags": ["person", "home"]}),
        )
        .await;
        let listed = call("memory_list", json!({"tag": "home"})).await;
        assert_eq!(
            listed["structuredContent"]["contexts"][0]["id"],
            json!(second),
            "{listed}"
        );
        let status = call("memory_status", json!({})).await;
        assert_eq!(status["structuredContent"]["total"], 2, "{status}");

        let results = call("search", json!({"query": "Where does Mira live?"})).await;
        let result = &results["structuredContent"]["results"][0];
        let url = format!("https://memory.example.com/api/v1/contexts/{second}");
        assert_eq!((&result["id"], &result["url"]), (&json!(second), &json!(url)));
        assert_eq!(text(&results), results["structuredContent"].to_string());
        let fetched = call("fetch", json!({"id": second})).await;
        assert_eq!(
            fetched["structuredContent"]["text"],
            "Mira lives in Lisbon since May 2026."
        );

        let forgotten = call("memory_forget", json!({"ids": [first, second]})).await;
        assert_eq!(forgotten["structuredContent"]["deleted"], 2);
        assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
    }
}

#[tokio::test]
async fn a_tool_needs_the_permission_of_its_call() {
    let (app, _) = with_key(&[Permission::Read]).await;
    let refused = send(&app, "2025-11-25", &[], "tools/list", json!({})).await;
    refused.problem(401, "unauthenticated");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    for (granted, refused, done) in [
        (
            Permission::Read,
            ("memory_store", json!({"text": "x"})),
            ("memory_search", json!({"query": "x"})),
        ),
        (
            Permission::Write,
            ("memory_search", json!({"query": "x"})),
            ("memory_store", json!({"text": "x"})),
        ),
    ] {
        let (app, key) = with_key(&[granted]).await;
        let headers = [("authorization", key.as_str())];
        let (tool, arguments) = refused;
        let result = call(&app, &headers, tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert!(
            text(&result).starts_with("forbidden: this call needs a key with the permission"),
            "{result}"
        );
        let (tool, arguments) = done;
        let result = call(&app, &headers, tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}");
    }
}

#[tokio::test]
async fn tools_keep_to_the_limits_of_their_calls() {
    let app = TestApp::with(|config| {
        config.rate_limits.per_key.write = RateConfig { per_sec: 1, burst: 1 };
        config.mcp.max_reply_tokens = 1000;
    })
    .await;
    let first = call(&app, &[], "memory_store", json!({"text": "one"})).await;
    assert_eq!(first["isError"], false, "{first}");
    let second = call(&app, &[], "memory_store", json!({"text": "two"})).await;
    assert!(text(&second).starts_with("rate_limited"), "{second}");
    let long = call(&app, &[], "memory_context", json!({"query": "one", "max_tokens": 451})).await;
    assert!(text(&long).contains("/max_tokens must be 1 to 450"), "{long}");
    let blank = call(&app, &[], "memory_search", json!({"query": " "})).await;
    assert!(text(&blank).starts_with("invalid_request: /query"), "{blank}");
}

#[tokio::test]
async fn a_header_binds_calls_to_a_user_and_a_project() {
    let app = TestApp::with(|config| config.mcp.agent_id = Some("planner".to_owned())).await;
    let ann = [("x-user-id", "ann"), ("x-project", "atlas")];
    let bob = [("x-user-id", "bob"), ("x-project", "atlas")];
    let stored = call(&app, &ann, "memory_store", json!({"text": "The vault code is 4711."})).await;
    let id = stored["structuredContent"]["id"].clone();
    let context = app
        .get(&format!("/api/v1/contexts/{}", id.as_str().unwrap()))
        .await
        .body;
    let owner = (
        &context["user_id"],
        &context["agent_id"],
        &context["metadata"]["project"],
    );
    assert_eq!(owner, (&json!("ann"), &json!("planner"), &json!("atlas")));
    for (headers, seen) in [
        (&ann[..], true),
        (&bob[..], false),
        (&[("x-project", "borneo")][..], false),
    ] {
        for (tool, arguments) in [
            ("memory_search", json!({"query": "vault code"})),
            ("memory_context", json!({"query": "vault code"})),
            ("memory_list", json!({})),
            ("memory_get", json!({"ids": [id]})),
        ] {
            let result = call(&app, headers, tool, arguments).await;
            assert_eq!(
                result.to_string().contains("4711"),
                seen,
                "{headers:?} {tool}: {result}"
            );
        }
    }
    let result = call(&app, &[("x-agent-id", "other")], "memory_list", json!({})).await;
    assert!(
        text(&result).starts_with("forbidden: the header x-agent-id"),
        "{result}"
    );
}

#[tokio::test]
async fn another_host_another_page_and_another_protocol_are_refused() {
    let app = TestApp::with(|config| config.server.public_url = Some("https://memory.example.com".to_owned())).await;
    let list = async |headers: &[(&str, &str)]| send(&app, "2025-11-25", headers, "tools/list", json!({})).await;
    assert_eq!(list(&[("host", "memory.example.com")]).await.status, StatusCode::OK);
    let refused = list(&[("host", "evil.example")]).await;
    refused.problem(421, "misdirected_request");
    assert!(refused.text.contains("`memory.example.com`"), "{}", refused.text);
    list(&[("origin", "https://evil.example")])
        .await
        .problem(403, "forbidden");
    for method in ["GET", "DELETE"] {
        let request = Request::builder()
            .method(method)
            .uri("/mcp")
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.headers["allow"], "POST");
    }
    let unknown = send(&app, "2031-01-01", &[], "tools/list", json!({})).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.text.contains("MCP-Protocol-Version"), "{}", unknown.text);

    let off = TestApp::with(|config| config.mcp.enabled = false).await;
    send(&off, "2025-11-25", &[], "tools/list", json!({}))
        .await
        .problem(404, "not_found");
}
