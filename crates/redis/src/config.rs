//! Settings of the connection.

use std::path::PathBuf;
use std::time::Duration;

use context_manager_resilience::{CircuitBreakerConfig, Secret};
use serde::{Deserialize, Serialize};

/// Settings of Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address as `redis://user:password@host:6379/0`, or `rediss://` for TLS. Several addresses, separated by commas, are
    /// the nodes of a cluster, or the sentinels of `sentinel_master`. Without one, servers share nothing but the store.
    pub url: Option<Secret>,
    /// File that holds the address, such as a mounted secret.
    pub url_file: Option<PathBuf>,
    /// Name of the master that the sentinels watch.
    pub sentinel_master: Option<String>,
    /// Beginning of all keys. Servers with the same store have the same prefix.
    pub key_prefix: String,
    /// Time in milliseconds to connect, and of each call.
    pub timeout_ms: u64,
    /// Time in seconds after which the cached working memory of a session is read from the store again.
    pub session_ttl_secs: u64,
    /// Circuit breaker.
    pub circuit_breaker: CircuitBreakerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            sentinel_master: None,
            key_prefix: "context-manager".to_owned(),
            timeout_ms: 250,
            session_ttl_secs: 600,
            circuit_breaker: CircuitBreakerConfig {
                max_open_ms: 5_000,
                ..CircuitBreakerConfig::default()
            },
        }
    }
}

impl Config {
    /// Returns everything that is wrong, each with the name of the setting.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.url.is_some() && self.url_file.is_some() {
            problems.push("url_file: cannot be set beside url".to_owned());
        }
        if self.key_prefix.is_empty()
            || !self
                .key_prefix
                .chars()
                .all(|one| one.is_ascii_alphanumeric() || "-_.:".contains(one))
        {
            problems.push("key_prefix: must be letters, digits, `-`, `_`, `.` or `:`".to_owned());
        }
        if self.timeout_ms == 0 {
            problems.push("timeout_ms: must be more than 0".to_owned());
        }
        if self.session_ttl_secs == 0 || self.session_ttl_secs > MAX_TTL_SECS {
            problems.push(format!("session_ttl_secs: must be 1 to {MAX_TTL_SECS}"));
        }
        problems.extend(
            self.circuit_breaker
                .problems()
                .into_iter()
                .map(|problem| format!("circuit_breaker.{problem}")),
        );
        problems
    }

    /// Returns `true` if servers share a Redis.
    pub fn is_used(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    /// Returns the addresses, from the file if it is set.
    pub(crate) fn addresses(&self) -> std::io::Result<Vec<Secret>> {
        let text = match (&self.url, &self.url_file) {
            (Some(url), _) => url.expose().to_owned(),
            (None, Some(file)) => std::fs::read_to_string(file)?,
            (None, None) => String::new(),
        };
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        Ok(addresses.map(|address| address.to_owned().into()).collect())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Maximum of `session_ttl_secs`: a day.
const MAX_TTL_SECS: u64 = 86_400;
