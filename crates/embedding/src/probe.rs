//! Fingerprints, which distinguish models even of the same name.

use context_manager_core::ports::ModelFingerprint;
use sha2::{Digest, Sha256};

/// Text whose vector is hashed. A change makes the data of every store look like another model's.
pub(crate) const PROBE_TEXT: &str = "The quick brown fox remembers 42 things about the lazy dog.";

/// Returns the fingerprint of a model of this name that embeds [`PROBE_TEXT`] as `vector`.
pub(crate) fn fingerprint(name: &str, vector: &[f32]) -> ModelFingerprint {
    let mut hash = Sha256::new();
    for value in vector {
        // Rounded, as the last bits differ between processors.
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
