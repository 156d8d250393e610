//! Several embedded stores as one: each tenant is in one of them.
//!
//! Each shard is an [`EmbeddedStore`] with a folder, a writer and indexes of its own, so that tenants wait for each other
//! less and an index is rebuilt for a part of the data only. A tenant's shard follows from the hash of its name.
//!
//! Invariants: the number of shards never changes once there is data, as tenants would be looked for in the wrong ones; a
//! shard that is missing is an error, and never an empty shard.

mod folder;
mod model_change;
mod store;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use context_manager_core::TenantId;
use context_manager_core::ports::{ModelFingerprint, StoreError, StoredModels};
use futures::future::{join_all, try_join_all};

use crate::embedded::{Config, FolderLock, MAX_SHARDS};
use crate::payload::PointIds;
use crate::{EmbeddedStore, Error};

/// Several embedded stores as one.
///
/// Close it with [`ShardedStore::close`], as an [`EmbeddedStore`].
#[derive(Debug)]
pub struct ShardedStore {
    shards: Vec<EmbeddedStore>,
    /// Until it is closed.
    lock: Mutex<Option<FolderLock>>,
}

impl ShardedStore {
    /// Opens the data folder of `config` with as many shards as that says, or makes it, for vectors of the model with this
    /// fingerprint. Memory for records is divided among the shards; all other limits are each shard's.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's, in use, damaged, was made with another number of shards, or holds the
    /// vectors of another model.
    pub async fn open(config: Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config {
                store: "embedded",
                problems,
            });
        }
        let (path, count) = (&config.path, config.shards);
        folder::check(path, count)?;
        std::fs::create_dir_all(path).map_err(folder::io_error("create", path))?;
        let lock = FolderLock::take(path)?;
        // Again: somebody else may have had the folder until now.
        let complete = folder::begin(path, count)?;
        if complete {
            folder::check_shards(path, count)?;
        }
        let open = |number| open(&config, number, model);
        let shards = try_join_all((0..count).map(open)).await?;
        if !complete {
            folder::complete(path, count)?;
        }
        Ok(Self {
            shards,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// The models whose vectors are stored in the data folder `path`; `None` when there is no data yet, or only one shard.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's or cannot be read.
    pub fn stored_models(path: &Path) -> Result<Option<StoredModels>, Error> {
        let Some(count) = folder::stored_shards(path)? else {
            return Ok(None);
        };
        let shards = (0..count).map(|number| EmbeddedStore::stored_models(&folder::shard(path, number)));
        let stored: Vec<StoredModels> = shards.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        Ok(model_change::of_all(&stored))
    }

    /// Into how many shards the data folder `path` is divided; `None` when it is not, or is not there.
    ///
    /// # Errors
    /// [`Error`] when the folder cannot be read.
    pub fn stored_shards(path: &Path) -> Result<Option<u32>, Error> {
        folder::stored_shards(path)
    }

    /// Closes all shards, as [`EmbeddedStore::close`] does.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    pub async fn close(&self) -> Result<(), StoreError> {
        let closed = join_all(self.shards.iter().map(EmbeddedStore::close)).await;
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        closed.into_iter().collect()
    }

    /// The shard a tenant is in.
    fn of(&self, tenant: &TenantId) -> &EmbeddedStore {
        let count = u32::try_from(self.shards.len()).unwrap_or(MAX_SHARDS);
        &self.shards[PointIds::of(tenant).share(count) as usize]
    }
}

async fn open(config: &Config, number: u32, model: &ModelFingerprint) -> Result<EmbeddedStore, Error> {
    let config = Config {
        path: folder::shard(&config.path, number),
        record_cache_bytes: config.record_cache_bytes / u64::from(config.shards),
        shards: 1,
        ..config.clone()
    };
    model_change::finish(&config, model).await?;
    EmbeddedStore::open(config, model).await
}
