//! The part of storing that needs only the text: counting tokens and weighing words.

use std::sync::Arc;

use crate::lexical::{Analyzer, SparseVector};
use crate::ports::TokenCounter;

/// Texts larger than this together are prepared off the async threads: counting takes some milliseconds by then.
const INLINE_BYTES: usize = 16 * 1024;

/// What a text was made into.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) tokens: u32,
    pub(super) terms: SparseVector,
}

/// Counts and weighs.
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
            // Only when the runtime is shutting down: what is left to do may as well be done here.
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
