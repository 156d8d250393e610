//! Where the server's certificate is.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// TLS, when a certificate is named. The files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate and those that vouch for it, in that order (PEM).
    pub cert_file: Option<PathBuf>,
    /// Its private key (PEM).
    pub key_file: Option<PathBuf>,
    /// Who vouches for clients (PEM); with it, every client must bring a certificate.
    pub client_ca_file: Option<PathBuf>,
    /// The longest a handshake may take, in milliseconds.
    pub handshake_timeout_ms: u64,
    /// How often to look whether the files have changed, in seconds.
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
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = super::zeros(&[
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
