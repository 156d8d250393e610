//! The text of a context that is made of others.

use tokio::time::Duration;

use crate::context::{Context, MAX_TEXT_BYTES};
use crate::engine::ContextEngine;
use crate::lifecycle::{Sentence, choose, sentences};

/// A sentence and where it comes from.
struct Piece<'a> {
    source: usize,
    prefix: &'a str,
    text: &'a str,
}

impl ContextEngine {
    /// A text of at most `consolidation.max_tokens` tokens of what `sources`, which stand in the order of time, say: by the
    /// summarizer if there is one and it gives a text that can be used, else an extract.
    pub(super) async fn digest(&self, sources: &[&Context]) -> String {
        match self.summary(sources).await {
            Some(summary) => summary,
            None => self.extract(sources).await,
        }
    }

    async fn summary(&self, sources: &[&Context]) -> Option<String> {
        let summarizer = self.summarizer.as_ref()?;
        let max_tokens = self.lifecycle.consolidation.max_tokens;
        let texts: Vec<String> = sources.iter().map(|source| source.text.clone()).collect();
        let summary = match summarizer.summarize(&texts, max_tokens).await {
            Ok(summary) => summary.trim().to_owned(),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "an extract is made instead of a summary");
                return None;
            }
        };
        let usable = !summary.is_empty() && !summary.contains('\0') && summary.len() <= MAX_TEXT_BYTES;
        if !usable || self.preparer.tokens.count(&summary) > max_tokens {
            tracing::warn!("an extract is made instead of a summary: it is empty or too long");
            return None;
        }
        Some(summary)
    }

    async fn extract(&self, sources: &[&Context]) -> String {
        let mut pieces = Vec::new();
        for (source, context) in sources.iter().enumerate() {
            let (prefix, found) = sentences(&context.text);
            pieces.extend(found.into_iter().map(|text| Piece { source, prefix, text }));
        }
        let texts: Vec<String> = pieces
            .iter()
            .map(|piece| format!("{}{}", piece.prefix, piece.text))
            .collect();
        let model = std::sync::Arc::clone(&*self.model.read().await);
        let limit = Duration::from_millis(self.config.embed_timeout_ms);
        let vectors = match tokio::time::timeout(limit, model.embed_documents(&texts)).await {
            Ok(vectors) => vectors.into_iter().map(Result::ok).collect(),
            Err(_late) => vec![None; texts.len()],
        };
        let weigh = |(text, vector): (&String, Option<Vec<f32>>)| Sentence {
            tokens: self.preparer.tokens.count(text) + 1,
            vector,
            wording: self.preparer.analyzer.wording(text),
        };
        let weighed: Vec<Sentence> = texts.iter().zip(vectors).map(weigh).collect();
        let mut chosen = choose(&weighed, self.lifecycle.consolidation.max_tokens);
        if chosen.is_empty() {
            // Every sentence is longer than all may be: the shortest is the least that can be said.
            chosen.extend((0..weighed.len()).min_by_key(|at| weighed[*at].tokens));
        }
        written(chosen.into_iter().map(|at| &pieces[at]))
    }
}

/// Sentences as one text: those of one source on a line, with who says it in front once.
fn written<'a>(pieces: impl Iterator<Item = &'a Piece<'a>>) -> String {
    let mut text = String::new();
    let mut last = None;
    for piece in pieces {
        let (gap, prefix) = match last {
            None => ("", piece.prefix),
            Some(source) if source == piece.source => (" ", ""),
            Some(_) => ("\n", piece.prefix),
        };
        if !text.is_empty() && text.len() + gap.len() + prefix.len() + piece.text.len() > MAX_TEXT_BYTES {
            break;
        }
        text.extend([gap, prefix, piece.text]);
        last = Some(piece.source);
    }
    text
}
