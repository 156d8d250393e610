//! Keys by their hash: those of the file and of the configuration, or those in the store that servers share.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use context_manager_core::{InvalidTenant, TenantId};
use jiff::Timestamp;

use super::denied::Denied;
use super::keys_file::{self, KeyRecords, KeysFileError};
use super::permission::Permissions;
use super::principal::Principal;
use super::token::{KeyHash, MAX_BYTES, MIN_FOREIGN_BYTES};
use super::user::BoundUser;
use crate::config::ConfiguredKey;

/// Keys of one origin, by their hash.
#[derive(Debug)]
pub(super) struct Keyring {
    keys: HashMap<KeyHash, Key>,
    /// True if keys are asked for: the configuration names some, or their file or document exists, even if empty.
    wanted: bool,
}

#[derive(Debug)]
struct Key {
    id: Arc<str>,
    tenant: TenantId,
    user: Option<BoundUser>,
    permissions: Permissions,
    expires_at: Option<Timestamp>,
    revoked: bool,
    /// Time of the last use since [`Keyring::take_used`], in seconds since 1970; 0 if there was none.
    used_at: AtomicI64,
}

/// Reason for not using the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file of keys cannot be used.
    #[error(transparent)]
    File(#[from] KeysFileError),
    /// The identity provider's keys cannot be read or fetched.
    #[error("cannot use [auth.jwt]")]
    IdentityProvider(#[source] anyhow::Error),
    /// A file that should hold a key cannot be read.
    #[error("cannot read the key in `{path}`")]
    KeyFile {
        /// Path of the file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A file that should hold a key holds something else.
    #[error("`{path}` must hold one key of {MIN_FOREIGN_BYTES} to {MAX_BYTES} visible ASCII characters")]
    NotAKey {
        /// Path of the file.
        path: String,
    },
    /// Callers have to bring a key, and there is none.
    #[error(
        "callers have to bring a key, and there is none: put `{path}` back as it was, or the keys of the configuration; or \
         make a key with `context-manager keys create --tenant TENANT --permissions read,write`; or, to let everybody in, \
         remove that file if it is there and set `allow_unauthenticated = true` in [server]"
    )]
    Lost {
        /// Expected path of the keys file.
        path: String,
    },
    /// A key has a tenant of an invalid name.
    #[error("the tenant of key `{id}`")]
    Tenant {
        /// Id of the key.
        id: String,
        /// Rule that the name breaks.
        source: InvalidTenant,
    },
    /// A key that is bound to a user has permissions that reach beyond that user.
    #[error("the key `{id}` is bound to a user, and such a key can have the permissions `read` and `write` alone")]
    Exceeds {
        /// Id of the key.
        id: String,
    },
    /// A key has a tenant that is reserved for the server.
    #[error("the tenant of key `{id}` begins with `_`, as only the server's own do")]
    Reserved {
        /// Id of the key.
        id: String,
    },
}

impl Keyring {
    /// Reads the keys of the file and of the configuration.
    pub(super) fn read(file: &Path, configured: &[ConfiguredKey]) -> Result<Self, KeyringError> {
        let mut ring = Self::of_records(keys_file::read_if_there(file)?)?;
        ring.wanted |= !configured.is_empty();
        ring.add_configured(configured)?;
        Ok(ring)
    }

    /// Takes the keys of a file or document; `None` if it does not exist.
    pub(super) fn of_records(records: Option<KeyRecords>) -> Result<Self, KeyringError> {
        let mut ring = Self {
            keys: HashMap::new(),
            wanted: records.is_some(),
        };
        for record in records.unwrap_or_default().keys {
            if record.user.is_some() && record.permissions.exceed(Permissions::of_one_user()) {
                return Err(KeyringError::Exceeds { id: record.id });
            }
            let key = Key {
                tenant: tenant(&record.id, &record.tenant)?,
                user: record.user,
                id: record.id.into(),
                permissions: record.permissions,
                expires_at: record.expires_at,
                revoked: record.revoked_at.is_some(),
                used_at: AtomicI64::new(0),
            };
            ring.keys.insert(record.sha256, key);
        }
        Ok(ring)
    }

    fn add_configured(&mut self, configured: &[ConfiguredKey]) -> Result<(), KeyringError> {
        for given in configured {
            let hash = match (given.key_sha256, &given.key_file) {
                (Some(hash), _) => hash,
                (None, Some(path)) => KeyHash::of(&read_key(path)?),
                // Refused when the configuration is read.
                (None, None) => continue,
            };
            let id = given.id.clone().unwrap_or_else(|| format!("config-{}", hash.short()));
            let key = Key {
                tenant: tenant(&id, &given.tenant)?,
                user: given.user.clone(),
                id: id.into(),
                permissions: given.permissions,
                expires_at: given.expires_at,
                revoked: false,
                used_at: AtomicI64::new(0),
            };
            self.keys.insert(hash, key);
        }
        Ok(())
    }

    /// Returns whether there is no key, not even an expired or revoked one.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether callers must bring a key, even if there is none.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Authenticates the bearer of a key.
    pub(super) fn find(&self, key: KeyHash, now: Timestamp) -> Result<Principal, Denied> {
        let known = self.keys.get(&key).ok_or(Denied::Unknown)?;
        if known.revoked {
            return Err(Denied::Revoked);
        }
        if known.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Denied::Expired);
        }
        known.used_at.fetch_max(now.as_second(), Ordering::Relaxed);
        let holder = Principal::new(known.tenant.clone(), Arc::clone(&known.id), known.permissions);
        Ok(holder.bound_to(known.user.clone()))
    }

    /// Takes the time of the last use of each key that was used since the last call, in seconds since 1970, by id.
    pub(super) fn take_used(&self) -> impl Iterator<Item = (Arc<str>, i64)> {
        let taken = self
            .keys
            .values()
            .map(|key| (Arc::clone(&key.id), key.used_at.swap(0, Ordering::Relaxed)));
        taken.filter(|(_, at)| *at > 0)
    }
}

fn tenant(id: &str, name: &str) -> Result<TenantId, KeyringError> {
    let tenant = TenantId::try_new(name).map_err(|source| KeyringError::Tenant {
        id: id.to_owned(),
        source,
    })?;
    if tenant.is_reserved() {
        return Err(KeyringError::Reserved { id: id.to_owned() });
    }
    Ok(tenant)
}

fn read_key(path: &Path) -> Result<String, KeyringError> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| KeyringError::KeyFile { path: name(), source })?;
    let key = text.trim();
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(MIN_FOREIGN_BYTES..=MAX_BYTES).contains(&key.len()) {
        return Err(KeyringError::NotAKey { path: name() });
    }
    Ok(key.to_owned())
}
