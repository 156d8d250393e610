//! Settings of a chat model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::api::{ApiConfig, complete};

/// Settings of an OpenAI-compatible chat model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatConfig {
    /// URL of the service; without it there is none. A URL that ends in `/chat/completions` is used unchanged;
    /// `/v1/chat/completions` is appended to a URL without a path, `/chat/completions` to any other.
    pub api_url: Option<String>,
    /// Token, sent as `Authorization: Bearer …`.
    pub api_token: Option<Secret>,
    /// File with the token, instead of `api_token`. It is read once, at start.
    pub api_token_file: Option<PathBuf>,
    /// Name of the model at the service.
    pub model: String,
    /// Maximum number of tokens spent per minute, estimated before each request.
    pub tokens_per_minute: u32,
    /// Timeout of one request in seconds, retries included.
    pub timeout_secs: u64,
    /// Maximum number of retries when the service is unreachable, busy or failing.
    pub max_retries: usize,
    /// Additional headers, such as `api-key`.
    pub headers: Option<BTreeMap<String, Secret>>,
    /// File of certificates (PEM) to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for ChatConfig {
    /// No service.
    fn default() -> Self {
        Self {
            api_url: None,
            api_token: None,
            api_token_file: None,
            model: String::new(),
            tokens_per_minute: 20_000,
            timeout_secs: 60,
            max_retries: 1,
            headers: None,
            tls_ca_file: None,
        }
    }
}

impl ChatConfig {
    /// Returns every problem, each as `key: expectation`. No value is repeated.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.connection().problems();
        if self.api_url.is_some() {
            problems.extend(self.endpoint().err());
            if self.model.is_empty() {
                problems.push("model: must not be empty".to_owned());
            }
        }
        if self.tokens_per_minute == 0 {
            problems.push("tokens_per_minute: must be at least 1".to_owned());
        }
        problems.sort_unstable();
        problems.dedup();
        problems
    }

    pub(super) fn endpoint(&self) -> Result<Url, String> {
        complete(
            self.api_url.as_deref().unwrap_or_default(),
            "/v1/chat/completions",
            "/chat/completions",
        )
    }

    /// Returns the settings of the connection as those of an embedding service.
    pub(super) fn connection(&self) -> ApiConfig {
        ApiConfig {
            api_url: self.api_url.clone(),
            api_token: self.api_token.clone(),
            api_token_file: self.api_token_file.clone(),
            timeout_secs: self.timeout_secs,
            headers: self.headers.clone(),
            tls_ca_file: self.tls_ca_file.clone(),
            ..ApiConfig::default()
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_completed_and_problems_are_listed() {
        let with = |url: &str| ChatConfig {
            api_url: Some(url.to_owned()),
            ..ChatConfig::default()
        };
        let url = |given: &str| with(given).endpoint().unwrap().to_string();
        assert_eq!(
            url("http://localhost:1234"),
            "http://localhost:1234/v1/chat/completions"
        );
        assert_eq!(url("https://x.example/v1/"), "https://x.example/v1/chat/completions");
        assert_eq!(
            url("https://x.example/chat/completions"),
            "https://x.example/chat/completions"
        );
        assert_eq!(with("http://localhost").problems(), ["model: must not be empty"]);
        assert_eq!(with("nonsense").problems().len(), 2);
        assert_eq!(ChatConfig::default().problems(), [""; 0]);
    }
}
