//! Keys and tokens.

use std::path::{Path, PathBuf};

use context_manager_core::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::jwt::JwtConfig;
use super::problems::{below, zeros};
use crate::auth::{BoundUser, KeyHash, Permissions};

/// Name of the key file in the data folder.
const KEYS_FILE: &str = "keys.toml";

/// Shortest interval of checking the keys in the store: each check is a call to it.
const MIN_SHARED_RELOAD_MS: u64 = 50;

/// Keys and tokens. As soon as there is a key, in the key file or here, or tokens are accepted, every call needs one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Key file that `context-manager keys` writes, unless `vector_db.url` names a store that servers share. Default
    /// `keys.toml` in `vector_db.path`.
    pub keys_file: Option<PathBuf>,
    /// Keys beside those of the key file.
    pub keys: Vec<ConfiguredKey>,
    /// Tokens of an identity provider.
    pub jwt: JwtConfig,
    /// Serve `/metrics` without a key; otherwise it needs the permission `metrics`.
    pub public_metrics: bool,
    /// Serve `/health` without a key; otherwise it needs the permission `metrics`. `/health/live` and `/health/ready` never
    /// need a key.
    pub public_health: bool,
    /// Interval of checking the key files for changes, in seconds.
    pub reload_interval_secs: u64,
    /// Interval of checking the keys in the store for changes, in milliseconds, where `vector_db.url` names one that servers
    /// share.
    pub shared_reload_interval_ms: u64,
    /// Interval of saving the time of each key's last use, in seconds.
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
            shared_reload_interval_ms: 500,
            usage_flush_interval_secs: 30,
        }
    }
}

/// A key from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredKey {
    /// Name in logs. Default `config-` and the first digits of the hash.
    pub id: Option<String>,
    /// Tenant whose data it reaches.
    pub tenant: String,
    /// User of the tenant whose contexts alone it stores and reaches. Default every user.
    pub user: Option<BoundUser>,
    /// Permissions.
    pub permissions: Permissions,
    /// SHA-256 of the key, in hexadecimal.
    pub key_sha256: Option<KeyHash>,
    /// File with the key itself, such as a mounted secret. It may change while the server runs.
    pub key_file: Option<PathBuf>,
    /// Time of its expiry.
    pub expires_at: Option<Timestamp>,
}

impl AuthConfig {
    /// Returns the path of the key file of a server with this data folder.
    pub fn keys_path(&self, data: &Path) -> PathBuf {
        self.keys_file.clone().unwrap_or_else(|| data.join(KEYS_FILE))
    }

    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = below("jwt", self.jwt.problems()).collect();
        for (at, key) in self.keys.iter().enumerate() {
            problems.extend(below(&format!("keys[{at}]"), key.problems()));
        }
        problems.extend(zeros(&[
            ("reload_interval_secs", self.reload_interval_secs),
            ("usage_flush_interval_secs", self.usage_flush_interval_secs),
        ]));
        if self.shared_reload_interval_ms < MIN_SHARED_RELOAD_MS {
            problems.push(format!(
                "shared_reload_interval_ms: must be at least {MIN_SHARED_RELOAD_MS}"
            ));
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
        if self.user.is_some() && self.permissions.exceed(Permissions::of_one_user()) {
            problems.push("permissions: a key that is bound to a user can have read and write alone".to_owned());
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
    use crate::auth::Permission;

    #[test]
    fn problems_of_a_key_are_named_by_its_index() {
        let key = ConfiguredKey {
            id: None,
            tenant: "_x".to_owned(),
            user: None,
            permissions: Permissions::default(),
            key_sha256: None,
            key_file: None,
            expires_at: None,
        };
        let operator_of_one_user = ConfiguredKey {
            id: None,
            tenant: "acme".to_owned(),
            user: Some("ann".parse().unwrap()),
            permissions: vec![Permission::Read, Permission::TenantAdmin].into(),
            key_sha256: Some(KeyHash::of("k")),
            key_file: None,
            expires_at: None,
        };
        let config = AuthConfig {
            keys: vec![key, operator_of_one_user],
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
                "keys[1].permissions",
                "reload_interval_secs"
            ]
        );
        assert_eq!(AuthConfig::default().problems(), [""; 0]);
    }
}
