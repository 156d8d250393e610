//! Authentication of callers by keys and tokens, which are kept up to date.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderMap;
use context_manager_core::TenantId;
use context_manager_core::ports::Clock;
use jiff::Timestamp;
use tokio::time::sleep;

use super::asked::Asked;
use super::denied::Denied;
use super::files::FileState;
use super::jwt::{self, Jwt};
use super::keyring::{Keyring, KeyringError};
use super::permission::Permission;
use super::places::{KeyPlaces, blocking};
use super::principal::Principal;
use super::shared::{SharedKeys, SharedKeysError};
use super::token::KeyHash;
use super::usage::{self, Usage};
use super::{credential, token};
use crate::config::{Config, ConfiguredKey};

/// Id of the key that a process makes for itself.
const OWN_KEY: &str = "own";
const NO_KEYS: &str = "there is no key: nobody is let in until there is one (`context-manager keys create`)";
/// Part of the interval of reading shared keys by which it varies, so that servers do not read at the same moment.
const JITTER: f64 = 0.2;

/// Authenticates callers. All it needs is in memory: no request waits for a file or for the network.
#[derive(Debug)]
pub struct Authenticator {
    places: KeyPlaces,
    configured: Vec<ConfiguredKey>,
    /// Keys of the file and of the configuration.
    local: RwLock<Arc<Keyring>>,
    /// State of the files when the keys were read.
    seen: Mutex<Vec<FileState>>,
    /// Keys in the store, if servers share one.
    shared: Option<SharedKeys>,
    /// True if there was ever a key. A server that asked for keys does not open when they are lost.
    keys_needed: AtomicBool,
    asked: Asked,
    usage: Mutex<Usage>,
    jwt: Option<Jwt>,
    /// Key of a process that serves itself and others of its user, beside those of the files.
    own: Option<(KeyHash, Principal)>,
    open_to: TenantId,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Reads the keys of the file and of the configuration. Those in the store are unknown until they are
    /// [read](Self::refresh_shared), and nobody without another key is let in until then. Where neither keys nor tokens were
    /// ever configured, every caller belongs to `open_to`.
    ///
    /// # Errors
    /// [`KeyringError`] when a file cannot be used, or when there were keys before and there are none now. Keys in the store
    /// may still come.
    pub fn open(
        config: &Config,
        places: KeyPlaces,
        open_to: TenantId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyringError> {
        let asked = Asked::new(places.file(), &config.vector_db.embedded.path);
        let may_open = config.server.allow_unauthenticated;
        let is_exposed = !config.server.host.is_loopback();
        let config = &config.auth;
        let seen = states(places.file(), &config.keys);
        let local = Keyring::read(places.file(), &config.keys)?;
        let jwt = Jwt::open(&config.jwt).map_err(KeyringError::IdentityProvider)?;
        let shared = places.store().cloned().map(SharedKeys::new);
        let is_wanted = local.is_wanted() || jwt.is_some();
        let is_closed = is_wanted || asked.is_remembered();
        if shared.is_none() && local.is_empty() && jwt.is_none() && !may_open && is_closed {
            let path = places.file().display().to_string();
            return Err(KeyringError::Lost { path });
        }
        if is_wanted {
            asked.remember();
        }
        let waits = shared.is_some() && !may_open && (is_closed || is_exposed);
        let authenticator = Self {
            keys_needed: AtomicBool::new(is_wanted || waits),
            asked,
            jwt,
            own: None,
            local: RwLock::new(Arc::new(local)),
            seen: Mutex::new(seen),
            shared,
            usage: Mutex::default(),
            configured: config.keys.clone(),
            places,
            open_to,
            clock,
        };
        if authenticator.shared.is_none() {
            authenticator.warn_if_odd(None);
        }
        Ok(authenticator)
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

    /// Returns the places of the keys.
    pub(crate) fn places(&self) -> &KeyPlaces {
        &self.places
    }

    /// Returns whether callers have to bring a key. Until the keys in the store are known, they do.
    pub fn needs_keys(&self) -> bool {
        // In this order: keys that become known ask for a key before they count.
        !self.knows_all_keys() || self.own.is_some() || self.keys_needed.load(Ordering::Acquire)
    }

    /// Returns whether the keys of every place are known.
    pub fn knows_all_keys(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.keyring().is_some())
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
        let Some(key) = credential::find(headers, longest)? else {
            let is_needed = self.own.is_some() || self.keys_needed.load(Ordering::Acquire);
            return Err(if is_needed { Denied::Missing } else { Denied::TooEarly });
        };
        let hash = KeyHash::of(key);
        if let Some((own, holder)) = &self.own
            && hash == *own
        {
            return Ok(holder.clone());
        }
        if token::is_damaged(key) {
            return Err(Denied::Damaged);
        }
        // Before the look-up, as the keys may be known a moment later.
        let knows_all = self.knows_all_keys();
        let found = match (self.find(hash), &self.jwt) {
            (Err(Denied::Unknown), Some(jwt)) => jwt.check(key),
            (found, _) => found,
        };
        match found {
            Err(Denied::Unknown) if !knows_all => Err(Denied::TooEarly),
            found => found,
        }
    }

    /// Finds the holder of a key. One that is known in two places has to be valid in both.
    fn find(&self, key: KeyHash) -> Result<Principal, Denied> {
        let now = self.clock.now();
        let local = self.local().find(key, now);
        let Some(shared) = self.shared_keyring() else {
            return local;
        };
        match (shared.find(key, now), local) {
            (Err(Denied::Unknown), found) | (found, Err(Denied::Unknown)) => found,
            (Err(denied), _) | (_, Err(denied)) => Err(denied),
            (Ok(holder), Ok(_)) => Ok(holder),
        }
    }

    /// Reads the keys of the files again if one changed. An unreadable file leaves the keys as they were.
    pub fn reload_if_changed(&self) {
        if let Some(jwt) = &self.jwt {
            jwt.reload_if_changed();
        }
        let states = states(self.places.file(), &self.configured);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == states {
            return;
        }
        match Keyring::read(self.places.file(), &self.configured) {
            Ok(new) => {
                self.prepare(&new);
                let new = Arc::new(new);
                *self.local.write().unwrap_or_else(PoisonError::into_inner) = new;
                if self.knows_all_keys() {
                    self.warn_if_odd(self.shared_keyring().as_deref());
                }
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the keys could not be read again; those known before stay valid");
            }
        }
        *seen = states;
    }

    /// Reads the keys in the store again if they changed; does nothing if there is no such store.
    ///
    /// # Errors
    /// [`SharedKeysError`]; those known before stay in force.
    pub async fn refresh_shared(&self) -> Result<(), SharedKeysError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let prepare = |new: &Keyring| {
            self.prepare(new);
            self.warn_if_odd(Some(new));
        };
        shared.refresh(prepare).await
    }

    /// Reads the keys in the store again about each `interval`, until the future is dropped.
    pub async fn follow_shared(&self, interval: Duration) {
        if self.shared.is_none() {
            return std::future::pending().await;
        }
        let mut was_failing = false;
        loop {
            let read = self.refresh_shared().await;
            match &read {
                Err(error) if !was_failing => {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "the keys in the store are not followed; those known before stay in force");
                }
                Ok(()) if was_failing => tracing::info!("the keys in the store are followed again"),
                Ok(()) | Err(_) => {}
            }
            was_failing = read.is_err();
            sleep(interval.mul_f64(1.0 - JITTER * fastrand::f64())).await;
        }
    }

    /// Reads changed keys of every place at once.
    ///
    /// # Errors
    /// As [`Self::refresh_shared`].
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<(), SharedKeysError> {
        let this = Arc::clone(self);
        blocking(move || this.reload_if_changed()).await;
        self.refresh_shared().await
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

    /// Returns whether the keys in the store cannot be read now; `None` without such a store.
    pub(crate) fn shared_keys_are_failing(&self) -> Option<bool> {
        self.shared.as_ref().map(SharedKeys::is_failing)
    }

    /// Writes the time of each key's last use to the store, or else beside the file of keys, if a key was used since the last
    /// call.
    pub async fn write_usage(&self) {
        self.remember_usage();
        let used = std::mem::take(&mut *self.usage.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return;
        }
        let Some(store) = self.places.store() else {
            let file = self.places.file().to_owned();
            if let Err(error) = blocking(move || usage::merge(&file, used)).await {
                tracing::warn!(%error, "when keys were used last was not written");
            }
            return;
        };
        if let Err(error) = usage::share(&**store, &used).await {
            tracing::warn!(%error, "when keys were used last is not written to the store yet");
            usage::add(&mut self.usage.lock().unwrap_or_else(PoisonError::into_inner), used);
        }
    }

    fn remember_usage(&self) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let local = self.local();
        let shared = self.shared_keyring();
        let used = local.take_used().chain(shared.iter().flat_map(|ring| ring.take_used()));
        let at = |secs| Timestamp::from_second(secs).unwrap_or(Timestamp::UNIX_EPOCH);
        usage::add(&mut usage, used.map(|(id, secs)| (id.as_ref().to_owned(), at(secs))));
    }

    /// Gets ready for new keys of a place, before they count.
    fn prepare(&self, new: &Keyring) {
        self.remember_usage();
        tracing::info!(keys = new.len(), "keys read again");
        if new.is_wanted() && self.own.is_none() && !self.keys_needed.load(Ordering::Acquire) {
            // Recorded first: a server that has closed once never opens again by itself.
            self.asked.remember();
            self.keys_needed.store(true, Ordering::Release);
        }
    }

    /// Logs that nobody can be let in, or that everybody is let in where keys were asked for.
    fn warn_if_odd(&self, shared: Option<&Keyring>) {
        let nobody_has_any = self.local().is_empty() && shared.is_none_or(Keyring::is_empty) && self.jwt.is_none();
        if !self.keys_needed.load(Ordering::Acquire) {
            if self.asked.is_remembered() {
                tracing::warn!(
                    "callers had to bring a key before; everybody is let in now, as server.allow_unauthenticated says"
                );
            }
        } else if nobody_has_any {
            tracing::warn!("{NO_KEYS}");
        }
    }

    fn local(&self) -> Arc<Keyring> {
        Arc::clone(&self.local.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn shared_keyring(&self) -> Option<Arc<Keyring>> {
        self.shared.as_ref()?.keyring()
    }
}

/// Returns the state of every file that holds a key.
fn states(file: &Path, configured: &[ConfiguredKey]) -> Vec<FileState> {
    let files = configured.iter().filter_map(|key| key.key_file.as_deref());
    std::iter::once(file).chain(files).map(FileState::of).collect()
}
