//! The embedding model that is compiled in. See `model/README.md` for its origin, licences and limits.

use std::fmt;

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding};
use model2vec_rs::model::StaticModel;
use tokio::time::Instant;

use crate::{Error, metrics, probe};

const NAME: &str = "tl-256-int8";
const TOKENIZER: &[u8] = include_bytes!("../model/tl-256-int8/tokenizer.json");
const TABLE: &[u8] = include_bytes!("../model/tl-256-int8/model.safetensors");
const CONFIG: &[u8] = include_bytes!("../model/tl-256-int8/config.json");

/// How much of a text counts, in tokens. The longest allowed text has some 8,000; a mean over so many says little, but
/// dropping the end would make it unfindable.
const MAX_TOKENS: usize = 8192;
/// More text than this is embedded off the async threads: by then it takes some milliseconds.
const INLINE_BYTES: usize = 64 * 1024;

/// A static token table: a text's vector is the mean of its tokens' vectors, normalised. A question's words may count
/// by how rare they are. Clones share the table.
#[derive(Clone)]
pub struct BuiltIn {
    model: StaticModel,
    fingerprint: ModelFingerprint,
}

impl fmt::Debug for BuiltIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltIn")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl BuiltIn {
    /// Loads the model from the binary: some 20 ms of processor time and 8 MB of memory.
    ///
    /// # Errors
    /// [`Error::BuiltIn`] when the binary was built with a broken model.
    pub fn load() -> Result<Self, Error> {
        // Not normalised by the library: a word's share in a weighted question is its vector as it stands in the table.
        let model = StaticModel::from_bytes(TOKENIZER, TABLE, CONFIG, Some(false))
            .map_err(|error| Error::BuiltIn(error.into()))?;
        let mut probe = model.encode_single(probe::PROBE_TEXT);
        normalise(&mut probe);
        let fingerprint = probe::fingerprint(NAME, &probe);
        Ok(Self { model, fingerprint })
    }

    fn embed_now(&self, texts: &[String]) -> Vec<Vec<f32>> {
        let mut vectors = self.model.encode_with_args(texts, Some(MAX_TOKENS), texts.len().max(1));
        vectors.iter_mut().for_each(|vector| normalise(vector));
        vectors
    }
}

#[async_trait]
impl Embedder for BuiltIn {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let start = Instant::now();
        let vectors = if texts.iter().map(String::len).sum::<usize>() <= INLINE_BYTES {
            self.embed_now(texts)
        } else {
            let (this, texts) = (self.clone(), texts.to_vec());
            let task = tokio::task::spawn_blocking(move || this.embed_now(&texts));
            task.await.map_err(|error| EmbedError {
                kind: EmbedErrorKind::Unavailable(None),
                source: Some(error.into()),
            })?
        };
        ::metrics::histogram!(metrics::DURATION, "provider" => "built_in", "outcome" => "ok").record(start.elapsed());
        Ok(vectors)
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self
            .embed_documents(&[text.to_owned()])
            .await?
            .pop()
            .unwrap_or_default();
        Ok(QueryEmbedding { vector, cached: false })
    }

    fn embed_weighted(&self, words: &[(&str, f32)]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0; self.fingerprint.dimensions];
        for (word, weight) in words {
            for (sum, value) in sum.iter_mut().zip(self.model.encode_single(word)) {
                *sum += weight * value;
            }
        }
        normalise(&mut sum);
        sum.iter().any(|value| *value != 0.0).then_some(sum)
    }
}

/// Scales a vector to length 1; one without length stays as it is.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

#[cfg(test)]
mod tests {
    use context_manager_core::rank::cosine;

    use super::*;

    #[tokio::test]
    async fn related_texts_are_nearer_than_unrelated_ones() {
        let model = BuiltIn::load().unwrap();
        let texts = [
            "The dog chased a cat",
            "A puppy ran after the kitten",
            "Interest rates rose again in March",
        ];
        let vectors = model.embed_documents(&texts.map(str::to_owned)).await.unwrap();
        let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
        assert!(near > far + 0.2, "{near} against {far}");
        assert!(vectors.iter().flatten().all(|value| value.is_finite()));
    }

    #[test]
    fn the_fingerprint_is_that_of_the_shipped_model() {
        // Stored collections name this fingerprint: when it changes, they must be embedded again.
        let fingerprint = BuiltIn::load().unwrap().fingerprint;
        assert_eq!(
            (fingerprint.name.as_str(), fingerprint.dimensions),
            ("tl-256-int8", 256)
        );
        assert_eq!(fingerprint.probe, "99cc3aefc9b86b80");
    }

    #[tokio::test]
    async fn a_weighted_question_leans_to_its_heavy_words() {
        let model = BuiltIn::load().unwrap();
        let plain = model.embed_query("cat piano").await.unwrap().vector;
        let cat = model.embed_query("cat").await.unwrap().vector;
        let even = model.embed_weighted(&[("cat", 1.0), ("piano", 1.0)]).unwrap();
        let heavy = model.embed_weighted(&[("cat", 3.0), ("piano", 1.0)]).unwrap();
        assert!(cosine(&even, &plain) > 0.999, "all alike is no weight at all");
        assert!(cosine(&heavy, &cat) > cosine(&even, &cat));
        assert_eq!(model.embed_weighted(&[]), None);
    }

    #[tokio::test]
    async fn a_large_batch_gives_the_same_vectors() {
        let model = BuiltIn::load().unwrap();
        let long = "memory ".repeat(INLINE_BYTES / 7 + 1);
        let many = model
            .embed_documents(&[long.clone(), "short".to_owned()])
            .await
            .unwrap();
        let one = model.embed_query("short").await.unwrap();
        assert_eq!(many[1], one.vector);
    }
}
