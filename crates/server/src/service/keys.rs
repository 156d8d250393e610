//! Keys: listing, creating, rotating and revoking them.

use std::sync::Arc;

use context_manager_core::ports::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::state::Service;
use super::use_case::UseCase;
use crate::auth::management::{self, KeyError, KeyRequest, KeyState};
use crate::auth::{KeyRecord, NewKey};

/// A key with its state and last use.
#[derive(Debug, Clone)]
pub(crate) struct ListedKey {
    pub(crate) record: KeyRecord,
    pub(crate) state: KeyState,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl Call {
    /// Lists every key that this API or the command line made.
    pub(crate) async fn keys(&self) -> Result<Vec<ListedKey>, Failure> {
        self.enter(UseCase::ListKeys).await?;
        let places = self.service().authenticator.places();
        let (records, used) = (places.read_all().await?, places.usage().await);
        let listed = records.into_iter().map(|(_place, record)| {
            let last_used_at = used.get(&record.id).copied();
            ListedKey::new(record, last_used_at)
        });
        Ok(listed.collect())
    }

    /// Creates a key, which is valid when this returns.
    pub(crate) async fn create_key(&self, request: KeyRequest) -> Result<(NewKey, ListedKey), Failure> {
        self.enter(UseCase::CreateKey).await?;
        let service = Arc::clone(self.service());
        let create = async move {
            let (key, record, _first) =
                management::create(service.authenticator.places(), request, SystemClock.now()).await?;
            take_over(&service).await;
            Ok((key, ListedKey::new(record, None)))
        };
        let created = self.write(create).await?;
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
        let service = Arc::clone(self.service());
        let rotate = async move {
            let now = SystemClock.now();
            // Saturates at the end of time.
            let old_ends = now.checked_add(grace).unwrap_or(Timestamp::MAX);
            let rotated = management::rotate(service.authenticator.places(), &id, old_ends, expires_at, now).await;
            let (key, [_, new]) = rotated?;
            take_over(&service).await;
            Ok((key, ListedKey::new(new, None)))
        };
        let rotated = self.write(rotate).await?;
        self.changed(&rotated.1);
        Ok(rotated)
    }

    /// Revokes a key, which is refused when this returns.
    pub(crate) async fn revoke_key(&self, id: String) -> Result<ListedKey, Failure> {
        self.enter(UseCase::RevokeKey).await?;
        let service = Arc::clone(self.service());
        let revoke = async move {
            let places = service.authenticator.places();
            let record = management::revoke(places, &id, SystemClock.now()).await?;
            // Told to the caller if it fails: until the keys are read the key is accepted, and a repetition does no harm.
            service.authenticator.reload().await.map_err(KeyError::from)?;
            let last_used_at = places.usage().await.get(&record.id).copied();
            Ok(ListedKey::new(record, last_used_at))
        };
        let revoked = self.write(revoke).await?;
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

impl ListedKey {
    fn new(record: KeyRecord, last_used_at: Option<Timestamp>) -> Self {
        Self {
            state: KeyState::of(&record, SystemClock.now()),
            last_used_at,
            record,
        }
    }
}

/// Has a new key count. Should it fail, the key counts a moment later, and an error would lose it: it is shown once.
async fn take_over(service: &Service) {
    if let Err(error) = service.authenticator.reload().await {
        tracing::warn!(%error, "a new key counts once the keys can be read again");
    }
}
