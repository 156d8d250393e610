//! Who may use the server.

use std::path::{Path, PathBuf};

use context_manager_core::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::JwtConfig;
use crate::auth::{KeyHash, Permissions};

/// What the file of keys is called in the data folder.
const KEYS_FILE: &str = "keys.toml";

/// Who may use the server. Once there is a key, in the file of keys or here, or tokens are accepted, every call needs one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The file that `context-manager keys` writes; without it `keys.toml` in `vector_db.path`.
    pub keys_file: Option<PathBuf>,
    /// Keys beside those of the file.
    pub keys: Vec<ConfiguredKey>,
    /// Tokens of an identity provider.
    pub jwt: JwtConfig,
    /// Whether `/metrics` is answered without a key; if not, it takes the permission `metrics`.
    pub public_metrics: bool,
    /// Whether `/health` is answered without a key; if not, it takes the permission `metrics`. `/health/live` and
    /// `/health/ready` always are.
    pub public_health: bool,
    /// Seconds between two looks at the files of keys.
    pub reload_interval_secs: u64,
    /// Seconds between two writings of when each key was used last.
    pub usage_flush_interval_secs: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            keys_file: None,
            keys: Vec::new(),
            jwt: JwtConfig::default(),
            public_metrics: true,
            public_health: true,
            reload_interval_secs: 1,
            usage_flush_interval_secs: 30,
        }
    }
}

/// A key from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredKey {
    /// Names it in logs; without it `config-` and the first digits of its hash.
    pub id: Option<String>,
    /// Whose data it reaches.
    pub tenant: String,
    /// What it may do.
    pub permissions: Permissions,
    /// The SHA-256 of the key, in hexadecimal digits.
    pub key_sha256: Option<KeyHash>,
    /// A file that holds the key itself, such as a mounted secret. It may change while the server runs.
    pub key_file: Option<PathBuf>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl AuthConfig {
    /// The file of keys, for a server whose data is in `data`.
    pub fn keys_path(&self, data: &Path) -> PathBuf {
        self.keys_file.clone().unwrap_or_else(|| data.join(KEYS_FILE))
    }

    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        let jwt = self.jwt.problems();
        let mut problems: Vec<String> = jwt.into_iter().map(|problem| format!("jwt.{problem}")).collect();
        for (at, key) in self.keys.iter().enumerate() {
            problems.extend(
                key.problems()
                    .into_iter()
                    .map(|problem| format!("keys[{at}].{problem}")),
            );
        }
        for (name, value) in [
            ("reload_interval_secs", self.reload_interval_secs),
            ("usage_flush_interval_secs", self.usage_flush_interval_secs),
        ] {
            if value == 0 {
                problems.push(format!("{name}: must be at least 1"));
            }
        }
        problems
    }
}

impl ConfiguredKey {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match TenantId::try_new(&self.tenant) {
            Ok(tenant) if tenant.is_reserved() => {
                problems.push("tenant: names that begin with `_` are the server's own".to_owned());
            }
            Ok(_) => {}
            Err(error) => problems.push(format!("tenant: {error}")),
        }
        if self.permissions.is_empty() {
            problems
                .push("permissions: must name at least one of read, write, tenant_admin, admin, metrics".to_owned());
        }
        if self.key_sha256.is_some() == self.key_file.is_some() {
            problems.push("key_sha256: must be set, or key_file, but not both".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_key_is_named_by_its_place() {
        let key = ConfiguredKey {
            id: None,
            tenant: "_x".to_owned(),
            permissions: Permissions::default(),
            key_sha256: None,
            key_file: None,
            expires_at: None,
        };
        let config = AuthConfig {
            keys: vec![key],
            reload_interval_secs: 0,
            ..AuthConfig::default()
        };
        let problems = config.problems();
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.split(':').next())
            .collect();
        assert_eq!(
            keys,
            [
                "keys[0].tenant",
                "keys[0].permissions",
                "keys[0].key_sha256",
                "reload_interval_secs"
            ]
        );
        assert_eq!(AuthConfig::default().problems(), [""; 0]);
    }
}
