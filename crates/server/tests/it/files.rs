//! Memory as files.

use axum::http::StatusCode;
use context_manager::auth::Permission;
use context_manager::config::ConfiguredKey;
use serde_json::{Value, json};

use crate::isolation::{call, configured, start_with};
use crate::support::{Answer, TestApp};

async fn send(app: &TestApp, body: &Value) -> Answer {
    app.post("/files", body.clone()).await
}

/// Runs a command that has to succeed, and returns its result.
async fn done(app: &TestApp, body: Value) -> String {
    let answer = send(app, &body).await;
    assert_eq!(
        (answer.status, &answer.body["is_error"]),
        (StatusCode::OK, &json!(false)),
        "{body} {}",
        answer.text
    );
    answer.body["result"].as_str().unwrap().to_owned()
}

/// Runs a command that has to be refused with a result for the model, and returns it.
async fn refused(app: &TestApp, body: Value) -> String {
    let answer = send(app, &body).await;
    assert_eq!(
        (answer.status, &answer.body["is_error"]),
        (StatusCode::OK, &json!(true)),
        "{body} {}",
        answer.text
    );
    answer.body["result"].as_str().unwrap().to_owned()
}

async fn file(app: &TestApp, path: &str) -> Value {
    app.get(&format!("/api/v1/contexts/by-key?key={path}")).await.body
}

fn create(path: &str, text: &str) -> Value {
    json!({"command": "create", "path": path, "file_text": text})
}

fn view(path: &str) -> Value {
    json!({"command": "view", "path": path})
}

#[tokio::test]
async fn the_six_commands_work_on_contexts() {
    let app = TestApp::start().await;
    let listing = done(&app, view("/memories")).await;
    assert!(listing.ends_with("/memories"), "{listing}");
    let created = done(&app, create("/memories/people/ann.md", "# Ann\n\nlikes tea\n")).await;
    assert_eq!(created, "File created successfully at: /memories/people/ann.md");
    assert_eq!(
        refused(&app, create("/memories/people/ann.md", "x")).await,
        "Error: File /memories/people/ann.md already exists"
    );
    assert_eq!(
        done(&app, view("/memories/people/ann.md")).await,
        "Here's the content of /memories/people/ann.md with line numbers:\n     1\t# Ann\n     2\t\n     3\tlikes tea\n     4\t"
    );
    let stored = file(&app, "/memories/people/ann.md").await;
    assert_eq!(
        (&stored["text"], &stored["level"], &stored["origin"], &stored["tags"]),
        (
            &json!("# Ann\n\nlikes tea"),
            &json!("long_term"),
            &json!("agent"),
            &json!(["file"])
        )
    );
    assert_eq!(app.found(json!({"query": "tea"})).await, ["# Ann\n\nlikes tea"]);

    let replace =
        json!({"command": "str_replace", "path": "/memories/people/ann.md", "old_str": "tea", "new_str": "coffee"});
    assert!(
        done(&app, replace)
            .await
            .starts_with("The memory file has been edited.")
    );
    let insert =
        json!({"command": "insert", "path": "/memories/people/ann.md", "insert_line": 3, "insert_text": "and cake\n"});
    done(&app, insert).await;
    let listing = done(&app, view("/memories")).await;
    assert!(
        listing.contains("/memories/people/\n") && listing.ends_with("/memories/people/ann.md"),
        "{listing}"
    );

    let rename = |from: &str, to: &str| json!({"command": "rename", "old_path": from, "new_path": to});
    done(&app, create("/memories/bob.md", "Bob")).await;
    assert_eq!(
        refused(&app, rename("/memories/bob.md", "/memories/people/ann.md")).await,
        "Error: The destination /memories/people/ann.md already exists"
    );
    assert_eq!(
        done(&app, rename("/memories/people", "/memories/friends")).await,
        "Successfully renamed /memories/people to /memories/friends"
    );
    refused(&app, view("/memories/people/ann.md")).await;
    let renamed = file(&app, "/memories/friends/ann.md").await;
    assert_eq!(renamed["id"], stored["id"]);
    // The old name is free, and the new one taken.
    done(&app, create("/memories/people/ann.md", "another Ann")).await;
    refused(&app, create("/memories/friends/ann.md", "x")).await;

    let id = stored["id"].as_str().unwrap();
    let history = app.get(&format!("/api/v1/contexts/{id}/history")).await.body;
    let texts: Vec<&str> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "# Ann\n\nlikes coffee\nand cake",
            "# Ann\n\nlikes coffee",
            "# Ann\n\nlikes tea"
        ]
    );

    done(&app, json!({"command": "delete", "path": "/memories/friends"})).await;
    assert_eq!(
        app.get(&format!("/api/v1/contexts/{id}")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        refused(&app, json!({"command": "delete", "path": "/memories/friends"})).await,
        "Error: The path /memories/friends does not exist"
    );
    refused(&app, json!({"command": "delete", "path": "/memories"})).await;
    assert_eq!(done(&app, view("/memories/people/ann.md")).await.lines().count(), 2);
}

#[tokio::test]
async fn every_byte_of_a_file_survives_edits_and_a_restart() {
    let app = TestApp::start().await;
    let texts = [
        "",
        "\n",
        "  two\r\n\r\n",
        "\u{feff}bom",
        "(empty file)",
        "a\tb\u{3000}\n\n\n",
    ];
    for (at, text) in texts.iter().enumerate() {
        done(&app, create(&format!("/memories/{at}"), text)).await;
    }
    // A marker at the start and its removal, so that edits begin and end with the same bytes.
    for (at, _) in texts.iter().enumerate().filter(|(_, text)| text.ends_with('\n')) {
        let path = format!("/memories/{at}");
        done(
            &app,
            json!({"command": "insert", "path": path, "insert_line": 0, "insert_text": "mark\n"}),
        )
        .await;
        done(
            &app,
            json!({"command": "str_replace", "path": path, "old_str": "mark\n"}),
        )
        .await;
    }
    let app = app.restart().await;
    for (at, text) in texts.iter().enumerate() {
        let path = format!("/memories/{at}");
        let shown = done(&app, view(&path)).await;
        let numbered: Vec<String> = (1..)
            .zip(text.split('\n'))
            .map(|(number, line)| format!("{number:>6}\t{line}"))
            .collect();
        let expected = format!(
            "Here's the content of {path} with line numbers:\n{}",
            numbered.join("\n")
        );
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn paths_stay_inside_and_bad_bodies_are_refused() {
    let app = TestApp::start().await;
    for path in [
        "/etc/passwd",
        "/memories/../secret",
        "/memories/%2e%2e/secret",
        "memories/a",
        "/memories//a",
    ] {
        let told = refused(&app, create(path, "x")).await;
        assert!(told.contains(path), "{told}");
    }
    for (body, field) in [
        (json!({"command": "create", "path": "/memories/a"}), "/file_text"),
        (json!({"command": "view"}), "/path"),
        (
            json!({"command": "view", "path": "/memories", "file_text": "x"}),
            "/file_text",
        ),
        (
            json!({"command": "view", "path": "/memories", "view_range": [1]}),
            "/view_range",
        ),
        (json!({"command": "view", "path": "/memories", "depth": 1}), "/depth"),
        (
            json!({"command": "view", "path": "/memories", "scope": "a//b"}),
            "/scope",
        ),
        (
            json!({"command": "view", "path": "/memories", "user_id": ""}),
            "/user_id",
        ),
        (json!({"command": "chmod", "path": "/memories/a"}), "/command"),
    ] {
        let fields = send(&app, &body).await.problem(400, "invalid_request");
        assert_eq!(fields, [field], "{body}");
    }
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 0);
}

#[tokio::test]
async fn of_many_creations_of_a_path_one_wins_and_no_edit_is_lost() {
    let app = TestApp::start().await;
    let bodies: Vec<Value> = (0..8)
        .map(|n| create("/memories/a", &format!("number {n}\n")))
        .collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| send(&app, body))).await;
    let won = answers.iter().filter(|answer| answer.body["is_error"] == false).count();
    assert_eq!(won, 1);
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 1);

    let bodies: Vec<Value> = (0..4)
        .map(|n| {
            let line = format!("line {n}\n");
            json!({"command": "insert", "path": "/memories/a", "insert_line": 0, "insert_text": line})
        })
        .collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| send(&app, body))).await;
    let shown = done(&app, view("/memories/a")).await;
    for (n, answer) in answers.iter().enumerate() {
        let is_there = shown.contains(&format!("line {n}"));
        assert_eq!(answer.body["is_error"] == false, is_there, "{} {shown}", answer.text);
    }

    let bodies = ["/memories/b", "/memories/c"]
        .map(|to| json!({"command": "rename", "old_path": "/memories/a", "new_path": to}));
    let answers = futures::future::join_all(bodies.iter().map(|body| send(&app, body))).await;
    let renamed = answers.iter().filter(|answer| answer.body["is_error"] == false).count();
    assert_eq!(renamed, 1);
    assert_eq!(app.get("/api/v1/stats").await.body["total"], 1);
}

#[tokio::test]
async fn users_and_scopes_have_files_of_their_own() {
    let bound = |name: &str, permissions: Vec<Permission>| ConfiguredKey {
        user: Some(name.parse().unwrap()),
        permissions: permissions.into(),
        ..configured(name, "shared")
    };
    let app = start_with(vec![
        bound("ann", vec![Permission::Read, Permission::Write]),
        bound("bob", vec![Permission::Read]),
        configured("operator", "shared"),
    ])
    .await;
    let run = async |who: &str, body: Value| call(&app, who, "POST", "/api/v1/files", Some(&body)).await;
    let with = |mut body: Value, field: &str, value: &str| {
        body[field] = json!(value);
        body
    };
    let path = "/memories/diary.md";
    for (who, body) in [
        ("ann", create(path, "of ann")),
        ("operator", with(create(path, "of bob"), "user_id", "bob")),
        ("operator", create(path, "of nobody")),
        ("operator", with(create(path, "of the scope"), "scope", "team/a")),
    ] {
        let answer = run(who, body).await;
        assert_eq!(answer.body["is_error"], false, "{}", answer.text);
    }
    let taken = run("operator", with(create(path, "again"), "user_id", "ann")).await;
    assert_eq!(taken.body["is_error"], true);
    for (who, body, text) in [
        ("ann", view(path), "of ann"),
        ("ann", with(view(path), "user_id", "ann"), "of ann"),
        ("bob", view(path), "of bob"),
        ("operator", view(path), "of nobody"),
        ("operator", with(view(path), "user_id", "ann"), "of ann"),
        ("operator", with(view(path), "scope", "team/a"), "of the scope"),
    ] {
        let answer = run(who, body).await;
        assert!(
            answer.body["result"].as_str().unwrap().ends_with(&format!("\t{text}")),
            "{who} {}",
            answer.text
        );
    }
    let listing = run("bob", view("/memories")).await.body["result"].to_string();
    assert_eq!(listing.matches("diary.md").count(), 1, "{listing}");

    let delete = json!({"command": "delete", "path": path});
    for (who, body) in [
        // Another user's, and without the permission to write.
        ("ann", with(view(path), "user_id", "bob")),
        ("bob", create("/memories/new.md", "x")),
        ("bob", delete.clone()),
    ] {
        run(who, body).await.problem(403, "forbidden");
    }
    assert_eq!(run("ann", delete).await.body["is_error"], false);
    assert_eq!(run("ann", view(path)).await.body["is_error"], true);
    let left = call(&app, "operator", "GET", "/api/v1/stats", None).await;
    assert_eq!(left.body["total"], 3);
}
