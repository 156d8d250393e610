//! Preparation of a query: vector and words.

use std::sync::Arc;

use super::deadline::Wait;
use super::request::{Degraded, SearchMode, SearchRequest};
use crate::Scope;
use crate::engine::model_in_use::{ModelGuard, Models};
use crate::lexical::{AnalyzedQuestion, QuestionWord, SparseVector};
use crate::ports::Embedder;

/// A prepared query.
#[derive(Debug)]
pub(super) struct Question {
    /// `None` if it is not compared by vector, or could not be embedded.
    pub(super) vector: Option<Vec<f32>>,
    /// `None` if it is not compared by words, or has none.
    pub(super) terms: Option<SparseVector>,
    /// All words in order.
    pub(super) words: Vec<QuestionWord>,
    /// Set if the vector came from a cache.
    pub(super) cached: bool,
    /// Model of the vector.
    pub(super) model: Arc<dyn Embedder>,
}

impl Question {
    /// Prepares a query; a failed or late embedding leaves the words.
    #[tracing::instrument(level = "debug", name = "question", skip_all, fields(cached))]
    pub(super) async fn prepare(
        models: &Models,
        model: &ModelGuard<'_>,
        analyzed: AnalyzedQuestion,
        scope: &Scope,
        request: &SearchRequest,
        degraded: &mut Vec<Degraded>,
    ) -> Self {
        let AnalyzedQuestion { words, terms } = analyzed;
        let terms = Some(terms).filter(|terms| !terms.is_empty());
        let mut question = Self {
            vector: None,
            terms,
            words,
            cached: false,
            model: Arc::clone(model),
        };
        if request.mode == SearchMode::Lexical {
            return question;
        }
        let embedding = models.embed_query(scope, model, &request.query);
        let embedding = request.deadline().wait(Wait::Question, embedding).await;
        if let Ok(Some(embedding)) = embedding {
            question.vector = Some(embedding.vector);
            question.cached = embedding.cached;
            tracing::Span::current().record("cached", embedding.cached);
            if request.mode == SearchMode::Dense {
                question.terms = None;
            }
        } else {
            degraded.push(Degraded::Embedding);
            degraded.extend(embedding.err().map(|_late| Degraded::Deadline));
        }
        question
    }
}
