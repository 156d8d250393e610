//! Making the embedder: the first conversation with the service.

use std::sync::Arc;

use context_manager_core::ports::{EmbedError, ModelFingerprint};
use context_manager_resilience::CircuitBreaker;

use super::client::Client;
use super::config::ApiConfig;
use super::identity::Identity;
use super::{OpenAiCompatible, probe};
use crate::Error;

/// Makes an [`OpenAiCompatible`].
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
    /// Lets `breaker` decide whether the service is asked at all, and tells it how every HTTP call ended.
    pub fn with_circuit_breaker(self, breaker: Arc<CircuitBreaker>) -> Self {
        Self {
            breaker: Some(breaker),
            ..self
        }
    }

    /// Asks the service for the vector of a fixed text, to learn the size of its vectors and to tell its model.
    ///
    /// `known` is the fingerprint that is stored with the data, if there are any. A model that is the same as far as one
    /// vector can tell gets that very fingerprint; another one gets its own, and the caller has to compare. When the
    /// service cannot be asked, `known` is taken on trust if name and size are those configured; the first call that
    /// reaches the service then decides, and if it is another model all calls fail from then on.
    ///
    /// Takes as long as `timeout_secs` when there is no answer.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the service cannot be asked and nothing is known; [`Error::Dimensions`] when it gives
    /// another size than configured; the others when the settings are of no use.
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

/// What is expected of a service that gave no vector.
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
