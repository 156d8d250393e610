//! Authentication of callers by keys and tokens, which are kept up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::HeaderMap;
use context_manager_core::TenantId;
use context_manager_core::ports::Clock;

use super::asked::Asked;
use super::denied::Denied;
use super::files::FileState;
use super::jwt::{self, Jwt};
use super::keyring::{Keyring, KeyringError};
use super::permission::Permission;
use super::principal::Principal;
use super::token::KeyHash;
use super::{credential, token, usage};
use crate::config::{Config, ConfiguredKey};

/// Id of the key that a process makes for itself.
const OWN_KEY: &str = "own";
const NO_KEYS: &str = "there is no key: nobody is let in until there is one (`context-manager keys create`)";

/// Authenticates callers. All it needs is in memory: no request waits for a file or for the network.
#[derive(Debug)]
pub struct Authenticator {
    file: PathBuf,
    configured: Vec<ConfiguredKey>,
    keyring: RwLock<Arc<Keyring>>,
    /// State of the files when the keys were read.
    seen: Mutex<Vec<FileState>>,
    /// True if there was ever a key. A server that asked for keys does not open when their file is lost.
    keys_needed: AtomicBool,
    asked: Asked,
    usage: Mutex<BTreeMap<Arc<str>, i64>>,
    jwt: Option<Jwt>,
    /// Key of a process that serves itself and others of its user, beside those of the files.
    own: Option<(KeyHash, Principal)>,
    open_to: TenantId,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Reads the keys. Where neither keys nor tokens were ever configured, every caller belongs to `open_to`.
    ///
    /// # Errors
    /// [`KeyringError`] when a file cannot be used, or when there were keys before and are none now.
    pub fn open(config: &Config, open_to: TenantId, clock: Arc<dyn Clock>) -> Result<Self, KeyringError> {
        let file = config.keys_path();
        let asked = Asked::new(&file, &config.vector_db.embedded.path);
        let may_open = config.server.allow_unauthenticated;
        let config = &config.auth;
        let seen = states(&file, &config.keys);
        let keyring = Keyring::read(&file, &config.keys)?;
        let jwt = Jwt::open(&config.jwt).map_err(KeyringError::IdentityProvider)?;
        let keys_needed = keyring.is_wanted() || jwt.is_some();
        let nobody_has_any = keyring.is_empty() && jwt.is_none();
        if nobody_has_any && !may_open && (keys_needed || asked.is_remembered()) {
            let path = file.display().to_string();
            return Err(KeyringError::Lost { path });
        }
        if keys_needed {
            asked.remember();
        } else if asked.is_remembered() {
            tracing::warn!(
                "callers had to bring a key before; everybody is let in now, as server.allow_unauthenticated says"
            );
        }
        if keys_needed && nobody_has_any {
            tracing::warn!("{NO_KEYS}");
        }
        Ok(Self {
            keys_needed: AtomicBool::new(keys_needed),
            asked,
            jwt,
            own: None,
            keyring: RwLock::new(Arc::new(keyring)),
            seen: Mutex::new(seen),
            usage: Mutex::default(),
            configured: config.keys.clone(),
            file,
            open_to,
            clock,
        })
    }

    /// Has callers bring this key, or one of the others if there are any. Nothing of it is remembered.
    #[must_use]
    pub(crate) fn with_own_key(self, hash: KeyHash) -> Self {
        let permissions = vec![Permission::Read, Permission::Write].into();
        let holder = Principal::new(self.open_to.clone(), OWN_KEY.into(), permissions);
        Self {
            own: Some((hash, holder)),
            ..self
        }
    }

    /// Returns whether callers have to bring a key.
    pub fn needs_keys(&self) -> bool {
        self.own.is_some() || self.keys_needed.load(Ordering::Acquire)
    }

    /// Authenticates the sender of a request with these headers.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        if !self.needs_keys() {
            return Ok(Principal::anonymous(self.open_to.clone()));
        }
        let longest = if self.jwt.is_some() {
            jwt::MAX_BYTES
        } else {
            token::MAX_BYTES
        };
        let key = credential::find(headers, longest)?.ok_or(Denied::Missing)?;
        if let Some((hash, holder)) = &self.own
            && KeyHash::of(key) == *hash
        {
            return Ok(holder.clone());
        }
        if token::is_damaged(key) {
            return Err(Denied::Damaged);
        }
        match (self.keyring().find(key, self.clock.now()), &self.jwt) {
            (Err(Denied::Unknown), Some(jwt)) => jwt.check(key),
            (found, _) => found,
        }
    }

    /// Reads the keys again if a file changed. An unreadable file leaves the keys as they were.
    pub fn reload_if_changed(&self) {
        if let Some(jwt) = &self.jwt {
            jwt.reload_if_changed();
        }
        let states = states(&self.file, &self.configured);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == states {
            return;
        }
        match Keyring::read(&self.file, &self.configured) {
            Ok(new) => {
                self.remember_usage();
                tracing::info!(keys = new.len(), "keys read again");
                if new.is_wanted() && !self.needs_keys() {
                    // Recorded first: a server that has closed once never opens again by itself.
                    self.asked.remember();
                    self.keys_needed.store(true, Ordering::Release);
                }
                if new.is_empty() && self.jwt.is_none() && self.needs_keys() {
                    tracing::warn!("{NO_KEYS}");
                }
                *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the keys could not be read again; those known before stay valid");
            }
        }
        *seen = states;
    }

    /// Follows the keys that the identity provider publishes, until the future is dropped.
    pub async fn follow_identity_provider(&self) {
        match &self.jwt {
            Some(jwt) => jwt.follow().await,
            None => std::future::pending().await,
        }
    }

    /// Returns whether the identity provider's keys cannot be read now; `None` without a provider.
    pub(crate) fn identity_provider_is_failing(&self) -> Option<bool> {
        self.jwt.as_ref().map(Jwt::is_failing)
    }

    /// Writes the time of each key's last use beside the file of keys, if a key was used since the last call.
    pub fn write_usage(&self) {
        self.remember_usage();
        let used = std::mem::take(&mut *self.usage.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return;
        }
        if let Err(error) = usage::merge(&self.file, &used) {
            tracing::warn!(%error, "when keys were used last was not written");
        }
    }

    fn remember_usage(&self) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.extend(self.keyring().take_used());
    }

    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns the state of every file that holds a key.
fn states(file: &Path, configured: &[ConfiguredKey]) -> Vec<FileState> {
    let files = configured.iter().filter_map(|key| key.key_file.as_deref());
    std::iter::once(file).chain(files).map(FileState::of).collect()
}
