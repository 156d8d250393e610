//! Rebuilding the indexes, in a thread of its own.
//!
//! The engine finds what was written lately by looking at all of it, until it is asked to build indexes. That takes
//! seconds to minutes, does not stop for anything, and lets reads and writes go on. It happens when much has changed, or
//! when nothing has changed for a while.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::time::Instant;

use super::config::Config;
use super::engine::Engine;
use super::folder;
use crate::metrics::observe_background;

/// Tells the optimiser that something changed. When the last one is dropped, the optimiser ends.
#[derive(Debug)]
pub(super) struct Changed(SyncSender<()>);

impl Changed {
    /// Tells it, without waiting.
    pub(super) fn tell(&self) {
        // A message that waits already says the same.
        let _already_told = self.0.try_send(());
    }
}

/// When to rebuild, and what.
#[derive(Debug)]
pub(super) struct Optimizer {
    engine: Arc<Engine>,
    changed: Receiver<()>,
    after_changes: u64,
    idle: Duration,
    min_free_bytes: u64,
}

impl Optimizer {
    pub(super) fn new(engine: Arc<Engine>, config: &Config) -> (Self, Changed) {
        let (tell, changed) = sync_channel(1);
        let optimizer = Self {
            engine,
            changed,
            after_changes: config.optimize_after_changes,
            idle: Duration::from_secs(config.optimize_idle_secs),
            min_free_bytes: config.min_free_bytes,
        };
        (optimizer, Changed(tell))
    }

    /// Works until nobody is left to tell of changes. Blocks.
    pub(super) fn run(self) {
        // What an earlier process left undone.
        self.engine.count_changes(1);
        loop {
            let quiet = match self.changed.recv_timeout(self.idle) {
                Ok(()) => false,
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let changes = self.engine.changes();
            if changes >= self.after_changes || (quiet && changes > 0) {
                self.optimize();
            }
        }
    }

    fn optimize(&self) {
        let Some(_alone) = self.engine.may_optimize() else {
            return;
        };
        let changes = self.engine.take_changes();
        if !self.has_room() {
            tracing::warn!("too little disk space is left to rebuild the indexes, searches stay slower");
            return;
        }
        let started = Instant::now();
        let result = self.engine.shard().optimize();
        observe_background("optimize", started, &result);
        let duration_ms = started.elapsed().as_millis();
        match result {
            Ok(true) => tracing::info!(changes, duration_ms, "indexes were rebuilt"),
            Ok(false) => tracing::debug!(changes, duration_ms, "indexes need no rebuilding"),
            Err(error) => tracing::error!(%error, changes, "indexes could not be rebuilt, searches stay slower"),
        }
    }

    /// While it works it needs the space of the store a second time, and a disk that is full ends the process.
    fn has_room(&self) -> bool {
        let path = self.engine.path();
        match (fs4::available_space(path), folder::size(&folder::shard(path))) {
            (Ok(free), Ok(size)) => free >= self.min_free_bytes.saturating_add(size),
            (Err(_), _) | (_, Err(_)) => true,
        }
    }
}
