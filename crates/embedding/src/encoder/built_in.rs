//! The compiled-in sentence encoder. See `model/enc-3x384-int8/README.md` for its origin, licences and limits.

use context_manager_core::ports::ModelFingerprint;

use super::SentenceEncoder;
use super::folder::Form;
use super::model::{Model, Wrong};
use super::network::Source;
use super::pooling::Pooling;
use crate::Error;

const DIMENSIONS: usize = 256;
const MAX_TOKENS: usize = 128;
/// Hash of the files below, which a test computes: hashing them at every start would take longer than loading them.
const PROBE: &str = "5dda5b1aae6d3742";
const NETWORK: &[u8] = include_bytes!("../../model/enc-3x384-int8/model.onnx");
const TOKENIZER: &[u8] = include_bytes!("../../model/enc-3x384-int8/tokenizer.json");

fn form() -> Form {
    Form {
        pooling: Some(Pooling::Mean),
        max_tokens: MAX_TOKENS,
        query_prefix: String::new(),
        document_prefix: String::new(),
    }
}

impl SentenceEncoder {
    /// Name of the compiled-in model.
    pub const BUILT_IN: &str = "enc-3x384-int8";
    /// Size of the compiled-in model, in bytes.
    pub const BUILT_IN_BYTES: usize = NETWORK.len() + TOKENIZER.len();

    /// Loads the compiled-in model, for English.
    ///
    /// # Errors
    /// [`Error::BuiltIn`] when the binary was built with a broken model, [`Error::Threads`] when no thread can be started.
    pub fn built_in() -> Result<Self, Error> {
        let model = Model::load(Source::Static(NETWORK), TOKENIZER, form()).map_err(|wrong| {
            let (Wrong::Network(problem) | Wrong::Tokenizer(problem)) = wrong;
            Error::BuiltIn(problem.into())
        })?;
        let fingerprint = ModelFingerprint {
            name: Self::BUILT_IN.to_owned(),
            dimensions: DIMENSIONS,
            probe: PROBE.to_owned(),
        };
        Self::start(model.with_pieces(), fingerprint, "built_in")
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::Fingerprinted;
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_the_shipped_model() {
        // Stored collections name this fingerprint: when it changes, they must be embedded again.
        let mut hash = Fingerprinted::new(&form(), TOKENIZER);
        hash.add(NETWORK);
        assert_eq!(hash.finish(), PROBE);
    }
}
