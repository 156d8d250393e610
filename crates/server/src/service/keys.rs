//! Keys: listing, creating, rotating and revoking them.

use context_manager_core::ports::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::key_file::{KeyFile, ListedKey};
use super::use_case::UseCase;
use crate::auth::management::{self, KeyRequest};
use crate::auth::{NewKey, keys_file, usage};

impl Call {
    /// Lists every key of the file.
    pub(crate) async fn keys(&self) -> Result<Vec<ListedKey>, Failure> {
        self.enter(UseCase::ListKeys).await?;
        let list = |keys: &KeyFile| {
            let (records, used) = (keys_file::read(&keys.path)?, usage::read(&keys.path));
            let listed = records.keys.into_iter().map(|record| ListedKey::new(record, &used));
            Ok(listed.collect())
        };
        self.service().key_file.run(list).await
    }

    /// Creates a key, which is valid when this returns.
    pub(crate) async fn create_key(&self, request: KeyRequest) -> Result<(NewKey, ListedKey), Failure> {
        self.enter(UseCase::CreateKey).await?;
        let keys = self.service().key_file.clone();
        let create = move |keys: &KeyFile| {
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
        let keys = self.service().key_file.clone();
        let rotate = move |keys: &KeyFile| {
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
        let keys = self.service().key_file.clone();
        let revoke = move |keys: &KeyFile| {
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
