//! Preparation of a query: vector and words.

use std::sync::Arc;

use super::deadline::Wait;
use super::request::{Degraded, SearchMode, SearchRequest};
use crate::Scope;
use crate::engine::model_in_use::{ModelGuard, Models};
use crate::lexical::{AnalyzedQuestion, QuestionWord, SparseVector};
use crate::ports::{Embedder, Piece};
use crate::rank::DocumentFrequencies;

/// Weights of a token in a question's vector: at least, and for each unit of its word's IDF. Measured with the built-in
/// model, see docs/reference/benchmarks.md.
const PIECE: (f32, f32) = (0.7, 0.3);

/// Share in a question of the conversation before it: enough to tell two contexts apart that answer it equally well, and too
/// little to find one that does not.
pub(super) const EARLIER: f32 = 0.3;

/// A prepared query.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) text: String,
    /// Set if it is compared by vectors: that of the model, if it has one, and that of the token table.
    pub(super) by_vector: bool,
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
    pieces: Vec<Piece>,
    /// Vector of the conversation before it.
    earlier: Option<Vec<f32>>,
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
            text: request.query.clone(),
            by_vector: request.mode != SearchMode::Lexical,
            vector: None,
            terms,
            words,
            cached: false,
            model: Arc::clone(model),
            pieces: Vec::new(),
            earlier: None,
        };
        if request.mode == SearchMode::Dense {
            question.terms = None;
        }
        if !question.by_vector {
            return question;
        }
        let earlier = request.earlier_text();
        let embedding = async {
            let question = models.embed_query(scope, model, &request.query).await;
            let earlier = match &earlier {
                Some(text) if question.is_some() => models.embed_query(scope, model, text).await,
                Some(_) | None => None,
            };
            question.map(|question| (question, earlier))
        };
        let embedding = request.deadline().wait(Wait::Question, embedding).await;
        if let Ok(Some((embedding, earlier))) = embedding {
            question.earlier = earlier.map(|earlier| earlier.vector);
            question.vector = Some(embedding.vector);
            question.cached = embedding.cached;
            tracing::Span::current().record("cached", embedding.cached);
            question.pieces = embedding.pieces;
        } else {
            degraded.push(Degraded::Embedding);
            degraded.extend(embedding.err().map(|_late| Degraded::Deadline));
        }
        question
    }

    /// Leans the vector to the rare words, if the model gave the vectors of the tokens, and a little to the conversation before.
    pub(super) fn lean(&mut self, frequencies: &DocumentFrequencies) {
        self.lean_to_rare_words(frequencies);
        self.lean_to_earlier();
    }

    fn lean_to_earlier(&mut self) {
        if let Some((vector, earlier)) = self.vector.as_mut().zip(self.earlier.as_ref()) {
            for (value, earlier) in vector.iter_mut().zip(earlier) {
                *value += EARLIER * earlier;
            }
            to_unit_length(vector);
        }
    }

    fn lean_to_rare_words(&mut self, frequencies: &DocumentFrequencies) {
        let Some(vector) = self.vector.as_mut().filter(|_| !self.pieces.is_empty()) else {
            return;
        };
        vector.fill(0.0);
        for piece in &self.pieces {
            let of_word = |word: &&QuestionWord| word.range.contains(&piece.range.start) && !piece.range.is_empty();
            let idf = self
                .words
                .iter()
                .find(of_word)
                .map_or(0.0, |word| frequencies.idf_of(word));
            let weight = PIECE.0 + PIECE.1 * idf;
            for (sum, value) in vector.iter_mut().zip(&piece.vector) {
                *sum += weight * value;
            }
        }
        to_unit_length(vector);
    }
}

fn to_unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}
