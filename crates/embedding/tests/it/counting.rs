//! An embedder that records its calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, OnWrite, QueryEmbedding};
use context_manager_embedding::BatchEmbedder;
use tokio::time::sleep;

use crate::peer::vector;

/// Takes a second for a call with up to three texts, refuses the text `bad`, and panics at `panic`.
#[derive(Debug, Clone)]
pub(crate) struct Counting {
    calls: Arc<Mutex<Vec<String>>>,
    finished: Arc<Mutex<usize>>,
    gathering_panics: Arc<AtomicBool>,
    fingerprint: ModelFingerprint,
}

impl Counting {
    pub(crate) fn new() -> Self {
        Self {
            calls: Arc::default(),
            finished: Arc::default(),
            gathering_panics: Arc::default(),
            fingerprint: ModelFingerprint {
                name: "counting".to_owned(),
                dimensions: crate::peer::SIZE,
                probe: String::new(),
            },
        }
    }

    /// The calls so far, each as `documents: a b c` or `queries: a b c`, with the texts in order of the alphabet.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Returns the number of finished calls.
    pub(crate) fn finished(&self) -> usize {
        *self.finished.lock().unwrap()
    }

    /// Makes the gathering task panic once.
    pub(crate) fn break_gathering(&self) {
        self.gathering_panics.store(true, Ordering::Relaxed);
    }

    /// Returns the number of handles.
    pub(crate) fn handles(&self) -> usize {
        Arc::strong_count(&self.calls)
    }

    async fn embed(&self, kind: &str, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let mut sorted = texts.to_vec();
        sorted.sort();
        self.calls.lock().unwrap().push(format!("{kind}: {}", sorted.join(" ")));
        sleep(Duration::from_secs(1)).await;
        assert!(!texts.contains(&"panic".to_owned()), "it is asked to");
        let one = |text: &String| match text.as_str() {
            "bad" => Err(EmbedErrorKind::Refused.into()),
            text => Ok(vector(text)),
        };
        let answer = texts.iter().map(one).collect();
        *self.finished.lock().unwrap() += 1;
        answer
    }
}

#[async_trait]
impl Embedder for Counting {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed("documents", texts).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self.embed("query", &[text.to_owned()]).await.remove(0)?;
        Ok(QueryEmbedding::new(vector))
    }

    fn on_write(&self) -> OnWrite {
        OnWrite::Follow
    }

    fn knows(&self, _text: &str) -> f32 {
        0.5
    }
}

#[async_trait]
impl BatchEmbedder for Counting {
    fn batch_size(&self) -> usize {
        assert!(!self.gathering_panics.swap(false, Ordering::Relaxed), "it is asked to");
        3
    }

    async fn embed_queries(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed("queries", texts).await
    }
}
