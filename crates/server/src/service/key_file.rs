//! The file of keys, changed on behalf of operators.

use std::path::PathBuf;
use std::sync::Arc;

use context_manager_core::ports::{Clock, SystemClock};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::failure::Failure;
use crate::auth::management::{KeyError, KeyState};
use crate::auth::{Authenticator, KeyRecord, usage};

/// The file of keys, and the authenticator that takes its changes over at once.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    pub(super) path: Arc<PathBuf>,
    pub(super) authenticator: Arc<Authenticator>,
}

/// A key with what is known of it now.
#[derive(Debug, Clone)]
pub(crate) struct ListedKey {
    pub(crate) record: KeyRecord,
    pub(crate) state: KeyState,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf, authenticator: Arc<Authenticator>) -> Self {
        Self {
            path: Arc::new(path),
            authenticator,
        }
    }

    /// Runs work on the file away from the threads that answer.
    pub(super) async fn run<T: Send + 'static>(
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
    pub(super) fn new(record: KeyRecord, used: &usage::Usage) -> Self {
        Self {
            state: KeyState::of(&record, SystemClock.now()),
            last_used_at: used.get(&record.id).copied(),
            record,
        }
    }
}
