//! The handle on the store: opening, closing, and replacing the engine beneath it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::{BoxError, ModelFingerprint, StoreError, StoredModels};
use qdrant_edge::PointId;
use tokio::sync::{RwLock, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::config::Config;
use super::engine::{Engine, Retired};
use super::failure::{internal, unavailable};
use super::folder::{self, Manifest, State};
use super::models::change::ChangeModels;
use super::open;
use super::purge::purge;
use super::running::Running;
use super::write::{Reply, Write};
use crate::Error;
use crate::metrics::observed;

/// Maximum time for which a read may hold the engine that is replaced.
const RELEASE_TIMEOUT: Duration = Duration::from_mins(1);

/// The store that runs inside the process.
///
/// Close it with [`EmbeddedStore::close`]. Dropping it does the same in the background: nothing is lost, but nobody learns
/// when the folder is free again.
#[derive(Debug)]
pub struct EmbeddedStore {
    pub(super) config: Config,
    /// Held for reading by every call until it ends, and for writing while the engine is replaced. No call acquires it
    /// twice.
    pub(super) running: Arc<RwLock<Running>>,
    /// Set when the engine could not be opened again.
    lost: watch::Sender<bool>,
}

impl EmbeddedStore {
    /// Opens or creates the data folder of `config`, for vectors of the model with this fingerprint.
    ///
    /// # Errors
    /// [`Error`] when the folder is foreign, in use, damaged, or holds the vectors of another model.
    pub async fn open(config: Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let (opened, model) = (config.clone(), model.clone());
        let running = spawn_blocking(move || Running::open(&opened, &model, None));
        // The engine may panic over a damaged folder.
        let running = running.await.unwrap_or_else(|panic| {
            Err(Error::Engine {
                operation: "open",
                path: config.path.clone(),
                source: Box::new(panic),
            })
        })?;
        Ok(Self {
            config,
            running: Arc::new(RwLock::new(running)),
            lost: watch::Sender::new(false),
        })
    }

    /// Returns the models whose vectors are stored in the data folder `path`; `None` when there is no data yet.
    ///
    /// With it, the folder can be opened with the model in use, whatever is configured. It reads one small file and changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error`] when the folder is foreign or its manifest cannot be read.
    pub fn stored_models(path: &Path) -> Result<Option<StoredModels>, Error> {
        match folder::inspect(path)? {
            State::Fresh | State::Unfinished => Ok(None),
            State::Ready(manifest) => Ok(Some(manifest.models())),
        }
    }

    /// Examines the manifest and the engine's configuration at `path`, without opening or changing anything: a process may
    /// have the folder open.
    ///
    /// # Errors
    /// [`Error`] when the folder belongs to another program, or is damaged, or cannot be read.
    pub fn examine(path: &Path) -> Result<(), Error> {
        open::examine(path)
    }

    /// Completes, durably, the fingerprint of a store that was opened for an unverified model: from then on no other model
    /// is accepted. Changes nothing if it is complete already.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed or belongs to another model.
    pub async fn complete_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        let (running, model) = (self.running.read().await, model.clone());
        if running.engine("complete_model")?.manifest().models().in_use == model {
            return Ok(());
        }
        let write = |reply| Write::ChangeModels(ChangeModels::Complete(model), reply);
        running.write("complete_model", write).await
    }

    /// Completes when the engine was closed to replace its files and could not be opened again. Every call fails from then
    /// on, so the process should end and be restarted by its supervisor.
    pub async fn lost(&self) {
        let mut lost = self.lost.subscribe();
        // It fails only when the sender is gone, which this holds.
        let _lost = lost.wait_for(|lost| *lost).await;
    }

    /// Rejects new calls, finishes the accepted ones, writes everything out and frees the folder.
    ///
    /// A running optimisation cannot be stopped and holds the folder until it ends or the process does; after a few seconds
    /// this no longer waits for it, and nothing is lost. Closing again does nothing more.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    pub async fn close(&self) -> Result<(), StoreError> {
        if !self.running.read().await.close().await? {
            tracing::warn!("store closed while its indexes are being rebuilt; its folder stays locked until that ends");
        }
        Ok(())
    }

    /// Runs a read, and records its duration and outcome.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Engine) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let running = self.running.read().await;
        observed(operation, running.read(operation, read)).await
    }

    /// Runs a read that acquires the gate only where it asks the engine, and records its duration and outcome.
    pub(super) async fn read_memory<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Engine) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let running = self.running.read().await;
        observed(operation, running.read_memory(operation, read)).await
    }

    /// Makes a write and runs it, and records its duration and outcome. Runs nothing when `make` returns `None`.
    pub(super) async fn write<T: Default, W: FnOnce(Reply<T>) -> Write>(
        &self,
        operation: &'static str,
        make: impl FnOnce(&Manifest) -> Result<Option<W>, StoreError>,
    ) -> Result<T, StoreError> {
        let running = self.running.read().await;
        observed(operation, async {
            match make(&running.engine(operation)?.manifest())? {
                Some(write) => running.write(operation, write).await,
                None => Ok(T::default()),
            }
        })
        .await
    }

    /// Deletes points that the engine cannot read, which closes it for a moment.
    pub(super) async fn purge(&self, operation: &'static str, ids: Vec<PointId>) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let engine = self.running.read().await.engine(operation)?;
        let retired = spawn_blocking(move || Retired::new(&engine));
        let retired = retired.await.map_err(|panic| internal(operation, panic))?;
        let store = self.handle();
        // A task of its own: when the caller is gone, the engine must be opened again all the same.
        let work = tokio::spawn(async move {
            let mut running = store.running.write().await;
            let manifest = running.engine(operation)?.manifest();
            let purge = move |config: &Config| {
                let load = || open::load(config, &manifest);
                purge(load()?, load, &ids)
            };
            let purged = store.replace_engine(&mut running, operation, purge).await??;
            drop(retired);
            purged.map_err(|failure| failure.of(operation))
        });
        work.await.map_err(|panic| internal(operation, panic))?
    }

    fn handle(&self) -> Self {
        Self {
            config: self.config.clone(),
            running: Arc::clone(&self.running),
            lost: self.lost.clone(),
        }
    }

    /// Closes the engine, does `work` on its folder, and opens the engine again. The outer error is that of closing or
    /// opening: every call fails from then on.
    pub(super) async fn replace_engine<T: Send + 'static>(
        &self,
        running: &mut Running,
        operation: &'static str,
        work: impl FnOnce(&Config) -> T + Send + 'static,
    ) -> Result<Result<T, StoreError>, StoreError> {
        let replaced = self.reopen(running, operation, work).await;
        if let Err(error) = &replaced {
            let source = std::error::Error::source(error);
            tracing::error!(%error, ?source, "the store was closed to replace its files and cannot be opened again");
            self.lost.send_replace(true);
        }
        replaced
    }

    async fn reopen<T: Send + 'static>(
        &self,
        running: &mut Running,
        operation: &'static str,
        work: impl FnOnce(&Config) -> T + Send + 'static,
    ) -> Result<Result<T, StoreError>, StoreError> {
        let engine = running.engine(operation)?;
        let (lock, manifest, mut released) = (engine.lock(), engine.manifest(), engine.released());
        drop(engine);
        let closed = running.close().await;
        // The value never changes: this waits for the channel to close. A read whose caller is gone may still run.
        if timeout(RELEASE_TIMEOUT, released.changed()).await.is_err() {
            let busy = io::Error::other("a read holds the engine");
            return Err(unavailable(operation, None, busy));
        }
        let config = self.config.clone();
        let work = move || {
            let done = closed.map(|_gone| work(&config));
            let opened = Running::open(&config, &manifest.model, Some(lock));
            opened.map(|opened| (opened, done))
        };
        let opened = spawn_blocking(work).await.map_err(|panic| internal(operation, panic))?;
        let (opened, done) = opened.map_err(|error| internal(operation, error))?;
        *running = opened;
        Ok(done)
    }
}
