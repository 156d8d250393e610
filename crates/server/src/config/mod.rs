//! Configuration: defaults, then a TOML file, then environment variables, then the command line.

mod auth;
mod connections;
mod consolidation;
mod embedding;
mod health;
mod jwt;
mod load;
mod proxies;
mod quotas;
mod rate_limits;
mod reference;
mod requests;
mod tls;
mod unknown_keys;
mod vector_db;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use context_manager_core::lifecycle::{Dedup, Gc, Lifecycle};
use context_manager_core::{Config as HiragConfig, lexical, tokens::Encoding};
use context_manager_observability::{AuditConfig, LogConfig, TelemetryConfig};
use context_manager_vector_store::embedded::SnapshotConfig;
use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::auth::keys_file;

pub use auth::{AuthConfig, ConfiguredKey};
pub use connections::{ConnectionsConfig, Http2Config};
pub use consolidation::{ConsolidationConfig, LlmConfig};
pub use embedding::EmbeddingConfig;
pub use health::HealthConfig;
pub use jwt::JwtConfig;
pub(crate) use jwt::is_encrypted;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use load::load_text;
pub(crate) use load::{API_KEY_VARIABLE, ignored_names};
pub use load::{ConfigError, Source, load};
pub use proxies::{ForwardedHeader, TrustedProxies};
pub use quotas::QuotasConfig;
pub use rate_limits::{CallRatesConfig, RateConfig, RateLimitsConfig};
pub use reference::reference;
pub use requests::RequestsConfig;
pub use tls::TlsConfig;
pub use vector_db::VectorDbConfig;

/// Everything that can be configured. `config.example.toml` shows each key with its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listening, limits and shutdown.
    pub server: ServerConfig,
    /// Who may use the server.
    pub auth: AuthConfig,
    /// How often callers may call.
    pub rate_limits: RateLimitsConfig,
    /// How much a tenant may keep.
    pub quotas: QuotasConfig,
    /// Where logs go and what they say.
    pub log: LogConfig,
    /// Where it is written down who did which operator's or destructive call.
    pub audit: AuditConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
    /// When the server counts as well.
    pub health: HealthConfig,
    /// How texts become vectors.
    pub embedding: EmbeddingConfig,
    /// Where contexts are kept.
    pub vector_db: VectorDbConfig,
    /// Copies of the whole store.
    pub snapshots: SnapshotConfig,
    /// How memory is kept and ranked.
    pub hirag: HiragConfig,
    /// What is collected and what is kept.
    pub gc: Gc,
    /// What becomes of what is said twice.
    pub dedup: Dedup,
    /// How many contexts become one.
    pub consolidation: ConsolidationConfig,
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
    #[serde(deserialize_with = "address")]
    pub host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Whether an address other than loopback may be served although there is no key.
    pub allow_unauthenticated: bool,
    /// The longest a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// The longest that an export, an import, forgetting a person, and making or restoring a snapshot may take, in
    /// milliseconds. Each wait for a piece of a body is bounded by `request_timeout_ms`.
    pub long_request_timeout_ms: u64,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The longest line of an import, in bytes; its body as a whole is not bounded.
    pub max_line_bytes: usize,
    /// How long a shutdown goes on accepting after readiness is off, in milliseconds: for load balancers to notice, and
    /// for clients to be told to close their connections.
    pub shutdown_delay_ms: u64,
    /// How long a shutdown waits for requests in flight, in seconds.
    pub shutdown_grace_secs: u64,
    /// Addresses and networks of proxies that say whom they speak for.
    pub trusted_proxies: TrustedProxies,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
    /// Names under which a server that asks for no key answers, beside `localhost` and IP addresses; any port.
    pub allowed_hosts: Vec<String>,
    /// URL at which clients find the server, if it listens elsewhere: the server answers to its host, and lets its pages
    /// call.
    pub public_url: Option<String>,
    /// The origins whose pages may call the server from a browser; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// How many connections there may be, and how long a client may take.
    pub connections: ConnectionsConfig,
    /// What one HTTP/2 connection may do.
    pub http2: Http2Config,
    /// How many requests are worked on at once.
    pub requests: RequestsConfig,
    /// Encryption.
    pub tls: TlsConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8080,
            allow_unauthenticated: false,
            request_timeout_ms: 30_000,
            long_request_timeout_ms: 3_600_000,
            max_body_bytes: 16 * 1024 * 1024,
            max_line_bytes: 1024 * 1024,
            shutdown_delay_ms: 250,
            shutdown_grace_secs: 10,
            trusted_proxies: TrustedProxies::default(),
            forwarded_header: ForwardedHeader::default(),
            allowed_hosts: Vec::new(),
            public_url: None,
            cors_allowed_origins: Vec::new(),
            connections: ConnectionsConfig::default(),
            http2: Http2Config::default(),
            requests: RequestsConfig::default(),
            tls: TlsConfig::default(),
        }
    }
}

impl ServerConfig {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// What is wrong with the limits of connections and requests.
    fn limit_problems(&self) -> Vec<String> {
        let sections = [
            ("connections", self.connections.problems()),
            ("http2", self.http2.problems()),
            ("requests", self.requests.problems(self.max_body_bytes)),
            ("tls", self.tls.problems()),
        ];
        let all = sections.into_iter().flat_map(|(section, problems)| {
            problems
                .into_iter()
                .map(move |problem| format!("server.{section}.{problem}"))
        });
        let origins = self.cors_allowed_origins.iter().filter(|origin| !is_origin(origin));
        let origins = origins.map(|origin| {
            format!("server.cors_allowed_origins: `{origin}` is not an origin such as https://app.example.com")
        });
        let hosts = self.allowed_hosts.iter().filter(|host| !is_host(host));
        let hosts =
            hosts.map(|host| format!("server.allowed_hosts: `{host}` is not a name such as memory.example.com"));
        let public_url = self.public_url.as_ref().filter(|url| !is_public_url(url));
        let public_url = public_url.map(|_| {
            "server.public_url: must be a URL such as https://memory.example.com, without user, query or fragment"
                .to_owned()
        });
        all.chain(origins).chain(hosts).chain(public_url).collect()
    }
}

/// Whether this is what a browser sends as `Origin`: scheme and host, nothing behind them.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_scheme, host)| host);
    text == "*"
        || host.is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'))
}

/// Returns whether this is a host alone: no scheme, no port, no path.
fn is_host(text: &str) -> bool {
    !text.contains('*')
        && Url::parse(&format!("http://{text}/")).is_ok_and(|url| {
            let text = text.strip_suffix('.').unwrap_or(text);
            let host = url.host_str().unwrap_or_default();
            host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(text)
        })
}

/// Returns whether clients can be sent there.
fn is_public_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// An address, in brackets or not: URLs write those of version 6 in brackets.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(from)?;
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let wrong = |_| D::Error::custom("must be an address such as 127.0.0.1 or ::1");
    address.unwrap_or(&text).parse().map_err(wrong)
}

/// The problem of each value that is 0 but must not be.
fn zeros(values: &[(&str, u64)]) -> Vec<String> {
    let zero = values.iter().filter(|(_, value)| *value == 0);
    zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
}

/// How tokens are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensConfig {
    /// The encoding of the model that reads the answers.
    pub encoding: Encoding,
}

impl Config {
    /// What governs the life of contexts, of several sections.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            gc: self.gc.clone(),
            dedup: self.dedup.clone(),
            consolidation: self.consolidation.rules.clone(),
        }
    }

    /// Everything that is wrong with the values, each as `section.key: what is expected`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let server = &self.server;
        problems.extend(self.exposure());
        let auth = self.auth.problems();
        problems.extend(auth.into_iter().map(|problem| format!("auth.{problem}")));
        let needed = zeros(&[
            ("request_timeout_ms", server.request_timeout_ms),
            ("long_request_timeout_ms", server.long_request_timeout_ms),
            ("max_body_bytes", server.max_body_bytes as u64),
            ("max_line_bytes", server.max_line_bytes as u64),
            ("shutdown_grace_secs", server.shutdown_grace_secs),
        ]);
        problems.extend(needed.into_iter().map(|problem| format!("server.{problem}")));
        problems.extend(server.limit_problems());
        let rate_limits = self.rate_limits.problems();
        problems.extend(rate_limits.into_iter().map(|problem| format!("rate_limits.{problem}")));
        let quotas = self.quotas.problems();
        problems.extend(quotas.into_iter().map(|problem| format!("quotas.{problem}")));
        if let Err(error) = self.log.filter() {
            problems.push(format!("log.filter: {error}"));
        }
        let telemetry = self.telemetry.problems();
        problems.extend(telemetry.into_iter().map(|problem| format!("telemetry.{problem}")));
        let health = self.health.checks.problems();
        problems.extend(health.into_iter().map(|problem| format!("health.{problem}")));
        let embedding = self.embedding.problems();
        problems.extend(embedding.into_iter().map(|problem| format!("embedding.{problem}")));
        let vector_db = self.vector_db.problems();
        problems.extend(vector_db.into_iter().map(|problem| format!("vector_db.{problem}")));
        let snapshots = self.snapshots.problems();
        problems.extend(snapshots.into_iter().map(|problem| format!("snapshots.{problem}")));
        problems.extend(
            self.hirag
                .problems()
                .into_iter()
                .map(|problem| format!("hirag.{problem}")),
        );
        let of = |section: &str, found: Vec<String>| -> Vec<String> {
            found
                .into_iter()
                .map(|problem| format!("{section}.{problem}"))
                .collect()
        };
        problems.extend(of("gc", self.gc.problems()));
        problems.extend(of("dedup", self.dedup.problems()));
        problems.extend(of("consolidation", self.consolidation.problems()));
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
    /// Where the file of keys is.
    pub fn keys_path(&self) -> PathBuf {
        self.auth.keys_path(&self.vector_db.embedded.path)
    }

    /// What is to be decided before other machines may reach a server that asks for no keys.
    fn exposure(&self) -> Option<String> {
        let ServerConfig {
            host,
            allow_unauthenticated,
            ..
        } = self.server;
        if host.is_loopback() || allow_unauthenticated || !self.auth.keys.is_empty() || self.auth.jwt.is_on() {
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
