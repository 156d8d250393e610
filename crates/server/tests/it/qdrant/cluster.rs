//! A Qdrant cluster of three nodes, one of which is lost.

use std::time::Duration;

use super::Breakable;
use super::load::{Load, recovered};
use super::node::Node;
use super::outages::{assert_kept, server_on, tell};

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
