//! The three levels, as a client sees them.

use serde_json::{Value, json};

use crate::support::{TestApp, texts};

async fn level_of(app: &TestApp, text: &str) -> Value {
    let page = app.get("/api/v1/contexts?limit=1000").await.body;
    let found = page["contexts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|context| context["text"] == text)
        .cloned();
    found.unwrap_or_else(|| panic!("{text} is gone"))["level"].clone()
}

#[tokio::test]
async fn working_memory_keeps_the_newest_and_moves_the_rest_on() {
    let app = TestApp::with(|config| config.hirag.l1_cache_size = 3).await;
    for n in 0..5 {
        app.store(json!({"text": format!("word{n}"), "level": "immediate", "session_id": "s"}))
            .await;
    }
    assert_eq!(
        [level_of(&app, "word1").await, level_of(&app, "word2").await],
        ["short_term", "immediate"]
    );
    let immediate = texts(&app.get("/api/v1/contexts?level=l1").await.body);
    assert_eq!(immediate, ["word4", "word3", "word2"]);
    let moved = app
        .found(json!({"query": "word0", "levels": ["short_term"], "mode": "lexical", "limit": 1}))
        .await;
    assert_eq!(moved, ["word0"], "what overflowed is found one level down");
}

#[tokio::test]
async fn working_memory_is_that_of_the_session_asked_for() {
    let app = TestApp::start().await;
    for session in ["one", "two"] {
        app.store(json!({"text": format!("the lamp of {session}"), "level": "immediate", "session_id": session}))
            .await;
    }
    assert_eq!(
        app.found(json!({"query": "lamp", "session_id": "one"})).await,
        ["the lamp of one"]
    );
    assert!(app.found(json!({"query": "lamp"})).await.is_empty());
    let answer = app
        .post("/contexts/search", json!({"query": "lamp", "session_id": "two"}))
        .await
        .body;
    assert_eq!(
        (&answer["levels"]["immediate"], &answer["searched"]["immediate"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn working_memory_is_read_back_after_a_restart() {
    let mut app = TestApp::with(|config| config.hirag.l1_cache_size = 3).await;
    for n in 0..3 {
        app.store(json!({"text": format!("word{n}"), "level": "immediate", "session_id": "s"}))
            .await;
    }
    app = app.restart().await;
    let all = json!({"query": "word0 word1 word2", "session_id": "s", "levels": ["immediate"]});
    assert_eq!(app.found(all.clone()).await.len(), 3);
    app = app.restart().await;
    app.store(json!({"text": "word3", "level": "immediate", "session_id": "s"}))
        .await;
    assert_eq!(
        level_of(&app, "word0").await,
        "short_term",
        "order survives, so the oldest overflows"
    );
    assert_eq!(app.found(all).await.len(), 3);
}

#[tokio::test]
async fn the_first_search_of_a_session_that_is_too_long_misses_nothing() {
    let mut app = TestApp::start().await;
    for n in 0..60 {
        let text = format!("turn {n} speaks of subject{n}x");
        app.store(json!({"text": text, "level": "immediate", "session_id": "s"}))
            .await;
    }
    app = app.restart_with(|config| config.hirag.l1_cache_size = 20).await;
    for n in [3, 39, 40, 59] {
        let question = json!({"query": format!("subject{n}x"), "session_id": "s", "mode": "lexical", "limit": 1});
        assert_eq!(app.found(question).await, [format!("turn {n} speaks of subject{n}x")]);
    }
    assert_eq!(
        texts(&app.get("/api/v1/contexts?level=l1&limit=100").await.body).len(),
        20
    );
}

#[tokio::test]
async fn a_change_or_deletion_reaches_working_memory() {
    let app = TestApp::start().await;
    let store = |text: &'static str| app.store(json!({"text": text, "level": "immediate", "session_id": "s"}));
    let (edited, promoted, deleted) = (
        store("red apple").await,
        store("green apple").await,
        store("blue apple").await,
    );
    let path = |context: &Value| format!("/api/v1/contexts/{}", context["id"].as_str().unwrap());
    let near = json!({"query": "apple", "session_id": "s", "levels": ["immediate"]});
    assert_eq!(app.found(near.clone()).await.len(), 3);
    app.call("PATCH", &path(&edited), json!({"text": "yellow apple"})).await;
    app.call("PATCH", &path(&promoted), json!({"level": "long_term"})).await;
    app.call("DELETE", &path(&deleted), Value::Null).await;
    assert_eq!(app.found(near).await, ["yellow apple"]);
    assert_eq!(
        app.found(json!({"query": "apple", "levels": ["long_term"]})).await,
        ["green apple"]
    );
}

#[tokio::test]
async fn contexts_with_a_time_to_live_expire_and_pinned_ones_do_not() {
    let app = TestApp::start().await;
    let gone = app.store(json!({"text": "gone soon", "ttl_secs": 1})).await;
    assert!(gone["expires_at"].is_string());
    let pinned = app
        .store(json!({"text": "here to stay", "ttl_secs": 1, "pinned": true}))
        .await;
    assert_eq!(pinned["expires_at"], Value::Null);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(texts(&app.get("/api/v1/contexts").await.body), ["here to stay"]);
    assert_eq!(app.found(json!({"query": "gone soon here"})).await, ["here to stay"]);
    app.get(&format!("/api/v1/contexts/{}", gone["id"].as_str().unwrap()))
        .await
        .problem(404, "not_found");
    app.store(json!({"text": "gone soon"})).await;
}

#[tokio::test]
async fn what_was_said_beside_an_answer_is_found_with_it() {
    // One candidate, so that only the best context is found by itself.
    let app = TestApp::with(|config| config.hirag.candidates = 1).await;
    let conversation = [
        "Anna: Where was the summer party?",
        "Ben: In a hut above the lake.",
        "Anna: With goats?",
        "Ben: Two.",
    ];
    for text in conversation {
        app.store(json!({"text": text, "level": "long_term", "session_id": "talk"}))
            .await;
    }
    app.store(json!({"text": "Another hut", "level": "long_term", "session_id": "elsewhere"}))
        .await;
    app.store(json!({"text": "A hut of its own", "level": "long_term"}))
        .await;
    let found = app.found(json!({"query": "summer party", "mode": "lexical"})).await;
    assert_eq!(found, conversation, "the nearer the better, and nothing from elsewhere");

    let app = TestApp::with(|config| {
        config.hirag.candidates = 1;
        config.hirag.neighbours.reach = 0;
    })
    .await;
    for text in conversation {
        app.store(json!({"text": text, "level": "long_term", "session_id": "talk"}))
            .await;
    }
    let found = app.found(json!({"query": "summer party", "mode": "lexical"})).await;
    assert_eq!(found, conversation[..1]);
}
