//! Values mean exactly what was sent, or are refused: characters, numbers, times, persons and cursors.

use serde_json::{Value, json};

use crate::bad_input::{JSON, invalid, raw};
use crate::support::TestApp;

#[tokio::test]
async fn half_a_character_costs_its_own_item_alone() {
    let app = TestApp::start().await;
    let body = r#"{"contexts": [{"text": "good one"}, {"text": "half \ud83d"}, {"text": "whole \ud83d\ude00"},
        {"text": "x", "tags": ["a", "\ude00"]}, {"text": "x", "metadata": {"a": {"b": "\ud83dx"}}},
        {"text": "x", "metadata": {"\ud83d\ud83d": 1}}, {"text": "last one"}]}"#;
    let answer = raw(&app, "POST /contexts/batch", JSON, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [201, 400, 201, 400, 400, 400, 201]);
    for (at, pointer) in [(1, "/text"), (3, "/tags/1"), (4, "/metadata/a"), (5, "/metadata")] {
        let error = &results[at]["error"]["errors"][0];
        assert_eq!(error["pointer"], format!("/contexts/{at}{pointer}"));
        assert!(error["detail"].as_str().unwrap().contains("surrogate"), "{error}");
    }
    assert_eq!(results[2]["context"]["text"], "whole \u{1f600}");
    let id = results[0]["context"]["id"].as_str().unwrap();
    for (call, body, pointer) in [
        ("POST /contexts", r#"{"text": "half \ud83d"}"#, "/text"),
        ("POST /contexts", r#"{"text": "x", "user_id": "\udbff"}"#, "/user_id"),
        (
            format!("PATCH /contexts/{id}").as_str(),
            r#"{"metadata": {"a": "\ud83d"}}"#,
            "/metadata/a",
        ),
        ("POST /contexts/search", r#"{"query": "half \ud83d"}"#, "/query"),
        (
            "POST /contexts/assemble",
            r#"{"query": "half \ud83d", "max_tokens": 9}"#,
            "/query",
        ),
        (
            "POST /contexts/delete",
            r#"{"filter": {"metadata": {"a": ["\ud83d"]}}}"#,
            "/filter/metadata/a",
        ),
    ] {
        let answer = raw(&app, call, JSON, body).await;
        assert_eq!(
            answer.problem(400, "invalid_request"),
            [pointer],
            "{call} {}",
            answer.text
        );
        assert!(answer.text.contains("surrogate"), "{}", answer.text);
    }
}

#[tokio::test]
async fn numbers_come_back_as_they_were_sent_or_are_refused() {
    let app = TestApp::start().await;
    let send = |body: String| raw(&app, "POST /contexts", JSON, body);
    for number in [
        "18446744073709551616",
        "-9223372036854775809",
        "100000000000000000000",
        "0.1000000000000000055511151231257827",
        "1e999",
    ] {
        let answer = send(format!(r#"{{"text": "x", "metadata": {{"a": [{number}]}}}}"#)).await;
        let named = answer.problem(400, "invalid_request");
        assert_eq!(named, ["/metadata/a"], "{}", answer.text);
    }
    let kept =
        r#"{"a":18446744073709551615,"b":-9223372036854775808,"c":0.30000000000000004,"d":-0.0,"e":9007199254740993}"#;
    let answer = send(format!(r#"{{"text": "kept", "metadata": {kept}}}"#)).await;
    assert!(answer.text.contains(kept), "{}", answer.text);
    for (wanted, count) in [
        (json!({"d": 0}), 1),
        (json!({"d": -0.0}), 1),
        (json!({"e": 9_007_199_254_740_992_i64}), 0),
    ] {
        let filtered = json!({"query": "kept", "filter": {"metadata": wanted}});
        assert_eq!(app.found(filtered).await.len(), count, "{wanted}");
    }
    // Whole numbers may be written as floats, and only they.
    let whole = send(r#"{"text": "whole", "ttl_secs": 20.0}"#.to_owned()).await;
    assert_eq!(whole.status, 201, "{}", whole.text);
    for ttl in ["20.5", "\"20\"", "1e30", "-1", "true"] {
        let answer = send(format!(r#"{{"text": "x", "ttl_secs": {ttl}}}"#)).await;
        assert_eq!(answer.problem(400, "invalid_request"), ["/ttl_secs"]);
        assert!(answer.text.contains("a whole number from 0 to"), "{}", answer.text);
    }
    let id = uuid::Uuid::now_v7();
    let again =
        |number: &str| format!(r#"{{"id": "{id}", "text": "again", "metadata": {{"n": {{"deep": [{number}]}}}}}}"#);
    assert_eq!(send(again("1")).await.status, 201);
    for same in ["1.0", "1e0", "1"] {
        let answer = send(again(same)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    send(again("2")).await.problem(409, "conflict");
}

#[tokio::test]
async fn times_compare_as_they_were_sent() {
    let app = TestApp::start().await;
    for (time, stored) in [
        ("2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T04:04:05.678901999+01:00", "2026-01-02T03:04:05.678Z"),
        ("1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
        ("0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z"),
        ("1990-12-31t23:59:60z", "1990-12-31T23:59:59.000Z"),
    ] {
        let context = app
            .store(json!({"text": format!("event at {time}"), "level": "l3", "occurred_at": time}))
            .await;
        assert_eq!(context["occurred_at"], stored);
        let count = async |filter: Value| {
            let only = json!({"query": "event", "limit": 1000, "filter": filter});
            let found = app.post("/contexts/search", only).await;
            let contexts = found.body["contexts"]
                .as_array()
                .unwrap_or_else(|| panic!("{}", found.text));
            contexts.iter().filter(|found| found["id"] == context["id"]).count()
        };
        assert_eq!(count(json!({"occurred_after": time})).await, 1, "{time}");
        assert_eq!(count(json!({"occurred_before": time})).await, 0, "{time}");
        assert_eq!(
            count(json!({"occurred_after": stored, "occurred_before": "9999-12-31T23:59:59.999Z"})).await,
            1,
            "{time}"
        );
    }
    for bad in [
        "2024-01-01T00:00Z",
        "20240101T000000Z",
        "2024-01-01T00:00:00+25:00",
        "2024-01-01T00:00:00Z[Europe/Berlin]",
        "-000044-03-15T00:00:00Z",
        "2024-01-01",
    ] {
        let context = json!({"text": "x", "occurred_at": bad});
        let answer = invalid(&app, "POST /contexts", context, &["/occurred_at"]).await;
        assert!(answer.text.contains("RFC 3339"), "{}", answer.text);
        let question = json!({"query": "x", "filter": {"occurred_before": bad}});
        invalid(&app, "POST /contexts/search", question, &["/filter/occurred_before"]).await;
    }
    let exported = app.export("").await;
    let other = TestApp::start().await;
    assert_eq!(other.import(exported.clone()).await.body["failed_total"], 0);
    assert_eq!(other.export("").await, exported);
}

#[tokio::test]
async fn a_person_beside_the_question_means_the_same_as_in_the_filter() {
    let app = TestApp::start().await;
    for user in ["ann", "bob"] {
        let text = format!("{user} has a dentist appointment");
        app.store(json!({"text": text, "level": "l3", "user_id": user, "agent_id": format!("of {user}")}))
            .await;
    }
    for of_ann in [
        json!({"user_id": "ann"}),
        json!({"agent_id": "of ann"}),
        json!({"user_id": "ann", "filter": {"user_id": "ann"}}),
        json!({"user_id": "ann", "filter": {"agent_id": "of ann"}}),
    ] {
        let mut question = of_ann.clone();
        question["query"] = "dentist appointment".into();
        assert_eq!(
            app.found(question.clone()).await,
            ["ann has a dentist appointment"],
            "{of_ann}"
        );
        question["max_tokens"] = 200.into();
        let prompt = app.post("/contexts/assemble", question).await.text;
        assert!(prompt.contains("ann has") && !prompt.contains("bob has"), "{prompt}");
    }
    for (body, pointer) in [
        (json!({"user_id": "ann", "filter": {"user_id": "bob"}}), "/user_id"),
        (
            json!({"agent_id": "of ann", "filter": {"agent_id": "of bob"}}),
            "/agent_id",
        ),
    ] {
        let mut question = body;
        question["query"] = "dentist".into();
        question["max_tokens"] = 200.into();
        for call in ["POST /contexts/search", "POST /contexts/assemble"] {
            invalid(&app, call, question.clone(), &[pointer]).await;
        }
    }
}

#[tokio::test]
async fn a_cursor_that_was_cut_or_altered_is_refused() {
    let app = TestApp::start().await;
    let contexts: Vec<Value> = (0..3)
        .map(|n| json!({"text": format!("{n}"), "session_id": format!("session {n}")}))
        .collect();
    app.post("/contexts/batch", json!({"contexts": contexts})).await;
    for list in ["contexts", "sessions"] {
        let page = app.get(&format!("/api/v1/{list}?limit=1")).await.body;
        let cursor = page["next_cursor"].as_str().unwrap().to_owned();
        let next = app.get(&format!("/api/v1/{list}?limit=1&cursor={cursor}")).await.body;
        assert_ne!(next[list][0], page[list][0]);
        for at in 0..cursor.len() {
            let (start, end) = cursor.split_at(at);
            let other = if end.starts_with('a') { "b" } else { "a" };
            for bad in [
                start.to_owned(),
                format!("{start}{}", &end[1..]),
                format!("{start}{other}{}", &end[1..]),
            ] {
                let call = format!("GET /{list}?limit=1&cursor={bad}");
                invalid(&app, &call, Value::Null, &["/cursor"]).await;
            }
        }
    }
}
