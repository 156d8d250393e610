//! Keys in the store that several servers share, in memory and kept up to date.
//!
//! They are one document with the text of a file of keys, so that one read tells whether any of them changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use context_manager_core::ports::{SharedDocument, SharedDocuments, StoreError};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::keyring::Keyring;
use super::keys_file::KeyRecords;

/// Kind of the documents of keys.
pub(super) const KIND: &str = "auth";
/// Name of the document of keys.
pub(super) const KEYS: &str = "keys";

/// Reason for not using the keys in the store.
#[derive(Debug, thiserror::Error)]
pub enum SharedKeysError {
    /// The store failed.
    #[error("the keys in the store cannot be read or changed")]
    Store(#[from] StoreError),
    /// This version did not write them.
    #[error("the keys in the store cannot be used: {0}")]
    Unusable(String),
}

/// Keys in the store, as they were read last.
#[derive(Debug)]
pub(super) struct SharedKeys {
    documents: Arc<dyn SharedDocuments>,
    /// State of the document at the last read. Locked from the read until its keys count, so that no older read overtakes a
    /// newer one.
    seen: Mutex<Seen>,
    /// `None` until they are known.
    keyring: RwLock<Option<Arc<Keyring>>>,
    failing: AtomicBool,
}

/// State of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    /// Its version, or that there is none.
    Sound(Option<Uuid>),
    /// This version cannot be used, and is not read again.
    Unusable(Uuid),
}

impl SharedKeys {
    pub(super) fn new(documents: Arc<dyn SharedDocuments>) -> Self {
        Self {
            documents,
            seen: Mutex::new(Seen::Nothing),
            keyring: RwLock::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// Returns the keys; `None` until they are known.
    pub(super) fn keyring(&self) -> Option<Arc<Keyring>> {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether the last read failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Reads the keys again if they changed. `prepare` is called with new ones before they count. After an error those known
    /// before stay in force.
    pub(super) async fn refresh(&self, prepare: impl FnOnce(&Keyring)) -> Result<(), SharedKeysError> {
        let mut seen = self.seen.lock().await;
        let read = self.read(&mut seen).await;
        self.failing.store(read.is_err(), Ordering::Relaxed);
        if let Some(new) = read? {
            prepare(&new);
            *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(new));
        }
        Ok(())
    }

    /// Returns the keys if they changed.
    async fn read(&self, seen: &mut Seen) -> Result<Option<Keyring>, SharedKeysError> {
        let version = self.documents.document_version(KIND, KEYS).await?;
        if *seen == Seen::Sound(version) {
            return Ok(None);
        }
        if version.is_some_and(|version| *seen == Seen::Unusable(version)) {
            return Err(SharedKeysError::Unusable("the log names the reason".to_owned()));
        }
        let document = match version {
            Some(_) => self.documents.document(KIND, KEYS).await?,
            None => None,
        };
        let version = document.as_ref().map(|document| document.version);
        // Parsing thousands of keys takes a while.
        let parsed = spawn_blocking(move || keyring(document.as_ref())).await;
        let parsed = parsed.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
        *seen = match (&parsed, version) {
            (Err(_), Some(version)) => Seen::Unusable(version),
            (_, version) => Seen::Sound(version),
        };
        parsed.map(Some)
    }
}

/// Parses the text of a document.
pub(super) fn records(document: &SharedDocument) -> Result<KeyRecords, SharedKeysError> {
    KeyRecords::parse(&document.text).map_err(SharedKeysError::Unusable)
}

fn keyring(document: Option<&SharedDocument>) -> Result<Keyring, SharedKeysError> {
    let records = document.map(records).transpose()?;
    Keyring::of_records(records).map_err(|error| SharedKeysError::Unusable(format!("{:#}", anyhow::Error::from(error))))
}
