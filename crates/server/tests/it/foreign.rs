//! Exports of other systems are imported by the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::server::{Server, command};
use crate::support::until;

fn sample(source: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(source)
}

/// Runs `import` beside the folder `data`.
fn import(data: &Path, source: &str, file: &Path, further: &[&str]) -> Output {
    let mut command = command(data);
    command.args(["import", "--from", source]).arg(file).args(further);
    command.output().unwrap()
}

/// Runs `import --json`, and returns its report and whether it succeeded.
fn report(data: &Path, source: &str, file: &Path, further: &[&str]) -> (Value, bool) {
    let output = import(data, source, file, &[further, &["--json"]].concat());
    let report = serde_json::from_slice(&output.stdout);
    (report.unwrap_or_else(|_| panic!("{output:?}")), output.status.success())
}

fn counts(report: &Value) -> [u64; 4] {
    ["imported", "known", "changed", "failed_total"].map(|count| report[count].as_u64().unwrap())
}

#[tokio::test]
async fn every_source_comes_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    for (source, number, failures, query, answer) in [
        (
            "mem0",
            3,
            1,
            "Which restaurants does Mira like?",
            "Mira prefers vegetarian restaurants",
        ),
        (
            "chatgpt",
            4,
            1,
            "When does the ferry leave?",
            "The ferry leaves at 7:40.",
        ),
        (
            "claude",
            5,
            0,
            "What is the budget of the kitchen?",
            "The budget is 18,000 euros.",
        ),
        (
            "claude-code",
            5,
            1,
            "port of the shop",
            "The shop listens on port 8080.",
        ),
        (
            "mcp-memory",
            5,
            1,
            "Mira's allergy to peanuts",
            "Mira: Is allergic to peanuts",
        ),
        (
            "hindsight",
            3,
            0,
            "hotel in the Alfama",
            "Mira booked a hotel near the Alfama",
        ),
    ] {
        let file = sample(source);
        let options = ["--user", "mira", "--url", &server.url];
        let (first, succeeded) = report(&data, source, &file, &options);
        assert_eq!(counts(&first), [number, 0, 0, failures], "{source}: {first}");
        assert_eq!(succeeded, failures == 0, "{source}");
        let (again, _) = report(&data, source, &file, &options);
        assert_eq!(counts(&again), [0, number, 0, failures], "{source}: {again}");

        let filter = json!({"user_id": "mira", "metadata": {"source": source}, "origin": "import"});
        let request = json!({"query": query, "filter": filter});
        let found = server.post("/contexts/search", &request).await.unwrap();
        let texts: Vec<&str> = found["contexts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["text"].as_str().unwrap())
            .collect();
        assert!(texts.contains(&answer), "{source}: {found}");
    }
    assert_eq!(server.get("/stats").await["total"], 25);

    let session = "/sessions/67f0a1b2-0000-4000-8000-000000000001/messages";
    let messages = server.get(session).await["messages"].clone();
    let roles: Vec<&str> = messages
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert_eq!(messages[1]["content"], "The ferry leaves at 7:40.");
}

#[tokio::test]
async fn what_was_changed_here_stays_and_what_has_no_time_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let memories = folder.path().join("memory.jsonl");
    let entity = json!({"type": "entity", "name": "Ann", "entityType": "person", "observations": ["Likes tea"]});
    fs::write(&memories, entity.to_string()).unwrap();
    let options = ["--url", &server.url];
    assert_eq!(
        counts(&report(&data, "mcp-memory", &memories, &options).0),
        [1, 0, 0, 0]
    );
    let stored = server.get("/contexts").await["contexts"][0].clone();
    // Another entity, and with it another time of the file.
    let later = json!({"type": "entity", "name": "Bob", "entityType": "person", "observations": ["Likes coffee"]});
    fs::write(&memories, format!("{entity}\n{later}")).unwrap();
    let changed = fs::File::options().append(true).open(&memories).unwrap();
    changed.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(
        counts(&report(&data, "mcp-memory", &memories, &options).0),
        [1, 1, 0, 0]
    );

    let export = folder.path().join("mem0.json");
    let memory = |text| json!([{"id": "1", "memory": text, "created_at": "2025-01-01T00:00:00Z"}]).to_string();
    fs::write(&export, memory("Ann lives in Rome")).unwrap();
    assert_eq!(counts(&report(&data, "mem0", &export, &options).0), [1, 0, 0, 0]);
    fs::write(&export, memory("Ann lives in Berlin")).unwrap();
    assert_eq!(counts(&report(&data, "mem0", &export, &options).0), [0, 0, 1, 0]);
    assert_eq!(server.get("/stats").await["total"], 3);
    let path = format!("/contexts/{}", stored["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await["occurred_at"], stored["occurred_at"]);
}

#[tokio::test]
async fn a_data_folder_takes_many_and_a_dry_run_takes_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let export = folder.path().join("export.json");
    let memories: Vec<Value> = (0..2500)
        .map(|n| json!({"id": n.to_string(), "memory": format!("note {n}")}))
        .collect();
    fs::write(&export, json!({"results": memories}).to_string()).unwrap();
    let (dry, succeeded) = report(&data, "mem0", &export, &["--dry-run"]);
    assert_eq!(
        (counts(&dry), &dry["dry_run"], succeeded),
        ([2500, 0, 0, 0], &json!(true), true)
    );
    assert!(!data.exists());
    let output = import(&data, "mem0", &export, &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "2500 contexts were imported from mem0\n");
    let server = Server::start(&data).await;
    assert_eq!(server.get("/stats").await["total"], 2500);
    // The server has the folder open.
    let output = import(&data, "mem0", &export, &[]);
    assert_eq!(output.status.code(), Some(6));
}

#[tokio::test]
async fn a_record_that_the_server_refuses_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let quota = [("CONTEXT_MANAGER_QUOTAS__MAX_CONTEXTS", "2")];
    let server = Server::with(&data, &quota).await;
    let export = folder.path().join("export.json");
    let memories: Vec<Value> = (1..4)
        .map(|n| json!({"id": n.to_string(), "memory": format!("note {n}")}))
        .collect();
    fs::write(&export, json!(memories).to_string()).unwrap();
    let (report, succeeded) = report(&data, "mem0", &export, &["--url", &server.url]);
    assert_eq!((counts(&report), succeeded), ([2, 0, 0, 1], false), "{report}");
    let place = report["failed"][0]["place"].as_str().unwrap();
    assert!(place.ends_with("export.json, memory 3"), "{place}");
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The second batch of an import has to wait.
    let rate =
        ["ADMIN__PER_SEC", "ADMIN__BURST"].map(|name| format!("CONTEXT_MANAGER_RATE_LIMITS__PER_TENANT__{name}"));
    let server = Server::with(&data, &rate.each_ref().map(|name| (name.as_str(), "1"))).await;
    let export = folder.path().join("export.json");
    let memories: Vec<Value> = (0..2500)
        .map(|n| json!({"id": n.to_string(), "memory": format!("note {n}"), "created_at": "2025-01-01T00:00:00Z"}))
        .collect();
    fs::write(&export, json!(memories).to_string()).unwrap();
    let mut first = command(&data);
    first
        .args(["import", "--from", "mem0", "--url", &server.url])
        .arg(&export);
    let mut first = first.spawn().unwrap();
    until("some are stored", async || server.get("/stats").await["total"] != 0).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let (report, succeeded) = report(&data, "mem0", &export, &["--url", &server.url]);
    let [imported, known, changed, failed] = counts(&report);
    assert!(imported > 0 && known > 0, "{report}");
    assert_eq!((imported + known, changed, failed, succeeded), (2500, 0, 0, true));
    assert_eq!(server.get("/stats").await["total"], 2500);
}

#[test]
fn bad_calls_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let sample = sample("mem0");
    for (source, file, options, code, reason) in [
        ("mem0", Path::new("/nowhere"), &[][..], 1, "cannot read `/nowhere`"),
        ("chatgpt", folder.path(), &[], 1, "has no file `conversations*.json`"),
        ("mem1", &sample, &[], 2, "possible values: mem0, chatgpt"),
        ("mem0", &sample, &["--url", "http://127.0.0.1:9"], 6, "does not answer"),
    ] {
        let output = import(&data, source, file, options);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}
