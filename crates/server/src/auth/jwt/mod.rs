//! Tokens of an identity provider (JWT, RFC 7519): signed by the provider for this server, with tenant, permissions and user.

mod claims;
mod discovery;
mod fetch;
mod jwks;
mod remote;
mod signature;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Duration, sleep, timeout};

use super::denied::Denied;
use super::files::FileState;
use super::principal::{Claim, Principal};
use crate::config::JwtConfig;

use fetch::JwksError;
use jwks::KeySet;
use remote::Remote;

/// Maximum length of a token; longer ones are refused unread.
pub(super) const MAX_BYTES: usize = 8 * 1024;
/// Pause before a provider that did not answer is asked again, and minimum interval of asking because of unknown keys.
const RETRY: Duration = Duration::from_secs(5);

/// Checks tokens against the provider's keys in memory: no request waits for the provider.
#[derive(Debug)]
pub(super) struct Jwt {
    config: JwtConfig,
    /// Claim in which tokens say what their bearers may do.
    claim: Claim,
    validation: Validation,
    /// Address of the keys; `None` where a file has them.
    remote: Option<Remote>,
    /// `None` until they were read once.
    keys: RwLock<Option<Arc<KeySet>>>,
    /// True if the last attempt to read the keys failed.
    failing: AtomicBool,
    /// State of the file of keys when it was read.
    seen: Mutex<FileState>,
    /// Told when a token names a key that is not known.
    unknown_key: Notify,
}

/// Reads the provider's keys once, and returns the number of those that fit an accepted algorithm.
///
/// # Errors
/// When they cannot be read.
pub(crate) async fn signing_keys(config: &JwtConfig) -> anyhow::Result<usize> {
    let _already_set = signature::PROVIDER.install_default();
    let issuer = config.issuer.as_deref().unwrap_or_default();
    let keys = match (Remote::new(config, issuer)?, &config.jwks_file) {
        (Some(remote), _) => remote.fetch().await?,
        (None, Some(file)) => KeySet::read(file)?,
        (None, None) => KeySet::default(),
    };
    Ok(keys.fitting(&config.algorithms))
}

impl Jwt {
    /// Creates the configured checker; `None` when no tokens are accepted. Reads a file of keys, but fetches none yet.
    pub(super) fn open(config: &JwtConfig) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = &config.issuer else { return Ok(None) };
        // The first one in this process sets it for all.
        let _already_set = signature::PROVIDER.install_default();
        let mut validation = Validation::default();
        validation.set_issuer(&[issuer]);
        validation.set_audience(&config.audience);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = config.leeway_secs;
        let jwt = Self {
            remote: Remote::new(config, issuer)?,
            claim: Claim {
                name: config.permissions_claim.as_str().into(),
                prefix: config.permissions_prefix.as_str().into(),
                most: config.max_permissions,
            },
            config: config.clone(),
            validation,
            keys: RwLock::default(),
            failing: AtomicBool::new(false),
            seen: Mutex::default(),
            unknown_key: Notify::new(),
        };
        if let Some(path) = &jwt.config.jwks_file {
            *jwt.seen() = FileState::of(path);
            jwt.take_over(KeySet::read(path)?);
        }
        Ok(Some(jwt))
    }

    /// Authenticates the bearer of a token.
    pub(super) fn check(&self, token: &str) -> Result<Principal, Denied> {
        let header = decode_header(token).map_err(|_| Denied::Unknown)?;
        if !self.config.algorithms.contains(&header.alg) {
            return Err(Denied::Token("its algorithm is not accepted here"));
        }
        if header.crit.is_some() {
            return Err(Denied::Token("it has critical extensions, which are not known here"));
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = keys.ok_or(Denied::NotNow)?;
        let Some(key) = keys.find(header.kid.as_deref(), header.alg) else {
            self.unknown_key.notify_one();
            return Err(Denied::Token(
                "it does not name a key that the identity provider has published for its algorithm",
            ));
        };
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let claims = decode::<Value>(token, key, &validation)
            .map_err(|error| reason(&error))?
            .claims;
        claims::principal(&claims, &self.config, &self.claim)
    }

    /// Reads the file of keys again if it changed. An unreadable file leaves the keys as they were.
    pub(super) fn reload_if_changed(&self) {
        let Some(path) = &self.config.jwks_file else { return };
        let state = FileState::of(path);
        let mut seen = self.seen();
        if *seen != state {
            self.try_to_take_over(KeySet::read(path));
            *seen = state;
        }
    }

    /// Fetches the keys at intervals, and soon when a token names an unknown one, until the future is dropped.
    pub(super) async fn follow(&self) {
        let Some(remote) = &self.remote else {
            return std::future::pending().await;
        };
        loop {
            if !self.try_to_take_over(remote.fetch().await) {
                sleep(RETRY).await;
                continue;
            }
            let refresh = Duration::from_secs(self.config.refresh_interval_secs);
            sleep(RETRY.min(refresh)).await;
            // Without an unknown key the wait lasts for the rest of the interval.
            let _asked = timeout(refresh.saturating_sub(RETRY), self.unknown_key.notified()).await;
        }
    }

    /// Returns whether the last attempt to read the keys failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Uses these keys from now on if they could be read, and returns whether they could.
    fn try_to_take_over(&self, read: Result<KeySet, JwksError>) -> bool {
        self.failing.store(read.is_err(), Ordering::Relaxed);
        match read {
            Ok(keys) => {
                self.take_over(keys);
                true
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(
                    error,
                    "the identity provider's keys could not be read; those known before stay valid"
                );
                false
            }
        }
    }

    /// Uses these keys from now on. An empty set withdraws all of them.
    fn take_over(&self, keys: KeySet) {
        if keys.is_empty() {
            tracing::warn!("the identity provider publishes no key that is known here: no token is accepted");
        }
        tracing::debug!(keys = keys.len(), "the identity provider's keys were read");
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    fn seen(&self) -> MutexGuard<'_, FileState> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Explains an invalid token to its bearer.
fn reason(error: &Error) -> Denied {
    let kind = error.kind();
    if matches!(kind, ErrorKind::ExpiredSignature) {
        return Denied::Expired;
    }
    Denied::Token(if matches!(kind, ErrorKind::ImmatureSignature) {
        "it is not valid yet"
    } else if matches!(kind, ErrorKind::InvalidIssuer) {
        "it is from another issuer"
    } else if matches!(kind, ErrorKind::InvalidAudience) {
        "it is for another audience"
    } else if matches!(kind, ErrorKind::MissingRequiredClaim(_)) {
        "it needs the claims exp, iss, aud and sub"
    } else if matches!(kind, ErrorKind::InvalidSignature) {
        "its signature is wrong"
    } else {
        "it cannot be read"
    })
}
