//! The cache of vectors.

use std::time::Duration;

use context_manager_core::ports::{EmbedErrorKind, Embedder, OnWrite};
use context_manager_embedding::{CacheConfig, Cached};
use futures::future::join_all;
use tokio::time::timeout;

use crate::counting::Counting;
use crate::peer::vector;
use crate::texts;

#[tokio::test(start_paused = true)]
async fn only_missing_texts_are_embedded() {
    let counting = Counting::new();
    let embedder = Cached::all(counting.clone(), &CacheConfig::default());
    let _first = embedder.embed_documents(&texts(["a", "b"])).await;
    let given = ["c", "a", "d", "b"];
    let found = embedder.embed_documents(&texts(given)).await;
    for (text, found) in given.iter().zip(found) {
        assert_eq!(found.unwrap(), vector(text));
    }
    let again = embedder.embed_documents(&texts(given)).await;
    assert_eq!(again.len(), 4);
    assert_eq!(counting.calls(), ["documents: a b", "documents: c d"]);
}

#[tokio::test(start_paused = true)]
async fn questions_and_documents_have_entries_of_their_own() {
    let counting = Counting::new();
    let embedder = Cached::all(counting.clone(), &CacheConfig::default());
    let _document = embedder.embed_documents(&texts(["a"])).await;
    assert!(!embedder.embed_query("a").await.unwrap().cached);
    assert!(embedder.embed_query("a").await.unwrap().cached);
    assert_eq!(counting.calls(), ["documents: a", "query: a"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_embedded_once_however_many_ask_it_at_once() {
    let counting = Counting::new();
    let embedder = Cached::queries(counting.clone(), &CacheConfig::default());
    let asked = join_all((0..20).map(|_| embedder.embed_query("a"))).await;
    let fresh = asked.iter().filter(|found| !found.as_ref().unwrap().cached);
    assert_eq!((fresh.count(), counting.calls()), (1, vec!["query: a".to_owned()]));

    // The one that embeds gives up, and another takes its place.
    let given_up = timeout(Duration::from_millis(1), embedder.embed_query("b"));
    let (given_up, waiting) = tokio::join!(given_up, embedder.embed_query("b"));
    assert!(given_up.is_err());
    assert_eq!(waiting.unwrap().vector, vector("b"));

    let failed = join_all((0..3).map(|_| embedder.embed_query("bad"))).await;
    assert!(
        failed
            .iter()
            .all(|found| found.as_ref().unwrap_err().kind == EmbedErrorKind::Refused)
    );
}

#[tokio::test(start_paused = true)]
async fn documents_are_cached_only_by_all() {
    let counting = Counting::new();
    let embedder = Cached::queries(counting.clone(), &CacheConfig::default());
    for _ in 0..2 {
        let _document = embedder.embed_documents(&texts(["a"])).await;
        let _question = embedder.embed_query("b").await;
    }
    assert_eq!(counting.calls(), ["documents: a", "query: b", "documents: a"]);
    assert_eq!((embedder.on_write(), embedder.knows("word")), (OnWrite::Follow, 0.5));
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_cached() {
    let counting = Counting::new();
    let embedder = Cached::all(counting.clone(), &CacheConfig::default());
    for _ in 0..2 {
        let found = embedder.embed_documents(&texts(["a", "bad"])).await;
        assert_eq!(found[0].as_ref().unwrap(), &vector("a"));
        assert_eq!(found[1].as_ref().unwrap_err().kind, EmbedErrorKind::Refused);
        assert!(embedder.embed_query("bad").await.is_err());
    }
    assert_eq!(
        counting.calls(),
        ["documents: a bad", "query: bad", "documents: bad", "query: bad"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_disabled_cache_keeps_nothing() {
    let config = CacheConfig {
        cache_enabled: false,
        ..CacheConfig::default()
    };
    let counting = Counting::new();
    let embedder = Cached::all(counting.clone(), &config);
    for _ in 0..2 {
        let _document = embedder.embed_documents(&texts(["a"])).await;
        assert!(!embedder.embed_query("a").await.unwrap().cached);
    }
    assert_eq!(counting.calls().len(), 4);
}
