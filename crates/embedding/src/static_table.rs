//! The compiled-in token table. See `model/README.md` for its origin, licences and limits.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, QueryEmbedding, TokenTable};
use model2vec_rs::model::StaticModel;
use tokenizers::Tokenizer;
use tokio::time::Instant;

use crate::words::Vocabulary;
use crate::{Error, metrics, probe};

const TOKENIZER: &[u8] = include_bytes!("../model/tl-256-int8/tokenizer.json");
const TABLE: &[u8] = include_bytes!("../model/tl-256-int8/model.safetensors");
const CONFIG: &[u8] = include_bytes!("../model/tl-256-int8/config.json");

/// Maximum number of tokens of a text, which exceeds the longest allowed text: a mean over so many is vague, but a dropped
/// end could not be found.
const MAX_TOKENS: usize = 8192;
/// Repetitions of the heaviest word of a weighted question; lighter words are repeated in proportion.
const REPETITIONS: f32 = 16.0;
/// Maximum number of words of a weighted question: longer ones gain little, and their repetitions take time.
const MAX_WEIGHTED_WORDS: usize = 200;
/// Bytes of text above which it is embedded off the async threads, as it takes some milliseconds.
const INLINE_BYTES: usize = 64 * 1024;

/// A static token table: the vector of a text is the normalised mean of its tokens' vectors. The words of a question may
/// be weighted by frequencies. Clones share the table.
#[derive(Clone)]
pub struct StaticTable {
    model: StaticModel,
    vocabulary: Arc<Vocabulary>,
    fingerprint: ModelFingerprint,
}

impl fmt::Debug for StaticTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticTable")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl StaticTable {
    /// Name of the table.
    pub const NAME: &str = "tl-256-int8";
    /// Size of the table with its tokenizer, in bytes.
    pub const BYTES: usize = TABLE.len() + TOKENIZER.len();

    /// Returns the table. The first call loads it from the binary: some 40 ms of processor time and 10 MB of memory.
    ///
    /// # Errors
    /// [`Error::BuiltIn`] when the binary was built with a broken model.
    pub fn load() -> Result<Self, Error> {
        static LOADED: OnceLock<StaticTable> = OnceLock::new();
        if let Some(loaded) = LOADED.get() {
            return Ok(loaded.clone());
        }
        let table = Self::from_binary()?;
        Ok(LOADED.get_or_init(|| table).clone())
    }

    fn from_binary() -> Result<Self, Error> {
        let model =
            StaticModel::from_bytes(TOKENIZER, TABLE, CONFIG, None).map_err(|error| Error::BuiltIn(error.into()))?;
        let tokenizer = Tokenizer::from_bytes(TOKENIZER).map_err(Error::BuiltIn)?;
        let fingerprint = probe::fingerprint(Self::NAME, &model.encode_single(probe::PROBE_TEXT));
        let vocabulary = Arc::new(Vocabulary::of(&tokenizer));
        Ok(Self {
            model,
            vocabulary,
            fingerprint,
        })
    }

    async fn embed_all(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let start = Instant::now();
        let vectors = if texts.iter().map(String::len).sum::<usize>() <= INLINE_BYTES {
            self.embed_now(texts)
        } else {
            let (this, texts) = (self.clone(), texts.to_vec());
            let task = tokio::task::spawn_blocking(move || this.embed_now(&texts));
            task.await
                .map_err(|error| EmbedError::new(EmbedErrorKind::Unavailable(None), error))?
        };
        ::metrics::histogram!(metrics::DURATION, "provider" => "static", "outcome" => "ok").record(start.elapsed());
        Ok(vectors)
    }

    fn embed_now(&self, texts: &[String]) -> Vec<Vec<f32>> {
        self.model.encode_with_args(texts, Some(MAX_TOKENS), texts.len().max(1))
    }
}

#[async_trait]
impl Embedder for StaticTable {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        match self.embed_all(texts).await {
            Ok(vectors) => vectors.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); texts.len()],
        }
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let vector = self.embed_all(&[text.to_owned()]).await?.pop().unwrap_or_default();
        Ok(QueryEmbedding::new(vector))
    }

    fn knows(&self, text: &str) -> f32 {
        self.vocabulary.knows(text)
    }
}

impl TokenTable for StaticTable {
    fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    fn embed(&self, text: &str) -> Vec<f32> {
        self.embed_now(&[text.to_owned()]).pop().unwrap_or_default()
    }

    fn knows(&self, text: &str) -> f32 {
        self.vocabulary.knows(text)
    }

    fn embed_weighted(&self, words: &[(&str, f32)]) -> Option<Vec<f32>> {
        let heaviest = words.iter().map(|(_, weight)| *weight).fold(0.0, f32::max);
        // The library has no weights, so words are repeated by weight, which gives the weighted mean.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most REPETITIONS, and not negative"
        )]
        let repeated = |(word, weight): &(&str, f32)| {
            let times = (REPETITIONS * weight / heaviest).round().max(0.0) as usize;
            format!("{word} ").repeat(times)
        };
        if heaviest <= 0.0 || words.len() > MAX_WEIGHTED_WORDS {
            return None;
        }
        let text: String = words.iter().map(repeated).collect();
        let vector = self.model.encode_with_args(&[text], Some(MAX_TOKENS), 1).pop()?;
        vector.iter().any(|value| *value != 0.0).then_some(vector)
    }
}

#[cfg(test)]
mod tests {
    use context_manager_core::rank::cosine;

    use super::*;

    #[tokio::test]
    async fn related_texts_are_nearer_than_unrelated_ones() {
        let model = StaticTable::load().unwrap();
        let texts = [
            "The dog chased a cat",
            "A puppy ran after the kitten",
            "Interest rates rose again in March",
        ];
        let vectors = model.embed_all(&texts.map(str::to_owned)).await.unwrap();
        let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
        assert!(near > far + 0.2, "{near} against {far}");
        assert!(vectors.iter().flatten().all(|value| value.is_finite()));
    }

    #[test]
    fn the_fingerprint_is_that_of_the_shipped_model() {
        // Stored collections name this fingerprint: when it changes, they must be embedded again.
        let fingerprint = StaticTable::load().unwrap().fingerprint;
        assert_eq!(
            (fingerprint.name.as_str(), fingerprint.dimensions),
            ("tl-256-int8", 256)
        );
        assert_eq!(fingerprint.probe, "99cc3aefc9b86b80");
    }

    #[tokio::test]
    async fn a_weighted_question_leans_to_its_heavy_words() {
        let model = StaticTable::load().unwrap();
        let plain = model.embed_query("cat piano").await.unwrap().vector;
        let cat = model.embed_query("cat").await.unwrap().vector;
        let even = model.embed_weighted(&[("cat", 1.0), ("piano", 1.0)]).unwrap();
        let heavy = model.embed_weighted(&[("cat", 3.0), ("piano", 1.0)]).unwrap();
        assert!(cosine(&even, &plain) > 0.999, "equal weights change nothing");
        assert!(cosine(&heavy, &cat) > cosine(&even, &cat));
        assert_eq!(model.embed_weighted(&[]), None);
    }

    #[tokio::test]
    async fn a_large_batch_gives_the_same_vectors() {
        let model = StaticTable::load().unwrap();
        let long = "memory ".repeat(INLINE_BYTES / 7 + 1);
        let many = model.embed_documents(&[long, "short".to_owned()]).await;
        let one = model.embed_query("short").await.unwrap();
        assert_eq!(many[1].as_ref().unwrap(), &one.vector);
    }
}
