//! TLS.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::problems::zeros;

/// TLS, if a certificate is configured. Changed files are reloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate of the server, followed by its chain (PEM).
    pub cert_file: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    pub key_file: Option<PathBuf>,
    /// Certificate authorities of clients (PEM); with it, every client must present a certificate.
    pub client_ca_file: Option<PathBuf>,
    /// Maximum duration of a handshake, in milliseconds.
    pub handshake_timeout_ms: u64,
    /// Interval of checking the files for changes, in seconds.
    pub reload_interval_secs: u64,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            cert_file: None,
            key_file: None,
            client_ca_file: None,
            handshake_timeout_ms: 5_000,
            reload_interval_secs: 10,
        }
    }
}

impl TlsConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = zeros(&[
            ("handshake_timeout_ms", self.handshake_timeout_ms),
            ("reload_interval_secs", self.reload_interval_secs),
        ]);
        match (&self.cert_file, &self.key_file) {
            (Some(_), None) => problems.push("key_file: is needed beside cert_file".to_owned()),
            (None, Some(_)) => problems.push("cert_file: is needed beside key_file".to_owned()),
            (None, None) if self.client_ca_file.is_some() => {
                problems.push("client_ca_file: needs cert_file and key_file".to_owned());
            }
            _ => {}
        }
        problems
    }
}
