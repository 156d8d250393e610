//! Settings of a reranking service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::wire::Wire;
use crate::Secret;
use crate::api::{ApiConfig, complete};

/// Maximum number of texts in one request, and so of runs of the model that a search may cost.
const MAX_CANDIDATES: usize = 100;
const ENDPOINT: &str = "/rerank";

/// Settings of a reranking service, or of a cross-encoder in this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RerankConfig {
    /// Folder with a cross-encoder to run in this process, instead of a service.
    pub model_path: Option<PathBuf>,
    /// URL of the service; without it there is none. A URL that ends in `/rerank` is used unchanged; the usual path of the
    /// form is appended to a URL without a path, `/rerank` to any other.
    pub api_url: Option<String>,
    /// Token, sent as `Authorization: Bearer …`.
    pub api_token: Option<Secret>,
    /// File with the token, instead of `api_token`. It is read once, at start.
    pub api_token_file: Option<PathBuf>,
    /// Name of the model at the service. Empty for a service with one model that needs no name.
    pub model: String,
    /// Form of requests and answers.
    pub form: RerankForm,
    /// Number of best contexts of a search that are reranked.
    pub candidates: usize,
    /// Timeout of one request in milliseconds, a retry included, or of the model's runs for a search. Every search waits for
    /// it.
    pub timeout_ms: u64,
    /// Additional headers, such as `api-key`.
    pub headers: Option<BTreeMap<String, Secret>>,
    /// File of certificates (PEM) to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// Form of requests and answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RerankForm {
    /// By the path of the URL: `/v2/rerank` is Cohere's, `/v1/rerank` is Jina's, any other TEI's.
    #[default]
    Auto,
    /// Text Embeddings Inference: `POST /rerank` with `texts`.
    Tei,
    /// Cohere: `POST /v2/rerank` with `documents`.
    Cohere,
    /// Jina, vLLM, llama.cpp and others: `POST /v1/rerank` with `documents`.
    Jina,
}

impl Default for RerankConfig {
    /// No service. 30 texts are below TEI's default maximum of 32.
    fn default() -> Self {
        Self {
            model_path: None,
            api_url: None,
            api_token: None,
            api_token_file: None,
            model: String::new(),
            form: RerankForm::default(),
            candidates: 30,
            timeout_ms: 1000,
            headers: None,
            tls_ca_file: None,
        }
    }
}

impl RerankConfig {
    /// Returns every problem, each as `key: expectation`. No value is repeated.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.connection().problems();
        if self.model_path.is_some() && self.api_url.is_some() {
            problems.push("model_path: must not be set besides api_url".to_owned());
        }
        if !(2..=MAX_CANDIDATES).contains(&self.candidates) {
            problems.push(format!("candidates: must be from 2 to {MAX_CANDIDATES}"));
        }
        if self.timeout_ms == 0 {
            problems.push("timeout_ms: must be at least 1".to_owned());
        }
        problems
    }

    /// Returns the URL to post to and the form to use.
    pub(super) fn endpoint(&self) -> Result<(Url, Wire), String> {
        let default_path = match self.form {
            RerankForm::Auto | RerankForm::Tei => ENDPOINT,
            RerankForm::Cohere => "/v2/rerank",
            RerankForm::Jina => "/v1/rerank",
        };
        let url = complete(self.api_url.as_deref().unwrap_or_default(), default_path, ENDPOINT)?;
        let wire = match self.form {
            RerankForm::Cohere => Wire::Cohere,
            RerankForm::Jina => Wire::Jina,
            RerankForm::Auto if url.path().ends_with("/v2/rerank") => Wire::Cohere,
            RerankForm::Auto if url.path().ends_with("/v1/rerank") => Wire::Jina,
            RerankForm::Auto | RerankForm::Tei => Wire::Tei,
        };
        Ok((url, wire))
    }

    /// Returns the settings of the connection as those of an embedding service.
    pub(super) fn connection(&self) -> ApiConfig {
        ApiConfig {
            api_url: self.api_url.clone(),
            api_token: self.api_token.clone(),
            api_token_file: self.api_token_file.clone(),
            headers: self.headers.clone(),
            tls_ca_file: self.tls_ca_file.clone(),
            ..ApiConfig::default()
        }
    }

    /// Returns the timeout of one request, or of all runs of the model for a search.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_and_the_form_follow_from_each_other() {
        use RerankForm::{Auto, Cohere, Jina, Tei};
        for (given, form, url, wire) in [
            ("http://x.example", Auto, "http://x.example/rerank", Wire::Tei),
            ("http://x.example/tei/", Auto, "http://x.example/tei/rerank", Wire::Tei),
            ("http://x.example/v2", Auto, "http://x.example/v2/rerank", Wire::Cohere),
            (
                "http://x.example/v1/rerank",
                Auto,
                "http://x.example/v1/rerank",
                Wire::Jina,
            ),
            ("http://x.example/v1", Tei, "http://x.example/v1/rerank", Wire::Tei),
            ("http://x.example", Cohere, "http://x.example/v2/rerank", Wire::Cohere),
            ("http://x.example", Jina, "http://x.example/v1/rerank", Wire::Jina),
            (
                "http://x.example/rerank?k=1",
                Jina,
                "http://x.example/rerank?k=1",
                Wire::Jina,
            ),
        ] {
            let config = RerankConfig {
                api_url: Some(given.to_owned()),
                form,
                ..RerankConfig::default()
            };
            let found = config.endpoint().unwrap();
            assert_eq!((found.0.as_str(), found.1), (url, wire), "{given} {form:?}");
        }
    }

    #[test]
    fn every_problem_is_listed_without_secrets() {
        let config = RerankConfig {
            model_path: Some("model".into()),
            api_url: Some("nonsense".to_owned()),
            api_token: Some("secret\n".to_owned().into()),
            candidates: 1,
            timeout_ms: 0,
            ..RerankConfig::default()
        };
        let problems = config.problems();
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(keys, ["api_url", "api_token", "model_path", "candidates", "timeout_ms"]);
        assert!(!format!("{problems:?}{config:?}").contains("secret"));
        assert_eq!(RerankConfig::default().problems(), [""; 0]);
    }
}
