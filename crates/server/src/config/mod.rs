//! Configuration: defaults, then a TOML file, then environment variables, then the command line.

mod auth;
mod connections;
mod consolidation;
mod embedding;
mod health;
mod jwt;
mod load;
mod mcp;
mod memory;
mod problems;
mod proxies;
mod quotas;
mod rate_limits;
mod reference;
mod requests;
mod rerank;
mod server;
mod tls;
mod unknown_keys;
mod vector_db;

use std::path::PathBuf;

use context_manager_core::lifecycle::{Dedup, Gc, Lifecycle};
use context_manager_core::{Config as HiragConfig, lexical, tokens::Encoding};
use context_manager_observability::{AuditConfig, LogConfig, TelemetryConfig};
use context_manager_vector_store::embedded::SnapshotConfig;
use serde::{Deserialize, Serialize};

use crate::auth::keys_file;
use problems::below;

pub use auth::{AuthConfig, ConfiguredKey};
pub use connections::{ConnectionsConfig, Http2Config};
pub use consolidation::{ConsolidationConfig, LlmConfig};
pub(crate) use embedding::Place;
pub use embedding::{EmbeddingConfig, ModelConfig};
pub use health::HealthConfig;
pub use jwt::JwtConfig;
pub(crate) use jwt::{is_encrypted, is_safe};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use load::load_text;
pub(crate) use load::{API_KEY_VARIABLE, ignored_names};
pub use load::{ConfigError, Source, load};
pub use mcp::McpConfig;
pub use memory::MemoryConfig;
pub use proxies::{ForwardedHeader, TrustedProxies};
pub use quotas::QuotasConfig;
pub use rate_limits::{CallRatesConfig, RateConfig, RateLimitsConfig};
pub use reference::reference;
pub use requests::RequestsConfig;
pub use rerank::RerankConfig;
pub use server::ServerConfig;
pub use tls::TlsConfig;
pub use vector_db::VectorDbConfig;

/// The configuration. `config.example.toml` shows each key with its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listening, limits and shutdown.
    pub server: ServerConfig,
    /// Keys and tokens.
    pub auth: AuthConfig,
    /// Rate limits.
    pub rate_limits: RateLimitsConfig,
    /// Quotas of tenants.
    pub quotas: QuotasConfig,
    /// Logs.
    pub log: LogConfig,
    /// Audit log of administrative and destructive calls.
    pub audit: AuditConfig,
    /// Traces.
    pub telemetry: TelemetryConfig,
    /// Health checks.
    pub health: HealthConfig,
    /// Embedding models.
    pub embedding: EmbeddingConfig,
    /// Reranking of search results.
    pub rerank: RerankConfig,
    /// Memory.
    pub memory: MemoryConfig,
    /// The store.
    pub vector_db: VectorDbConfig,
    /// Redis, for what servers share.
    pub redis: context_manager_redis::Config,
    /// Snapshots.
    pub snapshots: SnapshotConfig,
    /// Levels of memory and ranking.
    pub hirag: HiragConfig,
    /// Garbage collection.
    pub gc: Gc,
    /// Duplicates.
    pub dedup: Dedup,
    /// Summaries.
    pub consolidation: ConsolidationConfig,
    /// Analysis of texts for lexical search.
    pub lexical: lexical::Config,
    /// Counting of tokens.
    pub tokens: TokensConfig,
    /// Tools for agents.
    pub mcp: McpConfig,
}

/// Counting of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensConfig {
    /// Encoding of the model that reads the results.
    pub encoding: Encoding,
}

/// Maximum of `vector_db.timeout_secs` with Redis, where a write counts as abandoned after a minute.
const MAX_TIMEOUT_SECS: u64 = 30;

impl Config {
    /// Returns the settings of a context's life, from several sections.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            gc: self.gc.clone(),
            dedup: self.dedup.clone(),
            consolidation: self.consolidation.rules.clone(),
        }
    }

    fn redis_problems(&self) -> Vec<String> {
        let mut problems = self.redis.problems();
        if self.redis.is_used() && self.vector_db.qdrant.url.is_none() {
            problems.push("url: needs vector_db.url: a store in this process is not shared".to_owned());
        }
        if self.redis.is_used() && self.vector_db.qdrant.timeout_secs > MAX_TIMEOUT_SECS {
            problems.push(format!(
                "url: needs vector_db.timeout_secs of at most {MAX_TIMEOUT_SECS}"
            ));
        }
        problems
    }

    /// Returns every problem with the values, each as `section.key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let sections = [
            ("auth", self.auth.problems()),
            ("server", self.server.problems()),
            ("rate_limits", self.rate_limits.problems()),
            ("quotas", self.quotas.problems()),
            ("telemetry", self.telemetry.problems()),
            ("health", self.health.checks.problems()),
            ("embedding", self.embedding.problems()),
            ("rerank", self.rerank.problems()),
            ("vector_db", self.vector_db.problems()),
            ("redis", self.redis_problems()),
            ("snapshots", self.snapshots.problems()),
            ("hirag", self.hirag.problems()),
            ("gc", self.gc.problems()),
            ("dedup", self.dedup.problems()),
            ("consolidation", self.consolidation.problems()),
            ("mcp", self.mcp.problems()),
        ];
        let mut problems: Vec<String> = self.exposure().into_iter().collect();
        problems.extend(
            sections
                .into_iter()
                .flat_map(|(section, problems)| below(section, problems)),
        );
        if let Err(error) = self.log.filter() {
            problems.push(format!("log.filter: {error}"));
        }
        let lexical::Config {
            k1, b, average_words, ..
        } = self.lexical;
        let finite = k1.is_finite() && average_words.is_finite();
        if !(finite && k1 >= 0.0 && (0.0..=1.0).contains(&b) && average_words >= 1.0) {
            problems.push("lexical: k1 must be 0 or more, b from 0 to 1, average_words 1 or more".to_owned());
        }
        problems
    }

    /// Returns the path of the key file.
    pub fn keys_path(&self) -> PathBuf {
        self.auth.keys_path(&self.vector_db.embedded.path)
    }

    /// Returns the problem of a server without keys that other machines can reach.
    fn exposure(&self) -> Option<String> {
        let ServerConfig {
            host,
            allow_unauthenticated,
            ..
        } = self.server;
        if host.is_loopback() || allow_unauthenticated || !self.auth.keys.is_empty() || self.auth.jwt.is_on() {
            return None;
        }
        // There may be keys at the Qdrant server; until then nobody is let in.
        if self.vector_db.qdrant.url.is_some() {
            return None;
        }
        match keys_file::read(&self.keys_path()) {
            Ok(records) if !records.keys.is_empty() => None,
            Ok(_) => Some(format!(
                "server.host: {host} can be reached from other machines, and there is no key yet; make one with \
                 `context-manager keys create --tenant default --permissions read,write`, or set `host = \"127.0.0.1\"`, \
                 or set `allow_unauthenticated = true` in [server] if something in front of the server decides who may \
                 use it"
            )),
            Err(error) => Some(format!("auth.keys_file: {error}")),
        }
    }
}
