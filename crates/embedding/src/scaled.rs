//! The scale of a model's cosines, measured on questions and texts that have nothing to do with each other.

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{CosineScale, EmbedError, Embedder, ModelFingerprint, OnWrite, QueryEmbedding};
use futures::future::join_all;
use tokio::sync::OnceCell;

/// Questions, to none of which one of [`TEXTS`] is an answer.
const QUESTIONS: [&str; 6] = [
    "How long does the ferry to the island take?",
    "Which paint did we choose for the kitchen wall?",
    "Who repaired the violin?",
    "What is the password rule of the payroll system?",
    "Why was the chess tournament cancelled?",
    "When do the tulips have to be planted?",
];
/// Texts of everyday subjects.
const TEXTS: [&str; 12] = [
    "Grandmother's soup needs two hours and a bay leaf.",
    "The unit tests of the parser run in under a second.",
    "Our neighbour keeps four hens and a rooster.",
    "I take the early train on Mondays.",
    "The invoice of the dentist was paid in March.",
    "Her cousin studies geology in Oslo.",
    "The router restarts every night at three.",
    "We saw two seals on the beach.",
    "My running shoes are size forty-two.",
    "The museum opens late on Thursdays.",
    "He is allergic to penicillin.",
    "The bakery sells rye bread only on Fridays.",
];

/// An embedder that tells the scale of its cosines. It is measured with the first question, with one more call each for
/// questions and texts.
#[derive(Debug)]
pub struct Scaled<E> {
    inner: E,
    scale: OnceCell<CosineScale>,
}

impl<E: Embedder> Scaled<E> {
    /// Wraps a model whose scale is not known.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            scale: OnceCell::new(),
        }
    }

    async fn measure(&self) -> Result<&CosineScale, EmbedError> {
        let measured = || async {
            let texts = TEXTS.map(str::to_owned);
            let (texts, questions) = tokio::join!(
                self.inner.embed_documents(&texts),
                join_all(QUESTIONS.map(|question| self.inner.embed_query(question)))
            );
            let texts = texts.into_iter().collect::<Result<Vec<_>, _>>()?;
            let questions = questions.into_iter().map(|question| Ok(question?.vector));
            let scale = CosineScale::of_unrelated(&questions.collect::<Result<Vec<_>, EmbedError>>()?, &texts);
            tracing::info!(model = %self.inner.fingerprint(), mean = scale.mean, deviation = scale.deviation, "the scale of the model's cosines is measured");
            Ok(scale)
        };
        self.scale.get_or_try_init(measured).await
    }
}

#[async_trait]
impl<E: Embedder> Embedder for Scaled<E> {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.inner.fingerprint()
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.inner.embed_documents(texts).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        // Without the scale, cosines would count for anything.
        let (embedding, scale) = tokio::join!(self.inner.embed_query(text), self.measure());
        scale?;
        embedding
    }

    async fn embed_documents_of(&self, tenant: &TenantId, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.inner.embed_documents_of(tenant, texts).await
    }

    async fn embed_query_of(&self, tenant: &TenantId, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let (embedding, scale) = tokio::join!(self.inner.embed_query_of(tenant, text), self.measure());
        scale?;
        embedding
    }

    fn on_write(&self) -> OnWrite {
        self.inner.on_write()
    }

    fn scale(&self) -> CosineScale {
        self.scale.get().copied().unwrap_or_default()
    }

    fn knows(&self, text: &str) -> f32 {
        self.inner.knows(text)
    }
}
