//! Embedding models.

use std::path::{Path, PathBuf};

use context_manager_core::OnEmbeddingFailure;
use context_manager_embedding::{ApiConfig, BatchConfig, CacheConfig, SentenceEncoder, StaticTable};
use context_manager_resilience::CircuitBreakerConfig;
use serde::{Deserialize, Serialize};

use super::problems::{below, zeros};

/// One model: that of a service, of a folder, or a built-in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelConfig {
    /// Folder of a sentence encoder, which runs in this process.
    pub model_path: Option<PathBuf>,
    /// Embedding service. Without `api_url` its `model` names a built-in model, and its prefixes are those of `model_path`.
    #[serde(flatten)]
    pub api: ApiConfig,
}

/// Place where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// An embedding service.
    Service,
    /// This process, from the files of a folder.
    Folder(&'a Path),
    /// This process: the built-in sentence encoder.
    Encoder,
    /// This process: the built-in token table.
    Table,
}

impl ModelConfig {
    /// Returns where the model runs.
    pub(crate) fn place(&self) -> Place<'_> {
        match &self.model_path {
            _ if self.api.api_url.is_some() => Place::Service,
            Some(folder) => Place::Folder(folder),
            None if self.api.model == StaticTable::NAME => Place::Table,
            None => Place::Encoder,
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.api.problems();
        let built_in = ["", SentenceEncoder::BUILT_IN, StaticTable::NAME];
        let model = self.api.model.as_str();
        if self.model_path.is_some() && self.api.api_url.is_some() {
            problems.push("model_path: must not be set besides api_url".to_owned());
        } else if self.model_path.is_some() && !model.is_empty() {
            problems.push("model: must not be set besides model_path, whose files name the model".to_owned());
        } else if self.place() == Place::Encoder && !built_in.contains(&model) {
            problems.push(format!(
                "model: must be a built-in model without api_url and model_path: {} or {}",
                built_in[1], built_in[2]
            ));
        }
        problems
    }
}

/// Embedding models. Without `api_url` and `model_path` it is a built-in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbeddingConfig {
    /// Treatment of contexts that cannot be embedded at the moment.
    pub on_failure: OnEmbeddingFailure,
    /// Maximum number of texts per second embedded in the background: pending contexts, and those for another model.
    pub background_texts_per_sec: u32,
    /// The model.
    #[serde(flatten)]
    pub model: ModelConfig,
    /// Batching of texts for the service.
    #[serde(flatten)]
    pub batching: BatchConfig,
    /// Cache of vectors.
    #[serde(flatten)]
    pub cache: CacheConfig,
    /// Circuit breaker of the service.
    pub circuit_breaker: CircuitBreakerConfig,
    /// Another model to change to, or back to. The server uses the model whose vectors are stored.
    pub next: Option<ModelConfig>,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self {
            on_failure: OnEmbeddingFailure::default(),
            background_texts_per_sec: 500,
            model: ModelConfig::default(),
            batching: BatchConfig::default(),
            cache: CacheConfig::default(),
            circuit_breaker: CircuitBreakerConfig::default(),
            next: None,
        }
    }
}

impl EmbeddingConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.model.problems();
        problems.extend(self.batching.problems());
        problems.extend(below("circuit_breaker", self.circuit_breaker.problems()));
        problems.extend(self.next.iter().flat_map(|next| below("next", next.problems())));
        problems.extend(zeros(&[(
            "background_texts_per_sec",
            u64::from(self.background_texts_per_sec),
        )]));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(model_path: &str, api_url: &str, model: &str) -> ModelConfig {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ModelConfig {
            model_path: given(model_path).map(Into::into),
            api: ApiConfig {
                api_url: given(api_url),
                model: model.to_owned(),
                ..ApiConfig::default()
            },
        }
    }

    #[test]
    fn a_model_runs_where_its_settings_say() {
        let folder = Place::Folder(Path::new("models/e5"));
        for (config, place, problem) in [
            (model("", "", ""), Place::Encoder, ""),
            (model("", "", "enc-3x384-int8"), Place::Encoder, ""),
            (model("", "", "tl-256-int8"), Place::Table, ""),
            (model("", "", "gpt"), Place::Encoder, "model: must be a built-in"),
            (model("models/e5", "", ""), folder, ""),
            (model("models/e5", "", "e5"), folder, "model: must not"),
            (model("", "http://a", "e5"), Place::Service, ""),
            (
                model("models/e5", "http://a", ""),
                Place::Service,
                "model_path: must not",
            ),
        ] {
            assert_eq!(config.place(), place, "{config:?}");
            let problems = config.problems();
            assert_eq!(problems.len(), usize::from(!problem.is_empty()), "{problems:?}");
            assert!(problems.iter().all(|found| found.starts_with(problem)), "{problems:?}");
        }
    }
}
