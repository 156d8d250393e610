//! The same for the tools of agents: every one is asked about another tenant's data, and about nobody's.

use serde_json::{Value, json};

use super::{key, seed, start, subject, view};
use crate::isolation::requests::Subject;
use crate::mcp::http;
use crate::support::TestApp;

/// Every tool with arguments that name the subject's data.
fn calls(subject: &Subject) -> Vec<(&'static str, Value)> {
    let question = "what is the code of the vault";
    vec![
        (
            "memory_search",
            json!({"query": question, "session_id": subject.session_id, "min_score": 0.0}),
        ),
        ("memory_search", json!({"query": question, "tags_any": ["vault"]})),
        ("memory_get", json!({"ids": subject.ids})),
        (
            "memory_store",
            json!({"text": "another code", "supersedes": subject.ids}),
        ),
        (
            "memory_store",
            json!({"text": "mine", "session_id": subject.session_id, "level": "immediate"}),
        ),
        ("memory_update", json!({"id": subject.ids[0], "text": "changed"})),
        ("memory_forget", json!({"ids": subject.ids})),
        (
            "memory_context",
            json!({"query": question, "session_id": subject.session_id, "min_score": 0.0}),
        ),
        ("memory_list", json!({"session_id": subject.session_id})),
        ("memory_list", json!({"tag": "vault"})),
        ("memory_status", json!({})),
        ("search", json!({"query": question})),
        ("fetch", json!({"id": subject.ids[0]})),
    ]
}

/// A result without what differs between two tenants with the same data.
fn comparable(mut result: Value, subject: &Subject) -> String {
    let mut own = Vec::new();
    collect(&result, &mut own);
    if let Some(prompt) = result.pointer_mut("/structuredContent/prompt") {
        *prompt = Value::Null;
    }
    let mut text = result.to_string();
    for (at, id) in subject.ids.iter().enumerate() {
        text = text.replace(id, &format!("ID-{at}"));
    }
    text = text.replace(&subject.session_id, "SESSION");
    for id in own {
        text = text.replace(&id, "OWN");
    }
    text
}

/// Collects the ids and times of a result.
fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(text) if ["id", "occurred_at", "expires_at"].contains(&name.as_str()) => {
                        into.push(text.to_owned());
                    }
                    _ => collect(value, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Has `asker` call every tool about the owner, and `control` about nobody, and compares the answers.
pub(super) async fn ask_about(app: &TestApp, owner: &Subject, nobody: &Subject) {
    let [asker, control] = ["asker", "control"].map(|name| format!("Bearer {}", key(name)));
    for ((tool, arguments), (_, same)) in calls(owner).into_iter().zip(calls(nobody)) {
        let answer = http::call(app, &[("authorization", &asker)], tool, arguments.clone()).await;
        let expected = http::call(app, &[("authorization", &control)], tool, same).await;
        assert!(
            !answer.to_string().contains(super::MARKER),
            "{tool} {arguments}: {answer}"
        );
        assert_eq!(
            comparable(answer, owner),
            comparable(expected, nobody),
            "{tool} {arguments}"
        );
    }
}

#[tokio::test]
async fn no_tool_reaches_another_tenant() {
    let app = start(&["asker", "control", "owner"]).await;
    let (owner, nobody) = (subject("owner", 0x40), subject("nobody", 0x80));
    seed(&app, "owner", &owner).await;
    let before = view(&app, "owner").await;
    ask_about(&app, &owner, &nobody).await;
    assert_eq!(
        view(&app, "owner").await,
        before,
        "something of the other tenant has changed"
    );
}
