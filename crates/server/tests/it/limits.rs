//! Rates, turns, quotas and the sizes of what is sent, as callers see them.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use context_manager::api::PeerAddress;
use context_manager::config::{Config, RateConfig};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Answer, TestApp, until};

fn rate(per_sec: u32, burst: u32) -> RateConfig {
    RateConfig { per_sec, burst }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// A request that seems to come from `peer`, with a header.
async fn get_from(app: &TestApp, peer: &str, forwarded: Option<&str>) -> Answer {
    let mut request = Request::get("/openapi.json");
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-for", forwarded);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer: IpAddr = peer.parse().unwrap();
    request.extensions_mut().insert(PeerAddress(peer));
    app.send(request).await
}

async fn send(app: &TestApp, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::from(body)).unwrap()).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back_and_reads_are_counted_apart() {
    let app = TestApp::with(|config| {
        config.rate_limits.per_key.write = rate(1, 2);
        config.rate_limits.per_tenant.write = rate(10, 30);
    })
    .await;
    let first = app.post("/contexts", json!({"text": "one"})).await;
    assert_eq!(first.status, 201);
    let policies: Vec<_> = first.headers.get_all("ratelimit-policy").iter().collect();
    assert_eq!(policies, ["\"key-write\";q=2;w=2", "\"tenant-write\";q=30;w=3"]);
    let left: Vec<_> = first.headers.get_all("ratelimit").iter().collect();
    assert_eq!(left, ["\"key-write\";r=1;t=1", "\"tenant-write\";r=29;t=1"]);

    app.post("/contexts", json!({"text": "two"})).await;
    let refused = app.post("/contexts", json!({"text": "three"})).await;
    refused.problem(429, "rate_limited");
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"key-write\";q=2;w=2");
    assert_eq!(header(&refused, "ratelimit"), "\"key-write\";r=0;t=1");

    let read = app.get("/api/v1/contexts").await;
    assert_eq!((read.status.as_u16(), read.headers.get("ratelimit")), (200, None));
    assert_eq!(read.body["contexts"].as_array().unwrap().len(), 2);
    let stats = app.get("/api/v1/stats").await.body;
    assert_eq!(
        stats["limits"]["rates"][0],
        json!({"name": "key-write", "callers": 1, "passed": 2, "refused": 1})
    );
}

#[tokio::test]
async fn a_batch_costs_as_much_as_its_contexts() {
    let app = TestApp::with(|config| config.rate_limits.per_tenant.write = rate(1, 10)).await;
    let batch = |size: usize| json!({"contexts": (0..size).map(|n| json!({"text": format!("{size} {n}")})).collect::<Vec<_>>()});
    let answer = app.post("/contexts/batch", batch(7)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(header(&answer, "ratelimit"), "\"tenant-write\";r=3;t=7");
    app.post("/contexts/batch", batch(4)).await.problem(429, "rate_limited");
    assert_eq!(
        app.get("/api/v1/stats").await.body["total"],
        7,
        "nothing of it was stored"
    );
}

#[tokio::test]
async fn an_address_is_limited_before_it_is_known_who_it_is_and_only_proxies_speak_for_others() {
    let app = TestApp::with(|config| {
        config.rate_limits.per_address = rate(1, 2);
        config.server.trusted_proxies = vec!["10.0.0.0/8".to_owned()].try_into().unwrap();
    })
    .await;
    for _ in 0..2 {
        assert_eq!(get_from(&app, "192.0.2.1", None).await.status, 200);
    }
    let mut probe = Request::get("/health/live").body(Body::empty()).unwrap();
    probe.extensions_mut().insert(PeerAddress("192.0.2.1".parse().unwrap()));
    assert_eq!(app.send(probe).await.status, 200, "probes are not counted");
    // A stranger's word about where it comes from does not count.
    get_from(&app, "192.0.2.1", Some("203.0.113.1"))
        .await
        .problem(429, "rate_limited");
    assert_eq!(get_from(&app, "10.0.0.1", Some("203.0.113.1")).await.status, 200);
    get_from(&app, "10.0.0.1", Some("203.0.113.9, 192.0.2.1"))
        .await
        .problem(429, "rate_limited");
}

#[tokio::test]
async fn beyond_the_line_requests_are_turned_away_at_once_and_operators_are_not() {
    let app = TestApp::with(|config| {
        config.server.requests.max_concurrent = 1;
        config.server.requests.max_waiting = 1;
    })
    .await;
    app.store(json!({"text": "something to find"})).await;
    let search = async || {
        let start = Instant::now();
        let answer = app.post("/contexts/search", json!({"query": "something"})).await;
        (answer, start.elapsed())
    };
    let health = async || app.get("/health/ready").await;
    let admin = async || app.get("/api/v1/admin/reembed").await;
    let (answers, health, admin) = tokio::join!(join_all((0..50).map(|_| search())), health(), admin());
    let (found, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(answer, _)| answer.status == 200);
    assert!(found.len() >= 2, "{} were answered", found.len());
    assert!(refused.len() > 10, "{} were refused", refused.len());
    for (answer, _) in &refused {
        answer.problem(503, "service_unavailable");
        assert_eq!(header(answer, "retry-after"), "1");
    }
    let fastest = refused.iter().map(|(_, took)| *took).min().unwrap();
    assert!(fastest < Duration::from_millis(1), "{fastest:?}");
    assert_eq!((health.status.as_u16(), admin.status.as_u16()), (200, 200));
    let lanes = &app.get("/api/v1/stats").await.body["limits"]["requests"];
    assert_eq!(
        (&lanes[0]["lane"], &lanes[0]["shed"]),
        (&json!("api"), &json!(refused.len()))
    );
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_turned_away() {
    let app = TestApp::with(|config| {
        config.server.requests.max_concurrent = 1;
        config.server.requests.max_waiting = 100;
        config.server.requests.max_wait_ms = 1;
    })
    .await;
    let batch = json!({"contexts": (0..300).map(|n| json!({"text": format!("context {n}")})).collect::<Vec<_>>()});
    let answers = join_all((0..4).map(|_| app.post("/contexts/batch", batch.clone()))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty());
    for answer in refused {
        answer.problem(503, "service_unavailable");
    }
}

fn quota(config: &mut Config, max_contexts: u64, max_bytes: u64) {
    config.quotas.max_contexts = max_contexts;
    config.quotas.max_bytes = max_bytes;
}

#[tokio::test]
async fn a_tenant_keeps_no_more_contexts_than_its_quota_and_may_store_again_after_deleting() {
    let app = TestApp::with(|config| quota(config, 3, 0)).await;
    let one = app.store(json!({"text": "one"})).await;
    let same = app.post("/contexts", json!({"text": "one"})).await;
    assert_eq!(same.body["deduplicated"], true, "{}", same.text);
    let batch = json!({"contexts": [{"text": "two"}, {"text": ""}, {"text": "three"}, {"text": "four"}]});
    let answer = app.post("/contexts/batch", batch).await;
    let statuses: Vec<_> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["status"])
        .collect();
    assert_eq!(statuses, [201, 400, 201, 403], "{}", answer.text);
    assert_eq!(answer.body["results"][3]["error"]["code"], "forbidden");

    let refused = app.post("/contexts", json!({"text": "five"})).await;
    refused.problem(403, "forbidden");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("3 contexts"),
        "{}",
        refused.text
    );

    let id = one["id"].as_str().unwrap();
    app.call("DELETE", &format!("/api/v1/contexts/{id}"), Value::Null).await;
    // The count is at most a second old.
    until("the freed room is seen", async || {
        app.post("/contexts", json!({"text": "five"})).await.status == 201
    })
    .await;
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 3);
}

#[tokio::test]
async fn what_was_stored_before_counts_and_bytes_have_a_quota_too() {
    let app = TestApp::with(|config| quota(config, 0, 3_000)).await;
    app.store(json!({"text": "a".repeat(1_500)})).await;
    let app = app.restart().await;
    app.store(json!({"text": "b".repeat(1_000)})).await;
    let refused = app.post("/contexts", json!({"text": "c".repeat(1_000)})).await;
    refused.problem(403, "forbidden");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("3000 bytes"),
        "{}",
        refused.text
    );
    app.store(json!({"text": "d".repeat(100)})).await;
}

#[tokio::test]
async fn a_change_takes_the_room_it_adds_and_gives_back_what_it_frees() {
    let app = TestApp::with(|config| quota(config, 0, 100_000)).await;
    let mut paths = Vec::new();
    for n in 0..10 {
        let stored = app.store(json!({"text": n.to_string()})).await;
        paths.push(format!("/api/v1/contexts/{}", stored["id"].as_str().unwrap()));
    }
    let patch = async |path: &str, text: String| app.call("PATCH", path, json!({ "text": text })).await;
    let large = || "x".repeat(32_000);
    let mut statuses = Vec::new();
    for path in &paths {
        statuses.push(patch(path, large()).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 403, 403, 403, 403, 403, 403, 403]);
    let refused = patch(&paths[3], large()).await;
    refused.problem(403, "forbidden");
    assert!(refused.text.contains("100000 bytes"), "{}", refused.text);
    // What adds nothing is not refused, and metadata and tags count as the text does.
    for body in [json!({"importance": 0.9}), json!({"text": "y"})] {
        assert_eq!(app.call("PATCH", &paths[3], body).await.status, 200);
    }
    let metadata = json!({"metadata": {"notes": large()}});
    app.call("PATCH", &paths[3], metadata).await.problem(403, "forbidden");
    // A change that is not made takes nothing.
    for _ in 0..5 {
        let missing = format!("/api/v1/contexts/{}", uuid::Uuid::now_v7());
        patch(&missing, large()).await.problem(404, "not_found");
        app.call("PATCH", &paths[4], json!({"text": large(), "importance": 7}))
            .await
            .problem(400, "invalid_request");
    }
    // Back and forth, also at once: what is there is neither counted twice nor lost.
    for _ in 0..5 {
        assert_eq!(patch(&paths[0], "small".to_owned()).await.status, 200);
        assert_eq!(patch(&paths[5], large()).await.status, 200);
        patch(&paths[0], large()).await.problem(403, "forbidden");
        assert_eq!(patch(&paths[5], "small".to_owned()).await.status, 200);
        assert_eq!(patch(&paths[0], large()).await.status, 200);
    }
    let one = &paths[0];
    let rounds = (0..20).map(|n| patch(one, if n % 2 == 0 { large() } else { "small".to_owned() }));
    join_all(rounds).await;
    patch(one, large()).await;
    patch(&paths[6], large()).await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_import_beyond_the_quota_is_refused_line_by_line_and_changes_nothing_when_repeated() {
    let source = TestApp::start().await;
    for n in 0..5 {
        source.store(json!({"text": format!("note {n}")})).await;
    }
    let exported = source.export("").await;
    let app = TestApp::with(|config| quota(config, 3, 0)).await;
    for imported in [3, 0] {
        let answer = app.import(exported.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let lines = answer.body["failed"].as_array().unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|failed| (&failed["line"], &failed["error"]["code"]))
            .collect();
        let forbidden = json!("forbidden");
        assert_eq!(
            lines,
            [(&json!(5), &forbidden), (&json!(6), &forbidden)],
            "{}",
            answer.text
        );
        assert_eq!(
            (&answer.body["imported"], &answer.body["skipped"]),
            (&json!(imported), &json!(3 - imported))
        );
    }
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 3);
    // What came in counts at once.
    app.post("/contexts", json!({"text": "one more"}))
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn a_body_too_large_is_refused_with_both_sizes() {
    let app = TestApp::with(|config| config.server.max_body_bytes = 1_000).await;
    let refused = send(&app, &[], vec![b' '; 1_001]).await;
    refused.problem(413, "payload_too_large");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("1001") && detail.contains("1000"), "{detail}");

    // A stream tells no size beforehand.
    let chunks = (0..50).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100]));
    let request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, "application/json");
    let body = Body::from_stream(futures::stream::iter(chunks));
    let refused = app.send(request.body(body).unwrap()).await;
    refused.problem(413, "payload_too_large");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("1000"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn json_that_is_too_deep_is_refused() {
    let app = TestApp::start().await;
    for depth in [200, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for body in [
            nested.clone(),
            format!("{{\"text\": \"x\", \"metadata\": {{\"a\": {nested}}}}}"),
        ] {
            let answer = send(&app, &[], body.into_bytes()).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_body_may_come_compressed_and_its_limit_is_that_of_what_comes_out() {
    let app = TestApp::with(|config| config.server.max_body_bytes = 100_000).await;
    let body = json!({"text": "a compressed memory"}).to_string();
    let compressed = [("content-encoding", "gzip")];
    let stored = send(&app, &compressed, gzip(body.as_bytes())).await;
    assert_eq!(
        (stored.status.as_u16(), &stored.body["text"]),
        (201, &json!("a compressed memory"))
    );

    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let refused = send(&app, &compressed, bomb).await;
    refused.problem(413, "payload_too_large");
    assert!(
        refused.body["detail"].as_str().unwrap().contains("100000"),
        "{}",
        refused.text
    );

    send(&app, &compressed, body.clone().into_bytes())
        .await
        .problem(400, "invalid_request");
    let unknown = send(&app, &[("content-encoding", "br")], body.into_bytes()).await;
    unknown.problem(415, "unsupported_media_type");
    assert_eq!(header(&unknown, "accept-encoding"), "gzip");
}

#[tokio::test]
async fn bodies_together_take_no_more_memory_than_there_is() {
    let app = TestApp::with(|config| {
        config.server.max_body_bytes = 64 * 1024;
        config.server.requests.max_buffered_bytes = 64 * 1024;
    })
    .await;
    // Half of it is there, the rest never comes: held memory is not for others.
    let held = || {
        let start = futures::stream::iter([Ok::<_, std::io::Error>(vec![b' '; 30 * 1024]), Ok(vec![b' '; 1024])]);
        let body = Body::from_stream(futures::StreamExt::chain(start, futures::stream::pending()));
        let request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(body).unwrap())
    };
    let held = tokio::time::timeout(Duration::from_secs(5), futures::future::join(held(), held()));
    let probe = async {
        tokio::task::yield_now().await;
        send(&app, &[], vec![b' '; 20 * 1024])
            .await
            .problem(503, "service_unavailable");
    };
    tokio::select! {
        _ = held => panic!("bodies that never end were answered"),
        () = probe => {}
    }
    app.store(json!({"text": "they are gone, and so is their hold"})).await;
}

#[tokio::test]
async fn the_head_of_a_request_has_its_limits_too() {
    let app = TestApp::with(|config| {
        config.server.connections.max_uri_bytes = 100;
        config.server.connections.max_header_bytes = 1_000;
        config.server.connections.max_headers = 10;
    })
    .await;
    app.get(&format!("/health/live?{}", "x".repeat(100)))
        .await
        .problem(414, "uri_too_long");
    let with = |headers: Vec<(String, String)>| {
        let request = headers
            .into_iter()
            .fold(Request::get("/health/live"), |request, (name, value)| {
                request.header(name, value)
            });
        app.send(request.body(Body::empty()).unwrap())
    };
    with(vec![("x-large".to_owned(), "x".repeat(1_000))])
        .await
        .problem(431, "headers_too_large");
    let many = (0..11).map(|n| (format!("x-{n}"), String::new())).collect();
    with(many).await.problem(431, "headers_too_large");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let app = TestApp::start().await;
    for path in ["/health/live", "/nowhere", "/api/v1/contexts", "/openapi.json"] {
        let answer = app.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&answer, name), value, "{path}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_call_only_when_they_are_named() {
    let preflight = || {
        Request::options("/api/v1/contexts")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST")
            .body(Body::empty())
            .unwrap()
    };
    let closed = TestApp::start().await;
    let answer = closed.send(preflight()).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");

    let open =
        TestApp::with(|config| config.server.cors_allowed_origins = vec!["https://app.example.com".to_owned()]).await;
    let answer = open.send(preflight()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        "https://app.example.com"
    );
    assert!(header(&answer, "access-control-allow-headers").contains("authorization"));
    // All methods of the API.
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(
            header(&answer, "access-control-allow-methods").contains(method),
            "{method}"
        );
    }
    let other = Request::get("/health/live").header("origin", "https://evil.example.com");
    let answer = open.send(other.body(Body::empty()).unwrap()).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
}
