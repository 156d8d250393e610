//! Users, agents and projects, which no argument can name.

use context_manager_mcp::Owner;
use serde_json::json;

use crate::host::Host;

fn ann() -> Owner {
    Owner {
        user_id: Some("ann".to_owned()),
        agent_id: None,
        project: Some("atlas".to_owned()),
    }
}

#[tokio::test]
async fn nothing_of_another_user_or_project_is_in_reach() {
    let mut host = Host::of(ann(), 10_000).await;
    let mine = host.notes.add("mine", Some("ann"), Some("atlas"));
    let others = [
        host.notes.add("zebra of bob", Some("bob"), Some("atlas")),
        host.notes.add("zebra of nobody", None, Some("atlas")),
        host.notes.add("zebra of borneo", Some("ann"), Some("borneo")),
        host.notes.add("zebra of no project", Some("ann"), None),
    ];
    for (tool, arguments) in [
        ("memory_search", json!({"query": "zebra"})),
        ("memory_context", json!({"query": "zebra"})),
        ("memory_list", json!({"limit": 1})),
        ("search", json!({"query": "zebra"})),
    ] {
        let text = host.call(tool, arguments).await.to_string();
        assert!(text.contains("mine") && !text.contains("zebra"), "{tool}: {text}");
    }
    for id in others {
        let nobody = uuid::Uuid::nil();
        for (tool, own, arguments) in [
            ("memory_get", "ids", json!({})),
            ("memory_update", "id", json!({"text": "changed"})),
            ("memory_store", "supersedes", json!({"text": "replaced"})),
            ("fetch", "id", json!({})),
        ] {
            let with = |id: uuid::Uuid| {
                let mut arguments = arguments.clone();
                arguments[own] = if own == "id" { json!(id) } else { json!([id]) };
                arguments
            };
            let result = host.call(tool, with(id)).await;
            assert_eq!(result["isError"], true, "{tool}: {result}");
            assert_eq!(result, host.call(tool, with(nobody)).await, "{tool}");
        }
        let forgotten = host.call("memory_forget", json!({"ids": [id]})).await;
        assert_eq!(Host::structured(&forgotten)["deleted"], 0);
    }
    assert_eq!(host.notes.texts().len(), 5);
    let changed = host.call("memory_update", json!({"id": mine, "text": "changed"})).await;
    assert_eq!(Host::structured(&changed)["id"], json!(mine));
    let forgotten = host.call("memory_forget", json!({"ids": [mine]})).await;
    assert_eq!(Host::structured(&forgotten)["deleted"], 1);
}

#[tokio::test]
async fn what_is_stored_is_the_owners() {
    let mut host = Host::of(ann(), 10_000).await;
    host.call("memory_store", json!({"text": "Ann deploys on Tuesdays."}))
        .await;
    let last = host.notes.last();
    assert_eq!(
        (&last["user_id"], &last["metadata"]),
        (&json!("ann"), &json!({"project": "atlas"}))
    );
    let mut host = Host::start().await;
    host.call("memory_store", json!({"text": "We deploy on Tuesdays."}))
        .await;
    let last = host.notes.last();
    assert_eq!((&last["user_id"], &last["metadata"]), (&json!(null), &json!({})));
}

#[tokio::test]
async fn a_list_looks_through_the_pages_of_other_projects() {
    let mut host = Host::of(ann(), 10_000).await;
    for _ in 0..5 {
        host.notes.add("of another project", Some("ann"), Some("borneo"));
    }
    host.notes.add("mine", Some("ann"), Some("atlas"));
    let result = host.call("memory_list", json!({"limit": 2})).await;
    assert_eq!(Host::structured(&result)["contexts"][0]["text"], "mine", "{result}");
}
