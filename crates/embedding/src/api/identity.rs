//! Which model answers, and whether it is the one the stored data are of.

use std::sync::OnceLock;

use context_manager_core::ports::{EmbedError, EmbedErrorKind, ModelFingerprint};

use super::sketch::Sketch;

/// The service answers with another model than the stored data are of.
#[derive(Debug, thiserror::Error)]
#[error("the embedding service now answers with {actual}, but the stored data are of {known}")]
struct ModelChanged {
    known: ModelFingerprint,
    actual: ModelFingerprint,
}

/// The model that is expected, and what became of that expectation.
#[derive(Debug)]
pub(super) struct Identity {
    fingerprint: ModelFingerprint,
    /// Empty as long as the service was not reached.
    verdict: OnceLock<Result<(), EmbedError>>,
}

impl Identity {
    /// The model that gave `vector` for the probe: `known` if it is that one as far as one can tell.
    pub(super) fn measured(name: &str, vector: &[f32], known: Option<&ModelFingerprint>) -> Self {
        let measured = fingerprint(name, vector);
        Self {
            fingerprint: known
                .filter(|known| is_same(known, &measured))
                .cloned()
                .unwrap_or(measured),
            verdict: OnceLock::from(Ok(())),
        }
    }

    /// A model that is expected to answer, once it does.
    pub(super) fn expected(known: ModelFingerprint) -> Self {
        Self {
            fingerprint: known,
            verdict: OnceLock::new(),
        }
    }

    pub(super) fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    /// Whether vectors may be used; `None` as long as nobody knows.
    pub(super) fn verdict(&self) -> Option<Result<(), EmbedError>> {
        self.verdict.get().cloned()
    }

    /// Decides for good, by the vector of the probe.
    pub(super) fn verify(&self, vector: &[f32]) -> Result<(), EmbedError> {
        let verdict = self.verdict.get_or_init(|| {
            let actual = fingerprint(&self.fingerprint.name, vector);
            if is_same(&self.fingerprint, &actual) {
                tracing::info!(model = %self.fingerprint, "the embedding service answers with the model of the stored data");
                return Ok(());
            }
            let kind = if actual.dimensions == self.fingerprint.dimensions {
                EmbedErrorKind::Unavailable(None)
            } else {
                EmbedErrorKind::DimensionMismatch {
                    expected: self.fingerprint.dimensions,
                    actual: actual.dimensions,
                }
            };
            let changed = ModelChanged { known: self.fingerprint.clone(), actual };
            tracing::error!("{changed}; nothing is embedded until the server is restarted with the right one");
            Err(EmbedError::new(kind, changed))
        });
        verdict.clone()
    }
}

fn fingerprint(name: &str, vector: &[f32]) -> ModelFingerprint {
    ModelFingerprint {
        name: name.to_owned(),
        dimensions: vector.len(),
        probe: Sketch::of(vector).to_hex(),
    }
}

/// Whether two fingerprints may be of one model.
fn is_same(one: &ModelFingerprint, other: &ModelFingerprint) -> bool {
    let sketches = || Sketch::from_hex(&one.probe).zip(Sketch::from_hex(&other.probe));
    one.name == other.name
        && one.dimensions == other.dimensions
        && sketches().is_some_and(|(one, other)| one.is_like(other))
}
