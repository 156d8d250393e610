//! Reads and writes at the same time, and the outcome of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Client, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::server::Server;
use crate::support::until;

/// Tasks that write, and as many that search.
const TASKS: usize = 3;

/// The session that searches ask about.
const SESSION: &str = "at hand";

/// A load that runs.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Outcome>,
}

/// Outcome of the requests.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The ids of contexts whose storing was acknowledged.
    pub(super) acknowledged: Vec<String>,
    /// Writes that were refused with 503 and `Retry-After`.
    pub(super) refused: usize,
    /// Searches that were answered in full.
    pub(super) full: usize,
    /// Searches that were refused with 503 and `Retry-After`, or answered from working memory alone, which they said.
    pub(super) unanswered: usize,
    /// Everything else, which is not as promised.
    pub(super) wrong: Vec<String>,
}

impl Load {
    /// Begins to read and to write.
    pub(super) async fn start(server: &Server) -> Self {
        let at_hand = json!({"text": "the lamp is red", "level": "immediate", "session_id": SESSION});
        server.post("/contexts", &at_hand).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let caller = || Caller {
                stop: Arc::clone(&stop),
                client: server.client.clone(),
                url: format!("{}/api/v1/contexts", server.url),
            };
            tasks.spawn(caller().write());
            tasks.spawn(caller().search());
        }
        Self { stop, tasks }
    }

    /// Ends it, and tells what became of everything.
    pub(super) async fn end(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let outcomes = self.tasks.join_all().await;
        outcomes.into_iter().fold(Outcome::default(), |mut all, one| {
            all.acknowledged.extend(one.acknowledged);
            all.refused += one.refused;
            all.full += one.full;
            all.unanswered += one.unanswered;
            all.wrong.extend(one.wrong);
            all
        })
    }
}

/// Someone who calls the server until told to stop.
struct Caller {
    stop: Arc<AtomicBool>,
    client: Client,
    url: String,
}

impl Caller {
    async fn write(self) -> Outcome {
        let mut outcome = Outcome::default();
        while !self.stop.load(Ordering::Relaxed) {
            let id = Uuid::now_v7().to_string();
            let body = json!({"id": id, "text": format!("the lamp {id} is blue"), "level": "long_term"});
            let answer = self.client.post(&self.url).json(&body).send().await.unwrap();
            let (status, may_come_back) = (
                answer.status().as_u16(),
                answer.headers().contains_key(header::RETRY_AFTER),
            );
            match status {
                200 | 201 => outcome.acknowledged.push(id),
                503 if may_come_back => {
                    outcome.refused += 1;
                    // A real client waits longer; the more attempts, the better the test.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => outcome
                    .wrong
                    .push(format!("write: {status} {}", answer.text().await.unwrap())),
            }
        }
        outcome
    }

    async fn search(self) -> Outcome {
        let mut outcome = Outcome::default();
        let url = format!("{}/search", self.url);
        let body = json!({"query": "which lamp is red?", "session_id": SESSION, "limit": 10});
        while !self.stop.load(Ordering::Relaxed) {
            let answer = self.client.post(&url).json(&body).send().await.unwrap();
            let status = answer.status().as_u16();
            let may_come_back = answer.headers().contains_key(header::RETRY_AFTER);
            let found: Value = answer.json().await.unwrap();
            let is_there = found["contexts"]
                .as_array()
                .is_some_and(|found| found.iter().any(|context| context["text"] == "the lamp is red"));
            match found["degraded"].as_array().map(Vec::as_slice) {
                Some([]) if status == 200 && is_there => outcome.full += 1,
                None if status == 503 && may_come_back => outcome.unanswered += 1,
                // Qdrant went away between the two reads of one search.
                Some([part]) if status == 200 && is_there && part == "vector_store" => outcome.unanswered += 1,
                // Servers that share a store read working memory from it, too, and that read failed alone.
                Some([part]) if status == 200 && part == "l1" => outcome.unanswered += 1,
                _ => outcome.wrong.push(format!("search: {status} {found}")),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        outcome
    }
}

/// Number of these contexts that cannot be found.
pub(super) async fn missing(server: &Server, ids: &[String]) -> usize {
    let mut missing = 0;
    for chunk in ids.chunks(500) {
        let request = json!({"query": "lamp", "limit": 1000, "mode": "lexical", "filter": {"ids": chunk}});
        let found = server.post("/contexts/search", &request).await.unwrap();
        missing += chunk.len() - found["contexts"].as_array().unwrap().len();
    }
    missing
}

/// Waits until a context can be stored again.
pub(super) async fn recovered(server: &Server) {
    let url = format!("{}/api/v1/contexts", server.url);
    let writable = async || {
        let body = json!({"text": format!("the lamp {} is back", Uuid::now_v7())});
        let answer = server.client.post(&url).json(&body).send().await.unwrap();
        answer.status() == 201
    };
    until("the server recovers without a restart", writable).await;
}
