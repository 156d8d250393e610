//! Settings of the embedded store.

use std::path::PathBuf;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// The engine's files grow in steps, several at once: with less room than this a start after it might fail.
const LEAST_FREE_BYTES: u64 = 96 << 20;

/// Settings of the embedded store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder that holds the data. It is made when it does not exist.
    pub path: PathBuf,
    /// What an acknowledged write survives: `process`, the end of the process; `fsync`, a power loss too.
    pub durability: Durability,
    /// With `process`: at most this many seconds after a write it survives a power loss too.
    pub flush_interval_secs: u64,
    /// How many writes may wait for the writer; more are turned away.
    pub write_queue: usize,
    /// How many reads run at once; 0 is twice the number of CPUs.
    pub max_concurrent_reads: usize,
    /// How many reads may wait for their turn; more are turned away.
    pub read_queue: usize,
    /// The indexes are rebuilt once this many contexts changed...
    pub optimize_after_changes: u64,
    /// ...or after this many seconds without a change.
    pub optimize_idle_secs: u64,
    /// How many threads one read may use; 0 is the number of CPUs.
    pub search_threads: usize,
    /// Links of each vector to its neighbours in the index (HNSW's m): more find more and cost more memory.
    pub hnsw_m: usize,
    /// Neighbours looked at when the index is built (HNSW's `ef_construct`): more find more and take longer.
    pub hnsw_ef_construct: usize,
    /// Memory for contexts read lately, in bytes, and half as much for where they stand in sessions; 0 reads each of them
    /// from the engine every time.
    pub record_cache_bytes: u64,
    /// Stores and changes are refused while the disk has fewer than this many bytes free; deletions go on. The engine maps
    /// its files into memory, so that a disk that is really full would end the process: less than 96 MiB counts as 96 MiB.
    pub min_free_bytes: u64,
    /// How many deleted contexts the log of deletions remembers, 28 bytes each, so that restoring an older snapshot does
    /// not bring them back.
    pub max_erasures: usize,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the process, however it ends; a power loss after the flush interval.
    #[default]
    Process,
    /// A power loss too. Writes that wait together share one flush.
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
            record_cache_bytes: 32 << 20,
            min_free_bytes: 128 << 20,
            max_erasures: 1_000_000,
        }
    }
}

impl Config {
    /// Everything that is wrong, each as `key: what is expected`.
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

    /// Returns the number of bytes of the disk that stores leave free.
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

pub(super) fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn or_default(value: usize, default: impl FnOnce() -> usize) -> usize {
    if value == 0 { default() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_every_problem_is_named() {
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
