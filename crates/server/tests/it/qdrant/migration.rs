//! All contexts from a data folder to a Qdrant server and back, both interrupted once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::node::Node;
use super::{Breakable, points, stand_in};
use crate::server::{Server, command};
use crate::standin::Fault;
use crate::support::until;

/// `context-manager migrate` with these arguments.
fn migrate(data: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut migrate = command(data);
    migrate
        .env("CONTEXT_MANAGER_VECTOR_DB__URL", url)
        .arg("migrate")
        .args(arguments);
    migrate.stdout(Stdio::piped());
    migrate
}

/// Begins it, and kills it when it says that so much is done.
fn interrupted(mut migrate: Command, part: usize) {
    let mut process = migrate.spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let halfway = log.find(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["done"].as_u64().is_some_and(|done| done >= part as u64)
    });
    process.kill().unwrap();
    process.wait().unwrap();
    let line = halfway.expect("it tells how far it is");
    assert!(
        line.contains("bringing"),
        "it was done before it could be interrupted: {line}"
    );
}

/// Does it, and returns the fields of the one tenant's line of the report.
#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
async fn complete(mut migrate: Command) -> Vec<String> {
    let output = tokio::task::spawn_blocking(move || migrate.output().unwrap())
        .await
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    eprintln!("{report}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = report.lines().find(|line| line.contains("default")).unwrap();
    line.split('|')
        .map(|field| field.trim().to_owned())
        .filter(|field| !field.is_empty())
        .collect()
}

async fn fill(data: &Path, contexts: usize) {
    let server = Server::start(data).await;
    for batch in 0..contexts / 1000 {
        let contexts: Vec<Value> = (0..1000)
            .map(|n| {
                json!({
                    "text": format!("lamp {} is in batch {batch}", 1000 * batch + n), "level": "long_term",
                    "session_id": format!("s-{}", n % 40), "tags": ["lamp"], "metadata": {"n": n, "nested": {"batch": [batch]}},
                })
            })
            .collect();
        server
            .post("/contexts/batch", &json!({"contexts": contexts}))
            .await
            .unwrap();
    }
    // Written out, so that the folder is free.
    server.signal("-TERM");
    let mut server = server;
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

/// Migrates there and back, killed once on each way; `slow` limits the speed of the server.
async fn goes_there_and_back(url: &str, contexts: usize, slow: impl Fn(bool)) {
    let folder = tempfile::tempdir().unwrap();
    let (data, back) = (folder.path().join("data"), folder.path().join("back"));
    fill(&data, contexts).await;

    let there = ["--from", "embedded", "--to", "qdrant"];
    slow(true);
    interrupted(migrate(&data, url, &there), contexts / 4);
    slow(false);
    let kept = points(url).await.unwrap();
    assert!((contexts as u64 / 4..contexts as u64).contains(&kept), "{kept}");
    // tenant, contexts, there before, checksum, in the target, checksum there, verdict
    let report = complete(migrate(&data, url, &there)).await;
    assert_eq!(report[1..=2], [contexts.to_string(), kept.to_string()]);
    assert_eq!(report[6], "equal");

    let return_path = [
        "--from",
        "qdrant",
        "--to",
        "embedded",
        "--to-path",
        back.to_str().unwrap(),
    ];
    slow(true);
    interrupted(migrate(&data, url, &return_path), contexts / 4);
    slow(false);
    let report_back = complete(migrate(&data, url, &return_path)).await;
    assert_eq!(
        (&report_back[1], &report_back[3], &report_back[6]),
        (&report[1], &report[3], &report[6])
    );
    let kept: usize = report_back[2].parse().unwrap();
    assert!(kept >= contexts / 4, "it went on where it was: {kept}");

    for data in [&data, &back] {
        let server = Server::start(data).await;
        assert_eq!(server.get("/stats").await["total"], json!(contexts));
        until("what was pending has its vectors", async || {
            server.get("/stats").await["pending_embeddings"] == 0
        })
        .await;
        let found = server
            .post("/contexts/search", &json!({"query": "Where is lamp 3007?", "limit": 1}))
            .await
            .unwrap();
        assert_eq!(found["contexts"][0]["text"], "lamp 3007 is in batch 3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_thousand_contexts_go_to_the_stand_in_and_back_though_interrupted() {
    let peer = stand_in();
    // How far it is, it says every few seconds.
    let slow = |slow| {
        let fault = if slow {
            Fault::Late(Duration::from_millis(150))
        } else {
            Fault::None
        };
        peer.faults().always(fault);
    };
    goes_there_and_back(&peer.url(), 4_000, slow).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn twenty_thousand_contexts_go_to_a_real_server_and_back_though_interrupted() {
    let node = Node::start().await;
    goes_there_and_back(&node.url(), 20_000, |_| {}).await;
}
