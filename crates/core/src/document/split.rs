//! Division of a block that is too long.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::outline::trimmed;

/// Preferred place to divide a text, after blank lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Lines,
    Sentences,
}

/// Divides a range of the text into ranges of about `target` bytes, without white space around them: the last has a quarter
/// more rather than leaving a crumb.
pub(super) fn split(text: &str, range: &Range<usize>, target: usize, by: By) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut rest = trimmed(text, range);
    while rest.len() > target + target / 4 {
        let window = &text[rest.start..text.floor_char_boundary(rest.start + target)];
        let end = rest.start + last_break(window, by);
        ranges.push(trimmed(text, &(rest.start..end)));
        rest = trimmed(text, &(end..rest.end));
    }
    if !rest.is_empty() {
        ranges.push(rest);
    }
    ranges
}

/// Returns the best place to end a range within a window: in its second half if there is one, so that ranges have about
/// one size.
fn last_break(window: &str, by: By) -> usize {
    let found = match by {
        By::Lines => blank_line(window).or_else(|| line(window)).or_else(|| sentence(window)),
        By::Sentences => blank_line(window).or_else(|| sentence(window)).or_else(|| line(window)),
    };
    found
        .or_else(|| word(window))
        .or_else(|| grapheme(window))
        .unwrap_or(window.len())
}

fn in_second_half(window: &str, at: usize) -> bool {
    2 * at >= window.len()
}

fn blank_line(window: &str) -> Option<usize> {
    let ends = window.rmatch_indices('\n').map(|(at, _)| at + 1);
    let mut ends = ends.take_while(|&at| in_second_half(window, at));
    ends.find(|&at| window[at..].trim_start_matches([' ', '\t', '\r']).starts_with('\n'))
}

fn line(window: &str) -> Option<usize> {
    let at = window.rfind('\n')? + 1;
    in_second_half(window, at).then_some(at)
}

/// Returns the start of the last sentence. A line break alone, after which Unicode begins a sentence, ends none.
fn sentence(window: &str) -> Option<usize> {
    let starts = window.split_sentence_bound_indices().map(|(at, _)| at);
    let ended = |&at: &usize| {
        let last = window[..at].trim_end().chars().next_back();
        in_second_half(window, at) && last.is_some_and(|c| !c.is_alphanumeric() && c != ',')
    };
    starts.filter(ended).last()
}

fn word(window: &str) -> Option<usize> {
    let (at, _) = window.split_word_bound_indices().next_back()?;
    in_second_half(window, at).then_some(at)
}

fn grapheme(window: &str) -> Option<usize> {
    let (at, _) = window.grapheme_indices(true).next_back()?;
    (at > 0).then_some(at)
}
