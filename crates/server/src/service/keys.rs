//! Keys: listing, creating, rotating and revoking them.

use std::path::PathBuf;
use std::sync::Arc;

use context_manager_core::ports::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;
use crate::auth::management::{self, KeyError, KeyRequest, KeyState};
use crate::auth::{Authenticator, KeyRecord, NewKey, keys_file, usage};

/// The file of keys, and the authenticator that takes its changes over at once.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    path: Arc<PathBuf>,
    authenticator: Arc<Authenticator>,
}

/// A key with what is known of it now.
#[derive(Debug, Clone)]
pub(crate) struct ListedKey {
    pub(crate) record: KeyRecord,
    pub(crate) state: KeyState,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl Keys {
    pub(super) fn new(path: PathBuf, authenticator: Arc<Authenticator>) -> Self {
        Self {
            path: Arc::new(path),
            authenticator,
        }
    }

    /// Runs work on the file away from the threads that answer.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, Failure> {
        let keys = self.clone();
        match spawn_blocking(move || work(&keys)).await {
            Ok(done) => Ok(done?),
            Err(_panicked) => Err(Failure::Interrupted),
        }
    }
}

impl ListedKey {
    fn new(record: KeyRecord, used: &usage::Usage) -> Self {
        Self {
            state: KeyState::of(&record, SystemClock.now()),
            last_used_at: used.get(&record.id).copied(),
            record,
        }
    }
}

impl Call {
    /// Lists every key of the file.
    pub(crate) async fn keys(&self) -> Result<Vec<ListedKey>, Failure> {
        self.enter(UseCase::ListKeys).await?;
        let list = |keys: &Keys| {
            let (records, used) = (keys_file::read(&keys.path)?, usage::read(&keys.path));
            let listed = records.keys.into_iter().map(|record| ListedKey::new(record, &used));
            Ok(listed.collect())
        };
        self.service().keys.run(list).await
    }

    /// Creates a key, which is valid when this returns.
    pub(crate) async fn create_key(&self, request: KeyRequest) -> Result<(NewKey, ListedKey), Failure> {
        self.enter(UseCase::CreateKey).await?;
        let keys = self.service().keys.clone();
        let create = move |keys: &Keys| {
            let (key, record, _first) = management::create(&keys.path, request, SystemClock.now())?;
            keys.authenticator.reload_if_changed();
            Ok((key, ListedKey::new(record, &usage::Usage::default())))
        };
        let created = self.write(async move { keys.run(create).await }).await?;
        self.changed(&created.1);
        Ok(created)
    }

    /// Creates a key with the permissions of another one, which ends after `grace`.
    pub(crate) async fn rotate_key(
        &self,
        id: String,
        grace: SignedDuration,
        expires_at: Option<Timestamp>,
    ) -> Result<(NewKey, ListedKey), Failure> {
        self.enter(UseCase::RotateKey).await?;
        let keys = self.service().keys.clone();
        let rotate = move |keys: &Keys| {
            let now = SystemClock.now();
            // Saturates at the end of time.
            let old_ends = now.checked_add(grace).unwrap_or(Timestamp::MAX);
            let (key, [_, new]) = management::rotate(&keys.path, &id, old_ends, expires_at, now)?;
            keys.authenticator.reload_if_changed();
            Ok((key, ListedKey::new(new, &usage::Usage::default())))
        };
        let rotated = self.write(async move { keys.run(rotate).await }).await?;
        self.changed(&rotated.1);
        Ok(rotated)
    }

    /// Revokes a key, which is refused when this returns.
    pub(crate) async fn revoke_key(&self, id: String) -> Result<ListedKey, Failure> {
        self.enter(UseCase::RevokeKey).await?;
        let keys = self.service().keys.clone();
        let revoke = move |keys: &Keys| {
            let record = management::revoke(&keys.path, &id, SystemClock.now())?;
            keys.authenticator.reload_if_changed();
            Ok(ListedKey::new(record, &usage::read(&keys.path)))
        };
        let revoked = self.write(async move { keys.run(revoke).await }).await?;
        self.changed(&revoked);
        Ok(revoked)
    }

    fn changed(&self, key: &ListedKey) {
        self.affected(Affected {
            contexts: 0,
            what: key.record.id.clone(),
        });
    }
}
