//! Settings of the embedded store.

use std::path::PathBuf;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// Minimum free space: the engine's files grow in steps, several at once, and with less space a later start might fail.
const LEAST_FREE_BYTES: u64 = 96 << 20;

/// Settings of the embedded store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data folder. It is created when it does not exist.
    pub path: PathBuf,
    /// Durability of acknowledged writes: with `process` they survive the end of the process; with `fsync`, a power loss too.
    pub durability: Durability,
    /// With `process`: maximum number of seconds until a write survives a power loss too.
    pub flush_interval_secs: u64,
    /// Maximum number of queued writes; more are rejected.
    pub write_queue: usize,
    /// Maximum number of concurrent reads; 0 means twice the number of CPUs.
    pub max_concurrent_reads: usize,
    /// Maximum number of queued reads; more are rejected.
    pub read_queue: usize,
    /// The indexes are rebuilt once this many contexts changed, or ten times as many while all tenants fit into memory...
    pub optimize_after_changes: u64,
    /// ...or after this many seconds without a change or a search.
    pub optimize_idle_secs: u64,
    /// Maximum number of threads per read; 0 means the number of CPUs.
    pub search_threads: usize,
    /// Links per vector in the index (HNSW's m): more links improve recall and take more memory.
    pub hnsw_m: usize,
    /// Candidates per vector while the index is built (HNSW's `ef_construct`): more improve recall and take longer.
    pub hnsw_ef_construct: usize,
    /// Memory for the contexts of active tenants, in bytes; 0 keeps none.
    #[serde(skip)]
    pub memory_bytes: u64,
    /// Stores and changes are rejected while the disk has fewer free bytes than this; deletions still work. The engine maps
    /// its files into memory, so a full disk would crash the process: less than 96 MiB counts as 96 MiB.
    pub min_free_bytes: u64,
    /// Maximum number of entries of the log of deletions, 28 bytes each, which keeps deleted contexts from coming back when an
    /// older snapshot is restored. A context takes one, a deletion by filter about ten.
    pub max_erasures: usize,
}

/// Durability of acknowledged writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// They survive the end of the process at once, and a power loss after the flush interval.
    #[default]
    Process,
    /// They survive a power loss too. Queued writes share one flush.
    Fsync,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: PathBuf::from("./data"),
            durability: Durability::Process,
            flush_interval_secs: 2,
            write_queue: 1024,
            max_concurrent_reads: 0,
            read_queue: 1024,
            optimize_after_changes: 20_000,
            optimize_idle_secs: 5,
            search_threads: 0,
            hnsw_m: 16,
            hnsw_ef_construct: 100,
            memory_bytes: 256 << 20,
            min_free_bytes: 128 << 20,
            max_erasures: 1_000_000,
        }
    }
}

impl Config {
    /// Returns every problem, as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let at_least = [
            ("flush_interval_secs", self.flush_interval_secs, 1),
            ("write_queue", self.write_queue as u64, 1),
            ("optimize_after_changes", self.optimize_after_changes, 1),
            ("optimize_idle_secs", self.optimize_idle_secs, 1),
            ("max_erasures", self.max_erasures as u64, 100),
            ("hnsw_m", self.hnsw_m as u64, 2),
            ("hnsw_ef_construct", self.hnsw_ef_construct as u64, 4),
        ];
        let mut problems: Vec<String> = at_least
            .iter()
            .filter(|(_, value, least)| value < least)
            .map(|(key, _, least)| format!("{key}: must be at least {least}"))
            .collect();
        if self.path.as_os_str().is_empty() {
            problems.push("path: must not be empty".to_owned());
        }
        problems
    }

    /// Returns the number of free bytes below which stores and changes are rejected.
    pub fn kept_free_bytes(&self) -> u64 {
        self.min_free_bytes.max(LEAST_FREE_BYTES)
    }

    pub(super) fn concurrent_reads(&self) -> usize {
        or_default(self.max_concurrent_reads, || 2 * cpus())
    }

    pub(super) fn threads_per_search(&self) -> usize {
        or_default(self.search_threads, cpus)
    }
}

/// Settings of the snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SnapshotConfig {
    /// Folder of the snapshots; empty for `snapshots` in the data folder.
    pub path: PathBuf,
    /// Maximum number of snapshots; creating one more removes the oldest.
    pub max_kept: usize,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            max_kept: 7,
        }
    }
}

impl SnapshotConfig {
    /// Returns every problem, as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        if self.max_kept == 0 {
            vec!["max_kept: must be at least 1".to_owned()]
        } else {
            Vec::new()
        }
    }
}

fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn or_default(value: usize, default: impl FnOnce() -> usize) -> usize {
    if value == 0 { default() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_every_problem_is_listed() {
        assert_eq!(Config::default().problems(), Vec::<String>::new());
        let config = Config {
            write_queue: 0,
            hnsw_m: 1,
            path: PathBuf::new(),
            ..Config::default()
        };
        assert_eq!(config.problems().len(), 3);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"durability": "fsync"}"#).is_ok());
        assert!(serde_json::from_str::<Config>(r#"{"durabilty": "fsync"}"#).is_err());
    }
}
