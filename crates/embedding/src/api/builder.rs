//! The builder of the embedder, which makes the first call to the service.

use std::sync::Arc;

use context_manager_core::ports::{EmbedError, ModelFingerprint};
use context_manager_resilience::CircuitBreaker;

use super::client::Client;
use super::config::ApiConfig;
use super::identity::Identity;
use super::{OpenAiCompatible, probe};
use crate::Error;

/// Builder of an [`OpenAiCompatible`].
#[derive(Debug)]
#[must_use = "only `connect` makes an embedder"]
pub struct Builder {
    config: ApiConfig,
    breaker: Option<Arc<CircuitBreaker>>,
}

impl OpenAiCompatible {
    /// Returns a builder for the service that `config` describes.
    pub fn builder(config: ApiConfig) -> Builder {
        Builder { config, breaker: None }
    }
}

impl Builder {
    /// Guards every HTTP call with `breaker`.
    pub fn with_circuit_breaker(self, breaker: Arc<CircuitBreaker>) -> Self {
        Self {
            breaker: Some(breaker),
            ..self
        }
    }

    /// Requests the vector of a fixed text, to learn the size of the vectors and to identify the model.
    ///
    /// `known` is the fingerprint stored with the data, if there is any. A model that gives a matching vector gets this
    /// fingerprint; another model gets its own, which the caller has to compare. If the service is unavailable, `known` is
    /// trusted provided that name and size match the settings: the first call that reaches the service verifies it, and
    /// all calls fail from then on if it is another model.
    ///
    /// Takes up to `timeout_secs` without an answer.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the service is unavailable and `known` does not match; [`Error::Dimensions`] when it gives
    /// another size than configured; the others for invalid settings.
    pub async fn connect(self, known: Option<&ModelFingerprint>) -> Result<OpenAiCompatible, Error> {
        let config = self.config;
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config(problems));
        }
        let client = Client::new(&config, self.breaker)?;
        let identity = match probe(&client, &config.document_prefix).await {
            Ok(vector) => {
                let actual = vector.len();
                if let Some(configured) = config.dimensions.filter(|configured| *configured != actual) {
                    return Err(Error::Dimensions { configured, actual });
                }
                Identity::measured(config.name(), &vector, known)
            }
            Err(error) => expected(&config, known, &client, error)?,
        };
        Ok(OpenAiCompatible {
            client,
            identity,
            batch_size: config.batch_size,
            document_prefix: config.document_prefix,
            query_prefix: config.query_prefix,
        })
    }
}

/// Returns the identity to expect of an unavailable service.
fn expected(
    config: &ApiConfig,
    known: Option<&ModelFingerprint>,
    client: &Client,
    error: EmbedError,
) -> Result<Identity, Error> {
    let fits = |known: &&ModelFingerprint| {
        known.name == config.name() && config.dimensions.is_none_or(|size| size == known.dimensions)
    };
    let Some(known) = known.filter(fits) else {
        return Err(Error::Unreachable {
            endpoint: client.endpoint(),
            source: error,
        });
    };
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        model = %known,
        "the embedding service gives no vectors; starting without it, as the stored data tell its model"
    );
    Ok(Identity::expected(known.clone()))
}
