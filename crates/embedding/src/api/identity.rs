//! Identity of the model behind the service, compared with that of the stored data.

use std::sync::OnceLock;

use context_manager_core::ports::{EmbedError, EmbedErrorKind, ModelFingerprint};

use super::sketch::Sketch;

/// The service answers with another model than that of the stored data.
#[derive(Debug, thiserror::Error)]
#[error("the embedding service now answers with {actual}, but the stored data are of {known}")]
struct ModelChanged {
    known: ModelFingerprint,
    actual: ModelFingerprint,
}

/// Expected model, and the verdict on it.
#[derive(Debug)]
pub(super) struct Identity {
    fingerprint: ModelFingerprint,
    /// Empty until the service is reached.
    verdict: OnceLock<Result<(), EmbedError>>,
}

impl Identity {
    /// Identity of the model that gave `vector` for the probe: `known` if the vector matches.
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

    /// Identity of a model that is yet to answer.
    pub(super) fn expected(known: ModelFingerprint) -> Self {
        Self {
            fingerprint: known,
            verdict: OnceLock::new(),
        }
    }

    pub(super) fn fingerprint(&self) -> &ModelFingerprint {
        &self.fingerprint
    }

    /// Returns the verdict, `None` until the service is reached.
    pub(super) fn verdict(&self) -> Option<Result<(), EmbedError>> {
        self.verdict.get().cloned()
    }

    /// Decides finally, by the vector of the probe.
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

/// Tells whether two fingerprints may be of one model.
fn is_same(one: &ModelFingerprint, other: &ModelFingerprint) -> bool {
    let sketches = || Sketch::from_hex(&one.probe).zip(Sketch::from_hex(&other.probe));
    one.name == other.name
        && one.dimensions == other.dimensions
        && sketches().is_some_and(|(one, other)| one.is_like(other))
}
