//! Requests of the three forms, and their answers, which are checked before use.

use serde::{Deserialize, Serialize};

use crate::api::{Failure, in_order};

/// Maximum bytes around one score, and around all of them.
const BYTES_PER_SCORE: usize = 1024;
const BYTES_AROUND: usize = 64 * 1024;
/// Maximum bytes of a byte of text in JSON, as in `\u0001`. Some services repeat the texts unasked.
const BYTES_PER_BYTE: usize = 6;

/// Form of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Tei,
    Cohere,
    Jina,
}

/// Request for the scores of all texts.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Request<'a> {
    Tei {
        query: &'a str,
        texts: &'a [&'a str],
        raw_scores: bool,
        truncate: bool,
    },
    Documents {
        #[serde(skip_serializing_if = "str::is_empty")]
        model: &'a str,
        query: &'a str,
        documents: &'a [&'a str],
        top_n: usize,
        /// Jina's services repeat the texts unless told otherwise, Cohere's do not know the field.
        #[serde(skip_serializing_if = "Option::is_none")]
        return_documents: Option<bool>,
    },
}

#[derive(Deserialize)]
struct Scored {
    index: usize,
    #[serde(alias = "relevance_score")]
    score: f32,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Scored>,
}

impl Wire {
    pub(super) fn request<'a>(self, model: &'a str, question: &'a str, texts: &'a [&'a str]) -> Request<'a> {
        match self {
            Self::Tei => Request::Tei {
                query: question,
                texts,
                raw_scores: false,
                truncate: true,
            },
            Self::Cohere | Self::Jina => Request::Documents {
                model,
                query: question,
                documents: texts,
                top_n: texts.len(),
                return_documents: (self == Self::Jina).then_some(false),
            },
        }
    }

    /// Reads the scores of an answer for a number of `texts`, in their order. They are finite, as JSON has no other numbers.
    pub(super) fn read(self, answer: &[u8], texts: usize) -> Result<Vec<f32>, Failure> {
        let scored = match self {
            Self::Tei => serde_json::from_slice(answer),
            Self::Cohere | Self::Jina => serde_json::from_slice(answer).map(|Results { results }| results),
        };
        let scored: Vec<Scored> = scored.map_err(|error| Failure::garbled(&error))?;
        let scored = in_order(scored, texts, |scored| scored.index)?;
        Ok(scored.into_iter().map(|scored| scored.score).collect())
    }
}

/// Returns the maximum length of an answer in bytes.
pub(super) fn longest_answer(texts: &[&str]) -> usize {
    let bytes = |text: &&str| text.len() * BYTES_PER_BYTE + BYTES_PER_SCORE;
    texts.iter().map(bytes).sum::<usize>() + BYTES_AROUND
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ALL: [Wire; 3] = [Wire::Tei, Wire::Cohere, Wire::Jina];

    /// Returns an answer with these indexes and scores in the form of the service.
    fn answer(wire: Wire, scored: &[(usize, f64)]) -> Vec<u8> {
        let item = |(index, score): &(usize, f64)| match wire {
            Wire::Tei => json!({"index": index, "score": score}),
            Wire::Cohere | Wire::Jina => json!({"index": index, "relevance_score": score, "document": {"text": "a"}}),
        };
        let items: Vec<Value> = scored.iter().map(item).collect();
        let answer = match wire {
            Wire::Tei => json!(items),
            Wire::Cohere => json!({"id": "1", "results": items, "meta": {"billed_units": {"search_units": 1}}}),
            Wire::Jina => json!({"model": "m", "results": items, "usage": {"total_tokens": 9}}),
        };
        answer.to_string().into_bytes()
    }

    #[test]
    fn requests_are_those_of_the_service() {
        let texts = ["a", "b"];
        for (wire, model, expected) in [
            (
                Wire::Tei,
                "m",
                json!({"query": "q", "texts": texts, "raw_scores": false, "truncate": true}),
            ),
            (
                Wire::Cohere,
                "rerank-v3.5",
                json!({"model": "rerank-v3.5", "query": "q", "documents": texts, "top_n": 2}),
            ),
            (
                Wire::Jina,
                "m",
                json!({"model": "m", "query": "q", "documents": texts, "top_n": 2, "return_documents": false}),
            ),
            (
                Wire::Jina,
                "",
                json!({"query": "q", "documents": texts, "top_n": 2, "return_documents": false}),
            ),
        ] {
            assert_eq!(
                serde_json::to_value(wire.request(model, "q", &texts)).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn scores_are_put_in_the_order_of_the_texts() {
        for wire in ALL {
            let scores = wire.read(&answer(wire, &[(2, 0.75), (0, 0.5), (1, -3.0)]), 3).unwrap();
            assert_eq!(scores, [0.5, -3.0, 0.75], "{wire:?}");
        }
    }

    #[test]
    fn an_answer_of_other_texts_is_garbled() {
        for wire in ALL {
            for (scored, problem) in [
                (&[(0, 0.5)][..], "the answer has 1 results instead of 2"),
                (&[(0, 0.5), (1, 0.5), (2, 0.5)], "the answer has 3 results instead of 2"),
                (&[(1, 0.5), (1, 0.5)], "the answer has no or two results of index 0"),
                (&[(0, 0.5), (2, 0.5)], "the answer has no or two results of index 1"),
                (&[(0, 0.5), (1, 1e39)], "the answer is not the JSON that was expected"),
            ] {
                let Failure::Garbled(garbled) = wire.read(&answer(wire, scored), 2).unwrap_err() else {
                    panic!("{wire:?} {problem}")
                };
                assert!(garbled.to_string().starts_with(problem), "{garbled}");
            }
            for text in [
                "",
                "<html>",
                "{}",
                "[{\"index\": 0, \"score\": NaN}]",
                "{\"results\": [{\"index\": 0}]}",
            ] {
                assert!(wire.read(text.as_bytes(), 1).is_err(), "{wire:?} {text}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_answer_that_repeats_the_texts_is_not_too_long(texts in prop::collection::vec("[\\x00-\\x7f]{0,40}", 0..20)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let items: Vec<Value> = (0..texts.len())
                .map(|index| json!({"index": index, "document": {"text": texts[index]}, "relevance_score": -0.123_456_789_012}))
                .collect();
            let answer = json!({"results": items}).to_string();
            prop_assert!(answer.len() <= longest_answer(&texts));
        }

        #[test]
        fn no_answer_causes_a_panic(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            for wire in ALL {
                drop(wire.read(&answer, 1));
            }
        }
    }
}
