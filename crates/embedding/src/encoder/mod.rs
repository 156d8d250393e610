//! Sentence encoders and cross-encoders that run in this process, on threads of their own.

mod built_in;
mod cross_encoder;
mod folder;
mod model;
mod network;
mod pooling;
mod tokens;
mod workers;

use std::path::Path;
use std::sync::Arc;
use std::{fmt, io, thread};

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, OnWrite, QueryEmbedding};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use cross_encoder::CrossEncoder;

use crate::{Error, metrics};
use folder::Folder;
use model::Model;
use tokens::Tokens;
use workers::{Worker, Workers};

/// Most tokens of texts that the network embeds at once, unless one text has more.
const BATCH_TOKENS: usize = 256;

/// A transformer that gives sentences vectors.
///
/// Texts beyond the model's maximum length are cut there. Documents are embedded on all cores, with the
/// lowest priority; questions on threads of their own, so that they wait for no document. Writes do not wait for it
/// ([`OnWrite::Follow`]). Dropping it ends its threads.
pub struct SentenceEncoder {
    fingerprint: ModelFingerprint,
    model: Arc<Model>,
    workers: Workers,
    provider: &'static str,
}

impl fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceEncoder")
            .field("fingerprint", &self.fingerprint)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// Prefixes that replace those of the model's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prefixes<'a> {
    /// Prefix of every question; that of the files if empty.
    pub query: &'a str,
    /// Prefix of every stored text; that of the files if empty.
    pub document: &'a str,
}

impl SentenceEncoder {
    /// Loads a model from a folder with `model.onnx`, `tokenizer.json` and `config.json`, or in the layout of
    /// sentence-transformers with an ONNX file. Blocks, for seconds with a large model.
    ///
    /// # Errors
    /// [`Error::Model`] that names the file and what is wrong with it.
    pub fn open(folder: &Path, prefixes: Prefixes<'_>) -> Result<Self, Error> {
        let mut folder = Folder::read(folder)?;
        for (prefix, own) in [
            (prefixes.query, &mut folder.form.query_prefix),
            (prefixes.document, &mut folder.form.document_prefix),
        ] {
            if !prefix.is_empty() {
                prefix.clone_into(own);
            }
        }
        let (model, dimensions) = Model::of_folder(&folder)?;
        let fingerprint = ModelFingerprint {
            probe: folder.hash()?,
            name: folder.name,
            dimensions,
        };
        Self::start(model, fingerprint, "folder")
    }

    fn start(model: Model, fingerprint: ModelFingerprint, provider: &'static str) -> Result<Self, Error> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            workers: Workers::start(cores).map_err(Error::Threads)?,
            model: Arc::new(model),
            fingerprint,
            provider,
        })
    }

    fn took(&self, start: Instant, failed: bool) {
        let outcome = if failed { "failed" } else { "ok" };
        ::metrics::histogram!(metrics::DURATION, "provider" => self.provider, "outcome" => outcome)
            .record(start.elapsed());
    }
}

#[async_trait]
impl Embedder for SentenceEncoder {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        if texts.is_empty() {
            return Vec::new();
        }
        let start = Instant::now();
        let mut results = vec![Err(lost()); texts.len()];
        let (answer, mut answers) = mpsc::unbounded_channel();
        let (model, texts) = (Arc::clone(&self.model), texts.to_vec());
        self.workers
            .document(move |worker| spread(&model, &texts, &answer, worker));
        while let Some((index, result)) = answers.recv().await {
            results[index] = result;
        }
        self.took(start, results.iter().any(Result::is_err));
        results
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let start = Instant::now();
        let (answer, answered) = oneshot::channel();
        let (model, text) = (Arc::clone(&self.model), text.to_owned());
        self.workers.question(move |worker| {
            if !answer.is_closed() {
                // The caller may have given up meanwhile.
                let _given_up = answer.send(model.question(&text, &worker.pool));
            }
        });
        let result = answered.await.unwrap_or_else(|_panicked| Err(lost()));
        self.took(start, result.is_err());
        result
    }

    fn on_write(&self) -> OnWrite {
        OnWrite::Follow
    }

    fn knows(&self, text: &str) -> f32 {
        self.model.knows(text)
    }
}

/// Place of a text in its call, and its vector.
type Answer = (usize, Result<Vec<f32>, EmbedError>);

/// Cuts the texts of one call into tokens, and puts batches of similar length into the queue.
fn spread(model: &Arc<Model>, texts: &[String], answer: &mpsc::UnboundedSender<Answer>, worker: &Worker) {
    let mut cut = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        if answer.is_closed() {
            return;
        }
        match model.cut_document(text) {
            Ok(tokens) => cut.push((index, tokens)),
            // The caller may have given up meanwhile.
            Err(error) => drop(answer.send((index, Err(error)))),
        }
    }
    for batch in batches(cut) {
        let (model, answer) = (Arc::clone(model), answer.clone());
        worker.later(move |worker| {
            if answer.is_closed() {
                return;
            }
            let (indexes, texts): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            for sent in indexes.into_iter().zip(model.documents(&texts, &worker.pool)) {
                // The caller may have given up meanwhile.
                drop(answer.send(sent));
            }
        });
    }
}

/// Groups texts of similar length, so that few are filled up, and none by much.
fn batches(mut texts: Vec<(usize, Tokens)>) -> Vec<Vec<(usize, Tokens)>> {
    texts.sort_by_key(|(_, tokens)| tokens.ids.len());
    let mut batches: Vec<Vec<(usize, Tokens)>> = Vec::new();
    for text in texts {
        // The longest of its batch, as they are sorted.
        let length = text.1.ids.len();
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * length <= BATCH_TOKENS => batch.push(text),
            _ => batches.push(vec![text]),
        }
    }
    batches
}

/// Returns the error of a text whose run never answered.
fn lost() -> EmbedError {
    EmbedError::new(
        EmbedErrorKind::Unavailable(None),
        io::Error::other("the model's thread gave no answer"),
    )
}
