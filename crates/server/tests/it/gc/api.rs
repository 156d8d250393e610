//! The call that runs a collection.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_collection_tells_what_it_would_do_and_does_it() {
    let app = TestApp::with(|config| config.hirag.l2_cache_ttl = 1).await;
    let gone = app
        .store(json!({"text": "a remark", "level": "short_term", "ttl_secs": 1}))
        .await;
    let kept = app
        .store(json!({"text": "the launch code", "level": "short_term"}))
        .await;
    assert_eq!(kept["expires_at"], json!(null), "nobody said that it ends");
    app.store(json!({"text": "a fact", "level": "long_term"})).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let foreseen = app.post("/admin/gc", json!({"dry_run": true})).await.body;
    assert_eq!(foreseen["dry_run"], true);
    let done = app.post("/admin/gc", json!({"dry_run": false})).await.body;
    for (answer, when) in [(&foreseen, "before"), (&done, "after")] {
        let counts =
            ["deleted", "promoted", "consolidated", "made", "settled", "errors"].map(|key| answer[key].clone());
        assert_eq!(
            counts,
            [json!(1), json!(1), json!(0), json!(0), json!(0), json!(0)],
            "{when}"
        );
        assert_eq!(answer["truncated"], false);
        let contexts = answer["contexts"].as_array().unwrap();
        let of = |id: &serde_json::Value| contexts.iter().find(|context| context["id"] == *id).unwrap();
        assert_eq!(of(&gone["id"])["reason"], "expired");
        assert_eq!(of(&kept["id"])["action"], "promote");
    }
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 2);
    let without_body = Request::post("/api/v1/admin/gc").body(Body::empty()).unwrap();
    assert_eq!(app.send(without_body).await.body["dry_run"], false);
    let again = app.post("/admin/gc", json!({})).await.body;
    assert_eq!((&again["deleted"], &again["counts"]), (&json!(0), &json!([])));
    app.post("/admin/gc", json!({"dryrun": true}))
        .await
        .problem(400, "invalid_request");
    let metrics = app.get("/metrics").await.text;
    let counted = "context_manager_gc_deleted_total{level=\"short_term\",reason=\"expired\"}";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn collections_whose_clients_went_away_do_not_pile_up() {
    let app = TestApp::with(|config| {
        config.hirag.gc_batch_size = 1;
        config.gc.batch_pause_ms = 500;
        config.server.requests.max_concurrent_admin = 1;
        config.server.requests.max_wait_ms = 50;
    })
    .await;
    for n in 0..20 {
        app.store(json!({"text": format!("remark number {n}"), "ttl_secs": 1}))
            .await;
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let gone = tokio::time::timeout(Duration::from_millis(200), app.post("/admin/gc", json!({}))).await;
    assert!(gone.is_err(), "it takes ten seconds");
    let next = app.post("/admin/gc", json!({})).await;
    next.problem(503, "service_unavailable");
}
