//! Parts of words of Chinese, Japanese and Korean, which write compounds and particles without a space.
//!
//! Pairs of characters, and single ones that mean something by themselves, find as much as the words of a dictionary of some
//! megabytes, and unknown names too; see docs/reference/benchmarks.md.

use std::ops::Range;

use super::Language;
use super::script::{Script, script};

/// Weight of a single character in a question.
const SINGLE: f32 = 0.5;
/// Characters of a typical word.
const CHARACTERS_A_WORD: f32 = 2.0;

/// Calls `visit` with the place and the weight of each gram of Han characters and kana, or of a Korean word.
pub(super) fn each_gram(run: &str, mut visit: impl FnMut(Range<usize>, f32)) {
    let places = run.char_indices().map(|(at, c)| (at..at + c.len_utf8(), c));
    let mut before: Option<Range<usize>> = None;
    for (place, c) in places {
        let alone = place.len() == run.len();
        if alone || matches!(script(c), Script::Han | Script::Of(Language::Korean)) {
            visit(place.clone(), if alone { 1.0 } else { SINGLE });
        }
        if let Some(before) = before {
            visit(before.start..place.end, 1.0);
        }
        before = Some(place);
    }
    if is_korean(run) && run.chars().nth(2).is_some() {
        visit(0..run.len(), 1.0);
    }
}

/// Returns the number of words that a run of Han characters and kana is about.
#[expect(clippy::cast_precision_loss, reason = "a text has at most 32,768 characters")]
pub(super) fn words(run: &str) -> f32 {
    run.chars().count() as f32 / CHARACTERS_A_WORD
}

/// Returns `true` for a gram of hiragana, which is an ending or a particle.
pub(super) fn is_ending(gram: &str) -> bool {
    gram.chars().all(|c| ('\u{3041}'..='\u{309f}').contains(&c))
}

/// Returns `true` for a word with Korean letters.
pub(super) fn is_korean(word: &str) -> bool {
    !word.is_ascii() && word.chars().any(|c| script(c) == Script::Of(Language::Korean))
}
