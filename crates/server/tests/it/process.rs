//! The real binary as a process: killed, stopped, started twice.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Server, command};
use crate::support::until;

/// A batch that nobody sent before.
fn batch(round: usize, number: usize) -> Value {
    let contexts: Vec<Value> = (0..200)
        .map(|n| json!({"text": format!("round {round} batch {number} context {n}"), "level": "long_term"}))
        .collect();
    json!({"contexts": contexts})
}

fn ids(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["context"]["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..3 {
        let server = Server::start(&data).await;
        // 10,000 contexts in the first round, some more in the others.
        let safe = if round == 0 { 50 } else { 5 };
        for number in 0..safe {
            acknowledged.extend(ids(&server
                .post("/contexts/batch", &batch(round, number))
                .await
                .unwrap()));
        }
        // Killed in the middle of the next ones, at another moment each round.
        let killer = async {
            tokio::time::sleep(Duration::from_millis(40 + 35 * round as u64)).await;
            server.signal("-KILL");
        };
        let writer = async {
            let mut number = safe;
            while let Ok(answer) = server.post("/contexts/batch", &batch(round, number)).await {
                acknowledged.extend(ids(&answer));
                number += 1;
            }
        };
        tokio::join!(killer, writer);
    }
    let server = Server::start(&data).await;
    let mut missing = 0;
    for chunk in acknowledged.chunks(1000) {
        let request = json!({"query": "context", "limit": 1000, "mode": "lexical", "filter": {"ids": chunk}});
        let found = server.post("/contexts/search", &request).await.unwrap();
        missing += chunk.len() - found["contexts"].as_array().unwrap().len();
    }
    assert!(acknowledged.len() >= 12_000, "{}", acknowledged.len());
    assert_eq!(missing, 0, "of {}", acknowledged.len());
}

#[tokio::test]
async fn what_has_no_vector_yet_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    server.post("/contexts/batch", &batch(0, 0)).await.unwrap();
    server.signal("-KILL");
    drop(server);
    let server = Server::start(&data).await;
    until("all have their vectors", async || {
        server.get("/stats").await["pending_embeddings"] == 0
    })
    .await;
    let stored = server.get("/contexts?limit=1000").await;
    let stored = stored["contexts"].as_array().unwrap();
    assert!(stored.len() == 200 && stored.iter().all(|context| context["embedding_status"] == "ready"));
}

#[tokio::test]
async fn sigterm_drains_flushes_and_exits_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data).await;
    server.post("/contexts", &json!({"text": "kept"})).await.unwrap();
    let contexts: Vec<Value> = (0..1000).map(|n| json!({"text": format!("context {n}")})).collect();
    let in_flight = json!({"contexts": contexts});
    let request = server.post("/contexts/batch", &in_flight);
    let stop = async {
        // Long enough for the request to arrive: an idle connection may be closed, one with a request must not.
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.signal("-TERM");
    };
    let (answer, ()) = tokio::join!(request, stop);
    assert_eq!(ids(&answer.unwrap()).len(), 1000, "a request in flight is answered");
    assert_eq!(server.process.wait().unwrap().code(), Some(0));

    let server = Server::start(&data).await;
    assert_eq!(server.get("/stats").await["total"], 1001);
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_told_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Server::start(&data).await;
    let second = command(&data).output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(6));
    assert!(message.contains(&first.process.id().to_string()), "{message}");
}

/// Everything below a folder, and the folder.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn data_belongs_to_its_owner_alone_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The second time in a folder that an older version left.
    for _ in 0..2 {
        let server = Server::start(&data).await;
        server.post("/contexts/batch", &batch(0, 0)).await.unwrap();
        server.post("/admin/snapshots", &json!(null)).await.unwrap();
        let found = all(&data);
        assert!(found.len() > 20, "{found:?}");
        for path in found {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
        drop(server);
        for path in all(&data) {
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_foreign_folder_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("thesis.txt"), "chapter one").unwrap();
    let output = command(&data).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains(data.to_str().unwrap()), "{message}");
    let left: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[test]
fn a_bad_configuration_is_reported_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(
        &file,
        "[server]\nhost = \"0.0.0.0\"\nprot = 1\n[hirag]\ncandidates = 0\n",
    )
    .unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_context-manager"));
    let output = check
        .current_dir(folder.path())
        .args(["check-config", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    for part in ["did you mean `port`", "server.host", "hirag.candidates"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}
