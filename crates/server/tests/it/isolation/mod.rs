//! Tenants never meet, and neither do users of one tenant whose credentials are bound: whatever one asks for with another's
//! ids, users and sessions is answered as if they did not exist, and changes nothing of his.

mod interleaved;
mod requests;
mod timing;
mod tools;
mod users;

use axum::http::StatusCode;
use context_manager::auth::{KeyHash, Permission};
use context_manager::config::ConfiguredKey;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};
use requests::{Call, Subject};

/// Stands in contexts of the tenant who is asked about, and in no request.
const MARKER: &str = "quartz-7731";

/// A key of the tenant of the same name.
fn key(tenant: &str) -> String {
    format!("{tenant}-{}", "k".repeat(32))
}

/// The key of that name, which may do everything in its tenant.
pub(crate) fn configured(name: &str, tenant: &str) -> ConfiguredKey {
    ConfiguredKey {
        id: None,
        tenant: tenant.to_owned(),
        user: None,
        permissions: vec![Permission::Admin].into(),
        key_sha256: Some(KeyHash::of(&key(name))),
        key_file: None,
        expires_at: None,
    }
}

/// A server with a key for each tenant, which may do everything.
async fn start(tenants: &[&str]) -> TestApp {
    start_with(tenants.iter().map(|tenant| configured(tenant, tenant)).collect()).await
}

pub(crate) async fn start_with(keys: Vec<ConfiguredKey>) -> TestApp {
    TestApp::with(|config| {
        config.auth.keys = keys;
        config.mcp.chatgpt_tools = true;
    })
    .await
}

pub(crate) async fn call(app: &TestApp, tenant: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    app.call_with_key(&key(tenant), method, path, body).await
}

/// Somebody who is known to the server only if somebody stores something of his.
fn subject(name: &str, number: u8) -> Subject {
    let id = |n: u8| {
        uuid::Builder::from_random_bytes([number ^ n; 16])
            .into_uuid()
            .to_string()
    };
    Subject {
        ids: vec![id(1), id(2), id(3)],
        user_id: format!("user-of-{name}"),
        agent_id: format!("agent-of-{name}"),
        session_id: format!("session-of-{name}"),
        scope: format!("vaults/{name}"),
        document_id: format!("document-of-{name}"),
    }
}

/// Stores something at every level that is the subject's.
async fn seed(app: &TestApp, tenant: &str, subject: &Subject) {
    let levels = ["immediate", "short_term", "long_term"];
    for (id, level) in subject.ids.iter().zip(levels) {
        let body = json!({
            "id": id, "level": level, "text": format!("the code of the vault of level {level} is {MARKER}"),
            "user_id": subject.user_id, "agent_id": subject.agent_id, "session_id": subject.session_id,
            "tags": ["vault"], "metadata": {"kind": "vault"}, "scope": subject.scope,
            "key": if level == "long_term" { json!("code") } else { Value::Null },
        });
        let answer = call(app, tenant, "POST", "/api/v1/contexts", Some(&body)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }
    let document = json!({
        "id": subject.document_id, "text": format!("The plan of the vault is {MARKER}."), "format": "text",
        "user_id": subject.user_id,
    });
    let answer = call(app, tenant, "POST", "/api/v1/documents", Some(&document)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let body = json!({
        "command": "create", "path": requests::FILE, "file_text": format!("the code of the vault is {MARKER}"),
        "user_id": subject.user_id,
    });
    let answer = call(app, tenant, "POST", "/api/v1/files", Some(&body)).await;
    assert_eq!(answer.body["is_error"], false, "{}", answer.text);
}

/// All that a tenant sees of its own, but for what changes by itself.
async fn view(app: &TestApp, tenant: &str) -> Vec<Value> {
    let mut view = Vec::new();
    for path in ["/contexts?limit=1000&include_superseded=true", "/sessions", "/stats"] {
        let answer = call(app, tenant, "GET", &format!("/api/v1{path}"), None).await;
        assert_eq!(answer.status, StatusCode::OK);
        let mut body = answer.body;
        for volatile in ["uptime_secs", "store_bytes", "memory"] {
            body.as_object_mut().unwrap().remove(volatile);
        }
        view.push(body);
    }
    view
}

/// Parts of an answer that must be equal for all tenants that ask for data of others.
fn comparable(answer: &Answer, subject: &Subject) -> (u16, Value) {
    let mut text = answer.text.clone();
    for (name, placeholder) in [
        (&subject.user_id, "USER"),
        (&subject.agent_id, "AGENT"),
        (&subject.session_id, "SESSION"),
        (&subject.scope, "SCOPE"),
        (&subject.document_id, "DOCUMENT"),
    ] {
        text = text.replace(name, placeholder);
    }
    let mut body: Value = serde_json::from_str(&text).unwrap_or_else(|_| {
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|_| line.into());
        text.lines().map(line).collect()
    });
    blank(&mut body);
    (answer.status.as_u16(), body)
}

/// Takes out what differs between two answers to the same question of two who have the same: ids, times, scores and what
/// quotes them, and who asked.
fn blank(value: &mut Value) {
    const VOLATILE: [&str; 33] = [
        "tenant",
        "key_id",
        "by",
        "id",
        "ids",
        "changed_at",
        "at",
        "request_id",
        "took_ms",
        "created_at",
        "updated_at",
        "occurred_at",
        "last_accessed_at",
        "expires_at",
        "uptime_secs",
        "first_activity_at",
        "last_activity_at",
        "store_bytes",
        "memory",
        "score",
        "scores",
        "prompt",
        "tokens",
        "start",
        "end",
        "superseded_by",
        "next_cursor",
        "access_count",
        "derived_from",
        "sequence",
        "sha256",
        "hash",
        "time",
    ];
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if VOLATILE.contains(&name.as_str()) {
                    *value = Value::Null;
                } else {
                    blank(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(blank),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Makes every call, and returns the answers.
async fn ask_everything(app: &TestApp, tenant: &str, calls: &[Call]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for one in calls {
        answers.push(call(app, tenant, &one.method, &one.path, one.body.as_ref()).await);
    }
    answers
}

#[tokio::test]
async fn whatever_names_another_tenants_data_is_answered_as_if_it_did_not_exist() {
    let app = start(&["asker", "control", "owner"]).await;
    let (owner, nobody) = (subject("owner", 0x40), subject("nobody", 0x80));
    seed(&app, "owner", &owner).await;
    // The asking tenant has contexts too, so that answers are not empty for that reason.
    for tenant in ["asker", "control"] {
        for level in ["immediate", "long_term"] {
            let body =
                json!({"text": format!("my own {level} note about the vault"), "level": level, "session_id": "mine"});
            call(&app, tenant, "POST", "/api/v1/contexts", Some(&body)).await;
        }
    }
    let before = view(&app, "owner").await;

    let calls = |document: &Value, subject: &Subject| requests::all(document, subject);
    let answers = ask_about(&app, &owner, &nobody, calls).await;
    assert_eq!(
        view(&app, "owner").await,
        before,
        "something of the other tenant has changed"
    );
    assert!(answers.iter().any(|answer| answer.status == StatusCode::NOT_FOUND));
}

/// Has `asker` make every call about the owner, and `control` about nobody, and compares the answers.
async fn ask_about(
    app: &TestApp,
    owner: &Subject,
    nobody: &Subject,
    calls: impl Fn(&Value, &Subject) -> Vec<Call>,
) -> Vec<Answer> {
    let document = app.get("/openapi.json").await.body;
    let (asked, controls) = (calls(&document, owner), calls(&document, nobody));
    let answers = ask_everything(app, "asker", &asked).await;
    let expected = ask_everything(app, "control", &controls).await;
    for ((call, answer), control) in asked.iter().zip(&answers).zip(&expected) {
        assert!(!answer.text.contains(MARKER), "{call:?} answered {}", answer.text);
        if !requests::OF_THE_SERVER.contains(&call.operation.as_str()) {
            assert_eq!(comparable(answer, owner), comparable(control, nobody), "{call:?}");
        }
        assert!(answer.status.as_u16() < 500, "{call:?} answered {}", answer.text);
    }
    let operations: std::collections::BTreeSet<_> = asked.iter().map(|call| call.operation.clone()).collect();
    let described = document["paths"].as_object().unwrap().iter();
    let described = described.filter(|(path, _)| path.starts_with("/api/v1/"));
    let count: usize = described.map(|(_, item)| item.as_object().unwrap().len()).sum();
    // The stream has no end.
    assert_eq!(operations.len() + 1, count, "every operation is called");
    answers
}

#[tokio::test]
async fn an_id_of_another_tenant_is_not_found_and_may_be_used() {
    let app = start(&["asker", "owner"]).await;
    let owner = subject("owner", 0x40);
    seed(&app, "owner", &owner).await;
    let path = format!("/api/v1/contexts/{}", owner.ids[2]);
    let unknown = format!("/api/v1/contexts/{}", subject("nobody", 0x80).ids[2]);
    for method in ["GET", "PATCH"] {
        let body = (method == "PATCH").then(|| json!({"text": "mine now"}));
        let theirs = call(&app, "asker", method, &path, body.as_ref()).await;
        let nobodys = call(&app, "asker", method, &unknown, body.as_ref()).await;
        theirs.problem(404, "not_found");
        assert_eq!(theirs.body["detail"], nobodys.body["detail"]);
        assert_eq!(theirs.headers.len(), nobodys.headers.len());
    }
    let body = json!({"id": owner.ids[2], "text": "mine"});
    let stored = call(&app, "asker", "POST", "/api/v1/contexts", Some(&body)).await;
    assert_eq!(stored.status, StatusCode::CREATED);
    assert!(call(&app, "owner", "GET", &path, None).await.text.contains(MARKER));
    assert_eq!(call(&app, "asker", "GET", &path, None).await.body["text"], "mine");
}

#[tokio::test]
async fn a_cursor_of_another_tenant_shows_nothing() {
    let app = start(&["asker", "owner"]).await;
    seed(&app, "owner", &subject("owner", 0x40)).await;
    seed(&app, "owner", &subject("other-owner", 0x20)).await;
    for path in ["/api/v1/contexts?limit=1", "/api/v1/sessions?limit=1"] {
        let page = call(&app, "owner", "GET", path, None).await;
        let cursor = page.body["next_cursor"].as_str().unwrap().to_owned();
        let answer = call(&app, "asker", "GET", &format!("{path}&cursor={cursor}"), None).await;
        assert_eq!(answer.status, StatusCode::OK);
        let items = answer.body["contexts"]
            .as_array()
            .or(answer.body["sessions"].as_array());
        assert_eq!(items.unwrap().len(), 0, "{}", answer.text);
    }
}

#[tokio::test]
async fn that_another_tenant_asked_the_same_cannot_be_told() {
    let app = start(&["asker", "owner"]).await;
    let question = json!({"query": "where is the treasure buried"});
    for (tenant, cached) in [("owner", false), ("owner", true), ("asker", false), ("asker", true)] {
        let answer = call(&app, tenant, "POST", "/api/v1/contexts/search", Some(&question)).await;
        assert_eq!(answer.body["cache_hit"], cached, "{tenant}");
    }
}
