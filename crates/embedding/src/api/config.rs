//! Settings of an embedding service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::Secret;

/// Path of OpenAI and compatible services.
const DEFAULT_PATH: &str = "/v1/embeddings";
/// Name of a model without one.
const UNNAMED: &str = "unnamed";
const ENDPOINT: &str = "/embeddings";

/// Settings of an OpenAI-compatible embedding service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiConfig {
    /// URL of the service; without it there is none. A URL that ends in `/embeddings` is used unchanged; `/v1/embeddings` is
    /// appended to a URL without a path, `/embeddings` to any other.
    pub api_url: Option<String>,
    /// Token, sent as `Authorization: Bearer …`.
    pub api_token: Option<Secret>,
    /// File with the token, instead of `api_token`. It is read once, at start.
    pub api_token_file: Option<PathBuf>,
    /// Name of the model at the service, part of the fingerprint stored with the data. Empty for a service with one model
    /// that needs no name.
    pub model: String,
    /// Size of vectors to request from services that can shorten them. Without it the service decides.
    pub dimensions: Option<usize>,
    /// Prefix of every question, such as `query: ` for E5 models.
    pub query_prefix: String,
    /// Prefix of every stored text, such as `passage: ` for E5 models.
    pub document_prefix: String,
    /// Maximum number of texts per request.
    pub batch_size: usize,
    /// Timeout of one request in seconds, retries included.
    pub timeout_secs: u64,
    /// Maximum number of retries when the service is unreachable, busy or failing.
    pub max_retries: usize,
    /// Additional headers, such as `api-key`.
    pub headers: Option<BTreeMap<String, Secret>>,
    /// File of certificates (PEM) to trust besides the system's, for a service with a self-signed certificate.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for ApiConfig {
    /// No service. 32 texts are TEI's default maximum.
    fn default() -> Self {
        Self {
            api_url: None,
            api_token: None,
            api_token_file: None,
            model: String::new(),
            dimensions: None,
            query_prefix: String::new(),
            document_prefix: String::new(),
            batch_size: 32,
            timeout_secs: 10,
            max_retries: 2,
            headers: None,
            tls_ca_file: None,
        }
    }
}

impl ApiConfig {
    /// Returns every problem, each as `key: expectation`. No value is repeated.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.api_url {
            problems.extend(endpoint(url).err());
        } else if self.api_token.is_some() || self.api_token_file.is_some() {
            problems.push("api_url: must be set for a token to be of use".to_owned());
        }
        if self.api_token.is_some() && self.api_token_file.is_some() {
            problems.push("api_token_file: must not be set besides api_token".to_owned());
        }
        if let Some(token) = &self.api_token {
            problems.extend(bearer(token).err().map(|problem| format!("api_token: {problem}")));
        }
        for (name, value) in self.headers.iter().flatten() {
            problems.extend(header(name, value).err());
        }
        let at_least_one = [
            ("batch_size", self.batch_size as u64),
            ("timeout_secs", self.timeout_secs),
            ("dimensions", self.dimensions.map_or(1, |size| size as u64)),
        ];
        let zero = at_least_one.into_iter().filter(|(_, value)| *value == 0);
        problems.extend(zero.map(|(key, _)| format!("{key}: must be at least 1")));
        problems
    }

    /// Returns the name of the model in fingerprints.
    pub fn name(&self) -> &str {
        if self.model.is_empty() { UNNAMED } else { &self.model }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

/// Returns the URL to post to.
pub(super) fn endpoint(url: &str) -> Result<Url, String> {
    complete(url, DEFAULT_PATH, ENDPOINT)
}

/// Completes the URL of a service: with `default_path` if it has no path, otherwise with `ending` unless it ends so.
pub(crate) fn complete(url: &str, default_path: &str, ending: &str) -> Result<Url, String> {
    let expected = "api_url: must be a URL such as https://api.openai.com/v1 or http://localhost:8081";
    let mut url = Url::parse(url).map_err(|error| format!("{expected}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(expected.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("api_url: must not hold a name or password; use api_token or headers".to_owned());
    }
    let path = match url.path().trim_end_matches('/') {
        "" => default_path.to_owned(),
        path if path.ends_with(ending) => path.to_owned(),
        path => format!("{path}{ending}"),
    };
    url.set_path(&path);
    Ok(url)
}

/// Returns the value of the `Authorization` header.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, &'static str> {
    hidden(&format!("Bearer {}", token.expose())).ok_or("must not hold line breaks or control characters")
}

/// Parses a header.
pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), String> {
    let header: HeaderName = name
        .parse()
        .map_err(|_invalid| format!("headers.{name}: must be the name of a header"))?;
    let value = hidden(value.expose())
        .ok_or_else(|| format!("headers.{name}: must not hold line breaks or control characters"))?;
    Ok((header, value))
}

/// Returns a header value that `Debug` does not show.
fn hidden(value: &str) -> Option<HeaderValue> {
    let mut value: HeaderValue = value.parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_completed() {
        for (given, expected) in [
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081/v1/embeddings"),
            ("http://localhost/", "http://localhost/v1/embeddings"),
            ("https://api.openai.com/v1", "https://api.openai.com/v1/embeddings"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/embeddings"),
            ("https://example.com/embeddings", "https://example.com/embeddings"),
            (
                "https://x.example/openai/embeddings?api-version=1",
                "https://x.example/openai/embeddings?api-version=1",
            ),
        ] {
            assert_eq!(endpoint(given).unwrap().as_str(), expected);
        }
        for refused in ["", "localhost:8081", "ftp://localhost", "http://name:word@localhost"] {
            assert!(endpoint(refused).unwrap_err().starts_with("api_url: "), "{refused}");
        }
    }

    #[test]
    fn every_problem_is_listed_without_secrets() {
        let config = ApiConfig {
            api_url: Some("nonsense".to_owned()),
            api_token: Some("secret\n".to_owned().into()),
            api_token_file: Some("token".into()),
            dimensions: Some(0),
            batch_size: 0,
            timeout_secs: 0,
            headers: Some(BTreeMap::from([("bad name".to_owned(), "secret".to_owned().into())])),
            ..ApiConfig::default()
        };
        let problems = config.problems();
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            keys,
            [
                "api_url",
                "api_token_file",
                "api_token",
                "headers.bad name",
                "batch_size",
                "timeout_secs",
                "dimensions",
            ]
        );
        assert!(!format!("{problems:?}{config:?}").contains("secret"));
        assert_eq!(ApiConfig::default().problems(), [""; 0]);
    }

    #[test]
    fn serialised_settings_hide_secrets_and_have_every_key() {
        let config = ApiConfig {
            api_token: Some("secret".to_owned().into()),
            headers: Some(BTreeMap::from([("api-key".to_owned(), "secret".to_owned().into())])),
            ..ApiConfig::default()
        };
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["api_token"], "[redacted]");
        assert_eq!(written["headers"]["api-key"], "[redacted]");
        assert!(written.as_object().unwrap().contains_key("tls_ca_file"));
    }
}
