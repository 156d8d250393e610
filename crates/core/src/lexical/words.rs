//! Words of a text, in every script.

use std::ops::Range;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_segmentation::UnicodeSegmentation;

use super::script::{Script, is_sign, script};

/// Kind of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters and digits, with what joins them.
    Word,
    /// Word of a language that writes no spaces.
    Unspaced,
    /// Han and kana, up to the next other character.
    HanOrKana,
    /// Emoji or other sign.
    Sign,
    /// Punctuation, which counts only where there is nothing else.
    Punctuation,
}

impl Kind {
    /// Returns `true` if what stands between makes one of two neighbours: a hyphen, or nothing between words without spaces.
    pub(super) fn joins(self, next: Self, between: &str) -> bool {
        match (self, next) {
            (Self::Word, Self::Word) => between == "-",
            (Self::Unspaced, Self::Unspaced) => between.is_empty(),
            _ => false,
        }
    }
}

/// Finds words.
pub(super) struct Segmenter(WordSegmenterBorrowed<'static>);

impl Default for Segmenter {
    fn default() -> Self {
        Self(WordSegmenter::new_lstm(WordBreakInvariantOptions::default()))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Spaced,
    Unspaced,
    HanOrKana,
}

fn class(c: char) -> Option<Class> {
    match script(c) {
        Script::Han | Script::Kana => Some(Class::HanOrKana),
        Script::Unspaced(_) => Some(Class::Unspaced),
        Script::Other if !c.is_alphanumeric() => None,
        Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari | Script::Of(_) | Script::Other => {
            Some(Class::Spaced)
        }
    }
}

impl Segmenter {
    /// Calls `visit` with each piece of a text, in order.
    pub(super) fn each_piece(&self, text: &str, mut visit: impl FnMut(Range<usize>, Kind)) {
        if text.is_ascii() {
            return spaced(text, 0, text.len(), &mut visit);
        }
        let mut start = 0;
        let mut current = Class::Spaced;
        for (at, c) in text.char_indices() {
            // What is no letter goes with what stands before it.
            let of = match class(c) {
                Some(of) => of,
                None if current == Class::HanOrKana => Class::Spaced,
                None => current,
            };
            if of != current {
                self.run(text, start, at, current, &mut visit);
                (start, current) = (at, of);
            }
        }
        self.run(text, start, text.len(), current, &mut visit);
    }

    fn run(&self, text: &str, start: usize, end: usize, class: Class, visit: &mut impl FnMut(Range<usize>, Kind)) {
        match class {
            _ if start == end => {}
            Class::Spaced => spaced(text, start, end, visit),
            Class::HanOrKana => visit(start..end, Kind::HanOrKana),
            Class::Unspaced => {
                let mut from = 0;
                for to in self.0.segment_str(&text[start..end]) {
                    let word = &text[start + from..start + to];
                    if word.chars().any(char::is_alphanumeric) {
                        visit(start + from..start + to, Kind::Unspaced);
                    }
                    from = to;
                }
            }
        }
    }
}

fn spaced(text: &str, start: usize, end: usize, visit: &mut impl FnMut(Range<usize>, Kind)) {
    let run = &text[start..end];
    if run.is_ascii() && run.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        // Twice as fast, and no sign of ASCII counts beside words.
        for (at, word) in run.unicode_word_indices() {
            visit(with_signs(text, start + at..start + at + word.len()), Kind::Word);
        }
        return;
    }
    for (at, piece) in run.split_word_bound_indices() {
        let mut range = start + at..start + at + piece.len();
        let Some(first) = piece.chars().next() else { continue };
        if first.is_alphanumeric() || (piece.len() > 1 && piece.chars().any(char::is_alphanumeric)) {
            range = with_signs(text, range);
            visit(range, Kind::Word);
        } else if piece.chars().any(is_sign) {
            visit(range, Kind::Sign);
        } else if !first.is_whitespace() {
            visit(range, Kind::Punctuation);
        }
    }
}

/// Returns the range of a word with the signs that belong to it: `C++`, `C#`, `.NET`.
fn with_signs(text: &str, word: Range<usize>) -> Range<usize> {
    let (before, after) = (&text[..word.start], &text[word.end..]);
    let mut range = word.clone();
    if after.starts_with("++") {
        range.end += 2;
    } else if after.starts_with('#') && word.len() <= 2 && !after[1..].starts_with(char::is_alphanumeric) {
        range.end += 1;
    }
    if let Some(before) = before.strip_suffix('.')
        && text[word].starts_with(char::is_alphabetic)
        && before
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '"' | '\'' | '`'))
    {
        range.start -= 1;
    }
    range
}
