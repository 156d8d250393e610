//! Keys, scopes and versions.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, texts};

#[tokio::test]
async fn storing_under_a_key_replaces_and_keeps_history() {
    let app = TestApp::start().await;
    let put = async |body: Value| app.call("PUT", "/api/v1/contexts/by-key", body).await;
    let first = put(json!({"scope": "org/acme", "key": "theme", "text": "dark mode", "tags": ["a"]})).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(
        (&first.body["version"], &first.body["key"]),
        (&json!(1), &json!("theme"))
    );
    let path = format!("/api/v1/contexts/{}", first.body["id"].as_str().unwrap());

    let unchanged = put(json!({"scope": "org/acme", "key": "theme", "text": "dark mode", "tags": ["a"]})).await;
    assert_eq!(
        (unchanged.status, &unchanged.body["deduplicated"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(unchanged.body["version"], 1);

    let second = put(json!({"scope": "org/acme", "key": "theme", "text": "light mode"})).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(
        (&second.body["id"], &second.body["version"]),
        (&first.body["id"], &json!(2))
    );
    assert_eq!(second.body["tags"], json!([]));
    assert_eq!(app.found(json!({"query": "mode"})).await, ["light mode"]);

    // A store with a key does the same, and so does one in a batch.
    let third = app
        .post(
            "/contexts",
            json!({"scope": "org/acme", "key": "theme", "text": "blue"}),
        )
        .await;
    assert_eq!((third.status, &third.body["version"]), (StatusCode::OK, &json!(3)));
    let batch = json!({"contexts": [
        {"scope": "org/acme", "key": "theme", "text": "green"},
        {"scope": "org/acme", "key": "theme", "text": "red"},
        {"scope": "org/acme", "key": "new", "text": "one"},
        {"scope": "org/acme", "key": "new", "text": "two"},
    ]});
    let stored = app.post("/contexts/batch", batch).await.body;
    let statuses: Vec<u64> = stored["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 200, 201, 200]);

    let current = app.get("/api/v1/contexts/by-key?scope=org/acme&key=theme").await;
    assert_eq!(current.body["text"], "red");
    let history = app.get(&format!("{path}/history")).await.body;
    let versions = history["versions"].as_array().unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|one| (one["version"].as_u64().unwrap(), one["text"].as_str().unwrap()))
        .collect();
    assert_eq!(told.first(), Some(&(u64::try_from(told.len()).unwrap(), "red")));
    assert!(
        told.contains(&(3, "blue")) && told.ends_with(&[(2, "light mode"), (1, "dark mode")]),
        "{told:?}"
    );
    assert_eq!(
        (&versions[0]["change"], &versions.last().unwrap()["change"]),
        (&json!("replaced"), &json!("stored"))
    );
    assert!(
        versions
            .iter()
            .all(|one| one["by"].is_string() && one["changed_at"].is_string())
    );

    let keyed = app.get("/api/v1/contexts/by-key?scope=org/acme&key=new").await.body;
    assert_eq!(keyed["text"], "two");

    for _ in 0..2 {
        let deleted = app
            .call(
                "DELETE",
                "/api/v1/contexts/by-key?scope=org/acme&key=theme",
                Value::Null,
            )
            .await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    }
    app.get("/api/v1/contexts/by-key?scope=org/acme&key=theme")
        .await
        .problem(404, "not_found");
    let again = put(json!({"scope": "org/acme", "key": "theme", "text": "dark mode"})).await;
    assert_eq!((again.status, &again.body["version"]), (StatusCode::CREATED, &json!(1)));
}

#[tokio::test]
async fn a_key_is_unique_within_its_scope_alone() {
    let app = TestApp::start().await;
    for body in [
        json!({"key": "k", "text": "same"}),
        json!({"scope": "a", "key": "k", "text": "same"}),
        json!({"scope": "a/b", "key": "k", "text": "same"}),
        json!({"scope": "a", "text": "same"}),
        json!({"text": "same"}),
    ] {
        app.store(body).await;
    }
    let none = app.get("/api/v1/contexts/by-key?key=k").await.body;
    assert_eq!(none["scope"], Value::Null);
    assert_eq!(
        app.get("/api/v1/contexts/by-key?scope=a/b&key=k").await.body["scope"],
        "a/b"
    );
    app.get("/api/v1/contexts/by-key?scope=b&key=k")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_key_of_another_user_is_a_conflict_and_owners_left_out_stay() {
    let app = TestApp::start().await;
    app.store(json!({"key": "k", "text": "one", "user_id": "ann", "session_id": "s"}))
        .await;
    let put = async |body: Value| app.call("PUT", "/api/v1/contexts/by-key", body).await;
    put(json!({"key": "k", "text": "two", "user_id": "bob"}))
        .await
        .problem(409, "conflict");
    put(json!({"key": "k", "text": "two", "session_id": "t"}))
        .await
        .problem(409, "conflict");
    put(json!({"key": "k", "text": "two", "id": "0193b3a0-0000-7000-8000-000000000001"}))
        .await
        .problem(409, "conflict");
    let kept = put(json!({"key": "k", "text": "two"})).await;
    assert_eq!(
        (&kept.body["user_id"], &kept.body["session_id"]),
        (&json!("ann"), &json!("s"))
    );
}

#[tokio::test]
async fn many_who_store_under_a_key_at_once_leave_one_context_with_all_versions() {
    let app = TestApp::start().await;
    let calls = (0..20).map(|n| {
        app.call(
            "PUT",
            "/api/v1/contexts/by-key",
            json!({"key": "k", "text": format!("text {n}")}),
        )
    });
    let answers = futures::future::join_all(calls).await;
    let created = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .count();
    assert_eq!(created, 1);
    let id = answers[0].body["id"].as_str().unwrap();
    let history = app.get(&format!("/api/v1/contexts/{id}/history")).await.body;
    assert_eq!(history["versions"].as_array().unwrap().len(), 20);
    assert_eq!(texts(&app.get("/api/v1/contexts").await.body).len(), 1);
}

#[tokio::test]
async fn the_last_change_is_taken_back() {
    let app = TestApp::start().await;
    let stored = app
        .store(json!({"text": "likes tea", "tags": ["a"], "metadata": {"k": 1}}))
        .await;
    let path = format!("/api/v1/contexts/{}", stored["id"].as_str().unwrap());
    app.call("POST", &format!("{path}/undo"), Value::Null)
        .await
        .problem(409, "conflict");
    app.call(
        "PATCH",
        &path,
        json!({"text": "likes coffee", "tags": [], "metadata": {"k": null}}),
    )
    .await;
    let pinned = app
        .call("PATCH", &path, json!({"pinned": true, "level": "short_term"}))
        .await
        .body;
    assert_eq!(pinned["version"], 3);
    // What changes nothing makes no version.
    assert_eq!(
        app.call("PATCH", &path, json!({"pinned": true})).await.body["version"],
        3
    );

    let undone = app.call("POST", &format!("{path}/undo"), Value::Null).await.body;
    assert_eq!(
        (&undone["pinned"], &undone["level"], &undone["text"], &undone["version"]),
        (&json!(false), &json!("long_term"), &json!("likes coffee"), &json!(2))
    );
    let undone = app.call("POST", &format!("{path}/undo"), Value::Null).await.body;
    for field in ["text", "tags", "metadata", "version", "importance", "token_count"] {
        assert_eq!(undone[field], stored[field], "{field}");
    }
    assert_eq!(app.found(json!({"query": "tea"})).await, ["likes tea"]);
    app.call("POST", &format!("{path}/undo"), Value::Null)
        .await
        .problem(409, "conflict");
    app.get("/api/v1/contexts/0193b3a0-0000-7000-8000-000000000001/history")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn history_follows_supersession_and_undo_ends_it() {
    let app = TestApp::start().await;
    let old = app.store(json!({"text": "lives in Rome"})).await;
    let new = app
        .store(json!({"text": "lives in Oslo", "supersedes": [old["id"]]}))
        .await;
    let newest = app
        .store(json!({"text": "lives in Bergen", "supersedes": [new["id"]]}))
        .await;
    let history = app
        .get(&format!("/api/v1/contexts/{}/history", newest["id"].as_str().unwrap()))
        .await
        .body;
    let versions = history["versions"].as_array().unwrap();
    let told: Vec<_> = versions.iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(told, ["lives in Bergen", "lives in Oslo", "lives in Rome"]);
    assert_eq!(versions[2]["id"], old["id"]);

    let undone = app
        .call(
            "POST",
            &format!("/api/v1/contexts/{}/undo", new["id"].as_str().unwrap()),
            Value::Null,
        )
        .await
        .body;
    assert_eq!(undone["superseded_by"], Value::Null);
    let mut current = texts(&app.get("/api/v1/contexts").await.body);
    current.sort();
    assert_eq!(current, ["lives in Bergen", "lives in Oslo"]);
}

#[tokio::test]
async fn an_undo_gives_no_key_to_two() {
    let app = TestApp::start().await;
    let old = app.store(json!({"key": "home", "text": "lives in Rome"})).await;
    app.store(json!({"text": "moved", "supersedes": [old["id"]]})).await;
    let new = app.store(json!({"key": "home", "text": "lives in Oslo"})).await;
    assert_ne!(old["id"], new["id"]);
    let undo = format!("/api/v1/contexts/{}/undo", old["id"].as_str().unwrap());
    app.call("POST", &undo, Value::Null).await.problem(409, "conflict");
    let deleted = format!("/api/v1/contexts/{}", new["id"].as_str().unwrap());
    app.call("DELETE", &deleted, Value::Null).await;
    assert_eq!(app.call("POST", &undo, Value::Null).await.body["text"], "lives in Rome");
    assert_eq!(app.get("/api/v1/contexts/by-key?key=home").await.body["id"], old["id"]);
}

#[tokio::test]
async fn versions_survive_a_restart_and_an_export_and_are_deleted_with_their_context() {
    let app = TestApp::start().await.restart().await;
    app.call(
        "PUT",
        "/api/v1/contexts/by-key",
        json!({"scope": "a", "key": "k", "text": "one"}),
    )
    .await;
    app.call(
        "PUT",
        "/api/v1/contexts/by-key",
        json!({"scope": "a", "key": "k", "text": "two"}),
    )
    .await;
    let exported = app.export("").await;
    let app = app.restart().await;
    let id = app.get("/api/v1/contexts/by-key?scope=a&key=k").await.body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let history = app.get(&format!("/api/v1/contexts/{id}/history")).await.body;
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);

    let other = TestApp::start().await;
    other.import(exported).await;
    assert_eq!(other.get(&format!("/api/v1/contexts/{id}/history")).await.body, history);
    assert_eq!(
        other.get("/api/v1/contexts/by-key?scope=a&key=k").await.body["text"],
        "two"
    );

    app.call("DELETE", &format!("/api/v1/contexts/{id}"), Value::Null).await;
    assert!(!app.export("").await.contains("one"));
}

#[tokio::test]
async fn scopes_are_listed_filtered_and_forgotten() {
    let app = TestApp::start().await;
    for (scope, text) in [
        ("org/acme", "acme sells tea"),
        ("org/acme/user/ann", "ann likes tea"),
        ("org/acme/user/bob", "bob likes tea"),
        ("org/acme2", "acme2 sells tea"),
        ("lab", "the lab has tea"),
    ] {
        app.store(json!({"scope": scope, "text": text})).await;
    }
    app.store(json!({"text": "nobody's tea"})).await;
    let listed = async |query: &str| {
        let page = app.get(&format!("/api/v1/scopes{query}")).await.body;
        let scopes = page["scopes"].as_array().unwrap().iter();
        scopes
            .map(|one| format!("{} {}", one["scope"].as_str().unwrap(), one["contexts"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed("").await,
        [
            "lab 1",
            "org/acme 1",
            "org/acme/user/ann 1",
            "org/acme/user/bob 1",
            "org/acme2 1"
        ]
    );
    assert_eq!(listed("?depth=1").await, ["lab 1", "org 4"]);
    assert_eq!(listed("?prefix=org&depth=1").await, ["org/acme 3", "org/acme2 1"]);
    assert_eq!(listed("?prefix=org/acme").await.len(), 3);
    let first = app.get("/api/v1/scopes?limit=2").await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(
        listed(&format!("?limit=2&cursor={cursor}")).await,
        ["org/acme/user/ann 1", "org/acme/user/bob 1"]
    );

    let found = async |filter: Value| {
        let mut found = app.found(json!({"query": "tea", "filter": filter})).await;
        found.sort();
        found
    };
    assert_eq!(found(json!({"scope_prefix": "org/acme"})).await.len(), 3);
    assert_eq!(found(json!({"scope": "org/acme"})).await, ["acme sells tea"]);
    let beside = app.found(json!({"query": "tea", "scope": "org/acme"})).await;
    assert_eq!(beside, ["acme sells tea"]);
    assert_eq!(
        texts(&app.get("/api/v1/contexts?scope_prefix=org/acme/user").await.body).len(),
        2
    );

    app.call("DELETE", "/api/v1/scopes", Value::Null)
        .await
        .problem(400, "invalid_request");
    let forgotten = app.call("DELETE", "/api/v1/scopes?prefix=org/acme", Value::Null).await;
    assert_eq!(
        (forgotten.status, &forgotten.body["deleted"]),
        (StatusCode::OK, &json!(3))
    );
    assert_eq!(listed("").await, ["lab 1", "org/acme2 1"]);
}

#[tokio::test]
async fn paths_keys_and_origins_are_checked() {
    let app = TestApp::start().await;
    for (body, pointer) in [
        (json!({"text": "x", "scope": "a//b"}), "/scope"),
        (json!({"text": "x", "scope": "a b"}), "/scope"),
        (json!({"text": "x", "key": ""}), "/key"),
        (json!({"text": "x", "key": "k".repeat(1025)}), "/key"),
        (json!({"text": "x", "origin": "robot"}), "/origin"),
    ] {
        assert_eq!(
            app.post("/contexts", body).await.problem(400, "invalid_request"),
            [pointer]
        );
    }
    let put = app.call("PUT", "/api/v1/contexts/by-key", json!({"text": "x"})).await;
    assert_eq!(put.problem(400, "invalid_request"), ["/key"]);
    for query in ["", "?key=", "?scope=a//b&key=k"] {
        app.get(&format!("/api/v1/contexts/by-key{query}"))
            .await
            .problem(400, "invalid_request");
    }
    for query in ["?depth=0", "?depth=17", "?prefix=/a", "?cursor=x"] {
        app.get(&format!("/api/v1/scopes{query}"))
            .await
            .problem(400, "invalid_request");
    }
    let different = json!({"query": "x", "scope": "a", "filter": {"scope": "b"}});
    assert_eq!(
        app.post("/contexts/search", different)
            .await
            .problem(400, "invalid_request"),
        ["/scope"]
    );
}

#[tokio::test]
async fn the_output_of_tools_is_assembled_only_when_asked_for() {
    let app = TestApp::start().await;
    app.store(json!({"text": "Ann drinks green tea"})).await;
    app.store(json!({"text": "Ann drinks black tea, says the web page", "origin": "tool"}))
        .await;
    app.store(json!({"text": "Ann drinks white tea, I noted", "origin": "agent"}))
        .await;
    let prompt = async |more: Value| {
        let mut body = json!({"query": "Which tea does Ann drink?", "max_tokens": 500, "min_score": 0.0});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.post("/contexts/assemble", body).await.body["prompt"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let default = prompt(json!({})).await;
    assert!(
        default.contains("green") && default.contains("white") && !default.contains("black"),
        "{default}"
    );
    let tool = prompt(json!({"origins": ["tool", "user"]})).await;
    assert!(
        tool.contains("black") && tool.contains("green") && !tool.contains("white"),
        "{tool}"
    );
    assert!(prompt(json!({"filter": {"origin": "tool"}})).await.contains("black"));
    // A search finds it, as its answer says where each text is from.
    let found = app
        .post(
            "/contexts/search",
            json!({"query": "tea", "filter": {"origin": "tool"}}),
        )
        .await
        .body;
    assert_eq!(found["contexts"][0]["origin"], "tool");
    assert_eq!(
        app.found(json!({"query": "tea", "filter": {"origin": "user"}})).await,
        ["Ann drinks green tea"]
    );
}

#[tokio::test]
async fn one_text_under_two_names_is_found_twice() {
    let app = TestApp::start().await;
    for (scope, key) in [
        ("org/acme/a", "lunch"),
        ("org/acme/b", "lunch"),
        ("org/acme/b", "dinner"),
    ] {
        app.store(json!({"scope": scope, "key": key, "text": "Likes pizza"}))
            .await;
    }
    let query = json!({"query": "pizza", "max_tokens": 200, "filter": {"scope_prefix": "org/acme"}, "min_score": 0.0});
    let found = app.post("/contexts/search", query.clone()).await.body;
    assert_eq!(found["contexts"].as_array().unwrap().len(), 3, "{found:#}");
    let assembled = app.post("/contexts/assemble", query).await.body;
    assert_eq!(assembled["citations"].as_array().unwrap().len(), 3, "{assembled:#}");
}
