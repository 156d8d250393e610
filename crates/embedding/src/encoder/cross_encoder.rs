//! Cross-encoders that run in this process: a question and a text are read together, and get one score.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, thread};

use async_trait::async_trait;
use context_manager_core::ports::{RerankError, Reranker};
use context_manager_resilience::{CallError, CircuitBreaker, CircuitOpen};
use metrics::histogram;
use rten::ThreadPool;
use tokenizers::Tokenizer;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::folder::Folder;
use super::network::{Network, Source};
use super::tokens::Cutter;
use super::workers::Workers;
use crate::Error;
use crate::metrics::RERANK_DURATION;

/// Texts of one run: few, so that all threads have work and little is filled up.
const BATCH: usize = 4;

/// A cross-encoder of a folder.
///
/// Pairs beyond the model's maximum length lose the end of the longer part. Dropping it ends its threads.
pub struct CrossEncoder {
    model: Arc<Model>,
    workers: Workers,
    timeout: Duration,
    breaker: Arc<CircuitBreaker>,
}

struct Model {
    network: Network,
    cutter: Cutter,
}

/// Reason for missing scores.
#[derive(Debug, thiserror::Error)]
enum NoScores {
    #[error("the model was not done in time")]
    TimedOut,
    #[error("the model {0}")]
    Failed(String),
    #[error("the model failed lately and is left alone")]
    CircuitOpen(#[from] CircuitOpen),
}

impl NoScores {
    fn outcome(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Failed(_) => "failed",
            Self::CircuitOpen(_) => "circuit_open",
        }
    }
}

impl fmt::Debug for CrossEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossEncoder")
            .field("workers", &self.workers)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl CrossEncoder {
    /// Loads a model from a folder in the layout of [`SentenceEncoder::open`](super::SentenceEncoder::open), and tries it.
    /// Searches wait for up to `timeout`, and `breaker` spares them that while the model is too slow. Blocks, for seconds
    /// with a large model.
    ///
    /// # Errors
    /// [`Error::Model`] that names the file and what is wrong with it.
    pub fn open(folder: &Path, timeout: Duration, breaker: Arc<CircuitBreaker>) -> Result<Self, Error> {
        let folder = Folder::read(folder)?;
        let wrong_network = |problem: String| folder.wrong_network(problem);
        let wrong_tokenizer = |problem: String| folder.wrong_tokenizer(problem);
        let tokenizer = Tokenizer::from_bytes(&folder.tokenizer)
            .map_err(|error| wrong_tokenizer(format!("is no tokenizer that can be used: {error}")))?;
        let model = Model {
            network: Network::load(Source::File(&folder.network)).map_err(wrong_network)?,
            cutter: Cutter::new(tokenizer, folder.form.max_tokens).map_err(wrong_tokenizer)?,
        };
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let tried = model.scores("a", &["b".to_owned(), "c d".to_owned()], &pool);
        tried.map_err(wrong_network)?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            model: Arc::new(model),
            workers: Workers::start(cores).map_err(Error::Threads)?,
            timeout,
            breaker,
        })
    }

    async fn ask(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, NoScores> {
        // Those of similar length together, so that few are filled up.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| texts[*at].len());
        let (answer, mut answers) = mpsc::unbounded_channel();
        let question: Arc<str> = question.into();
        for places in order.chunks(BATCH) {
            let batch: Vec<String> = places.iter().map(|at| texts[*at].to_owned()).collect();
            let (model, question, answer) = (Arc::clone(&self.model), Arc::clone(&question), answer.clone());
            let places = places.to_vec();
            self.workers.question(move |worker| {
                // The caller may have given up meanwhile.
                if !answer.is_closed() {
                    drop(answer.send((places, model.scores(&question, &batch, &worker.pool))));
                }
            });
        }
        drop(answer);
        let mut scores = vec![None; texts.len()];
        while let Some((places, batch)) = answers.recv().await {
            for (at, score) in places.into_iter().zip(batch.map_err(NoScores::Failed)?) {
                scores[at] = Some(score);
            }
        }
        let all: Option<Vec<f32>> = scores.into_iter().collect();
        all.ok_or_else(|| NoScores::Failed("gave no answer".to_owned()))
    }
}

#[async_trait]
impl Reranker for CrossEncoder {
    /// Scores are probabilities, 0 to 1.
    async fn rerank(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, RerankError> {
        let start = Instant::now();
        let ask = async {
            let answer = timeout(self.timeout, self.ask(question, texts)).await;
            answer.unwrap_or(Err(NoScores::TimedOut))
        };
        let answer = self.breaker.call(ask, |_failure| true).await;
        let answer = answer.map_err(|error| match error {
            CallError::Open(open) => open.into(),
            CallError::Failed(failure) => failure,
        });
        let outcome = answer.as_ref().map_or_else(NoScores::outcome, |_scores| "ok");
        histogram!(RERANK_DURATION, "provider" => "folder", "outcome" => outcome).record(start.elapsed());
        answer.map_err(|failure| RerankError(failure.into()))
    }
}

impl Model {
    /// Returns the probability of each text to answer the question.
    fn scores(&self, question: &str, texts: &[String], pool: &Arc<ThreadPool>) -> Result<Vec<f32>, String> {
        let pairs = texts.iter().map(|text| self.cutter.cut_pair(question, text));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        let logits = self.network.scores(&pairs, pool)?;
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err("gives scores that are not finite".to_owned());
        }
        Ok(logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }
}
