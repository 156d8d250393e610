//! A Qdrant cluster of three nodes: one is lost, and tenants have shards of their own.

use std::time::Duration;

use serde_json::json;

use super::load::{Load, recovered};
use super::node::Node;
use super::outages::{assert_kept, server_on, tell};
use super::{Breakable, points};
use crate::server::command;

async fn cluster() -> [Node; 3] {
    let first = Node::start().await;
    let (second, third) = (Node::join(&first).await, Node::join(&first).await);
    [first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three Qdrant servers: cargo xtask integration"]
async fn a_node_that_is_lost_takes_nothing_with_it() {
    let [first, _second, mut third] = cluster().await;
    let replicated = [
        ("CONTEXT_MANAGER_VECTOR_DB__REPLICATION_FACTOR", "2"),
        ("CONTEXT_MANAGER_VECTOR_DB__SHARD_NUMBER", "3"),
    ];
    let (server, _folder) = server_on(&first.url(), &replicated).await;
    let load = Load::start(&server).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    third.kill();
    // Two nodes hold everything: writing goes on without the third.
    recovered(&server).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let outcome = load.end().await;
    tell("one of three nodes lost", &outcome);
    assert_kept(&server, &outcome).await;
    third.restart().await;
    assert_kept(&server, &outcome).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs three Qdrant servers: cargo xtask integration"]
async fn a_tenant_gets_a_shard_of_its_own_while_it_is_served() {
    let [first, _second, _third] = cluster().await;
    let sharding = [("CONTEXT_MANAGER_VECTOR_DB__SHARDING", "tenant")];
    let (server, folder) = server_on(&first.url(), &sharding).await;
    let contexts: Vec<_> = (0..900)
        .map(|n| json!({"text": format!("the lamp {n} is green"), "level": "long_term"}))
        .collect();
    server
        .post("/contexts/batch", &json!({"contexts": contexts}))
        .await
        .unwrap();
    let load = Load::start(&server).await;
    // Twice: the second time there is nothing left to do.
    for _ in 0..2 {
        let mut promote = command(&folder.path().join("data"));
        promote
            .env("CONTEXT_MANAGER_VECTOR_DB__URL", first.url())
            .envs(sharding);
        promote.args(["promote", "--tenant", "default"]);
        let output = tokio::task::spawn_blocking(move || promote.output().unwrap())
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let outcome = load.end().await;
    tell("a tenant promoted", &outcome);
    assert_kept(&server, &outcome).await;
    let stored = server.get("/stats").await["total"].as_u64().unwrap();
    assert_eq!(
        points(&first.url()).await,
        Some(stored),
        "nothing is left in the shard of the group"
    );
    assert_eq!(stored, 901 + outcome.acknowledged.len() as u64);
}
