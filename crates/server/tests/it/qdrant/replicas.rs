//! Several servers of ours on one of Qdrant's: whatever one does, the others know at once.

use std::collections::BTreeSet;

use context_manager::config::Config;
use futures::future::join_all;
use serde_json::{Value, json};

use super::node::Node;
use super::{Breakable, stand_in};
use crate::support::{TestApp, texts};

const SESSION: &str = "s";

/// Two servers of ours; the other one goes away after them.
struct Pair<P> {
    one: TestApp,
    two: TestApp,
    _peer: P,
}

impl<P: Breakable> Pair<P> {
    async fn with(peer: P, change: impl FnOnce(&mut Config)) -> Self {
        let change = |config: &mut Config| {
            config.vector_db.qdrant.url = Some(peer.url());
            change(config);
        };
        let one = TestApp::with(change).await;
        let two = one.beside().await;
        Self { one, two, _peer: peer }
    }
}

fn turn(text: &str) -> Value {
    json!({"text": text, "level": "immediate", "session_id": SESSION, "user_id": "ann", "tags": ["door"]})
}

/// Returns what a server serves to its session, by a search and in an assembled text.
async fn served(app: &TestApp) -> Vec<String> {
    let question = json!({"query": "the code of the door", "session_id": SESSION, "max_tokens": 1000, "min_score": 0});
    let found = app.found(question.clone()).await;
    let assembled = app.post("/contexts/assemble", question).await.text;
    assert!(
        found.iter().all(|text| assembled.contains(text.as_str())),
        "{assembled}"
    );
    assert!(!found.is_empty() || !assembled.contains("code of the"), "{assembled}");
    found
}

async fn what_one_does_the_other_knows(peer: impl Breakable) {
    let Pair { _peer, one, two } = Pair::with(peer, |_| {}).await;
    // Both have used the session before.
    assert_eq!((served(&one).await.len(), served(&two).await.len()), (0, 0));
    let stored = one.store(turn("the code of the door is 4711")).await;
    assert_eq!(served(&two).await, ["the code of the door is 4711"]);
    let path = format!("/api/v1/contexts/{}", stored["id"].as_str().unwrap());
    let change = json!({"text": "the code of the door is 1234"});
    assert_eq!(one.call("PATCH", &path, change).await.status, 200);
    assert_eq!(served(&two).await, ["the code of the door is 1234"]);

    let by_filter = json!({"filter": {"tags_any": ["door"]}});
    for (method, path, body) in [
        ("DELETE", path.as_str(), Value::Null),
        ("POST", "/api/v1/contexts/delete", by_filter),
        (
            "POST",
            "/api/v1/contexts/clear",
            json!({"level": "immediate", "session_id": SESSION}),
        ),
        ("DELETE", "/api/v1/sessions/s", Value::Null),
        ("DELETE", "/api/v1/users/ann", Value::Null),
    ] {
        let deleted = one.call(method, path, body).await;
        assert!(deleted.status.is_success(), "{method} {path}: {}", deleted.text);
        assert_eq!(served(&two).await, [""; 0], "{method} {path}");
        // The next one deletes what the other server has stored and served.
        two.store(turn(&format!("the code of the door was {path}"))).await;
        assert_eq!(served(&two).await.len(), 1);
    }
}

async fn positions_are_given_once(peer: impl Breakable) {
    let Pair { _peer, one, two } = Pair::with(peer, |_| {}).await;
    let store = async |app: &TestApp, name: &str| {
        for n in 0..5 {
            let batch: Vec<Value> = (0..3).map(|m| turn(&format!("{name} says {n} and {m}"))).collect();
            let answer = app.post("/contexts/batch", json!({"contexts": batch})).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            app.store(turn(&format!("{name} says {n}"))).await;
        }
    };
    join_all([store(&one, "ann"), store(&two, "bob"), store(&one, "cid")]).await;
    let exported = one.export("").await;
    let lines = exported
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let positions: Vec<u64> = lines.filter_map(|line| line["context"]["position"].as_u64()).collect();
    assert_eq!(positions.len(), 60);
    let expected: BTreeSet<u64> = (0..60).collect();
    assert_eq!(positions.into_iter().collect::<BTreeSet<u64>>(), expected);
}

async fn working_memory_has_one_size(peer: impl Breakable) {
    let Pair { _peer, one, two } = Pair::with(peer, |config| config.hirag.l1_cache_size = 3).await;
    let mut pinned = turn("the code of the door is secret");
    pinned["pinned"] = json!(true);
    one.store(pinned).await;
    for n in 0..4 {
        one.store(turn(&format!("one says {n}"))).await;
        two.store(turn(&format!("two says {n}"))).await;
    }
    let at = async |level: &str| texts(&two.get(&format!("/api/v1/contexts?level={level}")).await.body);
    assert_eq!(
        at("immediate").await,
        ["two says 3", "one says 3", "the code of the door is secret"]
    );
    assert_eq!(at("short_term").await.len(), 6);
    // What moved down is not lost to a search of the session.
    let question = json!({"query": "one says 0", "session_id": SESSION, "limit": 20});
    assert_eq!(one.found(question).await.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_stores_changes_and_deletes_the_other_knows_at_once() {
    what_one_does_the_other_knows(stand_in()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn what_one_server_does_the_other_knows_on_a_real_qdrant() {
    what_one_does_the_other_knows(Node::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_servers_give_out_the_same_position() {
    positions_are_given_once(stand_in()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn no_two_servers_give_out_the_same_position_on_a_real_qdrant() {
    positions_are_given_once(Node::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn working_memory_keeps_its_size_whichever_server_stores() {
    working_memory_has_one_size(stand_in()).await;
}
