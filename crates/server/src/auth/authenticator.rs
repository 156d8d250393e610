//! Tells who a caller is, and keeps what it knows of keys up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::HeaderMap;
use context_manager_core::TenantId;
use context_manager_core::ports::Clock;

use super::denied::Denied;
use super::keyring::{Keyring, KeyringError};
use super::{Principal, credential, token, usage};
use crate::config::{AuthConfig, ConfiguredKey};

/// Tells who a caller is. Keys are looked up in memory: no file is read and nothing is waited for on the way of a request.
#[derive(Debug)]
pub struct Authenticator {
    file: PathBuf,
    configured: Vec<ConfiguredKey>,
    keyring: RwLock<Arc<Keyring>>,
    /// How the files looked when the keys were read.
    seen: Mutex<Vec<FileState>>,
    /// Whether there was ever a key. A server that asked for keys does not open because their file is gone.
    keys_needed: AtomicBool,
    usage: Mutex<BTreeMap<Arc<str>, i64>>,
    open_to: TenantId,
    clock: Arc<dyn Clock>,
}

/// What changes about a file when it is written or another takes its place.
type FileState = Option<(u64, u64, std::time::SystemTime)>;

impl Authenticator {
    /// Reads the keys, of a server whose data is in `data`. Without any, every caller is `open_to`'s.
    ///
    /// # Errors
    /// [`KeyringError`] when a file cannot be used.
    pub fn open(
        config: &AuthConfig,
        data: &Path,
        open_to: TenantId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyringError> {
        let file = config.keys_path(data);
        let seen = states(&file, &config.keys);
        let keyring = Keyring::read(&file, &config.keys)?;
        Ok(Self {
            keys_needed: AtomicBool::new(!keyring.is_empty()),
            keyring: RwLock::new(Arc::new(keyring)),
            seen: Mutex::new(seen),
            usage: Mutex::default(),
            configured: config.keys.clone(),
            file,
            open_to,
            clock,
        })
    }

    /// Whether callers have to bring a key.
    pub fn needs_keys(&self) -> bool {
        self.keys_needed.load(Ordering::Acquire)
    }

    /// Who sent a request with these headers.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        if !self.needs_keys() {
            return Ok(Principal::anonymous(self.open_to.clone()));
        }
        let key = credential::find(headers)?.ok_or(Denied::Missing)?;
        if token::is_damaged(key) {
            return Err(Denied::Damaged);
        }
        self.keyring().find(key, self.clock.now())
    }

    /// Reads the keys again if a file changed. What cannot be read leaves the keys as they were.
    pub fn reload_if_changed(&self) {
        let states = states(&self.file, &self.configured);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == states {
            return;
        }
        match Keyring::read(&self.file, &self.configured) {
            Ok(new) => {
                self.remember_usage();
                tracing::info!(keys = new.len(), "keys read again");
                if !new.is_empty() {
                    self.keys_needed.store(true, Ordering::Release);
                } else if self.needs_keys() {
                    tracing::warn!(
                        "there are no keys any more: nobody is let in until there is one, or the server restarts"
                    );
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

    /// Writes when each key was used last, beside the file of keys, if a key was used since the last time.
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

/// How every file that holds a key looks now. The inode is part of it: a file that takes another's place may have its time.
fn states(file: &Path, configured: &[ConfiguredKey]) -> Vec<FileState> {
    use std::os::unix::fs::MetadataExt;
    let files = configured.iter().filter_map(|key| key.key_file.as_deref());
    let state = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
    };
    std::iter::once(file).chain(files).map(state).collect()
}
