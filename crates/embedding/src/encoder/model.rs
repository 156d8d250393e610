//! A sentence encoder: tokenizer, network and pooling.

use std::sync::Arc;

use context_manager_core::ports::{EmbedError, EmbedErrorKind, Piece, QueryEmbedding};
use context_manager_core::rank::cosine;
use rten::ThreadPool;
use tokenizers::Tokenizer;

use super::folder::{Folder, Form};
use super::network::{Network, Source};
use super::pooling::{Pooling, normalised};
use super::tokens::{Cutter, Tokens};
use crate::words::Vocabulary;
use crate::{Error, probe};

/// Cosine from which on two ways to the same vector count as one.
const SAME: f32 = 0.999;

/// A loaded model.
pub(super) struct Model {
    network: Network,
    cutter: Cutter,
    vocabulary: Vocabulary,
    form: Form,
    /// Set if the mean of the tokens' vectors is the vector of the text, so that questions can be weighed.
    has_pieces: bool,
}

impl Model {
    /// Loads a model of known form.
    ///
    /// # Errors
    /// Tells what is wrong with the network or the tokenizer.
    pub(super) fn load(source: Source<'_>, tokenizer: &[u8], form: Form) -> Result<Self, Wrong> {
        let tokenizer = Tokenizer::from_bytes(tokenizer)
            .map_err(|error| Wrong::Tokenizer(format!("is no tokenizer that can be used: {error}")))?;
        Ok(Self {
            network: Network::load(source).map_err(Wrong::Network)?,
            vocabulary: Vocabulary::of(&tokenizer),
            cutter: Cutter::new(tokenizer, form.max_tokens).map_err(Wrong::Tokenizer)?,
            has_pieces: false,
            form,
        })
    }

    /// Loads the model of a folder and tries it, which tells the size of its vectors.
    pub(super) fn of_folder(folder: &Folder) -> Result<(Self, usize), Error> {
        let loaded = Self::load(Source::File(&folder.network), &folder.tokenizer, folder.form.clone());
        let mut model = loaded.map_err(|wrong| match wrong {
            Wrong::Network(problem) => folder.wrong_network(problem),
            Wrong::Tokenizer(problem) => folder.wrong_tokenizer(problem),
        })?;
        if model.form.pooling.is_none() && !model.network.gives_pooled() {
            return Err(folder.no_pooling());
        }
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let dimensions = model.try_out(&pool).map_err(|problem| folder.wrong_network(problem))?;
        Ok((model, dimensions))
    }

    /// Embeds a short text and one of the maximum length, and finds out whether the tokens' mean is the vector of a text.
    fn try_out(&mut self, pool: &Arc<ThreadPool>) -> Result<usize, String> {
        let short = self.cutter.cut(&self.form.document_prefix, probe::PROBE_TEXT)?;
        let long = self.cutter.cut("", &"a ".repeat(self.form.max_tokens))?;
        let mut vectors = self.vectors(&[&short], pool)?;
        vectors.extend(self.vectors(&[&long], pool)?);
        let [Some(vector), Some(_)] = vectors.as_slice() else {
            return Err("gives vectors without a direction".to_owned());
        };
        self.has_pieces = self.network.gives_tokens() && {
            let tokens = self.network.tokens_of(&short.ids, pool)?;
            let mean = normalised(Pooling::Mean.of(tokens.iter()));
            mean.is_some_and(|mean| mean.len() == vector.len() && cosine(&mean, vector) > SAME)
        };
        Ok(vector.len())
    }

    /// Trusts that the mean of the tokens' vectors is the vector of a text.
    pub(super) fn with_pieces(self) -> Self {
        Self {
            has_pieces: true,
            ..self
        }
    }

    pub(super) fn knows(&self, text: &str) -> f32 {
        self.vocabulary.knows(text)
    }

    pub(super) fn cut_document(&self, text: &str) -> Result<Tokens, EmbedError> {
        self.cutter.cut(&self.form.document_prefix, text).map_err(refused)
    }

    /// Embeds documents of similar length, each with a result.
    pub(super) fn documents(&self, texts: &[Tokens], pool: &Arc<ThreadPool>) -> Vec<Result<Vec<f32>, EmbedError>> {
        let views: Vec<&Tokens> = texts.iter().collect();
        match self.vectors(&views, pool) {
            Ok(vectors) => vectors
                .into_iter()
                .map(|vector| vector.ok_or_else(|| refused("its vector has no direction".to_owned())))
                .collect(),
            Err(problem) => vec![Err(refused(problem)); texts.len()],
        }
    }

    /// Embeds a question with one run.
    pub(super) fn question(&self, text: &str, pool: &Arc<ThreadPool>) -> Result<QueryEmbedding, EmbedError> {
        let cut = self.cutter.cut(&self.form.query_prefix, text).map_err(refused)?;
        let directionless = || refused("its vector has no direction".to_owned());
        if !self.has_pieces {
            let mut vectors = self.vectors(&[&cut], pool).map_err(refused)?;
            return vectors
                .pop()
                .flatten()
                .map(QueryEmbedding::new)
                .ok_or_else(directionless);
        }
        let tokens = self.network.tokens_of(&cut.ids, pool).map_err(refused)?;
        let vector = normalised(Pooling::Mean.of(tokens.iter())).ok_or_else(directionless)?;
        let pieces = cut.ranges.into_iter().zip(tokens.iter());
        Ok(QueryEmbedding {
            pieces: pieces
                .map(|(range, vector)| Piece {
                    range,
                    vector: vector.to_vec(),
                })
                .collect(),
            ..QueryEmbedding::new(vector)
        })
    }

    /// Returns the normalised vectors of texts; `None` for one without a direction.
    fn vectors(&self, texts: &[&Tokens], pool: &Arc<ThreadPool>) -> Result<Vec<Option<Vec<f32>>>, String> {
        let ids: Vec<&[i32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
        // Only networks that pool themselves are without a way to.
        let pooling = self.form.pooling.unwrap_or(Pooling::Mean);
        let vectors = self.network.texts(&ids, pooling, pool)?;
        Ok(vectors.into_iter().map(normalised).collect())
    }
}

/// File that cannot be used, and the reason.
#[derive(Debug)]
pub(super) enum Wrong {
    Network(String),
    Tokenizer(String),
}

fn refused(problem: String) -> EmbedError {
    EmbedError::new(EmbedErrorKind::Refused, problem)
}
