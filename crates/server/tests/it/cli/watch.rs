//! Commands that watch a server.

use serde_json::json;

use crate::cli::run;
use crate::keys::create;
use crate::server::Server;

#[tokio::test]
async fn top_shows_rates_levels_and_health() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    for n in 0..5 {
        server
            .post("/contexts", &json!({"text": format!("fact {n}"), "level": "l2"}))
            .await
            .unwrap();
    }
    let frames = run(&data, &["top", "--frames", "2", "--interval", "1"]).ok();
    for part in ["contexts 5", "short_term 5", "healthy", "POST /api/v1/contexts", "≤ "] {
        assert!(frames.contains(part), "{part} is not in {frames}");
    }
    let frames = run(&data, &["top", "--frames", "1", "--json"]).lines();
    let routes = frames[0]["routes"].as_array().unwrap();
    assert!(
        routes.iter().any(|route| route["route"] == "POST /api/v1/contexts"),
        "{routes:?}"
    );
    assert_eq!(frames[0]["stats"]["total"], 5);
}

#[tokio::test]
async fn top_does_without_what_a_key_may_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read"]);
    let closed = [
        ("CONTEXT_MANAGER_AUTH__PUBLIC_METRICS", "false"),
        ("CONTEXT_MANAGER_AUTH__PUBLIC_HEALTH", "false"),
    ];
    let _server = Server::with(&data, &closed).await;
    let frame = run(&data, &["top", "--frames", "1", "--api-key", &key]).ok();
    assert!(
        frame.contains("health unknown") && frame.contains("permission metrics"),
        "{frame}"
    );
}
