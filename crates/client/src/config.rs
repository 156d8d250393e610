//! Settings of a client.

use std::time::Duration;

pub use context_manager_resilience::{Retry, Secret};

/// Settings of a [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct Config {
    /// Key sent as a bearer token; it decides the tenant.
    pub api_key: Option<Secret>,
    /// Maximum duration of a call, with its retries.
    pub timeout: Duration,
    /// The same for calls that last as long as there is data: export, import, snapshots, garbage collection and forgetting
    /// a user.
    pub long_timeout: Duration,
    /// Number of retries, and the pauses before them. A `Retry-After` of the server takes precedence over a pause.
    pub retry: Retry,
    /// Certificates to accept.
    pub certificates: Certificates,
}

/// Certificates that a client accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Certificates {
    /// Those the operating system trusts.
    #[default]
    System,
    /// Any certificate. For local health checks, which send nothing secret.
    Any,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: None,
            timeout: Duration::from_secs(30),
            long_timeout: Duration::from_hours(1),
            retry: Retry {
                max_retries: 3,
                backoff_ms: 200,
                max_backoff_ms: 10_000,
            },
            certificates: Certificates::default(),
        }
    }
}

impl Config {
    /// Default settings with a key.
    pub fn with_key(api_key: impl Into<String>) -> Self {
        Self {
            api_key: Some(Secret::from(api_key.into())),
            ..Self::default()
        }
    }
}
