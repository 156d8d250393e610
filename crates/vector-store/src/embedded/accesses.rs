//! Access counts, beside the points: a search that serves contexts changes none of them.
//!
//! A count is the total number of accesses. A context has the greater of the total here and the one in its payload, so that a
//! change of the context may write the total into the payload at any time, and no count is lost. An entry is appended to a
//! log before the search is answered; it survives the end of the process at once, and a power loss after the next flush.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use context_manager_core::context::Context;
use jiff::Timestamp;
use uuid::Uuid;

use super::folder::ACCESSES;
use crate::disk;

/// Size of an entry: a point's id, its total, the time of the last access, and the CRC-32 of these.
const ENTRY_BYTES: usize = 36;

/// Number of entries from which the log is rewritten, if it has this many times as many entries as there are counts.
const MANY: usize = 10_000;
const TIMES: usize = 4;

/// The access counts of a data folder.
#[derive(Debug)]
pub(super) struct Accesses {
    counts: RwLock<HashMap<Uuid, Count>>,
    log: Mutex<Log>,
}

/// Accesses to a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    /// Total number; 0 in the log for a context that was deleted.
    total: u64,
    /// Time of the last one, in milliseconds since the epoch.
    last: i64,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    entries: usize,
}

impl Accesses {
    /// Opens or begins the log of a data folder. It ends before the first entry that a crash or damage left unreadable.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(ACCESSES);
        let bytes = disk::unless_gone(std::fs::read(&path))?.unwrap_or_default();
        let mut counts = HashMap::new();
        let mut entries = 0;
        for (point, count) in bytes.as_chunks().0.iter().map_while(decode) {
            entries += 1;
            if count.total == 0 {
                counts.remove(&point);
            } else {
                // Concurrent searches may be logged in another order than they were counted in.
                let known = counts.entry(point).or_insert(count);
                known.total = known.total.max(count.total);
                known.last = known.last.max(count.last);
            }
        }
        let mut log = Log {
            file: OpenOptions::new().create(true).append(true).open(&path)?,
            path,
            entries,
        };
        if entries * ENTRY_BYTES < bytes.len() {
            log.rewrite(&counts)?;
        }
        Ok(Self {
            counts: RwLock::new(counts),
            log: Mutex::new(log),
        })
    }

    /// Counts an access to each of these contexts, whose totals were known to be at least the given ones.
    pub(super) fn count(&self, served: &[(Uuid, u64)], now: Timestamp) {
        let last = now.as_millisecond();
        let entries: Vec<_> = {
            let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
            let counted = served.iter().map(|(point, known)| {
                let count = counts.entry(*point).or_insert(Count { total: 0, last });
                count.total = count.total.max(*known).saturating_add(1);
                count.last = count.last.max(last);
                (*point, *count)
            });
            counted.collect()
        };
        self.append(&entries);
    }

    /// Adds what is counted here to a context.
    pub(super) fn merge(&self, point: Uuid, context: &mut Context) {
        let count = self
            .counts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&point)
            .copied();
        if let Some(count) = count {
            context.access_count = context.access_count.max(count.total);
            context.last_accessed_at = context
                .last_accessed_at
                .max(Timestamp::from_millisecond(count.last).ok());
        }
    }

    /// Forgets the counts of deleted points: if an id is used again, the count begins at 0.
    pub(super) fn forget(&self, points: impl Iterator<Item = Uuid>) {
        let entries: Vec<_> = {
            let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
            let removed = points.filter(|point| counts.remove(point).is_some());
            removed.map(|point| (point, Count { total: 0, last: 0 })).collect()
        };
        self.append(&entries);
    }

    /// Makes the log survive a power loss.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).file.sync_data()
    }

    /// A failure costs the counts of this process at its end, and no search.
    fn append(&self, entries: &[(Uuid, Count)]) {
        if entries.is_empty() {
            return;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = log.append(entries).and_then(|()| self.shorten(&mut log)) {
            tracing::warn!(%error, "access counts could not be logged");
        }
    }

    fn shorten(&self, log: &mut Log) -> io::Result<()> {
        let counts = self.counts.read().unwrap_or_else(PoisonError::into_inner);
        if log.entries < MANY || log.entries < TIMES * counts.len() {
            return Ok(());
        }
        log.rewrite(&counts)
    }
}

impl Log {
    fn append(&mut self, entries: &[(Uuid, Count)]) -> io::Result<()> {
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(point, count)| encode(*point, *count))
            .collect();
        let written = self.file.write_all(&bytes);
        if written.is_err() {
            // A part of an entry would hide those behind it.
            self.file.set_len((self.entries * ENTRY_BYTES) as u64)?;
        } else {
            self.entries += entries.len();
        }
        written
    }

    fn rewrite(&mut self, counts: &HashMap<Uuid, Count>) -> io::Result<()> {
        let bytes: Vec<u8> = counts
            .iter()
            .flat_map(|(point, count)| encode(*point, *count))
            .collect();
        disk::replace_file(&self.path, &bytes)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.entries = counts.len();
        Ok(())
    }
}

fn encode(point: Uuid, count: Count) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(point.as_bytes());
    bytes[16..24].copy_from_slice(&count.total.to_le_bytes());
    bytes[24..32].copy_from_slice(&count.last.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<(Uuid, Count)> {
    let (content, sum) = bytes.split_last_chunk()?;
    let (point, rest) = content.split_first_chunk::<16>()?;
    let (total, last) = rest.split_first_chunk()?;
    let count = Count {
        total: u64::from_le_bytes(*total),
        last: i64::from_le_bytes(last.try_into().ok()?),
    };
    (crc32fast::hash(content).to_le_bytes() == *sum).then_some((Uuid::from_bytes(*point), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn counted(accesses: &Accesses, point: Uuid) -> u64 {
        let mut context = Context::new("text");
        accesses.merge(point, &mut context);
        context.access_count
    }

    #[test]
    fn counts_outlive_the_process_and_grow_from_what_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let accesses = Accesses::open(folder.path()).unwrap();
        accesses.count(&[(A, 0), (B, 7)], Timestamp::UNIX_EPOCH);
        accesses.count(&[(A, 0)], Timestamp::UNIX_EPOCH);
        assert_eq!((counted(&accesses, A), counted(&accesses, B)), (2, 8));
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (2, 8));
        again.forget([A].into_iter());
        again.count(&[(B, 20)], Timestamp::UNIX_EPOCH);
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (0, 21));
    }

    #[test]
    fn a_torn_entry_is_cut_off_and_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let accesses = Accesses::open(folder.path()).unwrap();
        accesses.count(&[(A, 0), (B, 0)], Timestamp::UNIX_EPOCH);
        let path = folder.path().join(ACCESSES);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (1, 0));
        again.count(&[(B, 4)], Timestamp::UNIX_EPOCH);
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (1, 5));
    }

    #[test]
    fn the_log_stays_in_proportion_to_the_counts() {
        let folder = tempfile::tempdir().unwrap();
        let accesses = Accesses::open(folder.path()).unwrap();
        for _ in 0..=MANY {
            accesses.count(&[(A, 0)], Timestamp::UNIX_EPOCH);
        }
        let length = std::fs::metadata(folder.path().join(ACCESSES)).unwrap().len();
        assert!(length < (MANY * ENTRY_BYTES) as u64, "{length}");
        assert_eq!(counted(&Accesses::open(folder.path()).unwrap(), A), MANY as u64 + 1);
    }
}
