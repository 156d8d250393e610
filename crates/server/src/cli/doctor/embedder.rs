//! The embedding model.

use context_manager_core::ports::{Embedder as _, StoredModels};
use context_manager_embedding::{ApiConfig, Error, OpenAiCompatible};
use reqwest::Url;

use super::finding::Findings;
use crate::config::{Config, Place, is_encrypted, is_safe};
use crate::embedders::Embedders;

const EMBEDDER: &str = "embedder";

pub(super) async fn check(config: &Config, stored: Option<&StoredModels>, found: &mut Findings) {
    let model = &config.embedding.model;
    let (place, api) = (model.place(), &model.api);
    if place == Place::Service && !service(api, stored, found).await {
        return;
    }
    let serving = async {
        let embedders = Embedders::connect(&config.embedding, stored).await?;
        embedders.serving(&config.vector_db, stored)
    };
    match serving.await {
        Ok(serving) => found.otherwise(EMBEDDER, format!("{} is ready", serving.fingerprint())),
        Err(error) => found.error(
            EMBEDDER,
            format!("{error:#}"),
            "mend [embedding]; a change of the model is in docs/how-to/embedding-models.md",
        ),
    }
}

/// Asks the service for a vector; returns whether it gave one.
async fn service(api: &ApiConfig, stored: Option<&StoredModels>, found: &mut Findings) -> bool {
    let url = api.api_url.as_deref().unwrap_or_default();
    let has_key = api.api_token.is_some() || api.api_token_file.is_some() || api.headers.is_some();
    let is_elsewhere = is_encrypted(url) && Url::parse(url).is_ok_and(|url| url.host_str() != Some("localhost"));
    if is_elsewhere && !has_key {
        found.warning(
            EMBEDDER,
            "no key is set for the embedding service",
            "set embedding.api_token_file, or embedding.api_token, if the service asks for one",
        );
    }
    if has_key && !is_safe(url) {
        found.warning(
            EMBEDDER,
            format!("the key of the embedding service travels unencrypted to {url}"),
            "set embedding.api_url to its https URL",
        );
    }
    // Without a stored model, so that an outage is one.
    match OpenAiCompatible::builder(api.clone()).connect(None).await {
        Ok(service) => dimensions(&service, stored, found),
        Err(error) => {
            let mend = match &error {
                Error::Unreachable { .. } => {
                    "start the service, or mend embedding.api_url, embedding.api_token and embedding.model"
                }
                Error::Dimensions { .. } => "set embedding.dimensions to what the service gives, or remove it",
                Error::File { .. } => "mend the path, or the permissions of the file",
                Error::Config(_)
                | Error::Tls(_)
                | Error::Http(_)
                | Error::BuiltIn(_)
                | Error::Model { .. }
                | Error::Threads(_)
                | _ => "mend [embedding]",
            };
            let error = anyhow::Error::from(error).context("no vector comes");
            found.error(EMBEDDER, format!("{error:#}"), mend);
            false
        }
    }
}

fn dimensions(service: &OpenAiCompatible, stored: Option<&StoredModels>, found: &mut Findings) -> bool {
    let given = service.fingerprint();
    let Some(stored) = stored.map(|stored| &stored.in_use) else {
        return true;
    };
    if given.dimensions == stored.dimensions {
        return true;
    }
    found.error(
        EMBEDDER,
        format!(
            "the service gives vectors of {} dimensions, and the store holds those of {} with {}",
            given.dimensions, stored.name, stored.dimensions
        ),
        "configure the old model again, or run `context-manager reembed` to embed everything with the new one",
    );
    false
}
