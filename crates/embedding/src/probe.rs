//! What tells two models apart even when their names do not.

use context_manager_core::ports::ModelFingerprint;
use sha2::{Digest, Sha256};

/// The text whose vector is hashed. Changing it makes every stored collection look like another model's.
pub(crate) const PROBE_TEXT: &str = "The quick brown fox remembers 42 things about the lazy dog.";

/// The fingerprint of a model called `name` that embeds [`PROBE_TEXT`] as `vector`.
pub(crate) fn fingerprint(name: &str, vector: &[f32]) -> ModelFingerprint {
    let mut hash = Sha256::new();
    for value in vector {
        // Rounded, so that another processor's last bits do not look like another model.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "components of a vector of length 1 are at most 1"
        )]
        hash.update(((value * 1000.0).round() as i32).to_le_bytes());
    }
    let digest = hash.finalize();
    let start = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    ModelFingerprint {
        name: name.to_owned(),
        dimensions: vector.len(),
        probe: format!("{start:016x}"),
    }
}
