//! The log of deletions, so that what was erased stays erased when an older snapshot is restored.
//!
//! A file beside the engine's, which restoring does not touch: for every point that was deleted its id, which is a hash,
//! and a number that grows with time. It is written before the deletion is acknowledged, and as durable as that is. It is
//! bounded: the oldest entries leave, and the header says since when it is complete.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use context_manager_core::ports::{Clock, SystemClock};
use uuid::Uuid;

use super::folder::sync_folder;

/// The log's name in the data folder.
pub(super) const FILE: &str = "erasures.log";
const NEW_FILE: &str = "erasures.log.new";

/// Says what the file is, and in which form.
const MAGIC: [u8; 8] = *b"CMERASE1";
/// The magic bytes, and the number since which the log is complete.
const HEADER_BYTES: usize = 16;
/// A number, a point's id, and the CRC-32 of both.
const ENTRY_BYTES: usize = 28;

/// The log, open for writing.
#[derive(Debug)]
pub(super) struct Erasures {
    folder: PathBuf,
    file: File,
    /// Everything that was erased after this number is in the log.
    complete_since: u64,
    last: u64,
    entries: usize,
    max_entries: usize,
    synced: bool,
}

/// What was erased.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Erased {
    pub(super) points: BTreeSet<Uuid>,
    /// The number of the last one.
    pub(super) until: u64,
}

impl Erasures {
    /// Opens the log of a data folder, or begins it. What a crash left half written at its end is cut off.
    pub(super) fn open(folder: &Path, max_entries: usize) -> io::Result<Self> {
        let path = folder.join(FILE);
        if !path.exists() {
            // Nothing is known about what was erased before.
            begin(folder, micros_now(), &[])?;
        }
        let (complete_since, entries) = read(&path)?;
        let file = OpenOptions::new().write(true).open(&path)?;
        let bytes = HEADER_BYTES + entries.len() * ENTRY_BYTES;
        file.set_len(bytes as u64)?;
        let mut log = Self {
            folder: folder.to_owned(),
            file,
            complete_since,
            last: entries.last().map_or(complete_since, |(number, _)| *number),
            entries: entries.len(),
            max_entries,
            synced: false,
        };
        log.file.seek(SeekFrom::End(0))?;
        Ok(log)
    }

    /// A number later than that of everything erased so far, and earlier than that of everything erased from now on.
    pub(super) fn mark(&mut self) -> u64 {
        self.last = micros_now().max(self.last + 1);
        self.last
    }

    /// Writes down that these points are about to be deleted.
    pub(super) fn append(&mut self, points: impl Iterator<Item = Uuid>) -> io::Result<()> {
        let number = self.mark();
        let mut bytes = Vec::new();
        for point in points {
            bytes.extend_from_slice(&entry(number, point));
        }
        // One call: a process that is killed has written all of it or nothing.
        self.file.write_all(&bytes)?;
        self.synced = false;
        self.entries += bytes.len() / ENTRY_BYTES;
        if self.entries > self.max_entries {
            self.drop_oldest()?;
        }
        Ok(())
    }

    /// Makes the log survive a power loss.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.synced {
            self.file.sync_data()?;
            self.synced = true;
        }
        Ok(())
    }

    /// What was erased after `number`; `None` where the log does not reach back that far.
    pub(super) fn since(folder: &Path, number: u64) -> io::Result<(Erased, Completeness)> {
        let (complete_since, entries) = match read(&folder.join(FILE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => (u64::MAX, Vec::new()),
            read => read?,
        };
        let mut erased = Erased {
            points: BTreeSet::new(),
            until: number,
        };
        for (at, point) in entries {
            if at > number {
                erased.points.insert(point);
                erased.until = at;
            }
        }
        let completeness = if complete_since <= number {
            Completeness::Complete
        } else {
            Completeness::BeginsLater
        };
        Ok((erased, completeness))
    }

    /// Keeps the newer three quarters of what may be kept, so that this happens seldom.
    fn drop_oldest(&mut self) -> io::Result<()> {
        let (_, entries) = read(&self.folder.join(FILE))?;
        let mut first = entries.len() - (self.max_entries - self.max_entries / 4).min(entries.len());
        // Entries of one deletion have one number, and leave together.
        while first > 0 && first < entries.len() && entries[first].0 == entries[first - 1].0 {
            first += 1;
        }
        let complete_since = if first == 0 {
            self.complete_since
        } else {
            entries[first - 1].0
        };
        let kept = &entries[first..];
        self.file = begin(&self.folder, complete_since, kept)?;
        self.complete_since = complete_since;
        self.entries = kept.len();
        self.synced = true;
        tracing::info!(
            kept = kept.len(),
            "the log of deletions is full, snapshots older than its beginning cannot be restored unless that is accepted"
        );
        Ok(())
    }
}

/// Whether the log knows all that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Complete,
    /// Something may have been erased of which nothing is known.
    BeginsLater,
}

/// Puts a new log in place, in one step that survives a power loss.
fn begin(folder: &Path, complete_since: u64, entries: &[(u64, Uuid)]) -> io::Result<File> {
    let new = folder.join(NEW_FILE);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + entries.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&complete_since.to_le_bytes());
    for (number, point) in entries {
        bytes.extend_from_slice(&entry(*number, *point));
    }
    let mut file = File::create(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    sync_folder(folder)?;
    Ok(file)
}

/// Since when the log is complete, and its entries up to the first that is not whole.
fn read(path: &Path) -> io::Result<(u64, Vec<(u64, Uuid)>)> {
    let mut file = BufReader::new(File::open(path)?);
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let (magic, since) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("`{}` is not a log of deletions", path.display()),
        ));
    }
    let mut entries = Vec::new();
    let mut bytes = [0; ENTRY_BYTES];
    loop {
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        let Some(entry) = parse(&bytes) else { break };
        entries.push(entry);
    }
    Ok((number(since), entries))
}

fn entry(number: u64, point: Uuid) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..24].copy_from_slice(point.as_bytes());
    let sum = crc32fast::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn parse(bytes: &[u8; ENTRY_BYTES]) -> Option<(u64, Uuid)> {
    let (content, sum) = bytes.split_at(24);
    let (at, point) = content.split_at(8);
    let sum_is_right = crc32fast::hash(content).to_le_bytes() == *sum;
    let point = Uuid::from_slice(point).ok()?;
    sum_is_right.then(|| (number(at), point))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().copied().map_or(0, u64::from_le_bytes)
}

fn micros_now() -> u64 {
    u64::try_from(SystemClock.now().as_microsecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn points(folder: &Path, since: u64) -> Vec<u128> {
        let (erased, _) = Erasures::since(folder, since).unwrap();
        erased.points.into_iter().map(|point| point.as_u128()).collect()
    }

    #[test]
    fn what_was_erased_after_a_mark_is_known_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(1)].into_iter()).unwrap();
        let mark = log.mark();
        log.append([point(2), point(3)].into_iter()).unwrap();
        assert_eq!(points(folder.path(), mark), [2, 3]);
        assert_eq!(points(folder.path(), 0), [1, 2, 3]);

        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(4)].into_iter()).unwrap();
        assert_eq!(points(folder.path(), mark), [2, 3, 4]);
        let (erased, completeness) = Erasures::since(folder.path(), mark).unwrap();
        assert_eq!(completeness, Completeness::Complete);
        assert_eq!(points(folder.path(), erased.until), [0; 0]);
    }

    #[test]
    fn a_torn_end_is_cut_off_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(1), point(2)].into_iter()).unwrap();
        let path = folder.path().join(FILE);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len((HEADER_BYTES + ENTRY_BYTES + 9) as u64).unwrap();
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(3)].into_iter()).unwrap();
        assert_eq!(points(folder.path(), 0), [1, 3]);
    }

    #[test]
    fn the_oldest_leave_and_it_says_since_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 8).unwrap();
        let first = log.mark();
        for number in 1..=9 {
            log.append([point(number)].into_iter()).unwrap();
        }
        assert_eq!(points(folder.path(), 0), [4, 5, 6, 7, 8, 9]);
        assert_eq!(
            Erasures::since(folder.path(), first).unwrap().1,
            Completeness::BeginsLater
        );
        let now = log.mark();
        assert_eq!(Erasures::since(folder.path(), now).unwrap().1, Completeness::Complete);
        assert_eq!(Erasures::open(folder.path(), 8).unwrap().entries, 6);
    }

    #[test]
    fn a_folder_without_a_log_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            Erasures::since(folder.path(), 5).unwrap(),
            (
                Erased {
                    points: BTreeSet::new(),
                    until: 5
                },
                Completeness::BeginsLater
            )
        );
    }
}
