//! An embedder whose calls pass a gate, and which can be down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, OnWrite, QueryEmbedding};

use super::faulty::Gate;

/// Size of its vectors.
pub(super) const DIMENSIONS: usize = 4;

/// Embeds texts by a function, unless it is down.
#[derive(Debug)]
pub(super) struct GatedModel {
    fingerprint: ModelFingerprint,
    vector: fn(&str) -> Vec<f32>,
    pub(super) down: AtomicBool,
    on_write: OnWrite,
    gate: Arc<Gate>,
}

impl GatedModel {
    pub(super) fn new(gate: &Arc<Gate>, vector: fn(&str) -> Vec<f32>) -> Self {
        Self {
            fingerprint: fingerprint(),
            vector,
            down: AtomicBool::new(false),
            on_write: OnWrite::Wait,
            gate: Arc::clone(gate),
        }
    }

    /// A model of this name whose vectors follow the writes.
    pub(super) fn following(name: &str, gate: &Arc<Gate>, vector: fn(&str) -> Vec<f32>) -> Self {
        let mut model = Self::new(gate, vector);
        name.clone_into(&mut model.fingerprint.name);
        Self {
            on_write: OnWrite::Follow,
            ..model
        }
    }
}

#[async_trait]
impl Embedder for GatedModel {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let _call = self.gate.pass().await;
        let down = self.down.load(Ordering::SeqCst);
        let one = |text: &String| {
            if down {
                Err(EmbedErrorKind::Unavailable(None).into())
            } else {
                Ok((self.vector)(text))
            }
        };
        texts.iter().map(one).collect()
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self.embed_documents(&[text.to_owned()]).await.remove(0)?;
        Ok(QueryEmbedding::new(vector))
    }

    fn on_write(&self) -> OnWrite {
        self.on_write
    }
}

pub(super) fn fingerprint() -> ModelFingerprint {
    ModelFingerprint {
        name: "gated".to_owned(),
        dimensions: DIMENSIONS,
        probe: String::new(),
    }
}
