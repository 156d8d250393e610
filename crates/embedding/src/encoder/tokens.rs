//! Texts as the network reads them.

use std::ops::Range;

use tokenizers::{Tokenizer, TruncationParams};

/// Most bytes that a token stands for on average; what lies beyond cannot be reached, and is not even cut into tokens.
const BYTES_A_TOKEN: usize = 64;

/// Cuts texts into tokens.
#[derive(Debug)]
pub(super) struct Cutter {
    tokenizer: Tokenizer,
    max_tokens: usize,
}

/// A text with its prefix, as tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) ids: Vec<i32>,
    /// Bytes of the text, without its prefix, that each stands for; empty for special tokens.
    pub(super) ranges: Vec<Range<usize>>,
}

impl Cutter {
    /// # Errors
    /// Tells what is wrong with the file.
    pub(super) fn new(mut tokenizer: Tokenizer, max_tokens: usize) -> Result<Self, String> {
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| format!("cannot cut texts: {error}"))?;
        Ok(Self { tokenizer, max_tokens })
    }

    /// Cuts a text into at most the maximum number of tokens; the rest is dropped.
    ///
    /// # Errors
    /// Tells why the tokenizer failed.
    pub(super) fn cut(&self, prefix: &str, text: &str) -> Result<Tokens, String> {
        let reachable = &text[..text.floor_char_boundary(self.max_tokens * BYTES_A_TOKEN)];
        let prefixed = format!("{prefix}{reachable}");
        let encoding = self
            .tokenizer
            .encode(prefixed.as_str(), true)
            .map_err(|error| format!("cannot cut a text: {error}"))?;
        let ids = encoding.get_ids().iter().map(|id| id.cast_signed()).collect();
        let range = |(start, end): &(usize, usize)| {
            let word = prefixed.get(*start..*end).unwrap_or_default();
            // SentencePiece counts the space before a word to it.
            let start = start + (word.len() - word.trim_start().len());
            start.saturating_sub(prefix.len())..end.saturating_sub(prefix.len())
        };
        let ranges = encoding.get_offsets().iter().map(range).collect();
        Ok(Tokens { ids, ranges })
    }
}
