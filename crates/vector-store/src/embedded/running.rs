//! An engine with its threads, queues and limits. A restored snapshot replaces all of it.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use context_manager_core::ports::{BoxError, ModelFingerprint, StoreError};
use context_manager_resilience::{Bulkhead, Limits};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;

use super::config::Config;
use super::engine::Engine;
use super::failure::{Failure, internal, unavailable};
use super::folder;
use super::gauge::Gauge;
use super::lock::FolderLock;
use super::open::open;
use super::optimizer::Optimizer;
use super::queue::{Queue, Refused};
use super::resident::load_requested;
use super::write::{Reply, Write};
use super::writer::Writer;
use crate::Error;
use crate::metrics::{READS_QUEUED, READS_RUNNING};

/// Advice to rejected callers: a full queue is worked off within about this time.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Maximum wait of [`Running::close`], after everything is saved, for an optimisation that cannot be stopped.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// An engine at work.
#[derive(Debug)]
pub(super) struct Running {
    // Dropped before the queue, so that the engine, whose drop takes a while, is dropped by the writer's thread.
    engine: RwLock<Option<Arc<Engine>>>,
    reads: Bulkhead,
    writes: Queue<Write>,
    written: watch::Receiver<Option<Result<(), Failure>>>,
}

impl Running {
    /// Opens the data folder and starts the threads. Blocks.
    pub(super) fn open(
        config: &Config,
        model: &ModelFingerprint,
        lock: Option<Arc<FolderLock>>,
    ) -> Result<Self, Error> {
        let engine = Arc::new(open(config, model, lock)?);
        let limits = Limits {
            max_concurrent: config.concurrent_reads(),
            max_waiting: config.read_queue,
            retry_after: RETRY_AFTER,
        };
        let (optimizer, changed) = Optimizer::new(Arc::clone(&engine), config);
        let (queue, waiting) = Queue::new(config.write_queue);
        let mut writer = Writer::new(Arc::clone(&engine), waiting, changed, config);
        let (end, written) = watch::channel(None);
        spawn("store-optimizer", &engine, move || optimizer.run(), drop)?;
        if let Some(requested) = engine.resident.take_requested() {
            let weak = Arc::downgrade(&engine);
            spawn("store-loader", &engine, move || load_requested(&weak, &requested), drop)?;
        }
        // Sending fails when the store was dropped.
        let end = move |written| drop(end.send(Some(written)));
        spawn("store-writer", &engine, move || writer.run(), end)?;
        Ok(Self {
            engine: RwLock::new(Some(engine)),
            reads: Bulkhead::new("embedded store", limits),
            writes: queue,
            written,
        })
    }

    /// Rejects new calls, finishes the accepted ones, writes everything out and frees the folder. Returns whether the engine
    /// is gone: an optimisation that cannot be stopped may still hold it.
    pub(super) async fn close(&self) -> Result<bool, StoreError> {
        self.writes.close();
        self.reads.close();
        let engine = self.engine.write().unwrap_or_else(PoisonError::into_inner).take();
        let mut written = self.written.clone();
        let written = written
            .wait_for(Option::is_some)
            .await
            .map_err(|gone| internal("close", gone))?
            .clone();
        let mut gone = true;
        if let Some(engine) = engine {
            engine.resident.close();
            let mut released = engine.released();
            // Dropping the engine writes everything out once more, which blocks.
            spawn_blocking(move || drop(engine));
            // The value never changes: this waits for the channel to close.
            gone = tokio::time::timeout(RELEASE_TIMEOUT, released.changed()).await.is_ok();
        }
        written
            .unwrap_or(Ok(()))
            .map_err(|failure| internal("close", failure))?;
        Ok(gone)
    }

    /// Returns the engine, unless the store was closed.
    pub(super) fn engine(&self, operation: &'static str) -> Result<Arc<Engine>, StoreError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner).clone();
        engine.ok_or_else(|| unavailable(operation, None, Refused::Closed))
    }

    /// Runs `read` on a blocking thread once there is a permit, which is held until the read ends, even when the caller has
    /// stopped waiting.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Engine) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read_memory(operation, |engine| {
            let (engine, _gate) = engine.read();
            read(engine)
        })
        .await
    }

    /// Runs `read` like [`Running::read`], but without the gate, which it acquires where it asks the engine.
    pub(super) async fn read_memory<T: Send + 'static>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Engine) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let engine = self.engine(operation)?;
        let permit = {
            let _waiting = Gauge::raise(READS_QUEUED);
            self.reads
                .acquire()
                .await
                .map_err(|refused| unavailable(operation, Some(refused.retry_after), refused))?
        };
        let work = spawn_blocking(move || {
            let (_permit, _running) = (permit, Gauge::raise(READS_RUNNING));
            read(&engine)
        });
        work.await
            .map_err(BoxError::from)
            .flatten()
            .map_err(|error| internal(operation, error))
    }

    /// Queues a write and waits for it.
    pub(super) async fn write<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(Reply<T>) -> Write,
    ) -> Result<T, StoreError> {
        answer(operation, self.push(operation, write)?.await)
    }

    /// Queues a write and waits for it. Blocks.
    pub(super) fn write_blocking<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(Reply<T>) -> Write,
    ) -> Result<T, StoreError> {
        answer(operation, self.push(operation, write)?.blocking_recv())
    }

    fn push<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(Reply<T>) -> Write,
    ) -> Result<oneshot::Receiver<Result<T, Failure>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writes.push(write(reply)).map_err(|refused| {
            let retry_after = (refused == Refused::Full).then_some(RETRY_AFTER);
            unavailable(operation, retry_after, refused)
        })?;
        Ok(answer)
    }
}

fn answer<T>(
    operation: &'static str,
    answer: Result<Result<T, Failure>, oneshot::error::RecvError>,
) -> Result<T, StoreError> {
    answer
        .map_err(|gone| internal(operation, gone))?
        .map_err(|failure| failure.of(operation))
}

/// Starts a thread that repeats the work after a panic, and finally passes its result to `end`.
fn spawn<T>(
    name: &'static str,
    engine: &Engine,
    work: impl FnMut() -> T + Send + 'static,
    end: impl FnOnce(T) + Send + 'static,
) -> Result<(), Error> {
    let troubles = Arc::clone(&engine.troubles);
    let supervised = move || end(troubles.supervise(name, work));
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(supervised);
    spawned
        .map(drop)
        .map_err(folder::io_error("start a thread for", &engine.path))
}
