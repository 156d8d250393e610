//! Events of a tenant, through the typed client and a real connection.

use std::time::Duration;

use context_manager::auth::{KeyHash, Permission};
use context_manager::config::ConfiguredKey;
use context_manager_client::wire::{ContextPatch, DeleteBody, Event, EventKind, NewContext};
use context_manager_client::{Client, Config};
use futures::{Stream, StreamExt};
use tokio::time::timeout;

use crate::server::Server;
use crate::support::{PATIENCE, TestApp, until};

async fn next(events: &mut (impl Stream<Item = Result<Event, context_manager_client::Error>> + Unpin)) -> Event {
    timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn writes_are_streamed_and_a_stream_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&folder.path().join("data")).await;
    let client = Client::new(&server.url, Config::default()).unwrap();
    let mut events = Box::pin(client.stream_events(None).await.unwrap());
    let new = NewContext {
        text: "likes tea".to_owned(),
        scope: Some("org/acme".to_owned()),
        ..NewContext::default()
    };
    let id = client.store_context(&new).await.unwrap().id();
    let stored = next(&mut events).await;
    let EventKind::Stored(context) = &stored.kind else {
        panic!("{stored:?}")
    };
    assert_eq!((context.id, context.scope.as_deref()), (id, Some("org/acme")));

    let patch = ContextPatch {
        pinned: Some(true),
        ..ContextPatch::default()
    };
    client.update_context(id, &patch).await.unwrap();
    assert!(matches!(next(&mut events).await.kind, EventKind::Changed(changed) if changed.id == id));
    drop(events);

    let body = DeleteBody {
        ids: Some(vec![id]),
        ..DeleteBody::default()
    };
    client.delete_contexts(&body).await.unwrap();
    let mut resumed = Box::pin(client.stream_events(Some(&stored.id)).await.unwrap());
    assert!(matches!(next(&mut resumed).await.kind, EventKind::Changed(changed) if changed.id == id));
    assert!(matches!(next(&mut resumed).await.kind, EventKind::Deleted(deleted) if deleted.id == id));

    // A search, which counts an access, is no event.
    assert!(timeout(Duration::from_millis(300), resumed.next()).await.is_err());
    let other = "0123456789abcdef-3";
    let mut elsewhere = Box::pin(client.stream_events(Some(other)).await.unwrap());
    assert_eq!(next(&mut elsewhere).await.kind, EventKind::Gap);
    let refused = client.stream_events(Some("x")).await.err().unwrap();
    assert_eq!(refused.status(), Some(400));

    // A shutdown does not wait for those who follow.
    let stopping = tokio::time::Instant::now();
    server.signal("-TERM");
    until("the server stops", async || {
        server.process.try_wait().unwrap().is_some()
    })
    .await;
    assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
}

#[tokio::test]
async fn events_of_one_are_not_told_to_another() {
    let key = |name: &str, tenant: &str, user: Option<&str>| ConfiguredKey {
        id: None,
        tenant: tenant.to_owned(),
        user: user.map(|user| user.parse().unwrap()),
        permissions: vec![Permission::Read, Permission::Write].into(),
        key_sha256: Some(KeyHash::of(&secret(name))),
        key_file: None,
        expires_at: None,
    };
    let app = TestApp::with(|config| {
        config.auth.keys = vec![
            key("ann", "acme", Some("ann")),
            key("bob", "acme", Some("bob")),
            key("other", "other", None),
        ];
    })
    .await;
    let request = axum::http::Request::get("/api/v1/events")
        .header("authorization", format!("Bearer {}", secret("ann")))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = app.raw(request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut frames = response.into_body().into_data_stream();
    let mut anns = String::new();
    for who in ["other", "bob", "ann"] {
        let body = serde_json::json!({"text": format!("a note of {who}")});
        let stored = app
            .call_with_key(&secret(who), "POST", "/api/v1/contexts", Some(&body))
            .await;
        anns = stored.body["id"].as_str().unwrap().to_owned();
    }
    let frame = timeout(PATIENCE, frames.next()).await.unwrap().unwrap().unwrap();
    let frame = String::from_utf8(frame.to_vec()).unwrap();
    assert!(frame.contains(&anns) && frame.matches("data:").count() == 1, "{frame}");
}

fn secret(name: &str) -> String {
    format!("{name}-{}", "k".repeat(32))
}
