//! What is asked, made ready to compare: a vector and words.

use std::sync::Arc;
use std::time::Duration;

use super::{Degraded, SearchMode, SearchRequest};
use crate::Scope;
use crate::engine::ContextEngine;
use crate::lexical::SparseVector;
use crate::ports::Embedder;

/// A query, made ready to compare.
#[derive(Debug)]
pub(super) struct Question {
    /// `None` when it is not to be compared by vector, or could not be embedded.
    pub(super) vector: Option<Vec<f32>>,
    /// `None` when it is not to be compared by words, or has none.
    pub(super) terms: Option<SparseVector>,
    /// Every word in its order, with its term.
    pub(super) words: Vec<(String, u32)>,
    /// Whether the vector came from a cache.
    pub(super) cached: bool,
    /// What made the vector.
    pub(super) model: Arc<dyn Embedder>,
}

impl ContextEngine {
    /// The query as vector and words; a failed embedding leaves the words.
    #[tracing::instrument(level = "debug", skip_all, fields(cached))]
    pub(super) async fn question(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        request: &SearchRequest,
        degraded: &mut Vec<Degraded>,
    ) -> Question {
        let analyzer = &self.preparer.analyzer;
        let terms = Some(analyzer.query(&request.query)).filter(|terms| !terms.is_empty());
        let mut question = Question {
            vector: None,
            terms,
            words: analyzer.words(&request.query),
            cached: false,
            model: Arc::clone(model),
        };
        if request.mode == SearchMode::Lexical {
            return question;
        }
        let limit = Duration::from_millis(self.config.embed_timeout_ms);
        match tokio::time::timeout(limit, model.embed_query_of(scope.tenant(), &request.query)).await {
            Ok(Ok(embedding)) => {
                if !embedding.cached {
                    self.proof.note(true);
                }
                question.vector = Some(embedding.vector);
                question.cached = embedding.cached;
                tracing::Span::current().record("cached", embedding.cached);
                if request.mode == SearchMode::Dense {
                    question.terms = None;
                }
            }
            failed => {
                self.proof.note(false);
                tracing::warn!(error = ?failed.map(Result::err), "searching by words alone: embedding failed");
                degraded.push(Degraded::Embedding);
            }
        }
        question
    }
}
