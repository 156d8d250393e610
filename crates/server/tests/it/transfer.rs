//! Everything is carried away and comes back as it was.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use context_manager::app::default_tenant;
use context_manager_core::context::{Context, ContextId, SessionTrack};
use context_manager_core::{Error, ExportRecord, Scope};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{TestApp, texts};

/// Contexts at all levels with everything that there is.
async fn fill(app: &TestApp) {
    let mut contexts = Vec::new();
    for n in 0..130 {
        let level = ["immediate", "short_term", "long_term"][n % 3];
        contexts.push(json!({
            "text": format!("note {n} — über den Winter \u{1f9e3}\nzweite Zeile"),
            "level": level,
            "session_id": (n % 4 > 0).then(|| format!("session {}", n % 4)),
            "user_id": (n % 2 > 0).then_some("ann"),
            "tags": ["b", "a"],
            "metadata": {"z": n, "a": {"deep": [1, 2.5, null]}, "m": "x"},
            "importance": 0.1 * f64::from(u8::try_from(n % 10).unwrap()),
            "pinned": n % 7 == 0,
            "ttl_secs": (n % 5 == 0).then_some(100_000),
            "occurred_at": "2024-02-29T12:00:00.123Z",
        }));
    }
    let stored = app.post("/contexts/batch", json!({ "contexts": contexts })).await.body;
    let old = &stored["results"][1]["context"]["id"];
    app.store(json!({"text": "the newer truth", "level": "long_term", "supersedes": [old]}))
        .await;
    // The same text again, after the first was replaced: no duplicate, and both have to come back.
    app.store(json!({"text": "note", "level": "long_term"})).await;
    app.post("/contexts/search", json!({"query": "note 5 about winter", "limit": 10}))
        .await;
    while app.memory.engine.flush_accesses().await.unwrap() > 0 {}
}

async fn wipe(app: &TestApp) {
    for level in ["immediate", "short_term", "long_term"] {
        app.post("/contexts/clear", json!({ "level": level })).await;
    }
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
}

#[tokio::test]
async fn export_wipe_import_gives_a_byte_equal_export() {
    let app = TestApp::start().await;
    fill(&app).await;
    let questions = json!({"query": "winter note 17", "limit": 5, "session_id": "session 1"});
    let answers = app.found(questions.clone()).await;
    for query in ["", "?vectors=true"] {
        let exported = app.export(query).await;
        assert_eq!(exported.lines().count(), 134);
        assert_eq!(exported.contains("\"values\""), !query.is_empty());
        wipe(&app).await;
        let imported = app.import(exported.clone()).await;
        assert_eq!(imported.body["imported"], 132, "{}", imported.text);
        assert_eq!(
            (&imported.body["skipped"], &imported.body["failed_total"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(imported.body["complete"], true, "{}", imported.text);
        assert!(app.export(query).await == exported, "the second export is another one");

        let again = app.import(exported.clone()).await;
        assert_eq!(
            (&again.body["imported"], &again.body["skipped"]),
            (&json!(0), &json!(132))
        );
        assert!(app.export(query).await == exported, "importing again changed something");
        assert_eq!(app.found(questions.clone()).await, answers);
    }
    let app = app.restart().await;
    assert_eq!(app.found(questions).await, answers);
}

#[tokio::test]
async fn sessions_go_on_where_they_were() {
    let app = TestApp::start().await;
    for n in 0..3 {
        app.store(json!({"text": format!("before {n}"), "level": "immediate", "session_id": "s"}))
            .await;
    }
    let exported = app.export("").await;
    wipe(&app).await;
    app.import(exported).await;
    app.store(json!({"text": "after", "level": "immediate", "session_id": "s"}))
        .await;
    let page = app.get("/api/v1/contexts?session_id=s").await.body;
    assert_eq!(texts(&page), ["after", "before 2", "before 1", "before 0"]);
    let found = app
        .found(json!({"query": "before", "session_id": "s", "levels": ["immediate"]}))
        .await;
    assert_eq!(found.len(), 4);
    let last = app.export("").await;
    let positions: Vec<Value> = last
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap().get("context").cloned())
        .map(|context| context["position"].clone())
        .collect();
    assert_eq!(positions, [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_position_at_the_end_is_neither_wrapped_nor_reached() {
    let app = TestApp::start().await;
    let stored = app.store(json!({"text": "fact 0", "session_id": "s"})).await;
    let (engine, scope) = (&app.memory.engine, Scope::maintenance(default_tenant().unwrap()));
    let id = ContextId(stored["id"].as_str().unwrap().parse().unwrap());
    let context = engine.get(&scope, id).await.unwrap();
    wipe(&app).await;
    let at = |position| ExportRecord {
        context: Context {
            slot: Some(SessionTrack::new("s").slot(position)),
            ..context.clone()
        },
        vector: None,
    };
    let refused = engine.import(&scope, vec![at(u32::MAX)]).await;
    assert!(matches!(refused[..], [Err(Error::Invalid(_))]), "{refused:?}");
    let last = SessionTrack::MAX_POSITION;
    assert!(engine.import(&scope, vec![at(last)]).await[0].is_ok());
    for n in 1..3 {
        app.store(json!({"text": format!("fact {n}"), "session_id": "s"})).await;
        let position = format!("\"position\":{}", last + n);
        assert!(app.export("").await.contains(&position), "no {position}");
    }
}

#[tokio::test]
async fn every_bad_line_is_named_and_loses_no_good_one() {
    let app = TestApp::with(|config| config.server.max_line_bytes = 5000).await;
    for n in 0..6 {
        app.store(json!({"text": format!("fact {n}"), "level": "long_term"}))
            .await;
    }
    let exported = app.export("").await;
    let lines: Vec<&str> = exported.lines().collect();
    wipe(&app).await;
    // The id of line 3 is taken by something else.
    let id = serde_json::from_str::<Value>(lines[2]).unwrap()["context"]["id"].clone();
    app.store(json!({"id": id, "text": "another thing"})).await;
    let changed = lines[3].replace("fact 2", "fact X");
    let long = format!("{{\"context\":{{\"text\":\"{}\"}}}}", "x".repeat(5000));
    let damaged = [
        lines[0],
        lines[1],
        lines[2],
        &changed,
        "{\"context\":",
        &long,
        lines[4],
        lines[5],
        lines[6],
        lines[7],
    ];
    let answer = app.import(damaged.join("\n")).await.body;
    assert_eq!(
        (&answer["imported"], &answer["failed_total"]),
        (&json!(4), &json!(4)),
        "{answer}"
    );
    let failed: Vec<(u64, &str)> = answer["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failed| {
            (
                failed["line"].as_u64().unwrap(),
                failed["error"]["code"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (4, "invalid_request"),
        (5, "invalid_json"),
        (6, "payload_too_large"),
        (3, "conflict"),
    ];
    assert_eq!(failed, expected);
    assert_eq!(answer["complete"], false, "the lines are not those of the trailer");
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 5);
}

#[tokio::test]
async fn lines_are_read_as_bodies_are() {
    let app = TestApp::start().await;
    let session = json!({"text": "counted", "level": "long_term", "session_id": "s"});
    app.store(session).await;
    let exported = app.export("").await;
    let lines: Vec<&str> = exported.lines().collect();
    wipe(&app).await;
    let changed = |from: &str, to: &str| {
        let line: Value = serde_json::from_str(lines[1]).unwrap();
        let context = line["context"].to_string().replace(from, to);
        assert!(context.contains(to), "{context}");
        format!(r#"{{"context":{context},"sha256":"{:x}"}}"#, Sha256::digest(&context))
    };
    for (from, to, pointer) in [
        ("counted", r"half \ud83d", "/context/text"),
        (r#""position":0"#, r#""position":4294967295"#, "/context/position"),
        (r#""access_count":0"#, r#""access_count":0.5"#, "/context/access_count"),
        (
            r#""access_count":0"#,
            r#""access_count":18446744073709551616"#,
            "/context/access_count",
        ),
        (r#""access_count":0"#, r#""acces_count":0"#, "/context/acces_count"),
        (
            r#""metadata":{}"#,
            r#""metadata":{"a":18446744073709551616}"#,
            "/context/metadata/a",
        ),
        (r#""metadata":{}"#, r#""metadata":{"a":1,"a":2}"#, "/context/metadata/a"),
        ("\"created_at\":\"2", "\"created_at\":\"+2", "/context/created_at"),
    ] {
        let answer = app.import(format!("{}\n{}\n", lines[0], changed(from, to))).await.body;
        assert_eq!(
            answer["failed"][0]["error"]["errors"][0]["pointer"], pointer,
            "{answer}"
        );
        assert_eq!(answer["imported"], 0);
    }
    let most = changed(r#""access_count":0"#, r#""access_count":18446744073709551615"#);
    let marked = app.import(format!("\u{feff}{}\n{most}\n", lines[0])).await.body;
    assert_eq!(marked["imported"], 1, "{marked}");
    assert_eq!(app.found(json!({"query": "counted"})).await, ["counted"]);
    while app.memory.engine.flush_accesses().await.unwrap() > 0 {}
    let counted = &app.get("/api/v1/contexts").await.body["contexts"][0]["access_count"];
    assert_eq!(counted.as_u64(), Some(u64::MAX));
}

#[tokio::test]
async fn an_export_that_was_cut_short_is_told_and_what_came_stays() {
    let app = TestApp::start().await;
    for n in 0..4 {
        app.store(json!({"text": format!("fact {n}"), "level": "long_term"}))
            .await;
    }
    let exported = app.export("").await;
    wipe(&app).await;
    let cut: Vec<&str> = exported.lines().take(3).collect();
    let answer = app.import(cut.join("\n")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        (&answer.body["imported"], &answer.body["complete"]),
        (&json!(2), &json!(false))
    );
    assert!(
        answer.body["incomplete_because"]
            .as_str()
            .unwrap()
            .contains("trailer is missing")
    );
    let answer = app.import(exported).await.body;
    assert_eq!(
        (&answer["imported"], &answer["skipped"], &answer["complete"]),
        (&json!(2), &json!(2), &json!(true))
    );
}

#[tokio::test]
async fn what_is_no_export_is_refused() {
    let app = TestApp::start().await;
    for body in [
        "",
        "{\"text\": \"hello\"}",
        "[1, 2]",
        "\n\n",
        "{\"header\":{\"format\":99}}",
    ] {
        let answer = app.import(body).await;
        answer.problem(400, "invalid_request");
    }
    app.import("hello").await.problem(400, "invalid_json");
    let request = Request::post("/api/v1/admin/import").header(header::CONTENT_ENCODING, "br");
    let answer = app.send(request.body(Body::from("x")).unwrap()).await;
    answer.problem(415, "unsupported_media_type");
    assert_eq!(
        app.get("/api/v1/admin/export?vectors=maybe")
            .await
            .problem(400, "invalid_request"),
        ["/vectors"]
    );
}

#[tokio::test]
async fn bodies_may_be_compressed_and_larger_than_other_bodies() {
    let app = TestApp::with(|config| config.server.max_body_bytes = 20_000).await;
    for n in 0..60 {
        app.store(json!({"text": format!("fact {n} {}", "y".repeat(300)), "level": "long_term"}))
            .await;
    }
    let exported = app.export("").await;
    assert!(exported.len() > 20_000);
    let request = Request::get("/api/v1/admin/export").header(header::ACCEPT_ENCODING, "gzip");
    let response = app.raw(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let compressed = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut expanded = String::new();
    GzDecoder::new(&compressed[..]).read_to_string(&mut expanded).unwrap();
    assert!(expanded == exported);

    wipe(&app).await;
    let answer = app.import(exported.clone()).await.body;
    assert_eq!((&answer["imported"], &answer["complete"]), (&json!(60), &json!(true)));
    wipe(&app).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(exported.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    for (body, imported, complete) in [
        (compressed[..compressed.len() / 2].to_vec(), None, false),
        (compressed, Some(60), true),
    ] {
        let request = Request::post("/api/v1/admin/import").header(header::CONTENT_ENCODING, "gzip");
        let answer = app.send(request.body(Body::from(body)).unwrap()).await.body;
        assert_eq!(answer["complete"], complete, "{answer}");
        if let Some(imported) = imported {
            let all = answer["imported"].as_u64().unwrap() + answer["skipped"].as_u64().unwrap();
            assert_eq!(all, imported);
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_go_on_is_not_waited_for() {
    let app = TestApp::with(|config| config.server.request_timeout_ms = 300).await;
    app.store(json!({"text": "fact", "level": "long_term"})).await;
    let exported = app.export("").await;
    let first = exported.lines().next().unwrap().to_owned() + "\n";
    let pieces = futures::stream::once(async move { Ok::<_, Infallible>(Bytes::from(first)) });
    let stalled = futures::StreamExt::chain(pieces, futures::stream::pending());
    let import = app.import(Body::from_stream(stalled));
    let answer = tokio::time::timeout(Duration::from_secs(20), import)
        .await
        .unwrap()
        .body;
    assert_eq!(answer["complete"], false);
    assert!(
        answer["incomplete_because"].as_str().unwrap().contains("in time"),
        "{answer}"
    );
}
