//! Batching of concurrent calls.

use std::time::Duration;

use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder};
use context_manager_embedding::{BatchConfig, Batching};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::counting::Counting;
use crate::peer::vector;
use crate::texts;

fn start(config: &BatchConfig) -> (Counting, Batching<Counting>) {
    let counting = Counting::new();
    (counting.clone(), Batching::start(counting, config))
}

async fn document(embedder: &impl Embedder, text: &str) -> Result<Vec<f32>, EmbedError> {
    embedder.embed_documents(&texts([text])).await.remove(0)
}

#[tokio::test(start_paused = true)]
async fn concurrent_texts_share_calls_by_kind() {
    let (counting, embedder) = start(&BatchConfig::default());
    let start = Instant::now();
    let documents = join_all(["a", "b", "c", "d"].map(|text| document(&embedder, text)));
    let queries = join_all(["x", "y"].map(|text| embedder.embed_query(text)));
    let (documents, queries) = tokio::join!(documents, queries);
    assert_eq!(
        start.elapsed(),
        Duration::from_millis(1002),
        "as long as one call and the wait"
    );
    for (text, found) in ["a", "b", "c", "d"].iter().zip(documents) {
        assert_eq!(found.unwrap(), vector(text));
    }
    for (text, found) in ["x", "y"].iter().zip(queries) {
        assert_eq!(found.unwrap().vector, vector(text));
    }
    let mut calls = counting.calls();
    calls.sort();
    assert_eq!(calls, ["documents: a b c", "documents: d", "queries: x y"]);
}

#[tokio::test(start_paused = true)]
async fn requests_run_to_their_end_after_their_callers_gave_up() {
    let (counting, embedder) = start(&BatchConfig::default());
    let both = texts(["a", "b"]);
    let impatient = timeout(Duration::from_millis(10), embedder.embed_documents(&both)).await;
    assert!(impatient.is_err());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(counting.finished(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bad_text_fails_alone() {
    let (counting, embedder) = start(&BatchConfig::default());
    let found = join_all(["a", "bad", "c"].map(|text| embedder.embed_query(text))).await;
    assert_eq!(found[0].as_ref().unwrap().vector, vector("a"));
    assert_eq!(found[1].as_ref().unwrap_err().kind, EmbedErrorKind::Refused);
    assert_eq!(found[2].as_ref().unwrap().vector, vector("c"));
    assert_eq!(counting.calls(), ["queries: a bad c"]);
}

#[tokio::test(start_paused = true)]
async fn identical_texts_in_the_queue_and_in_flight_are_embedded_once() {
    let (counting, embedder) = start(&BatchConfig::default());
    let late = async {
        sleep(Duration::from_millis(500)).await;
        embedder.embed_query("same").await
    };
    let as_document = document(&embedder, "same");
    let (early, late, as_document) = tokio::join!(
        join_all(["same"; 10].map(|text| embedder.embed_query(text))),
        late,
        as_document
    );
    for found in early.into_iter().chain([late]) {
        assert_eq!(found.unwrap().vector, vector("same"));
    }
    as_document.unwrap();
    let mut calls = counting.calls();
    calls.sort();
    assert_eq!(calls, ["documents: same", "queries: same"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_empties_again() {
    let (_, embedder) = start(&BatchConfig {
        queue_size: 2,
        ..BatchConfig::default()
    });
    for _ in 0..2 {
        let found = join_all(["a", "b", "c"].map(|text| embedder.embed_query(text))).await;
        assert!(found[0].is_ok() && found[1].is_ok());
        let kind = found[2].as_ref().unwrap_err().kind;
        assert_eq!(kind, EmbedErrorKind::Unavailable(Some(Duration::from_secs(1))));
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_are_bounded() {
    let (counting, embedder) = start(&BatchConfig {
        concurrent_requests: 1,
        ..BatchConfig::default()
    });
    let start = Instant::now();
    join_all(["a", "b", "c", "d", "e", "f", "g"].map(|text| embedder.embed_query(text))).await;
    assert_eq!(counting.calls(), ["queries: a b c", "queries: d e f", "queries: g"]);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_affects_no_other() {
    let (counting, embedder) = start(&BatchConfig::default());
    let hasty = timeout(Duration::from_millis(1), embedder.embed_query("hasty"));
    let leaver = timeout(Duration::from_millis(500), embedder.embed_query("shared"));
    let (hasty, leaver, stayer) = tokio::join!(hasty, leaver, embedder.embed_query("shared"));
    assert!(hasty.is_err() && leaver.is_err());
    assert_eq!(stayer.unwrap().vector, vector("shared"));
    assert_eq!(counting.calls(), ["queries: shared"], "nobody wants the other any more");
}

#[tokio::test(start_paused = true)]
async fn a_call_with_many_texts_is_sent_without_waiting() {
    let (counting, embedder) = start(&BatchConfig::default());
    let start = Instant::now();
    let found = embedder.embed_documents(&texts(["a", "bad", "c", "d"])).await;
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!(found[1].as_ref().unwrap_err().kind, EmbedErrorKind::Refused);
    assert_eq!(found[3].as_ref().unwrap(), &vector("d"));
    assert_eq!(counting.calls(), ["documents: a bad c d"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_its_batch_only() {
    let (_, embedder) = start(&BatchConfig::default());
    let found = embedder.embed_query("panic").await.unwrap_err();
    assert_eq!(found.kind, EmbedErrorKind::Unavailable(None));
    assert_eq!(embedder.embed_query("a").await.unwrap().vector, vector("a"));
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_embedder() {
    let (counting, embedder) = start(&BatchConfig::default());
    timeout(Duration::from_millis(500), embedder.embed_query("a"))
        .await
        .unwrap_err();
    assert!(counting.handles() > 1);
    drop(embedder);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(counting.handles(), 1, "neither the task nor its request is left");
}

#[test]
fn limits_of_zero_are_problems() {
    let config = BatchConfig {
        batch_wait_ms: 0,
        queue_size: 0,
        concurrent_requests: 0,
    };
    assert_eq!(config.problems().len(), 2);
    assert_eq!(BatchConfig::default().problems(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn gathering_is_restarted_after_a_panic() {
    let (counting, embedder) = start(&BatchConfig::default());
    counting.break_gathering();
    let lost = embedder.embed_query("a").await.unwrap_err();
    assert_eq!(lost.kind, EmbedErrorKind::Unavailable(None));
    assert_eq!(embedder.embed_query("b").await.unwrap().vector, vector("b"));
}
