//! The log of deletions, which keeps deleted contexts from coming back when an older snapshot is restored.
//!
//! A file beside the engine's, which restoring does not touch. It has the id of every deleted point, which is a hash, every
//! filter by which was deleted, and a number that grows with time. The filters hold for contexts that garbage collection had
//! discarded by then: an older snapshot still has them. An entry is written before the deletion is acknowledged, and as durable as the deletion. The
//! log is bounded: it drops the oldest entries, and a mark says since when it is complete.
//!
//! Invariants: a failed deletion leaves nothing in the log; damage is never taken for the log's end. A part of an entry at
//! the end was left by a crash, before the deletion was acknowledged, and is cut off. Anything else that cannot be read is
//! damage: the entries behind it still count, and a mark records that some before them may be lost.

mod file;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use self::file::{
    BEGINNING, CHUNK, Content, DAMAGE, ENTRY_BYTES, Entry, MAGIC, SNAPSHOT, encode, encode_entry, encode_filter,
    filter_bytes, micros_now,
};
use super::folder::DELETIONS;
use crate::disk;

/// The log, open for writing.
#[derive(Debug)]
pub(super) struct DeletionLog {
    path: PathBuf,
    file: File,
    last: u64,
    entries: usize,
    max_entries: usize,
    /// Number of entries beyond which the oldest are dropped.
    full: usize,
    /// Set while a part of an entry may be behind the last one.
    torn: bool,
    synced: bool,
}

/// The deletions after a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) points: BTreeSet<Uuid>,
    /// As they were given to [`DeletionLog::append`].
    pub(super) filters: BTreeSet<Vec<u8>>,
    /// Number of the last one.
    pub(super) until: u64,
    pub(super) completeness: Completeness,
}

/// Completeness of the log for a range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Complete,
    /// Deletions before the beginning of the log are unknown.
    BeginsLater,
    /// Some entries can no longer be read.
    Damaged,
}

impl DeletionLog {
    /// Opens or begins the log of a data folder. Cuts off a half-written entry at the end, and replaces damage by a mark.
    pub(super) fn open(folder: &Path, max_entries: usize) -> io::Result<Self> {
        let path = folder.join(DELETIONS);
        let content = disk::unless_gone(Content::read(&path))?.unwrap_or_else(Content::beginning);
        if content.entries.iter().any(|(_, point)| *point == DAMAGE) {
            tracing::error!(
                "a part of the log of deletions was damaged and could not be read: a snapshot made before that is \
                 restored only when it is accepted that deleted contexts may come back"
            );
        }
        if !content.whole {
            disk::replace_file(&path, &encode(content.entries.iter().copied()))?;
        }
        let mut log = Self {
            file: OpenOptions::new().append(true).open(&path)?,
            path,
            last: content.entries.last().map_or(0, |(number, _)| *number),
            entries: content.entries.len(),
            max_entries,
            full: max_entries,
            torn: true,
            synced: false,
        };
        log.cut()?;
        Ok(log)
    }

    /// Logs that these points, and everything that the filter matches, are about to be deleted. An error leaves the log
    /// unchanged.
    pub(super) fn append(&mut self, filter: Option<&[u8]>, points: impl Iterator<Item = Uuid>) -> io::Result<()> {
        let number = self.next_number();
        let filter = filter.map(encode_filter).into_iter().flatten();
        self.write(filter.chain(points).map(|content| (number, content)))?;
        if self.entries > self.full
            && let Err(error) = self.drop_oldest()
        {
            self.full = self.entries + self.max_entries / 4;
            tracing::warn!(%error, "the log of deletions is full and cannot be shortened; it keeps growing");
        }
        Ok(())
    }

    /// Returns a number between those of past and future deletions, also after a restart.
    pub(super) fn mark(&mut self) -> io::Result<u64> {
        let number = self.next_number();
        self.write(std::iter::once((number, SNAPSHOT)))?;
        self.sync()?;
        Ok(number)
    }

    /// Makes the log survive a power loss.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.synced {
            self.file.sync_data()?;
            self.synced = true;
        }
        Ok(())
    }

    /// Returns the known deletions after `number`.
    pub(super) fn since(folder: &Path, number: u64) -> io::Result<Deleted> {
        let entries = match disk::unless_gone(Content::read(&folder.join(DELETIONS)))? {
            Some(content) => content.entries,
            None => vec![(u64::MAX, BEGINNING)],
        };
        let mut deleted = Deleted {
            points: BTreeSet::new(),
            filters: BTreeSet::new(),
            until: number,
            completeness: Completeness::Complete,
        };
        let mut entries = entries.into_iter().filter(|(at, _)| *at > number).peekable();
        while let Some((at, content)) = entries.next() {
            match content {
                DAMAGE => deleted.completeness = Completeness::Damaged,
                BEGINNING => deleted.completeness = Completeness::BeginsLater,
                SNAPSHOT => {}
                _ => {
                    deleted.until = at;
                    let Some(bytes) = filter_bytes(content) else {
                        deleted.points.insert(content);
                        continue;
                    };
                    let mut filter = Vec::with_capacity(bytes);
                    while filter.len() < bytes
                        && let Some((_, chunk)) = entries.next_if(|(number, chunk)| *number == at && *chunk != DAMAGE)
                    {
                        let end = CHUNK.min(bytes - filter.len());
                        filter.extend(&chunk.as_bytes()[..end]);
                    }
                    // An incomplete one is behind a mark of damage.
                    if filter.len() == bytes {
                        deleted.filters.insert(filter);
                    }
                }
            }
        }
        Ok(deleted)
    }

    fn next_number(&mut self) -> u64 {
        self.last = micros_now().max(self.last + 1);
        self.last
    }

    fn write(&mut self, entries: impl Iterator<Item = Entry>) -> io::Result<()> {
        // Left by a failed write, if it could not be cut off then.
        self.cut()?;
        let bytes: Vec<u8> = entries.flat_map(encode_entry).collect();
        if let Err(error) = self.file.write_all(&bytes) {
            self.torn = true;
            if let Err(error) = self.cut() {
                tracing::error!(%error, "a half-written entry stays in the log of deletions until the next one is written");
            }
            return Err(error);
        }
        self.synced = false;
        self.entries += bytes.len() / ENTRY_BYTES;
        Ok(())
    }

    /// Cuts off anything behind the last entry.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            let bytes = MAGIC.len() + self.entries * ENTRY_BYTES;
            self.file.set_len(bytes as u64)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Keeps three quarters of the maximum number of entries, so that this happens seldom.
    fn drop_oldest(&mut self) -> io::Result<()> {
        let entries = Content::read(&self.path)?.entries;
        let mut first = entries.len() - (self.max_entries - self.max_entries / 4).min(entries.len());
        // Entries of one deletion have one number, and are dropped together.
        while first > 0 && first < entries.len() && entries[first].0 == entries[first - 1].0 {
            first += 1;
        }
        let Some((complete_since, _)) = entries[..first].last() else {
            return Ok(());
        };
        let kept = &entries[first..];
        let beginning = std::iter::once((*complete_since, BEGINNING));
        disk::replace_file(&self.path, &encode(beginning.chain(kept.iter().copied())))?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.entries = kept.len() + 1;
        self.full = self.max_entries;
        self.synced = true;
        tracing::info!(
            kept = kept.len(),
            "dropped the oldest entries of the log of deletions; restoring a snapshot older than the rest must be accepted"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::file::FIRST_MAGIC;
    use super::*;

    /// A log with a beginning and five entries, and the number before each of these.
    fn log(folder: &Path) -> (DeletionLog, Vec<u64>) {
        let mut log = DeletionLog::open(folder, 100).unwrap();
        let marks = (10..15).map(|number| {
            let before = log.last;
            delete(&mut log, [number]);
            before
        });
        let marks = marks.collect();
        (log, marks)
    }

    fn delete(log: &mut DeletionLog, points: impl IntoIterator<Item = u128>) {
        log.append(None, points.into_iter().map(Uuid::from_u128)).unwrap();
    }

    /// Flips a bit of the file.
    fn damage(path: &Path, byte: impl FnOnce(usize) -> usize) {
        let mut bytes = fs::read(path).unwrap();
        let byte = byte(bytes.len());
        bytes[byte] ^= 4;
        fs::write(path, bytes).unwrap();
    }

    fn point(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn numbers(points: impl IntoIterator<Item = Uuid>) -> Vec<u128> {
        points.into_iter().map(|point| point.as_u128()).collect()
    }

    fn points(folder: &Path, since: u64) -> Vec<u128> {
        numbers(DeletionLog::since(folder, since).unwrap().points)
    }

    fn completeness(folder: &Path, since: u64) -> Completeness {
        DeletionLog::since(folder, since).unwrap().completeness
    }

    #[test]
    fn deletions_after_a_mark_are_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = DeletionLog::open(folder.path(), 100).unwrap();
        delete(&mut log, [11]);
        let mark = log.mark().unwrap();
        delete(&mut log, [12, 13]);
        assert_eq!(points(folder.path(), mark), [12, 13]);
        assert_eq!(points(folder.path(), 0), [11, 12, 13]);

        let mut log = DeletionLog::open(folder.path(), 100).unwrap();
        delete(&mut log, [14]);
        let deleted = DeletionLog::since(folder.path(), mark).unwrap();
        assert_eq!(numbers(deleted.points), [12, 13, 14]);
        assert_eq!(deleted.completeness, Completeness::Complete);
        assert_eq!(points(folder.path(), deleted.until), [0; 0]);
    }

    #[test]
    fn numbers_grow_when_the_clock_is_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = DeletionLog::open(folder.path(), 100).unwrap();
        log.last += 3_600_000_000;
        let mark = log.mark().unwrap();
        drop(log);
        let mut log = DeletionLog::open(folder.path(), 100).unwrap();
        delete(&mut log, [11]);
        assert_eq!(points(folder.path(), mark), [11]);
    }

    #[test]
    fn filters_of_every_length_are_kept_and_a_damaged_one_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = DeletionLog::open(folder.path(), 1000).unwrap();
        let filters: Vec<Vec<u8>> = (1..40).map(|length| vec![b'x'; length]).collect();
        for filter in &filters {
            log.append(Some(filter), [point(11)].into_iter()).unwrap();
        }
        let since = |number| DeletionLog::since(folder.path(), number).unwrap();
        assert_eq!(since(0).filters, filters.iter().cloned().collect());
        assert_eq!(numbers(since(0).points), [11]);
        assert_eq!(since(log.last).filters, BTreeSet::new());

        // The second chunk of the last one, before its last chunk and the point.
        damage(&log.path, |length| length - 3 * ENTRY_BYTES + 9);
        assert_eq!(completeness(folder.path(), 0), Completeness::Damaged);
        assert_eq!(since(0).filters, filters[..filters.len() - 1].iter().cloned().collect());
    }

    #[test]
    fn a_torn_end_is_cut_off_and_is_no_damage() {
        for left in 1..ENTRY_BYTES {
            let folder = tempfile::tempdir().unwrap();
            let (log, marks) = log(folder.path());
            let bytes = MAGIC.len() + 5 * ENTRY_BYTES + left;
            log.file.set_len(bytes as u64).unwrap();
            let mut log = DeletionLog::open(folder.path(), 100).unwrap();
            delete(&mut log, [20]);
            assert_eq!(points(folder.path(), 0), [10, 11, 12, 13, 20]);
            assert_eq!(completeness(folder.path(), marks[0]), Completeness::Complete);
        }
    }

    #[test]
    fn damage_is_recorded_and_the_log_is_complete_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let (log, marks) = log(folder.path());
        damage(&log.path, |_| MAGIC.len() + 3 * ENTRY_BYTES);
        for _ in 0..2 {
            assert_eq!(completeness(folder.path(), marks[0]), Completeness::Damaged);
            assert_eq!(completeness(folder.path(), marks[2]), Completeness::Damaged);
            assert_eq!(completeness(folder.path(), marks[4]), Completeness::Complete);
            assert_eq!(points(folder.path(), 0), [10, 11, 13, 14]);
            // Replaces it by a mark.
            DeletionLog::open(folder.path(), 100).unwrap();
        }
    }

    #[test]
    fn damage_at_the_end_affects_earlier_numbers_only() {
        let folder = tempfile::tempdir().unwrap();
        let (log, marks) = log(folder.path());
        damage(&log.path, |length| length - 1);
        assert_eq!(completeness(folder.path(), marks[4]), Completeness::Damaged);
        let mut log = DeletionLog::open(folder.path(), 100).unwrap();
        let mark = log.mark().unwrap();
        delete(&mut log, [20]);
        assert_eq!(completeness(folder.path(), marks[4]), Completeness::Damaged);
        assert_eq!(completeness(folder.path(), mark), Completeness::Complete);
        assert_eq!(points(folder.path(), marks[3]), [13, 20]);
    }

    #[test]
    fn entries_behind_a_part_of_one_still_count() {
        let folder = tempfile::tempdir().unwrap();
        let (log, marks) = log(folder.path());
        let whole = fs::read(&log.path).unwrap();
        let (before, after) = whole.split_at(MAGIC.len() + 3 * ENTRY_BYTES);
        fs::write(&log.path, [before, &[7; 11], after].concat()).unwrap();
        assert_eq!(points(folder.path(), 0), [10, 11, 12, 13, 14]);
        assert_eq!(completeness(folder.path(), marks[0]), Completeness::Damaged);
    }

    #[test]
    fn a_log_of_the_first_format_is_converted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DELETIONS);
        let entries = [(8, point(11)), (9, point(12))].map(encode_entry).concat();
        fs::write(&path, [FIRST_MAGIC, &7_u64.to_le_bytes(), &entries].concat()).unwrap();
        for _ in 0..2 {
            assert_eq!(points(folder.path(), 7), [11, 12]);
            assert_eq!(completeness(folder.path(), 7), Completeness::Complete);
            assert_eq!(completeness(folder.path(), 6), Completeness::BeginsLater);
            DeletionLog::open(folder.path(), 100).unwrap();
        }
        assert!(fs::read(&path).unwrap().starts_with(MAGIC));
    }

    #[test]
    fn the_oldest_entries_are_dropped_and_the_beginning_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = DeletionLog::open(folder.path(), 8).unwrap();
        let first = log.mark().unwrap();
        for number in 11..20 {
            delete(&mut log, [number]);
        }
        assert_eq!(points(folder.path(), 0), [14, 15, 16, 17, 18, 19]);
        assert_eq!(completeness(folder.path(), first), Completeness::BeginsLater);
        let now = log.mark().unwrap();
        assert_eq!(completeness(folder.path(), now), Completeness::Complete);
        assert_eq!(DeletionLog::open(folder.path(), 8).unwrap().entries, log.entries);
    }

    #[test]
    fn a_foreign_file_is_refused_and_a_missing_log_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let deleted = DeletionLog::since(folder.path(), 5).unwrap();
        assert_eq!((deleted.points.len(), deleted.until), (0, 5));
        assert_eq!(deleted.completeness, Completeness::BeginsLater);
        fs::write(folder.path().join(DELETIONS), "notes of somebody").unwrap();
        assert!(DeletionLog::open(folder.path(), 100).is_err());
    }
}
