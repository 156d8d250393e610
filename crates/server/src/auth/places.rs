//! Places that keys are kept in: the file of this server, and the store that servers share.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::{MAX_DOCUMENT_BYTES, SharedDocuments, StoreError, StoreErrorKind};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::key_error::KeyError;
use super::keys_file::{self, KeyRecord, KeyRecords};
use super::shared::{self, KEYS, KIND, SharedKeysError};
use super::usage::{self, Usage};

/// Maximum number of attempts to change the keys in the store. One fails only if another process changed them.
const MAX_ATTEMPTS: usize = 64;

/// Place that a key is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file.
    File,
    /// The store.
    Store,
}

impl Place {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Store => "store",
        }
    }
}

/// The places that a server takes keys from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeyPlaces {
    file: Arc<Path>,
    store: Option<Arc<dyn SharedDocuments>>,
}

impl KeyPlaces {
    /// Keeps keys in this file, and new ones in the store if there is one.
    pub fn new(file: PathBuf, store: Option<Arc<dyn SharedDocuments>>) -> Self {
        Self {
            file: file.into(),
            store,
        }
    }

    /// Returns the path of the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the store, if servers share one.
    pub(super) fn store(&self) -> Option<&Arc<dyn SharedDocuments>> {
        self.store.as_ref()
    }

    /// Returns the places; the first is that of new keys.
    pub fn all(&self) -> &'static [Place] {
        match self.store {
            Some(_) => &[Place::Store, Place::File],
            None => &[Place::File],
        }
    }

    /// Reads the keys of every place, in the order of their creation in each.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn read_all(&self) -> Result<Vec<(Place, KeyRecord)>, KeyError> {
        let mut all = Vec::new();
        for place in self.all() {
            all.extend(self.read(*place).await?.into_iter().map(|key| (*place, key)));
        }
        Ok(all)
    }

    /// Reads the keys of a place.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn read(&self, place: Place) -> Result<Vec<KeyRecord>, KeyError> {
        match (place, &self.store) {
            (Place::Store, Some(store)) => {
                let document = store.document(KIND, KEYS).await.map_err(SharedKeysError::from)?;
                let records = document.as_ref().map(shared::records).transpose()?;
                Ok(records.unwrap_or_default().keys)
            }
            (Place::Store, None) => Ok(Vec::new()),
            (Place::File, _) => {
                let file = Arc::clone(&self.file);
                Ok(blocking(move || keys_file::read(&file)).await?.keys)
            }
        }
    }

    /// Reads the known time of each key's last use.
    pub async fn usage(&self) -> Usage {
        let file = Arc::clone(&self.file);
        let mut used = blocking(move || usage::read(&file)).await;
        if let Some(store) = &self.store {
            usage::add(&mut used, usage::read_shared(&**store).await);
        }
        used
    }

    /// Changes the keys of a place. An error of `change` leaves them as they were. In the store, `change` is repeated when
    /// another process was faster.
    ///
    /// # Errors
    /// [`KeyError`], or the error of `change`.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        place: Place,
        now: Timestamp,
        change: impl Fn(&mut Vec<KeyRecord>) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        match (place, &self.store) {
            (Place::Store, Some(store)) => change_shared(&**store, now, change).await,
            (Place::Store, None) => Err(KeyError::NoStore),
            (Place::File, _) => {
                let file = Arc::clone(&self.file);
                blocking(move || keys_file::change(&file, change)).await
            }
        }
    }

    /// Changes the keys of the first place in which `change` finds the key that it looks for. The file is tried also when the
    /// store fails.
    ///
    /// # Errors
    /// [`KeyError`], or the error of `change`.
    pub(super) async fn change_first<T: Send + 'static>(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Vec<KeyRecord>) -> Result<T, KeyError> + Clone + Send + 'static,
    ) -> Result<T, KeyError> {
        let mut failed = None;
        for place in self.all() {
            match self.change(*place, now, change.clone()).await {
                Err(error @ (KeyError::Unknown(_) | KeyError::Shared(_))) => {
                    failed.get_or_insert(error);
                }
                done => return done,
            }
        }
        Err(failed.unwrap_or(KeyError::NoStore))
    }
}

async fn change_shared<T>(
    store: &dyn SharedDocuments,
    now: Timestamp,
    change: impl Fn(&mut Vec<KeyRecord>) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    for _ in 0..MAX_ATTEMPTS {
        let document = store.document(KIND, KEYS).await.map_err(SharedKeysError::from)?;
        let version = document.as_ref().map(|document| document.version);
        let mut records = document.as_ref().map(shared::records).transpose()?.unwrap_or_default();
        let result = change(&mut records.keys)?;
        let text = fitting(records, now)?;
        let replaced = store.replace_document(KIND, KEYS, version, &text).await;
        if replaced.map_err(SharedKeysError::from)?.is_some() {
            return Ok(result);
        }
    }
    Err(SharedKeysError::Store(StoreError {
        operation: "change the keys",
        kind: StoreErrorKind::Unavailable(Some(Duration::from_secs(1))),
        source: None,
    })
    .into())
}

/// Prints keys for the store. Where there are too many, those go that ended longest ago: an unknown key is refused as well.
fn fitting(mut records: KeyRecords, now: Timestamp) -> Result<String, KeyError> {
    loop {
        let text = records.print().map_err(SharedKeysError::Unusable)?;
        if text.len() <= MAX_DOCUMENT_BYTES {
            return Ok(text);
        }
        let mut ended: Vec<Timestamp> = records.keys.iter().filter_map(|key| end(key, now)).collect();
        ended.sort_unstable();
        let Some(until) = ended.get(ended.len() / 2).copied() else {
            return Err(KeyError::Full);
        };
        records.keys.retain(|key| end(key, now).is_none_or(|at| at > until));
        tracing::info!(%until, "keys that ended until then were removed from the store, as there were too many");
    }
}

/// Returns the time since which a key is refused; `None` if it is valid.
fn end(key: &KeyRecord, now: Timestamp) -> Option<Timestamp> {
    let expired = key.expires_at.filter(|at| *at <= now);
    [key.revoked_at, expired].into_iter().flatten().min()
}

/// Runs work on files away from the threads that answer.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|panicked| resume_unwind(panicked.into_panic()))
}
