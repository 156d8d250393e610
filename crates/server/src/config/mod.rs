//! Configuration: defaults, then a TOML file, then environment variables, then the command line.

mod embedding;
mod health;
mod load;
mod reference;
mod unknown_keys;

use std::net::{IpAddr, SocketAddr};

use context_manager_core::{Config as HiragConfig, lexical, tokens::Encoding};
use context_manager_observability::{LogConfig, TelemetryConfig};
use context_manager_vector_store::embedded;
use serde::{Deserialize, Serialize};

pub use embedding::EmbeddingConfig;
pub use health::HealthConfig;
pub use load::{ConfigError, Source, load};
pub use reference::reference;

/// Everything that can be configured. `config.example.toml` shows each key with its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listening, limits and shutdown.
    pub server: ServerConfig,
    /// Where logs go and what they say.
    pub log: LogConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
    /// When the server counts as well.
    pub health: HealthConfig,
    /// How texts become vectors.
    pub embedding: EmbeddingConfig,
    /// Where contexts are kept.
    pub vector_db: VectorDbConfig,
    /// How memory is kept and ranked.
    pub hirag: HiragConfig,
    /// How texts become words.
    pub lexical: lexical::Config,
    /// How tokens are counted.
    pub tokens: TokensConfig,
}

/// Listening, limits and shutdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Whether an address other than loopback may be served although no keys are needed.
    pub allow_unauthenticated: bool,
    /// The longest a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a shutdown goes on accepting after readiness is off, in milliseconds: for load balancers to notice, and
    /// for clients to be told to close their connections.
    pub shutdown_delay_ms: u64,
    /// How long a shutdown waits for requests in flight, in seconds.
    pub shutdown_grace_secs: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8080,
            allow_unauthenticated: false,
            request_timeout_ms: 30_000,
            max_body_bytes: 16 * 1024 * 1024,
            shutdown_delay_ms: 250,
            shutdown_grace_secs: 10,
        }
    }
}

impl ServerConfig {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// Where contexts are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VectorDbConfig {
    /// The engine inside this process.
    #[serde(flatten)]
    pub embedded: embedded::Config,
}

/// How tokens are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensConfig {
    /// The encoding of the model that reads the answers.
    pub encoding: Encoding,
}

impl Config {
    /// Everything that is wrong with the values, each as `section.key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let server = &self.server;
        if !server.host.is_loopback() && !server.allow_unauthenticated {
            problems.push(format!(
                "server.host: {} can be reached from other machines, and no keys are needed here; set `host = \
                 \"127.0.0.1\"`, or set `allow_unauthenticated = true` in [server] if something in front of the server \
                 decides who may use it",
                server.host
            ));
        }
        for (key, value) in [
            ("request_timeout_ms", server.request_timeout_ms),
            ("max_body_bytes", server.max_body_bytes as u64),
            ("shutdown_grace_secs", server.shutdown_grace_secs),
        ] {
            if value == 0 {
                problems.push(format!("server.{key}: must be at least 1"));
            }
        }
        if let Err(error) = self.log.filter() {
            problems.push(format!("log.filter: {error}"));
        }
        let telemetry = self.telemetry.problems();
        problems.extend(telemetry.into_iter().map(|problem| format!("telemetry.{problem}")));
        let health = self.health.checks.problems();
        problems.extend(health.into_iter().map(|problem| format!("health.{problem}")));
        let embedding = self.embedding.problems();
        problems.extend(embedding.into_iter().map(|problem| format!("embedding.{problem}")));
        let vector_db = self.vector_db.embedded.problems();
        problems.extend(vector_db.into_iter().map(|problem| format!("vector_db.{problem}")));
        problems.extend(
            self.hirag
                .problems()
                .into_iter()
                .map(|problem| format!("hirag.{problem}")),
        );
        let lexical::Config {
            k1, b, average_words, ..
        } = self.lexical;
        if !(k1.is_finite()
            && k1 >= 0.0
            && (0.0..=1.0).contains(&b)
            && average_words.is_finite()
            && average_words >= 1.0)
        {
            problems.push("lexical: k1 must be 0 or more, b from 0 to 1, average_words 1 or more".to_owned());
        }
        problems
    }
}
