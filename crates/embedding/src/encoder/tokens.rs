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

/// A question and a text, as tokens of both.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) ids: Vec<i32>,
    /// Part of the pair that each belongs to.
    pub(super) types: Vec<i32>,
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
        let prefixed = format!("{prefix}{}", self.reachable(text));
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

    /// Cuts a question and a text into tokens; beyond the maximum number the longer of both loses its end.
    ///
    /// # Errors
    /// Tells why the tokenizer failed.
    pub(super) fn cut_pair(&self, question: &str, text: &str) -> Result<Pair, String> {
        let pair = (self.reachable(question), self.reachable(text));
        let encoding = self.tokenizer.encode(pair, true);
        let encoding = encoding.map_err(|error| format!("cannot cut a text: {error}"))?;
        let signed = |ids: &[u32]| ids.iter().map(|id| id.cast_signed()).collect();
        Ok(Pair {
            ids: signed(encoding.get_ids()),
            types: signed(encoding.get_type_ids()),
        })
    }

    fn reachable<'a>(&self, text: &'a str) -> &'a str {
        &text[..text.floor_char_boundary(self.max_tokens * BYTES_A_TOKEN)]
    }
}
