//! Requests and answers of the service; answers are checked before use.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Assumed size of vectors until it is known.
const LARGEST_SIZE: usize = 1 << 16;
/// Maximum bytes of one number: 25 digits and an indented line of its own.
const BYTES_PER_NUMBER: usize = 64;
/// Maximum bytes around one vector, and around all of them.
const BYTES_PER_VECTOR: usize = 1024;
const BYTES_AROUND: usize = 64 * 1024;

/// Request for the vectors of `input`.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<usize>,
}

/// An answer of which no part can be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Garbled {
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// Without serde's message, which may quote the answer.
    #[error("the answer is not the JSON that was expected (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("the answer has {actual} results instead of {expected}")]
    Count { expected: usize, actual: usize },
    #[error("the answer has no or two results of index {0}")]
    Index(usize),
}

/// Defect of one vector of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadVector {
    #[error("the vector has {actual} dimensions instead of {expected}")]
    Size { expected: usize, actual: usize },
    #[error("the vector has numbers that are not finite")]
    NotFinite,
}

/// Returns the maximum length of an answer in bytes.
pub(super) fn longest_answer(texts: usize, dimensions: Option<usize>) -> usize {
    let vector = dimensions
        .unwrap_or(LARGEST_SIZE)
        .saturating_mul(BYTES_PER_NUMBER)
        .saturating_add(BYTES_PER_VECTOR);
    texts.saturating_mul(vector).saturating_add(BYTES_AROUND)
}

/// Reads the vectors of an answer for a number of `texts`, in their order. `dimensions` is their required size, if known.
pub(super) fn read(
    answer: &[u8],
    texts: usize,
    dimensions: Option<usize>,
) -> Result<Vec<Result<Vec<f32>, BadVector>>, Garbled> {
    let Answer { data } = serde_json::from_slice(answer).map_err(|error| Garbled::NotJson {
        line: error.line(),
        column: error.column(),
    })?;
    let data = in_order(data, texts, |item| item.index)?;
    let vectors = data.into_iter().map(|item| checked(item.embedding.0, dimensions));
    Ok(vectors.collect())
}

/// Puts the results for a number of `texts` in order; each index must be there once.
pub(crate) fn in_order<T>(mut results: Vec<T>, texts: usize, index: impl Fn(&T) -> usize) -> Result<Vec<T>, Garbled> {
    if results.len() != texts {
        return Err(Garbled::Count {
            expected: texts,
            actual: results.len(),
        });
    }
    results.sort_by_key(&index);
    match results
        .iter()
        .enumerate()
        .find(|(place, result)| *place != index(result))
    {
        Some((expected, _)) => Err(Garbled::Index(expected)),
        None => Ok(results),
    }
}

fn checked(vector: Vec<f32>, dimensions: Option<usize>) -> Result<Vec<f32>, BadVector> {
    let (actual, expected) = (vector.len(), dimensions.unwrap_or(vector.len().max(1)));
    if actual != expected {
        Err(BadVector::Size { expected, actual })
    } else if !vector.iter().all(|number| number.is_finite()) {
        Err(BadVector::NotFinite)
    } else {
        Ok(vector)
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Numbers,
}

/// Numbers, or the base64 of their bytes, each four in little-endian order.
struct Numbers(Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, or the base64 of their bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = sequence.next_element()? {
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Numbers, E> {
        let bytes = STANDARD.decode(text).map_err(E::custom)?;
        let (numbers, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(E::custom("a number is cut off"));
        }
        Ok(Numbers(
            numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_json(answer: &serde_json::Value, texts: usize) -> Result<Vec<Result<Vec<f32>, BadVector>>, Garbled> {
        read(answer.to_string().as_bytes(), texts, Some(2))
    }

    #[test]
    fn vectors_are_put_in_order() {
        let answer = json!({"object": "list", "data": [
            {"index": 1, "embedding": [0.5, 1]}, {"object": "embedding", "index": 0, "embedding": [0, -2]},
        ]});
        let vectors = read_json(&answer, 2).unwrap();
        assert_eq!(vectors, [Ok(vec![0.0, -2.0]), Ok(vec![0.5, 1.0])]);
    }

    #[test]
    fn an_answer_of_other_texts_is_garbled() {
        let item = |index: usize| json!({"index": index, "embedding": [0, 1]});
        for (data, problem) in [
            (json!([item(0)]), "the answer has 1 results instead of 2"),
            (json!([item(1), item(1)]), "the answer has no or two results of index 0"),
            (json!([item(0), item(2)]), "the answer has no or two results of index 1"),
            (
                json!([item(0), {"index": 1, "embedding": "AAA"}]),
                "the answer is not the JSON that was expected",
            ),
            (
                json!([item(0), {"index": 1, "embedding": [null, 1]}]),
                "the answer is not the JSON that was expected",
            ),
            (
                json!([item(0), {"embedding": [0, 1]}]),
                "the answer is not the JSON that was expected",
            ),
        ] {
            let error = read_json(&json!({"data": data}), 2).unwrap_err();
            assert!(error.to_string().starts_with(problem), "{error}");
        }
        assert!(read(b"{\"data\": [{\"index\": 0, \"embedding\": [NaN, 1]}]}", 1, None).is_err());
    }

    #[test]
    fn a_bad_vector_fails_alone() {
        let bytes = [f32::INFINITY, 1.0].map(f32::to_le_bytes).concat();
        let infinite = json!({"index": 0, "embedding": STANDARD.encode(bytes)});
        let answer = json!({"data": [infinite, {"index": 1, "embedding": [1]}, {"index": 2, "embedding": [1, 0]}]});
        let size = BadVector::Size { expected: 2, actual: 1 };
        assert_eq!(
            read_json(&answer, 3).unwrap(),
            [Err(BadVector::NotFinite), Err(size), Ok(vec![1.0, 0.0])]
        );
        let empty = read(br#"{"data": [{"index": 0, "embedding": []}]}"#, 1, None).unwrap();
        assert_eq!(empty, [Err(BadVector::Size { expected: 1, actual: 0 })]);
    }

    proptest! {
        #[test]
        fn base64_and_numbers_say_the_same(vector in prop::collection::vec(-1e30_f32..1e30, 1..40)) {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            for embedding in [json!(STANDARD.encode(bytes)), json!(vector)] {
                let answer = json!({"data": [{"index": 0, "embedding": embedding}]}).to_string();
                prop_assert!(answer.len() <= longest_answer(1, Some(vector.len())));
                let read = read(answer.as_bytes(), 1, Some(vector.len())).unwrap();
                prop_assert_eq!(read, [Ok(vector.clone())]);
            }
        }

        #[test]
        fn no_answer_causes_a_panic(answer in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&answer, 1, None));
        }
    }
}
