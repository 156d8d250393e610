//! Two users of one tenant with credentials of their own.

use axum::http::StatusCode;
use context_manager::auth::Permission;
use context_manager::config::ConfiguredKey;
use serde_json::{Value, json};

use super::requests::{self, Call, Subject};
use super::{ask_about, call, configured, key, seed, start_with, subject, tools, view};
use crate::mcp::http;
use crate::support::{Answer, TestApp, texts};

/// The key of that name, which is bound to a user.
fn bound(name: &str, tenant: &str, user: &str) -> ConfiguredKey {
    ConfiguredKey {
        user: Some(user.parse().unwrap()),
        permissions: vec![Permission::Read, Permission::Write].into(),
        ..configured(name, tenant)
    }
}

/// A server where `asker` is ann and `owner` another user of the same tenant, `control` is ann in a tenant of her own, and
/// `operator` may do everything in the shared one.
async fn start() -> TestApp {
    start_with(vec![
        bound("asker", "shared", "ann"),
        bound("owner", "shared", "user-of-owner"),
        bound("control", "alone", "ann"),
        configured("operator", "shared"),
    ])
    .await
}

/// Every call about a subject, but for ids of new contexts: ids are the tenant's, and its users share them.
fn calls(document: &Value, subject: &Subject) -> Vec<Call> {
    let mut calls = requests::all(document, subject);
    for call in &mut calls {
        let stores = ["store_context", "store_contexts", "store_context_by_key"].contains(&call.operation.as_str());
        if let Some(body) = call.body.as_mut().filter(|_| stores) {
            leave_out_id(body);
            for item in body["contexts"].as_array_mut().into_iter().flatten() {
                leave_out_id(item);
            }
        }
    }
    calls
}

fn leave_out_id(body: &mut Value) {
    if let Some(body) = body.as_object_mut() {
        body.remove("id");
    }
}

async fn post(app: &TestApp, who: &str, path: &str, body: &Value) -> Answer {
    call(app, who, "POST", &format!("/api/v1{path}"), Some(body)).await
}

async fn store(app: &TestApp, who: &str, body: Value) -> Value {
    let answer = post(app, who, "/contexts", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn whatever_names_another_users_data_is_answered_as_if_it_did_not_exist() {
    let app = start().await;
    let (owner, nobody) = (subject("owner", 0x40), subject("nobody", 0x80));
    seed(&app, "owner", &owner).await;
    for who in ["asker", "control"] {
        for level in ["immediate", "long_term"] {
            let text = format!("my own {level} note about the vault");
            store(&app, who, json!({"text": text, "level": level, "session_id": "mine"})).await;
        }
    }
    let before = view(&app, "owner").await;
    let answers = ask_about(&app, &owner, &nobody, calls).await;
    tools::ask_about(&app, &owner, &nobody).await;
    assert_eq!(
        view(&app, "owner").await,
        before,
        "something of the other user has changed"
    );
    for status in [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::OK] {
        assert!(answers.iter().any(|answer| answer.status == status), "{status}");
    }
    let of_ann = view(&app, "asker").await;
    assert_eq!(
        of_ann[0]["contexts"].as_array().unwrap().len() as u64,
        of_ann[2]["total"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn a_bound_key_stores_and_finds_for_its_user_alone() {
    let app = start().await;
    let anns = store(
        &app,
        "asker",
        json!({"text": "Ann's bicycle is green.", "session_id": "s"}),
    )
    .await;
    assert_eq!(anns["user_id"], "ann");
    let named = json!({"text": "Ann's boat is blue.", "user_id": "ann", "session_id": "s"});
    assert_eq!(store(&app, "asker", named).await["user_id"], "ann");
    store(
        &app,
        "owner",
        json!({"text": "The owner's bicycle is red.", "session_id": "s"}),
    )
    .await;
    // Without a user, it is nobody's who is bound.
    store(
        &app,
        "operator",
        json!({"text": "A bicycle of nobody.", "session_id": "t"}),
    )
    .await;

    for body in [
        json!({"query": "bicycle"}),
        json!({"query": "bicycle", "user_id": "ann"}),
        json!({"query": "bicycle", "session_id": "s", "filter": {"user_id": "ann"}}),
    ] {
        let found = post(&app, "asker", "/contexts/search", &body).await;
        let found = texts(&found.body);
        assert!(
            found.iter().all(|text| text.starts_with("Ann")) && !found.is_empty(),
            "{body} {found:?}"
        );
    }
    let all = post(&app, "operator", "/contexts/search", &json!({"query": "bicycle"})).await;
    assert_eq!(
        texts(&all.body).iter().filter(|text| text.contains("bicycle")).count(),
        3
    );

    let sessions = call(&app, "asker", "GET", "/api/v1/sessions", None).await.body;
    assert_eq!(sessions["sessions"][0]["session_id"], "s");
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    let stats = call(&app, "asker", "GET", "/api/v1/stats", None).await.body;
    assert_eq!(stats["total"], 2);
    let cleared = post(&app, "asker", "/contexts/clear", &json!({"level": "long_term"})).await;
    assert_eq!(cleared.body["deleted"], 2);
    let stats = call(&app, "operator", "GET", "/api/v1/stats", None).await.body;
    assert_eq!(stats["total"], 2, "the others' are there");
}

#[tokio::test]
async fn a_bound_key_that_names_another_user_is_refused_with_the_reason() {
    let app = start().await;
    let bobs = json!({"text": "x", "user_id": "bob"});
    let mine = json!({"text": "y"});
    for (method, path, body) in [
        ("POST", "/contexts", bobs.clone()),
        ("POST", "/contexts/search", json!({"query": "x", "user_id": "bob"})),
        (
            "POST",
            "/contexts/search",
            json!({"query": "x", "filter": {"user_id": "bob"}}),
        ),
        (
            "POST",
            "/contexts/assemble",
            json!({"query": "x", "max_tokens": 100, "user_id": "bob"}),
        ),
        ("POST", "/contexts/delete", json!({"filter": {"user_id": "bob"}})),
        (
            "POST",
            "/contexts/clear",
            json!({"level": "long_term", "user_id": "bob"}),
        ),
        ("GET", "/contexts?user_id=bob", json!(null)),
        ("DELETE", "/users/bob", json!(null)),
    ] {
        let body = Some(&body).filter(|body| !body.is_null());
        let refused = call(&app, "asker", method, &format!("/api/v1{path}"), body).await;
        refused.problem(403, "forbidden");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(
            detail.contains("bound to one user") && !detail.contains("bob"),
            "{path}: {detail}"
        );
    }
    let batch = post(&app, "asker", "/contexts/batch", &json!({"contexts": [bobs, mine]})).await;
    let results = &batch.body["results"];
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&json!(403), &json!(201)),
        "{}",
        batch.text
    );
    assert_eq!(results[0]["error"]["code"], "forbidden");
    for path in ["/admin/export", "/admin/snapshots", "/admin/log-filter"] {
        let refused = call(&app, "asker", "GET", &format!("/api/v1{path}"), None).await;
        refused.problem(403, "forbidden");
        assert!(refused.text.contains("`read` and `write` at most"), "{}", refused.text);
    }
    let forgotten = call(&app, "asker", "DELETE", "/api/v1/users/ann", None).await;
    assert_eq!(
        forgotten.body["deleted"], 1,
        "one may be forgotten oneself: {}",
        forgotten.text
    );
}

#[tokio::test]
async fn another_users_context_is_neither_replaced_nor_overwritten() {
    let app = start().await;
    let owner = subject("owner", 0x40);
    seed(&app, "owner", &owner).await;
    let before = view(&app, "owner").await;
    let id = &owner.ids[2];
    post(&app, "asker", "/contexts", &json!({"id": id, "text": "mine"}))
        .await
        .problem(409, "conflict");
    // The first one is refused, and must not make the id one of this batch.
    let batch = json!({"contexts": [{"id": id, "text": "mine"}, {"text": "newer", "supersedes": [id]}]});
    let stored = post(&app, "asker", "/contexts/batch", &batch).await;
    assert_eq!(stored.body["results"][1]["status"], 201, "{}", stored.text);
    assert_eq!(view(&app, "owner").await, before);

    let old = store(&app, "asker", json!({"text": "old"})).await;
    let new = store(&app, "asker", json!({"text": "new", "supersedes": [old["id"], id]})).await;
    let path = format!("/api/v1/contexts/{}", old["id"].as_str().unwrap());
    let old = call(&app, "asker", "GET", &path, None).await.body;
    assert_eq!(old["superseded_by"], new["id"], "one's own is replaced");
    assert_eq!(view(&app, "owner").await, before);
}

#[tokio::test]
async fn that_another_user_asked_the_same_cannot_be_told() {
    let app = start().await;
    let question = json!({"query": "where is the treasure buried"});
    for (who, cached) in [
        ("operator", false),
        ("operator", true),
        ("asker", false),
        ("asker", false),
    ] {
        let answer = post(&app, who, "/contexts/search", &question).await;
        assert_eq!(answer.body["cache_hit"], cached, "{who}");
    }
}

#[tokio::test]
async fn tools_are_for_the_user_of_the_key() {
    let app = start().await;
    let key = format!("Bearer {}", key("asker"));
    let stored = http::call(
        &app,
        &[("authorization", &key)],
        "memory_store",
        json!({"text": "Ann's bicycle is green."}),
    )
    .await;
    let id = stored["structuredContent"]["id"].as_str().unwrap();
    let context = call(&app, "operator", "GET", &format!("/api/v1/contexts/{id}"), None)
        .await
        .body;
    assert_eq!(context["user_id"], "ann");
    for (user, refused) in [("ann", false), ("bob", true)] {
        let headers = [("authorization", key.as_str()), ("x-user-id", user)];
        let result = http::call(&app, &headers, "memory_search", json!({"query": "bicycle"})).await;
        assert_eq!(result["isError"], refused, "{user}: {result}");
        assert_eq!(result.to_string().contains("forbidden"), refused, "{result}");
    }
}
