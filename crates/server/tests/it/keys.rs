//! Keys: made by the command line, asked for by the server, and what each may do.

use std::path::Path;
use std::process::{Command, Output};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use context_manager::auth::{KeyHash, Permission};
use context_manager::config::{Config, ConfiguredKey};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::{TestApp, until};

/// `context-manager keys` for the data folder `data`.
fn keys(data: &Path, arguments: &[&str]) -> Output {
    let output = try_keys(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn try_keys(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_context-manager"))
        .current_dir(data.parent().unwrap())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .arg("keys")
        .args(arguments)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Makes a key, and returns it with its id.
pub(crate) fn create(data: &Path, arguments: &[&str]) -> (String, String) {
    let key = printed(&keys(data, &[&["create"], arguments].concat()));
    let key = key.strip_suffix('\n').unwrap().to_owned();
    let id = key.split('_').nth(1).unwrap().to_owned();
    (key, id)
}

impl Server {
    async fn status(&self, path: &str, key: Option<&str>) -> u16 {
        let request = self.client.get(format!("{}{path}", self.url));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    }

    /// Waits until a call is answered like that, as it is once the server has looked at its keys again.
    pub(crate) async fn becomes(&self, path: &str, key: Option<&str>, status: u16) {
        let what = format!("{path} is answered {status} in the end");
        until(&what, async || self.status(path, key).await == status).await;
    }
}

#[tokio::test]
async fn a_key_made_while_the_server_runs_closes_it_and_opens_it_to_whoever_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    assert_eq!(
        server.status("/api/v1/stats", None).await,
        200,
        "open as long as there is no key"
    );

    let (key, id) = create(&data, &["--tenant", "acme", "--permissions", "read"]);
    assert!(key.starts_with("cm_") && key.len() == 92, "{key}");
    server.becomes("/api/v1/stats", None, 401).await;
    assert_eq!(server.status("/api/v1/stats", Some(&key)).await, 200);
    assert_eq!(server.status("/api/v1/admin/reembed", Some(&key)).await, 403);
    for open in ["/health/live", "/health/ready", "/health", "/metrics", "/openapi.json"] {
        assert_eq!(server.status(open, None).await, 200, "{open}");
    }

    let second = {
        let new = printed(&keys(&data, &["rotate", &id, "--grace", "1h"]));
        new.trim_end().to_owned()
    };
    server.becomes("/api/v1/stats", Some(&second), 200).await;
    assert_eq!(
        server.status("/api/v1/stats", Some(&key)).await,
        200,
        "both are valid for a while"
    );

    keys(&data, &["revoke", &id]);
    server.becomes("/api/v1/stats", Some(&key), 401).await;
    assert_eq!(server.status("/api/v1/stats", Some(&second)).await, 200);

    let list = printed(&keys(&data, &["list"]));
    assert!(
        list.contains(&id) && list.contains("revoked") && list.contains("acme"),
        "{list}"
    );
    assert!(
        !list.contains(&key[20..40]) && !list.contains(&second[20..40]),
        "{list}"
    );
    let kept = std::fs::read_to_string(data.join("keys.toml")).unwrap();
    assert!(
        !kept.contains(&key[20..]) && !kept.contains(&second[20..]),
        "only hashes are kept"
    );
}

#[tokio::test]
async fn when_a_key_was_used_last_is_known_and_a_lost_file_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Keys can be made before the server starts first.
    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read,write"]);
    assert!(printed(&keys(&data, &["list"])).contains("never"));
    let mut server = Server::start(&data).await;
    assert_eq!(server.status("/api/v1/stats", Some(&key)).await, 200);

    std::fs::remove_file(data.join("keys.toml")).unwrap();
    server.becomes("/api/v1/stats", Some(&key), 401).await;
    assert_eq!(
        server.status("/api/v1/stats", None).await,
        401,
        "without keys nobody is let in any more"
    );

    server.signal("-TERM");
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    let used = std::fs::read_to_string(data.join("keys.used.toml")).unwrap();
    assert_eq!(used.lines().count(), 1, "{used}");
    assert_lost(&data);
}

/// Checks that a server does not start on a folder whose keys are lost, and says what can be done.
#[track_caller]
fn assert_lost(data: &Path) {
    let refused = crate::server::command(data).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{message}");
    for way_out in [
        "keys.toml",
        "context-manager keys create",
        "allow_unauthenticated = true",
    ] {
        assert!(message.contains(way_out), "{message}");
    }
}

#[tokio::test]
async fn a_server_whose_keys_are_lost_does_not_open_at_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read,write"]);
    let file = data.join("keys.toml");
    let kept = std::fs::read_to_string(&file).unwrap();
    // Before a server has ever seen it, too.
    std::fs::remove_file(&file).unwrap();
    assert_lost(&data);

    // A file from before there was a note of it, and one that somebody else wrote.
    std::fs::remove_file(data.join("keys.asked")).unwrap();
    std::fs::write(&file, &kept).unwrap();
    let server = Server::start(&data).await;
    assert_eq!(server.status("/api/v1/stats", Some(&key)).await, 200);
    drop(server);
    std::fs::remove_file(&file).unwrap();
    assert_lost(&data);

    for empty in ["", "\n# nothing\n", "keys = []\n"] {
        std::fs::write(&file, empty).unwrap();
        assert_lost(&data);
        let allowed = [("CONTEXT_MANAGER_SERVER__ALLOW_UNAUTHENTICATED", "true")];
        let server = Server::with(&data, &allowed).await;
        for key in [None, Some(&*key)] {
            assert_eq!(server.status("/api/v1/stats", key).await, 401, "{empty:?}");
        }
    }
    std::fs::write(&file, &kept).unwrap();
    let server = Server::start(&data).await;
    assert_eq!(server.status("/api/v1/stats", Some(&key)).await, 200);
    drop(server);

    std::fs::remove_file(&file).unwrap();
    let allowed = [("CONTEXT_MANAGER_SERVER__ALLOW_UNAUTHENTICATED", "true")];
    let server = Server::with(&data, &allowed).await;
    assert_eq!(server.status("/api/v1/stats", None).await, 200, "the operator said so");
    assert!(server.output().contains("callers had to bring a key before"));
}

#[tokio::test]
async fn a_file_of_keys_elsewhere_is_missed_too_and_an_empty_one_closes_a_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let elsewhere = folder.path().join("secrets/keys.toml");
    let environment = [("CONTEXT_MANAGER_AUTH__KEYS_FILE", elsewhere.to_str().unwrap())];
    let server = Server::with(&data, &environment).await;
    assert_eq!(server.status("/api/v1/stats", None).await, 200);
    std::fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    std::fs::write(&elsewhere, "").unwrap();
    server.becomes("/api/v1/stats", None, 401).await;
    drop(server);
    // With all that stood beside it.
    std::fs::remove_dir_all(elsewhere.parent().unwrap()).unwrap();
    let refused = crate::server::command(&data).envs(environment).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    // Without the setting that named it.
    assert_lost(&data);
}

#[tokio::test]
async fn a_key_that_may_not_read_is_shown_nothing_that_is_stored() {
    let app = with_keys(|_| {}).await;
    let [all, writer] = [Permission::Admin, Permission::Write].map(|permission| configured(permission).0);
    let secret =
        json!({"text": "the recipe is secret", "user_id": "u", "metadata": {"note": "private"}, "tags": ["hidden"]});
    let stored = app.call_with_key(&all, "POST", "/api/v1/contexts", Some(&secret)).await;
    assert_eq!(stored.body["metadata"]["note"], "private");
    let id = stored.body["id"].as_str().unwrap();
    let path = format!("/api/v1/contexts/{id}");
    let same = json!({"text": "the recipe is secret", "user_id": "u"});
    let batch =
        json!({"contexts": [same, {"text": "another", "supersedes": [id]}, {"id": id, "text": "other"}, {"text": ""}]});
    let taken = json!({"id": id, "text": "other"});
    for (method, path, body, status) in [
        ("PATCH", &*path, json!({}), 200),
        ("PATCH", &path, json!({"pinned": false}), 200),
        ("PATCH", &path, json!({"metadata": {"more": 1}}), 200),
        ("PATCH", &path, json!({"importance": 7}), 400),
        ("POST", "/api/v1/contexts", same.clone(), 200),
        ("POST", "/api/v1/contexts", taken, 409),
        ("POST", "/api/v1/contexts/batch", batch, 200),
        (
            "POST",
            "/api/v1/contexts",
            json!({"text": "a third", "supersedes": [id]}),
            201,
        ),
        ("GET", &path, json!(null), 403),
        ("POST", "/api/v1/contexts/search", json!({"query": "recipe"}), 403),
        ("POST", "/api/v1/contexts/delete", json!({"ids": [id]}), 200),
        ("PATCH", &path, json!({}), 404),
    ] {
        let body = (!body.is_null()).then_some(&body);
        let answer = app.call_with_key(&writer, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        for hidden in ["recipe", "private", "hidden", "note", "\"u\"", "\"text\":"] {
            assert!(!answer.text.contains(hidden), "{method} {path} tells {}", answer.text);
        }
        if method == "PATCH" && status == 200 {
            assert_eq!(
                (&answer.body["id"], &answer.body["level"]),
                (&stored.body["id"], &stored.body["level"])
            );
            assert_eq!(answer.body.as_object().unwrap().len(), 5, "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_address_for_all_needs_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let check = || {
        Command::new(env!("CARGO_BIN_EXE_context-manager"))
            .current_dir(folder.path())
            .env("CONTEXT_MANAGER_VECTOR_DB__PATH", &data)
            .args(["check-config", "--host", "0.0.0.0"])
            .output()
            .unwrap()
    };
    let refused = check();
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        message.contains("context-manager keys create --tenant default"),
        "{message}"
    );
    create(&data, &["--tenant", "default", "--permissions", "read,write"]);
    assert_eq!(check().status.code(), Some(0));
}

#[tokio::test]
async fn a_key_of_a_user_is_listed_with_the_user_and_can_be_no_operators() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let of_ann = ["create", "--tenant", "acme", "--user", "ann", "--permissions"];
    let refused = try_keys(&data, &[&of_ann[..], &["read,tenant_admin"]].concat());
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && message.contains("read and write alone"),
        "{message}"
    );

    let (key, id) = create(&data, &[&of_ann[1..], &["read,write"]].concat());
    let list = printed(&keys(&data, &["list"]));
    let row = list.lines().find(|line| line.contains(&id)).unwrap();
    assert!(row.contains(" ann "), "{list}");
    {
        let server = Server::start(&data).await;
        let stored = server
            .client
            .post(format!("{}/api/v1/contexts", server.url))
            .bearer_auth(&key);
        let stored = stored.json(&json!({"text": "x"})).send().await.unwrap();
        assert_eq!(stored.json::<Value>().await.unwrap()["user_id"], "ann");
        assert_eq!(server.status("/api/v1/contexts?user_id=bob", Some(&key)).await, 403);
    }
    let file = data.join("keys.toml");
    let widened = std::fs::read_to_string(&file)
        .unwrap()
        .replace("\"write\"", "\"admin\"");
    std::fs::write(&file, widened).unwrap();
    let refused = crate::server::command(&data).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && message.contains("bound to a user"),
        "{message}"
    );
}

/// A key of tenant `acme` that may do this, and what the configuration says of it.
pub(crate) fn configured(permission: Permission) -> (String, ConfiguredKey) {
    let key = format!("{permission}-{}", "k".repeat(32));
    let configured = ConfiguredKey {
        id: None,
        tenant: "acme".to_owned(),
        user: None,
        permissions: vec![permission].into(),
        key_sha256: Some(KeyHash::of(&key)),
        key_file: None,
        expires_at: None,
    };
    (key, configured)
}

pub(crate) async fn with_keys(change: impl FnOnce(&mut Config)) -> TestApp {
    let keys = Permission::ALL.map(|permission| configured(permission).1);
    TestApp::with(|config| {
        config.auth.keys = keys.into();
        change(config);
    })
    .await
}

#[tokio::test]
async fn every_operation_takes_the_permission_that_is_written_on_it() {
    let app = with_keys(|config| {
        config.auth.public_metrics = false;
        config.auth.public_health = false;
    })
    .await;
    let document = app.get("/openapi.json").await.body;
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let called = path
            .replace("{id}", "01a20987-fa03-70f9-ad08-4e70954ccd94")
            .replace("{session_id}", "s");
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let call = async |key: &str| app.call_with_key(key, &method, &called, Some(&json!({}))).await;
            let needed = operation["x-permission"].as_str();
            if operation["security"].is_null() {
                assert!(path.starts_with("/health/") && needed.is_none(), "{path} is open");
                continue;
            }
            seen += 1;
            for permission in Permission::ALL {
                let answer = call(&configured(permission).0).await;
                let allowed =
                    permission == Permission::Admin || needed.is_none_or(|needed| permission.as_str() == needed);
                assert_eq!(
                    answer.status != 403,
                    allowed,
                    "{method} {path} with {permission}: {}",
                    answer.text
                );
                assert_ne!(answer.status, 401);
                if !allowed {
                    answer.problem(403, "forbidden");
                }
            }
            for stranger in [format!("nobody-{}", "k".repeat(32)), "cm_damaged".to_owned()] {
                let answer = call(&stranger).await;
                answer.problem(401, "unauthenticated");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
                assert!(!answer.text.contains(&stranger), "{}", answer.text);
            }
            let request = Request::builder().method(method.as_str()).uri(&called);
            let answer = app.send(request.body(Body::empty()).unwrap()).await;
            answer.problem(401, "unauthenticated");
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[tokio::test]
async fn both_headers_carry_a_key_and_tenants_come_from_it_alone() {
    let app = with_keys(|_| {}).await;
    let (key, _) = configured(Permission::Admin);
    let request = |name: &str, value: &str| {
        let request = Request::get("/api/v1/stats").header(name, value);
        request.body(Body::empty()).unwrap()
    };
    for (name, value) in [("x-api-key", key.clone()), ("authorization", format!("Bearer {key}"))] {
        assert_eq!(app.send(request(name, &value)).await.status, StatusCode::OK, "{name}");
    }
    let body = json!({"text": "for acme", "tenant": "other"});
    let refused = app.call_with_key(&key, "POST", "/api/v1/contexts", Some(&body)).await;
    assert_eq!(refused.problem(400, "invalid_request"), ["/tenant"]);
    let body = json!({"text": "for acme"});
    let stored = app.call_with_key(&key, "POST", "/api/v1/contexts", Some(&body)).await;
    assert_eq!(stored.status, StatusCode::CREATED);
    let list = app.call_with_key(&key, "GET", "/api/v1/contexts", None).await;
    assert_eq!(list.body["contexts"][0]["text"], "for acme");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_tell_nothing_and_need_no_key() {
    let app = with_keys(|_| {}).await;
    app.get("/api/v1/nothing").await.problem(404, "not_found");
    let answer = app.call("PUT", "/api/v1/contexts", Value::Null).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
    let head = Request::head("/api/v1/stats").body(Body::empty()).unwrap();
    assert_eq!(app.send(head).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_in_a_mounted_file_is_taken_over_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let key = |letter: &str| letter.repeat(40);
    std::fs::write(&file, format!("{}\n", key("a"))).unwrap();
    let app = TestApp::with(|config| {
        config.auth.keys = vec![ConfiguredKey {
            id: Some("mounted".to_owned()),
            key_sha256: None,
            key_file: Some(file.clone()),
            ..configured(Permission::Read).1
        }];
    })
    .await;
    let status = async |letter: &str| {
        app.call_with_key(&key(letter), "GET", "/api/v1/stats", None)
            .await
            .status
    };
    assert_eq!(
        (status("a").await, status("b").await),
        (StatusCode::OK, StatusCode::UNAUTHORIZED)
    );
    std::fs::write(&file, "too short").unwrap();
    app.authenticator.reload_if_changed();
    assert_eq!(status("a").await, StatusCode::OK, "what cannot be used changes nothing");
    std::fs::write(&file, key("b")).unwrap();
    app.authenticator.reload_if_changed();
    assert_eq!(
        (status("a").await, status("b").await),
        (StatusCode::UNAUTHORIZED, StatusCode::OK)
    );
}

#[tokio::test]
async fn an_expired_key_is_refused_and_says_so() {
    let app = TestApp::with(|config| {
        config.auth.keys = vec![ConfiguredKey {
            expires_at: Some("2020-01-01T00:00:00Z".parse().unwrap()),
            ..configured(Permission::Read).1
        }];
    })
    .await;
    let answer = app
        .call_with_key(&configured(Permission::Read).0, "GET", "/api/v1/stats", None)
        .await;
    answer.problem(401, "unauthenticated");
    assert!(
        answer.body["detail"].as_str().unwrap().contains("expired"),
        "{}",
        answer.text
    );
}
