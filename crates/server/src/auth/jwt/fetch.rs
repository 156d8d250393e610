//! Reads from the identity provider, within limits of time and size.

use reqwest::{Client, Response, StatusCode};
use tokio::time::Duration;

/// Maximum length of a set of keys, and of an issuer's metadata.
const MAX_BYTES: usize = 1024 * 1024;
/// Maximum time that the provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reason for not getting the keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum JwksError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// The provider cannot be reached.
    #[error("the provider cannot be reached")]
    Provider(#[from] reqwest::Error),
    /// The provider answered something else.
    #[error("the provider answered with status {0}")]
    Status(StatusCode),
    /// The answer or file is too long.
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLong,
    /// The answer or file is not a set of keys.
    #[error("it is not a JWK set")]
    NotASet(#[from] serde_json::Error),
    /// The issuer's metadata cannot be read.
    #[error("the issuer's metadata has no `issuer` and `jwks_uri`")]
    NotMetadata(#[source] serde_json::Error),
    /// The metadata names another issuer.
    #[error("the issuer's metadata names another issuer than auth.jwt.issuer, which must be the same to the letter")]
    OtherIssuer,
    /// The keys are at an address that third parties could answer for.
    #[error("the issuer's keys must be at an https URL")]
    Unsafe,
}

/// Reads what the provider has at a URL.
pub(super) async fn get(client: &Client, url: &str) -> Result<Vec<u8>, JwksError> {
    let response = client.get(url).timeout(TIMEOUT).send().await?;
    if !response.status().is_success() {
        return Err(JwksError::Status(response.status()));
    }
    body(response).await
}

async fn body(mut response: Response) -> Result<Vec<u8>, JwksError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > MAX_BYTES {
            return Err(JwksError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
