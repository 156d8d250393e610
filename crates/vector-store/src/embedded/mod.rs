//! The store that runs inside the process: Qdrant's engine on a data folder.
//!
//! Reads run on tokio's blocking threads, a bounded number at once and a bounded number waiting. Writes wait in a bounded
//! line for one thread that owns writing and flushing; another thread rebuilds the indexes. Nothing waits without a
//! bound: who finds a line full is told so at once.
//!
//! Invariants: an acknowledged write survives the end of the process at any moment; no other process uses the folder
//! meanwhile; a folder that cannot be opened is left as it was.
//!
//! Deliberately absent: retries and deadlines, which are the caller's.

mod config;
mod engine;
mod failure;
mod filter;
pub(crate) mod folder;
mod lock;
mod model_change;
mod models;
mod optimizer;
mod queue;
mod reads;
mod records;
mod schema;
mod search;
mod store;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use context_manager_core::ports::{BoxError, ModelFingerprint, StoreError, StoreErrorKind, StoredModels};
use context_manager_resilience::{Bulkhead, Limits};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

pub use config::{Config, Durability, MAX_SHARDS};
use engine::Engine;
use failure::Failure;
pub(crate) use lock::FolderLock;
use optimizer::Optimizer;
use queue::Queue;
use writer::Writer;

use crate::Error;

/// When those who were turned away may come back: a full line is worked off within about this time.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How long [`EmbeddedStore::close`] waits, after everything is saved, for an optimisation that cannot be stopped.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// The store that runs inside the process.
///
/// Close it with [`EmbeddedStore::close`]. When it is dropped instead, the same happens in the background: nothing is
/// lost, but nobody learns when the folder is free again.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Dropped before the line of writes, so that the engine, whose end takes a while, ends in the writer's thread.
    engine: RwLock<Option<Arc<Engine>>>,
    reads: Bulkhead,
    writes: Queue,
    written: watch::Receiver<Option<Result<(), Failure>>>,
}

impl EmbeddedStore {
    /// Opens the data folder of `config`, or makes it, for vectors of the model with this fingerprint.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's, in use, damaged, or holds the vectors of another model.
    pub async fn open(config: Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let model = model.clone();
        let path = config.path.clone();
        // A panic of the engine over a damaged folder is an error, too.
        spawn_blocking(move || Self::open_blocking(&config, &model))
            .await
            .unwrap_or_else(|panic| {
                Err(Error::Engine {
                    operation: "open",
                    path,
                    source: Box::new(panic),
                })
            })
    }

    /// The models whose vectors are stored in the data folder `path`; `None` when there is no data yet.
    ///
    /// For those who want to open the folder with the model in use, whatever is configured. It reads one small file, and
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error`] when the folder is somebody else's or its manifest cannot be read.
    pub fn stored_models(path: &Path) -> Result<Option<StoredModels>, Error> {
        engine::stored_models(path)
    }

    fn open_blocking(config: &Config, model: &ModelFingerprint) -> Result<Self, Error> {
        let engine = Arc::new(Engine::open(config, model)?);
        let limits = Limits {
            max_concurrent: config.concurrent_reads(),
            max_waiting: config.read_queue,
            retry_after: RETRY_AFTER,
        };
        let (optimizer, changed) = Optimizer::new(Arc::clone(&engine), config);
        let (queue, waiting) = Queue::new(config.write_queue);
        let writer = Writer::new(Arc::clone(&engine), waiting, changed, config);
        let (end, written) = watch::channel(None);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
            spawned
                .map(drop)
                .map_err(folder::io_error("start a thread for", &config.path))
        };
        spawn("store-optimizer", Box::new(move || optimizer.run()))?;
        spawn(
            "store-writer",
            Box::new(move || {
                // Nobody waits for the end when the store was dropped.
                let _ = end.send(Some(writer.run()));
            }),
        )?;
        Ok(Self {
            engine: RwLock::new(Some(engine)),
            reads: Bulkhead::new("embedded store", limits),
            writes: queue,
            written,
        })
    }

    /// Accepts nothing more, finishes what was accepted, writes everything out and frees the folder.
    ///
    /// An optimisation that runs cannot be stopped and holds the folder until it ends or the process does; after a few
    /// seconds this no longer waits for it, and nothing is lost. Closing again does nothing more.
    ///
    /// # Errors
    /// [`StoreError`] when not everything could be written out.
    pub async fn close(&self) -> Result<(), StoreError> {
        let failed = |source: BoxError| StoreError {
            operation: "close",
            kind: StoreErrorKind::Internal,
            source: Some(source),
        };
        self.writes.close();
        self.reads.close();
        let engine = self.engine.write().unwrap_or_else(PoisonError::into_inner).take();
        let mut written = self.written.clone();
        let written = written
            .wait_for(Option::is_some)
            .await
            .map_err(|gone| failed(Box::new(gone)))?
            .clone();
        if let Some(engine) = engine {
            let mut released = engine.released();
            // The end of the engine writes everything out once more, which blocks.
            spawn_blocking(move || drop(engine));
            // It never changes: what is waited for is its end.
            if tokio::time::timeout(RELEASE_TIMEOUT, released.changed()).await.is_err() {
                tracing::warn!(
                    "the store is closed while its indexes are being rebuilt, its folder stays locked until that ends"
                );
            }
        }
        written.unwrap_or(Ok(())).map_err(|failure| failed(Box::new(failure)))
    }

    /// The engine, unless the store was closed.
    fn engine(&self, operation: &'static str) -> Result<Arc<Engine>, StoreError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner).clone();
        engine.ok_or_else(|| unavailable(operation, None, queue::Refused::Closed))
    }
}

fn unavailable(
    operation: &'static str,
    retry_after: Option<Duration>,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Unavailable(retry_after),
        source: Some(Box::new(source)),
    }
}

fn internal(operation: &'static str, source: BoxError) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Internal,
        source: Some(source),
    }
}
