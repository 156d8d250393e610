//! The thread that rebuilds the indexes, and looks after the log of accesses.
//!
//! The engine scans what was written lately, until it is asked to build indexes. That takes seconds to minutes, cannot be
//! stopped, and does not block reads and writes. It happens after many changes, or after a time without changes and searches.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::time::Instant;

use super::config::Config;
use super::engine::Engine;
use super::failure::{Failure, caught};
use super::{folder, schema};
use crate::disk;
use crate::metrics::observe_background;

/// Maximum backoff after failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Factor of the changes after which indexes are rebuilt while all tenants fit into memory.
const IN_MEMORY: u64 = 10;

/// Notifies the optimizer of changes. The optimizer ends when this is dropped.
#[derive(Debug)]
pub(super) struct Changed(SyncSender<()>);

impl Changed {
    /// Notifies it, without waiting.
    pub(super) fn tell(&self) {
        // A queued notification says the same.
        let _already_told = self.0.try_send(());
    }
}

/// The optimizer.
#[derive(Debug)]
pub(super) struct Optimizer {
    engine: Arc<Engine>,
    changed: Receiver<()>,
    config: Config,
}

impl Optimizer {
    pub(super) fn new(engine: Arc<Engine>, config: &Config) -> (Self, Changed) {
        let (tell, changed) = sync_channel(1);
        let optimizer = Self {
            engine,
            changed,
            config: config.clone(),
        };
        (optimizer, Changed(tell))
    }

    /// Works until the [`Changed`] is dropped. Blocks.
    pub(super) fn run(&self) {
        // Work that an earlier process left undone.
        self.engine.count_changes(1);
        let mut failures = 0;
        let mut not_before = Instant::now();
        let mut maintained = Instant::now();
        let idle = Duration::from_secs(self.config.optimize_idle_secs);
        loop {
            let searches = self.engine.searches();
            let quiet = match self.changed.recv_timeout(idle) {
                Ok(()) => false,
                Err(RecvTimeoutError::Timeout) => self.engine.searches() == searches,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if maintained.elapsed() >= idle {
                self.engine.maintain_accesses();
                maintained = Instant::now();
            }
            let changes = self.engine.changes();
            let is_due = changes >= self.after_changes() || (quiet && changes > 0);
            if is_due && Instant::now() >= not_before {
                failures = if self.optimize() { 0 } else { failures + 1 };
                not_before = Instant::now() + pause(idle, failures);
            }
        }
    }

    /// Returns the number of changes after which indexes are rebuilt, idle or not. Searches in memory do not wait for it.
    fn after_changes(&self) -> u64 {
        let in_memory = !self.engine.resident.is_short();
        self.config.optimize_after_changes * if in_memory { IN_MEMORY } else { 1 }
    }

    /// Rebuilds the indexes, and returns whether that succeeded. If not, the changes still count.
    fn optimize(&self) -> bool {
        let Some(_alone) = self.engine.may_optimize() else {
            return true;
        };
        let changes = self.engine.take_changes();
        let started = Instant::now();
        let optimize = || {
            let index = schema::vector_index(&self.config, self.engine.resident.is_short());
            self.engine.shard.set_hnsw_config(index)?;
            self.engine.shard.optimize()
        };
        let result = self.check_room().and_then(|()| caught(optimize));
        observe_background("optimize", started, &result);
        self.engine.troubles.worked("rebuilding the indexes", &result);
        let duration_ms = started.elapsed().as_millis();
        match &result {
            Ok(true) => tracing::info!(changes, duration_ms, "indexes were rebuilt"),
            Ok(false) => tracing::debug!(changes, duration_ms, "indexes need no rebuilding"),
            Err(error) => {
                self.engine
                    .count_changes(usize::try_from(changes).unwrap_or(usize::MAX));
                let source = std::error::Error::source(error).map(ToString::to_string);
                tracing::error!(%error, source, changes, "indexes could not be rebuilt, searches stay slower");
            }
        }
        result.is_ok()
    }

    /// Checks that the disk has room for the store a second time: on a full disk the process would crash.
    fn check_room(&self) -> Result<(), Failure> {
        let size = disk::size(&folder::shard(&self.engine.path)).unwrap_or(0);
        self.engine.room.check(size)
    }
}

/// Returns the backoff after so many consecutive failures.
fn pause(idle: Duration, failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        failures => idle.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_a_maximum() {
        let idle = Duration::from_secs(5);
        let pauses = [0, 1, 2, 3, 1000].map(|failures| pause(idle, failures).as_secs());
        assert_eq!(pauses, [0, 10, 20, 40, 600]);
    }
}
