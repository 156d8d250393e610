//! Making one text of many without a language model: the sentences nearest the centre, in their order.
//!
//! Luhn, "The Automatic Creation of Literature Abstracts" (1958) chose sentences by their words; with vectors the nearest
//! to the centroid are chosen (Radev et al., "Centroid-based summarization of multiple documents", 2004).

use unicode_segmentation::UnicodeSegmentation;

use crate::lexical::{Wording, speaker};
use crate::rank::cosine;

/// Sentences that share this part of their word pairs say the same.
const SAME: f32 = 0.8;

/// A sentence that may be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Its tokens, a line break included.
    pub tokens: usize,
    /// Its vector, if there is one.
    pub vector: Option<Vec<f32>>,
    /// What it says.
    pub wording: Wording,
}

/// What a text has in front, such as `[8 May] Mira: `, and the sentences after it. None of them tells without it who says
/// it and when.
pub fn sentences(text: &str) -> (&str, Vec<&str>) {
    let prefix = prefix(text);
    let body = &text[prefix.len()..];
    let split = body
        .unicode_sentences()
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty());
    let found: Vec<&str> = split.collect();
    if found.is_empty() {
        ("", vec![text])
    } else {
        (prefix, found)
    }
}

/// What a text has in front of what is said.
fn prefix(text: &str) -> &str {
    let end = speaker(text).and_then(|name| {
        // `name` is a part of `text`, followed by a colon and a space.
        let start = text.find(name)?;
        let end = start + name.len() + ": ".len();
        text.is_char_boundary(end).then_some(end)
    });
    &text[..end.unwrap_or(0)]
}

/// Which sentences to take for a text of at most `max_tokens`, as positions in ascending order.
///
/// The nearest to the centre of all come first, passing over what says the same as one that was taken and what does not
/// fit any more. Without vectors they are taken in their order.
pub fn choose(sentences: &[Sentence], max_tokens: usize) -> Vec<usize> {
    let centre = centre(sentences);
    let nearness = |at: usize| {
        let vector = sentences[at].vector.as_ref();
        vector.map_or(0.0, |vector| cosine(vector, &centre))
    };
    let mut order: Vec<(f32, usize)> = (0..sentences.len()).map(|at| (nearness(at), at)).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = Vec::new();
    let mut left = max_tokens;
    for (_, at) in order {
        let sentence = &sentences[at];
        let says_the_same = |other: &usize| {
            let other = &sentences[*other].wording;
            *other == sentence.wording || other.nearly_same(&sentence.wording, SAME)
        };
        if sentence.tokens <= left && !chosen.iter().any(says_the_same) {
            left -= sentence.tokens;
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// The sum of all vectors, each of length 1.
fn centre(sentences: &[Sentence]) -> Vec<f32> {
    let mut centre: Vec<f32> = Vec::new();
    for vector in sentences.iter().filter_map(|sentence| sentence.vector.as_ref()) {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        centre.resize(vector.len(), 0.0);
        if length > 0.0 {
            for (sum, number) in centre.iter_mut().zip(vector) {
                *sum += number / length;
            }
        }
    }
    centre
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::lexical::{Analyzer, Config};

    proptest! {
        #[test]
        fn the_bound_holds_and_the_order_stays(
            drawn in vec((1_usize..50, vec(-1.0_f32..1.0, 3), "[a-e]( [a-e]){0,3}"), 0..20), max_tokens in 0_usize..200,
        ) {
            let analyzer = Analyzer::new(Config::default());
            let sentences: Vec<Sentence> = drawn.into_iter().map(|(tokens, vector, text)| Sentence {
                tokens, vector: Some(vector), wording: analyzer.wording(&text),
            }).collect();
            let chosen = choose(&sentences, max_tokens);
            prop_assert!(chosen.is_sorted());
            prop_assert!(chosen.iter().map(|at| sentences[*at].tokens).sum::<usize>() <= max_tokens);
            for (n, a) in chosen.iter().enumerate() {
                for b in &chosen[n + 1..] {
                    prop_assert!(!sentences[*a].wording.nearly_same(&sentences[*b].wording, SAME));
                }
            }
        }
    }

    #[test]
    fn who_speaks_is_kept_apart_from_what_is_said() {
        assert_eq!(
            sentences("[8 May] Mira: I moved to Lisbon. It is warm here!"),
            ("[8 May] Mira: ", vec!["I moved to Lisbon.", "It is warm here!"])
        );
        assert_eq!(
            sentences("No speaker. Two sentences."),
            ("", vec!["No speaker.", "Two sentences."])
        );
        assert_eq!(sentences("?"), ("", vec!["?"]));
    }

    #[test]
    fn the_nearest_to_the_centre_stay_when_room_is_short() {
        let analyzer = Analyzer::new(Config::default());
        let sentence = |text: &str, vector: [f32; 2]| Sentence {
            tokens: 10,
            vector: Some(vector.to_vec()),
            wording: analyzer.wording(text),
        };
        let sentences = [
            sentence("goats climb trees", [1.0, 0.1]),
            sentence("rent is due on Friday", [0.0, 1.0]),
            sentence("goats eat leaves", [1.0, 0.0]),
            sentence("goats climb trees!", [1.0, 0.1]),
        ];
        assert_eq!(choose(&sentences, 20), [0, 2]);
        assert_eq!(choose(&sentences, 100), [0, 1, 2], "what is said twice is taken once");
    }
}
