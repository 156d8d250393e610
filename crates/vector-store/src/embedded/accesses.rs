//! Access counts, beside the points: a search that serves contexts changes none of them.
//!
//! A count is the total number of accesses. A context has the greater of the total here and the one in its payload, so that a
//! change of the context may write the total into the payload at any time, and no count is lost. An entry is appended to a
//! log before the search is answered, so it survives the end of the process; a thread in the background syncs the log and
//! rewrites it when it is long, for which no search waits.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

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
    path: PathBuf,
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
    file: File,
    entries: usize,
    is_synced: bool,
    /// Entries that are appended while the log is rewritten.
    meanwhile: Option<Vec<Entry>>,
}

/// A point and its count.
type Entry = (Uuid, Count);

impl Accesses {
    /// Opens or begins the log of a data folder. It ends before the first entry that a crash or damage left unreadable.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(ACCESSES);
        let bytes = disk::unless_gone(fs::read(&path))?.unwrap_or_default();
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
        if entries * ENTRY_BYTES < bytes.len() {
            disk::replace_file(&path, &bytes[..entries * ENTRY_BYTES])?;
        }
        let log = Log {
            file: OpenOptions::new().create(true).append(true).open(&path)?,
            entries,
            is_synced: false,
            meanwhile: None,
        };
        Ok(Self {
            path,
            counts: RwLock::new(counts),
            log: Mutex::new(log),
        })
    }

    /// Counts an access to each of these contexts, whose totals were known to be at least the given ones.
    ///
    /// # Errors
    /// When it could not be logged: the counts are then those of this process, and the next ones of the same contexts are
    /// logged with them.
    pub(super) fn count(&self, served: &[(Uuid, u64)], now: Timestamp) -> io::Result<()> {
        let last = now.as_millisecond();
        let entries: Vec<Entry> = {
            let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
            let counted = served.iter().map(|(point, known)| {
                let count = counts.entry(*point).or_insert(Count { total: 0, last });
                count.total = count.total.max(*known).saturating_add(1);
                count.last = count.last.max(last);
                (*point, *count)
            });
            counted.collect()
        };
        self.log().append(&entries)
    }

    /// Adds what is counted here to a context.
    pub(super) fn merge(&self, point: Uuid, context: &mut Context) {
        let count = self.counts().get(&point).copied();
        if let Some(count) = count {
            context.access_count = context.access_count.max(count.total);
            context.last_accessed_at = context
                .last_accessed_at
                .max(Timestamp::from_millisecond(count.last).ok());
        }
    }

    /// Forgets the counts of deleted points: if an id is used again, the count begins at 0.
    ///
    /// # Errors
    /// When that could not be logged.
    pub(super) fn forget(&self, points: impl Iterator<Item = Uuid>) -> io::Result<()> {
        let entries: Vec<Entry> = {
            let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
            let removed = points.filter(|point| counts.remove(point).is_some());
            removed.map(|point| (point, Count { total: 0, last: 0 })).collect()
        };
        self.log().append(&entries)
    }

    /// Makes the log survive a power loss, and rewrites it if it is long. For one thread.
    pub(super) fn maintain(&self) -> io::Result<()> {
        let counts = self.counts().len();
        let file = {
            let mut log = self.log();
            if log.is_synced {
                return Ok(());
            }
            log.is_synced = true;
            let is_long = log.entries >= MANY && log.entries >= TIMES * counts;
            if is_long {
                log.meanwhile = Some(Vec::new());
            }
            (!is_long).then(|| log.file.try_clone()).transpose()?
        };
        match file {
            Some(file) => file.sync_data(),
            None => self.rewrite(),
        }
    }

    fn rewrite(&self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let counts = self.counts().clone();
        let written = disk::write_file(&new, &encode(counts.iter().map(|(point, count)| (*point, *count))));
        let mut log = self.log();
        let meanwhile = log.meanwhile.take().unwrap_or_default();
        written?;
        let mut file = OpenOptions::new().append(true).open(&new)?;
        file.write_all(&encode(meanwhile.iter().copied()))?;
        fs::rename(&new, &self.path)?;
        log.file = file;
        log.entries = counts.len() + meanwhile.len();
        log.is_synced = meanwhile.is_empty();
        drop(log);
        self.path.parent().map_or(Ok(()), disk::sync_folder)
    }

    fn counts(&self) -> RwLockReadGuard<'_, HashMap<Uuid, Count>> {
        self.counts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all(&encode(entries.iter().copied())) {
            // A part of an entry would hide those behind it.
            self.file.set_len((self.entries * ENTRY_BYTES) as u64)?;
            return Err(error);
        }
        self.entries += entries.len();
        self.is_synced = false;
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.extend_from_slice(entries);
        }
        Ok(())
    }
}

fn encode(entries: impl Iterator<Item = Entry>) -> Vec<u8> {
    entries.flat_map(encode_entry).collect()
}

fn encode_entry((point, count): Entry) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(point.as_bytes());
    bytes[16..24].copy_from_slice(&count.total.to_le_bytes());
    bytes[24..32].copy_from_slice(&count.last.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
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
        accesses.count(&[(A, 0), (B, 7)], Timestamp::UNIX_EPOCH).unwrap();
        accesses.count(&[(A, 0)], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((counted(&accesses, A), counted(&accesses, B)), (2, 8));
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (2, 8));
        again.forget([A].into_iter()).unwrap();
        again.count(&[(B, 20)], Timestamp::UNIX_EPOCH).unwrap();
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (0, 21));
    }

    #[test]
    fn a_torn_entry_is_cut_off_and_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let accesses = Accesses::open(folder.path()).unwrap();
        accesses.count(&[(A, 0), (B, 0)], Timestamp::UNIX_EPOCH).unwrap();
        let path = folder.path().join(ACCESSES);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (1, 0));
        again.count(&[(B, 4)], Timestamp::UNIX_EPOCH).unwrap();
        let again = Accesses::open(folder.path()).unwrap();
        assert_eq!((counted(&again, A), counted(&again, B)), (1, 5));
    }

    #[test]
    fn a_long_log_is_rewritten_and_loses_nothing_that_is_counted_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let accesses = Accesses::open(folder.path()).unwrap();
        let counting = |times: usize| {
            for _ in 0..times {
                accesses.count(&[(A, 0)], Timestamp::UNIX_EPOCH).unwrap();
            }
        };
        counting(MANY);
        let length = || fs::metadata(folder.path().join(ACCESSES)).unwrap().len();
        let long = length();
        std::thread::scope(|scope| {
            scope.spawn(|| counting(1000));
            accesses.maintain().unwrap();
        });
        assert!(length() < long, "{}", length());
        assert_eq!(counted(&Accesses::open(folder.path()).unwrap(), A), MANY as u64 + 1000);
    }
}
