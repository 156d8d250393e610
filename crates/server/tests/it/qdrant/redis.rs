//! Several servers of ours that share a Redis beside a Qdrant server, here the stand-in: working memory and limits are one, and
//! go on without Redis.

use std::time::Duration;

use context_manager_redis::testing;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::outages::server_on;
use super::{Breakable, stand_in};
use crate::server::Server;
use crate::support::until;

/// Servers of ours, and what they share.
struct Replicas {
    redis: testing::Server,
    servers: [(Server, TempDir); 2],
    _qdrant: crate::standin::StandIn,
}

impl Replicas {
    async fn start(environment: &[(&str, &str)]) -> Self {
        let (redis, qdrant) = (testing::Server::start().await, stand_in());
        let address = redis.url();
        let mut all = vec![
            ("CONTEXT_MANAGER_REDIS__URL", address.as_str()),
            // A machine under other load may pause a server for longer than the default.
            ("CONTEXT_MANAGER_REDIS__TIMEOUT_MS", "3000"),
        ];
        all.extend_from_slice(environment);
        Self {
            servers: [
                server_on(&qdrant.url(), &all).await,
                server_on(&qdrant.url(), &all).await,
            ],
            redis,
            _qdrant: qdrant,
        }
    }

    fn server(&self, number: usize) -> &Server {
        &self.servers[number % 2].0
    }

    /// Waits until both servers answer from Redis.
    async fn settled(&self) {
        for number in 0..2 {
            let used = async || {
                let before = reads(self.server(number), &["hit", "near"]).await;
                said(self.server(number), "settling").await;
                said(self.server(number), "settling").await;
                reads(self.server(number), &["hit", "near"]).await > before
            };
            until("working memory comes from Redis", used).await;
        }
    }
}

/// Number of reads of working memory with these outcomes.
async fn reads(server: &Server, outcomes: &[&str]) -> u64 {
    let metrics = server
        .client
        .get(format!("{}/metrics", server.url))
        .send()
        .await
        .unwrap();
    let text = metrics.text().await.unwrap();
    let of = |line: &str| {
        let line = line.strip_prefix("context_manager_redis_session_reads_total{outcome=\"")?;
        let (outcome, count) = line.split_once("\"} ")?;
        outcomes.contains(&outcome).then(|| count.parse::<u64>().unwrap())
    };
    text.lines().filter_map(of).sum()
}

/// Stores a context of a session; `None` if it was refused for now.
async fn tell(server: &Server, session: &str, text: &str) -> Option<String> {
    let body = json!({"text": text, "level": "immediate", "session_id": session});
    let url = format!("{}/api/v1/contexts", server.url);
    let answer = server.client.post(url).json(&body).send().await.unwrap();
    match answer.status() {
        StatusCode::CREATED => Some(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()),
        StatusCode::SERVICE_UNAVAILABLE => None,
        other => panic!("{other} {}", answer.text().await.unwrap()),
    }
}

/// Returns the working memory of a session, and what an answer lacks.
async fn said(server: &Server, session: &str) -> (Vec<String>, Vec<String>) {
    let question = json!({
        "query": "lamp", "session_id": session, "levels": ["immediate"], "limit": 100, "min_score": 0,
    });
    let found = server.post("/contexts/search", &question).await.unwrap();
    let all = |list: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|one| of(one).as_str().unwrap().to_owned()).collect()
    };
    let mut texts = all(&found["contexts"], |one| &one["text"]);
    texts.sort_unstable();
    (texts, all(&found["degraded"], |part| part))
}

/// Writes through one server and reads through the other, in turn, and checks each answer against all that was acknowledged.
#[derive(Debug, Default)]
struct Conversation {
    session: String,
    texts: Vec<(String, String)>,
    turns: usize,
    stale: usize,
    refused: usize,
    degraded: usize,
    waits: Vec<Duration>,
}

impl Conversation {
    fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            ..Self::default()
        }
    }

    async fn turn(&mut self, replicas: &Replicas) {
        let turn = self.turns;
        self.turns += 1;
        let (writer, reader) = (replicas.server(turn), replicas.server(turn + 1));
        if turn % 5 == 4 && !self.texts.is_empty() {
            let (id, _) = self.texts.remove(turn % self.texts.len());
            let url = format!("{}/api/v1/contexts/{id}", writer.url);
            let deleted = writer.client.delete(url).send().await.unwrap().status();
            assert!(deleted.is_success(), "{deleted}");
        } else {
            let text = format!("lamp {turn} of {}", self.session);
            match tell(writer, &self.session, &text).await {
                Some(id) => self.texts.push((id, text)),
                None => self.refused += 1,
            }
        }
        let start = Instant::now();
        let (texts, degraded) = said(reader, &self.session).await;
        self.waits.push(start.elapsed());
        let mut expected: Vec<&str> = self.texts.iter().map(|(_, text)| text.as_str()).collect();
        expected.sort_unstable();
        self.stale += usize::from(texts != expected);
        self.degraded += usize::from(degraded == ["l1"]);
        if self.texts.len() > 60 {
            *self = Self {
                session: format!("{} on", self.session),
                texts: Vec::new(),
                ..std::mem::take(self)
            };
        }
    }

    #[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
    fn report(&mut self, what: &str) {
        self.waits.sort_unstable();
        let at = |share: usize| self.waits[(self.waits.len() - 1) * share / 100];
        eprintln!(
            "{what}: {} turns, {} stale, {} refused, {} degraded; a read takes {:?} at the median, {:?} at p99",
            self.turns,
            self.stale,
            self.refused,
            self.degraded,
            at(50),
            at(99)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask integration"]
async fn what_one_server_writes_the_other_reads_from_redis() {
    let replicas = Replicas::start(&[]).await;
    replicas.settled().await;
    let turns = std::env::var("TURNS").map_or(200_u64, |turns| turns.parse().unwrap());
    let mut conversation = Conversation::new("s");
    for _ in 0..turns {
        conversation.turn(&replicas).await;
    }
    conversation.report("two servers on one Redis");
    assert_eq!(
        (conversation.stale, conversation.refused, conversation.degraded),
        (0, 0, 0)
    );
    for number in 0..2 {
        let shared = reads(replicas.server(number), &["hit", "near"]).await;
        assert!(shared > turns / 20, "{shared} of {turns} reads were answered by Redis");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask integration"]
async fn without_redis_the_store_answers_and_nothing_stale_is_served_after() {
    let mut replicas = Replicas::start(&[]).await;
    replicas.settled().await;
    let mut conversation = Conversation::new("outage");
    for outage in [Duration::from_millis(300), Duration::from_secs(6)] {
        for _ in 0..20 {
            conversation.turn(&replicas).await;
        }
        replicas.redis.kill();
        let end = Instant::now() + outage;
        while Instant::now() < end {
            conversation.turn(&replicas).await;
        }
        replicas.redis.run().await;
        for _ in 0..20 {
            conversation.turn(&replicas).await;
        }
    }
    assert!(conversation.degraded > 0, "an answer says that it went without Redis");
    replicas.settled().await;
    for _ in 0..20 {
        conversation.turn(&replicas).await;
    }
    conversation.report("Redis killed twice");
    assert_eq!((conversation.stale, conversation.refused), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask integration"]
async fn a_caller_has_one_allowance_at_all_servers_and_one_at_each_without_redis() {
    let environment = [
        ("CONTEXT_MANAGER_RATE_LIMITS__PER_KEY__READ__PER_SEC", "1"),
        ("CONTEXT_MANAGER_RATE_LIMITS__PER_KEY__READ__BURST", "10"),
    ];
    let mut replicas = Replicas::start(&environment).await;
    let passed = async |replicas: &Replicas| {
        let mut passed = 0;
        for number in 0..40 {
            let server = replicas.server(number);
            let url = format!("{}/api/v1/contexts", server.url);
            let answer = server.client.get(url).send().await.unwrap();
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                assert!(answer.headers().contains_key("retry-after"));
            } else {
                assert_eq!(answer.status(), StatusCode::OK);
                passed += 1;
            }
        }
        passed
    };
    let start = Instant::now();
    let together = passed(&replicas).await;
    let regained = start.elapsed().as_secs() + 1;
    assert!((10..=10 + regained).contains(&together), "{together}");
    replicas.redis.kill();
    sleep(Duration::from_millis(100)).await;
    let apart = passed(&replicas).await;
    assert!(apart >= 20, "each server has an allowance of its own: {apart}");
}
