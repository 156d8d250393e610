//! A store at work: an engine, and the threads and lines around it. Going back to a snapshot puts another one in its place.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use context_manager_core::ports::{BoxError, ModelFingerprint, StoreError, StoreErrorKind};
use context_manager_resilience::{Bulkhead, Limits};
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;

use super::config::Config;
use super::engine::Engine;
use super::failure::Failure;
use super::folder;
use super::lock::FolderLock;
use super::optimizer::Optimizer;
use super::queue::{self, Queue, Refused};
use super::writer::{Reply, Write, Writer};
use super::{RETRY_AFTER, internal, unavailable};
use crate::Error;
use crate::metrics::{READS_QUEUED, READS_RUNNING};

/// How long [`Running::close`] waits, after everything is saved, for an optimisation that cannot be stopped.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// An engine at work.
#[derive(Debug)]
pub(super) struct Running {
    // Dropped before the line of writes, so that the engine, whose end takes a while, ends in the writer's thread.
    engine: RwLock<Option<Arc<Engine>>>,
    reads: Bulkhead,
    writes: Queue,
    written: watch::Receiver<Option<Result<(), Failure>>>,
}

impl Running {
    /// Opens the data folder and starts the threads. Blocks.
    pub(super) fn open(
        config: &Config,
        model: &ModelFingerprint,
        lock: Option<Arc<FolderLock>>,
    ) -> Result<Self, Error> {
        let engine = Arc::new(Engine::open(config, model, lock)?);
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
        // Nobody waits for the end when the store was dropped.
        let end = move |written| drop(end.send(Some(written)));
        spawn("store-writer", &engine, move || writer.run(), end)?;
        Ok(Self {
            engine: RwLock::new(Some(engine)),
            reads: Bulkhead::new("embedded store", limits),
            writes: queue,
            written,
        })
    }

    /// Accepts nothing more, finishes what was accepted, writes everything out and frees the folder. Whether the engine
    /// is gone: an optimisation that runs cannot be stopped and holds it.
    pub(super) async fn close(&self) -> Result<bool, StoreError> {
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
        let mut gone = true;
        if let Some(engine) = engine {
            let mut released = engine.released();
            // The end of the engine writes everything out once more, which blocks.
            spawn_blocking(move || drop(engine));
            // It never changes: what is waited for is its end.
            gone = tokio::time::timeout(RELEASE_TIMEOUT, released.changed()).await.is_ok();
        }
        written.unwrap_or(Ok(())).map_err(|failure| failed(Box::new(failure)))?;
        Ok(gone)
    }

    /// The engine, unless the store was closed.
    pub(super) fn engine(&self, operation: &'static str) -> Result<Arc<Engine>, StoreError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner).clone();
        engine.ok_or_else(|| unavailable(operation, None, queue::Refused::Closed))
    }

    /// Runs `read` on a blocking thread when its turn comes. The turn lasts until the work is done, even when nobody
    /// waits for it any more.
    pub(super) async fn read<T: Send + 'static>(
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
            let (engine, _gate) = engine.read();
            read(engine)
        });
        work.await
            .map_err(BoxError::from)
            .flatten()
            .map_err(|error| internal(operation, error))
    }

    /// Has a write done by the writer, and waits for it.
    pub(super) async fn write<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(Reply<T>) -> Write,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.push(operation, write(reply))?;
        match answer.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(write_error(operation, failure)),
            Err(gone) => Err(internal(operation, Box::new(gone))),
        }
    }

    /// The same for who waits on a thread of its own. Blocks.
    pub(super) fn write_blocking<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(Reply<T>) -> Write,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.push(operation, write(reply))?;
        match answer.blocking_recv() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => Err(write_error(operation, failure)),
            Err(gone) => Err(internal(operation, Box::new(gone))),
        }
    }

    fn push(&self, operation: &'static str, write: Write) -> Result<(), StoreError> {
        self.writes.push(write).map_err(|refused| {
            let retry_after = (refused == Refused::Full).then_some(RETRY_AFTER);
            unavailable(operation, retry_after, refused)
        })
    }
}

fn write_error(operation: &'static str, failure: Failure) -> StoreError {
    match failure {
        Failure::DiskFull { .. } => StoreError {
            operation,
            kind: StoreErrorKind::DiskFull,
            source: Some(Box::new(failure)),
        },
        Failure::Engine(_)
        | Failure::Folder(_)
        | Failure::NoOtherModel
        | Failure::ForeignModel
        | Failure::Unreadable
        | Failure::Panicked => internal(operation, Box::new(failure)),
    }
}

/// Starts a thread that works until the work is done, and beyond panics, and then does `end`.
fn spawn<T>(
    name: &'static str,
    engine: &Engine,
    work: impl FnMut() -> T + Send + 'static,
    end: impl FnOnce(T) + Send + 'static,
) -> Result<(), Error> {
    let troubles = Arc::clone(engine.troubles());
    let supervised = move || end(troubles.supervise(name, work));
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(supervised);
    spawned
        .map(drop)
        .map_err(folder::io_error("start a thread for", engine.path()))
}

/// A gauge that is one higher as long as this lives.
struct Gauge(&'static str);

impl Gauge {
    fn raise(name: &'static str) -> Self {
        metrics::gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
