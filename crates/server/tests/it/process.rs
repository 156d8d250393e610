//! The real binary as a process: killed, stopped, started twice.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Killed when dropped.
struct Server {
    process: Child,
    url: String,
    client: Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_context-manager"));
    command
        .current_dir(data.parent().unwrap())
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .env("CONTEXT_MANAGER_LOG__FORMAT", "json")
        .args(["--port", "0"])
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts a server on a free port and waits until it is ready.
    async fn start(data: &Path) -> Self {
        let mut process = command(data).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let address = log
            .by_ref()
            .find_map(|line| {
                serde_json::from_str::<Value>(&line).ok()?["address"]
                    .as_str()
                    .map(str::to_owned)
            })
            .expect("the server logs where it listens");
        // The pipe must be read on, or the server would wait for it.
        std::thread::spawn(move || log.for_each(drop));
        let server = Self {
            process,
            url: format!("http://{address}"),
            client: http_client(),
        };
        let ready = async {
            while !server
                .client
                .get(format!("{}/health/ready", server.url))
                .send()
                .await
                .is_ok_and(|r| r.status() == 200)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("the server gets ready");
        server
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<Value> {
        self.client
            .post(format!("{}/api/v1{path}", self.url))
            .json(body)
            .send()
            .await?
            .json()
            .await
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

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
    let stats: Value = server
        .client
        .get(format!("{}/api/v1/stats", server.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stats["total"], 1001);
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_told_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Server::start(&data).await;
    let second = command(&data).output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(message.contains(&first.process.id().to_string()), "{message}");
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

fn http_client() -> Client {
    // The library wants to know what does its cryptography although nothing here is encrypted; the first one stays.
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
