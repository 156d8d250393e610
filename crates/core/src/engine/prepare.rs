//! The model-independent part of indexing a text: token count and sparse vector.

use std::sync::Arc;

use crate::lexical::{Analyzer, SparseVector};
use crate::ports::TokenCounter;

/// Number of bytes above which texts are prepared off the async threads, as counting takes milliseconds by then.
const INLINE_BYTES: usize = 16 * 1024;

/// Result of preparing a text.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) tokens: u32,
    pub(super) terms: SparseVector,
}

/// Token counter and analyzer.
#[derive(Debug)]
pub(super) struct Preparer {
    pub(super) analyzer: Analyzer,
    pub(super) tokens: Arc<dyn TokenCounter>,
}

impl Preparer {
    /// Prepares texts in their order.
    #[tracing::instrument(level = "debug", skip_all, fields(texts = texts.len()))]
    pub(super) async fn prepare(self: &Arc<Self>, texts: &[String]) -> Vec<Prepared> {
        if texts.iter().map(String::len).sum::<usize>() <= INLINE_BYTES {
            return self.prepare_now(texts);
        }
        let (this, owned) = (Arc::clone(self), texts.to_vec());
        match tokio::task::spawn_blocking(move || this.prepare_now(&owned)).await {
            Ok(prepared) => prepared,
            // The runtime is shutting down.
            Err(_) => self.prepare_now(texts),
        }
    }

    fn prepare_now(&self, texts: &[String]) -> Vec<Prepared> {
        let prepare = |text: &String| Prepared {
            tokens: u32::try_from(self.tokens.count(text)).unwrap_or(u32::MAX),
            terms: self.analyzer.document(text),
        };
        texts.iter().map(prepare).collect()
    }
}
