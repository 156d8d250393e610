//! The model-independent part of indexing a text: token count and sparse vector.

use std::sync::Arc;

use crate::context::TextLanguage;
use crate::lexical::{AnalyzedText, Analyzer, SparseVector};
use crate::ports::TokenCounter;

/// Number of bytes above which texts are prepared off the async threads, as counting takes milliseconds by then.
const INLINE_BYTES: usize = 16 * 1024;

/// Result of preparing a text.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) tokens: u32,
    pub(super) terms: SparseVector,
    pub(super) language: Option<TextLanguage>,
}

/// Token counter and analyzer.
#[derive(Debug)]
pub(super) struct Preparer {
    pub(super) analyzer: Analyzer,
    pub(super) tokens: Arc<dyn TokenCounter>,
}

impl Preparer {
    /// Prepares texts in their order; `given` holds the language of each, if it is known.
    #[tracing::instrument(level = "debug", skip_all, fields(texts = texts.len()))]
    pub(super) async fn prepare(self: &Arc<Self>, texts: &[String], given: Vec<Option<String>>) -> Vec<Prepared> {
        if texts.iter().map(String::len).sum::<usize>() <= INLINE_BYTES {
            return self.prepare_now(texts, given);
        }
        let (this, owned, languages) = (Arc::clone(self), texts.to_vec(), given.clone());
        match tokio::task::spawn_blocking(move || this.prepare_now(&owned, languages)).await {
            Ok(prepared) => prepared,
            // The runtime is shutting down.
            Err(_) => self.prepare_now(texts, given),
        }
    }

    fn prepare_now(&self, texts: &[String], given: Vec<Option<String>>) -> Vec<Prepared> {
        let prepare = |(text, given): (&String, Option<String>)| {
            let (terms, language) = self.analyze(text, given);
            Prepared {
                tokens: u32::try_from(self.tokens.count(text)).unwrap_or(u32::MAX),
                terms,
                language,
            }
        };
        texts.iter().zip(given).map(prepare).collect()
    }

    /// Returns the terms and the language of a text, which is detected unless it is given.
    pub(super) fn analyze(&self, text: &str, given: Option<String>) -> (SparseVector, Option<TextLanguage>) {
        let AnalyzedText { terms, language } = self.analyzer.document(text, given.as_deref());
        let detected = given.is_none();
        let tag = given.or_else(|| Some(language?.code().to_owned()));
        (terms, tag.map(|tag| TextLanguage { tag, detected }))
    }
}
