//! Contexts from the command line, on the data folder and on servers.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use crate::cli::{program, run, run_with_input};
use crate::keys::create;
use crate::server::Server;

/// An id that nothing has.
const NOTHING: &str = "01900000-0000-7000-8000-000000000000";

#[test]
fn a_folder_is_worked_on_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let id = run(
        &data,
        &[
            "store", "Mira", "is", "allergic", "to", "peanuts", "--user", "mira", "--tag", "food",
        ],
    )
    .ok();
    let id = id.trim();
    run(
        &data,
        &[
            "store",
            "The trip to Lisbon starts on 14 May",
            "--level",
            "l2",
            "--metadata",
            "nights=5",
        ],
    )
    .ok();

    let found = run(&data, &["search", "What can Mira not eat?", "--json"]).lines();
    assert_eq!(found[0]["contexts"][0]["id"], id, "{found:?}");
    let found = run(&data, &["search", "What can Mira not eat?", "--user", "nobody"]);
    assert!(found.stderr.contains("nothing relevant"), "{found:?}");
    assert_eq!(found.ok(), "");

    let prompt = run(&data, &["assemble", "When does the trip start?", "--max-tokens", "200"]).ok();
    assert!(prompt.contains("14 May"), "{prompt}");
    let shown = run(&data, &["get", id]).ok();
    assert!(
        shown.starts_with("Mira is allergic to peanuts\n") && shown.contains("food"),
        "{shown}"
    );

    let listed = run(&data, &["list", "--json"]).lines();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["metadata"]["nights"], &listed[0]["level"]),
        (&json!(5), &json!("short_term"))
    );
    let first = run(&data, &["list", "--limit", "1"]);
    assert!(first.stderr.contains("there are more"), "{first:?}");
    assert_eq!(first.ok().lines().count(), 2);

    let stats = run(&data, &["stats", "--json"]).lines();
    assert_eq!(
        (&stats[0]["total"], &stats[0]["pending_embeddings"]),
        (&json!(2), &json!(0))
    );
    assert!(!data.join("server.json").exists() && !data.join("keys.asked").exists());
}

#[test]
fn commands_at_once_wait_for_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run(&data, &["store", "the first"]).ok();
    let store = |text: &str| {
        let mut command = program(&data);
        command
            .args(["store", text])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    for process in ["one", "two", "three"].map(store) {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(run(&data, &["list", "--json"]).lines().len(), 4);
}

#[tokio::test]
async fn the_server_of_a_folder_is_used_and_its_key_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read,write"]);
    let server = Server::start(&data).await;
    run(&data, &["list"]).failed(4, "asks for a key");
    run(&data, &["list", "--api-key", "cm_wrong"]).failed(4, "401");

    let file = folder.path().join("key");
    fs::write(&file, format!("{key}\n")).unwrap();
    let file = file.to_str().unwrap();
    let command = format!("cat {file}");
    run(&data, &["store", "by a file", "--key-file", file]).ok();
    run(&data, &["store", "by a command", "--key-command", &command]).ok();
    let by_variables = program(&data)
        .args(["store", "by variables"])
        .envs([
            ("CONTEXT_MANAGER_URL", server.url.as_str()),
            ("CONTEXT_MANAGER_API_KEY", &key),
        ])
        .output()
        .unwrap();
    assert!(by_variables.status.success(), "{by_variables:?}");
    run(&data, &["list", "--server", &server.url, "--key-command", "exit 3"]).failed(1, "key command");
    let stranger = folder.path().join("other");
    let (stranger, _) = create(&stranger, &["--tenant", "acme", "--permissions", "read"]);
    run(&data, &["list", "--server", &server.url, "--api-key", &stranger]).failed(4, "401");

    // A broken configuration here is no matter of a server elsewhere.
    fs::write(folder.path().join("config.toml"), "[server]\nprot = 1\n").unwrap();
    let listed = run(&data, &["list", "--json", "--server", &server.url, "--api-key", &key]).lines();
    assert_eq!(listed.len(), 3);
}

#[tokio::test]
async fn exit_codes_tell_the_kind_of_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let call = |arguments: &[&str]| run(&data, arguments);
    call(&["get", NOTHING]).failed(3, NOTHING);
    call(&["edit", NOTHING, "--pin"]).failed(3, "404");
    let invalid = call(&["store", " ", "--importance", "3"]);
    invalid.failed(5, "/text");
    assert!(
        invalid.stderr.contains("/importance") && invalid.stderr.contains("request id"),
        "{invalid:?}"
    );
    call(&["get", "seven"]).failed(2, "invalid value");
    call(&["store"]).failed(0, "");
    call(&["list", "--server", "http://127.0.0.1:9"]).failed(6, "does not answer");
    let taken = format!("{{\"id\": \"{NOTHING}\", \"text\": \"one\"}}\n{{\"id\": \"{NOTHING}\", \"text\": \"two\"}}\n");
    run_with_input(&data, &["store", "-"], &taken).failed(7, "line 2");
    drop(server);
}

#[tokio::test]
async fn a_context_is_changed_by_flags() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data).await;
    let id = run(&data, &["store", "the first text", "--key", "note", "--tag", "old"]).ok();
    let id = id.trim();
    let changes = [
        "edit",
        id,
        "--text",
        "the second text",
        "--tag",
        "new",
        "--pin",
        "--metadata",
        "a={\"b\": 1}",
    ];
    assert_eq!(run(&data, &changes).ok().trim(), id);
    let context = &run(&data, &["get", "--key", "note", "--json"]).lines()[0];
    assert_eq!(
        (&context["tags"], &context["pinned"], &context["version"]),
        (&json!(["new"]), &json!(true), &json!(2))
    );
    assert_eq!(context["metadata"], json!({"a": {"b": 1}}));
    let history = run(&data, &["get", id, "--history"]).ok();
    assert!(
        history.contains("version 1") && history.contains("the first text"),
        "{history}"
    );
    run(&data, &["edit", id]).failed(2, "nothing to change");
}

#[tokio::test]
async fn events_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let mut tail = program(&data)
        .args(["tail", "--json", "--text"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = tail.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while stdout.read(&mut byte).unwrap() > 0 && byte != *b"\n" {
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    });
    // The command may not listen yet.
    while !reader.is_finished() {
        server
            .post("/contexts", &json!({"text": "heard of", "scope": "org/acme"}))
            .await
            .unwrap();
        server
            .post("/contexts/clear", &json!({"level": "long_term"}))
            .await
            .unwrap();
    }
    let event: serde_json::Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    assert!(event["event_id"].is_string() && event["id"].is_string(), "{event}");
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn what_is_deleted_is_counted_and_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let lines = "one\ntwo\nthree\n";
    let ids = run_with_input(&data, &["store", "--user", "ann"], lines).ok();
    run(&data, &["store", "of bob", "--user", "bob"]).ok();
    let first = ids.lines().next().unwrap();
    run(&data, &["delete", first]).failed(2, "--yes");
    run(&data, &["delete"]).failed(2, "a filter");
    run(&data, &["delete", first, "--user", "ann", "--yes"]).failed(2, "not both");
    assert_eq!(run(&data, &["delete", first, "--yes"]).ok(), "1 context deleted\n");
    let deleted = run(&data, &["delete", "--user", "ann", "--yes", "--json"]).lines();
    assert_eq!(deleted, [json!({"deleted": 2})]);
    assert_eq!(run(&data, &["list", "--json"]).lines().len(), 1);
}
