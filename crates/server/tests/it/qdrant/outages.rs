//! A Qdrant server that is killed, restarted or stopped while it is used.

use std::time::Duration;

use qdrant_client::Qdrant;
use qdrant_client::qdrant::CreateCollectionBuilder;
use tempfile::TempDir;

use super::load::{Load, Outcome, missing, recovered};
use super::node::Node;
use super::{Breakable, stand_in};
use crate::server::{Server, command};

/// A server of ours that uses this one of Qdrant's, and gives a call up after two seconds.
pub(super) async fn server_on(url: &str, environment: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![
        ("CONTEXT_MANAGER_VECTOR_DB__URL", url),
        ("CONTEXT_MANAGER_VECTOR_DB__TIMEOUT_SECS", "2"),
    ];
    all.extend_from_slice(environment);
    (Server::with(&folder.path().join("data"), &all).await, folder)
}

/// Everything that was asked was answered as promised, and nothing that was acknowledged is missing.
pub(super) async fn assert_kept(server: &Server, outcome: &Outcome) {
    assert_eq!(outcome.wrong, [""; 0], "of {outcome:?}");
    assert!(outcome.acknowledged.len() > 50, "{outcome:?}");
    assert_eq!(missing(server, &outcome.acknowledged).await, 0);
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
pub(super) fn tell(what: &str, outcome: &Outcome) {
    let Outcome {
        acknowledged,
        refused,
        full,
        unanswered,
        wrong,
    } = outcome;
    eprintln!(
        "{what}: {} writes acknowledged, {refused} refused with 503; {full} searches answered, {unanswered} refused with \
         503, {} answers wrong",
        acknowledged.len(),
        wrong.len()
    );
}

const SECOND: Duration = Duration::from_secs(1);

/// Kills a server under load, once for each of these times, and starts it again after it.
async fn killed_for(mut peer: impl Breakable, outages: &[Duration]) {
    let (server, _folder) = server_on(&peer.url(), &[]).await;
    let load = Load::start(&server).await;
    for outage in outages {
        tokio::time::sleep(2 * SECOND).await;
        peer.kill();
        tokio::time::sleep(*outage).await;
        peer.restart().await;
        recovered(&server).await;
    }
    tokio::time::sleep(SECOND).await;
    let outcome = load.end().await;
    tell(&format!("killed for {outages:?}"), &outcome);
    // What comes back at once may be gone for no longer than a call is repeated.
    let is_noticed = outages.iter().any(|outage| !outage.is_zero());
    let was_noticed = outcome.refused > 0 && outcome.unanswered > 0;
    assert!(outcome.full > 0 && (was_noticed || !is_noticed), "{outcome:?}");
    assert_kept(&server, &outcome).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_under_load_loses_nothing_and_is_survived_without_a_restart() {
    killed_for(stand_in(), &[2 * SECOND]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server to kill: cargo xtask integration"]
async fn a_kill_of_a_real_server_for_twenty_seconds_loses_nothing() {
    killed_for(Node::start().await, &[20 * SECOND]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server to restart: cargo xtask integration"]
async fn restarts_of_a_real_server_lose_nothing() {
    killed_for(Node::start().await, &[Duration::ZERO; 3]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server to stop: cargo xtask integration"]
async fn a_server_that_hangs_is_given_up_in_time_and_used_again_when_it_answers() {
    let node = Node::start().await;
    let (server, _folder) = server_on(&node.url(), &[]).await;
    let load = Load::start(&server).await;
    tokio::time::sleep(2 * SECOND).await;
    node.pause();
    tokio::time::sleep(8 * SECOND).await;
    node.resume();
    recovered(&server).await;
    let outcome = load.end().await;
    tell("stopped for 8 s", &outcome);
    assert!(outcome.refused > 0 && outcome.unanswered > 0, "{outcome:?}");
    assert_kept(&server, &outcome).await;
}

/// Starts our server before the other one.
async fn waits_for(mut peer: impl Breakable) {
    peer.kill();
    let url = peer.url();
    let starting = server_on(&url, &[]);
    let later = async {
        tokio::time::sleep(2 * SECOND).await;
        peer.restart().await;
    };
    // It gets ready only when the other one does.
    let ((server, _folder), ()) = tokio::join!(starting, later);
    recovered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qdrant_may_start_later() {
    waits_for(stand_in()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server to start later: cargo xtask integration"]
async fn a_real_qdrant_may_start_later() {
    waits_for(Node::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_of_another_shape_ends_the_process_with_the_reason() {
    let peer = stand_in();
    let client = Qdrant::from_url(&peer.url())
        .skip_compatibility_check()
        .build()
        .unwrap();
    let foreign = CreateCollectionBuilder::new("context_manager_contexts");
    client.create_collection(foreign).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut server = command(&folder.path().join("data"));
    let output = server
        .env("CONTEXT_MANAGER_VECTOR_DB__URL", peer.url())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("no `context_manager` in its metadata") && message.contains("vector_db.collection_prefix"),
        "{message}"
    );
}
