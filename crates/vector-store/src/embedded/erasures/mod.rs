//! The log of deletions, so that what was erased stays erased when an older snapshot is restored.
//!
//! A file beside the engine's, which restoring does not touch: for every point that was deleted its id, which is a hash,
//! and a number that grows with time. It is written before the deletion is acknowledged, and as durable as that is. It is
//! bounded: the oldest entries leave, and a mark says since when it is complete.
//!
//! Invariants: of a deletion that was refused nothing is left in the log; damage is never taken for the log's end. Less
//! than an entry at the end is what a crash left of a deletion that nobody was told of, and is cut off. Everything else
//! that cannot be read is damage: the entries behind it still count, and a mark remembers that some before them may be lost.

mod content;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use self::content::{
    BEGINNING, Content, DAMAGE, ENTRY_BYTES, Entry, MAGIC, SNAPSHOT, encode, encode_entry, micros_now,
};
use crate::disk;

/// The log's name in the data folder.
pub(super) const FILE: &str = "erasures.log";

/// The log, open for writing.
#[derive(Debug)]
pub(super) struct Erasures {
    path: PathBuf,
    file: File,
    last: u64,
    entries: usize,
    max_entries: usize,
    /// The number of entries beyond which the oldest ones leave.
    full: usize,
    /// A part of an entry may stand behind the last one.
    torn: bool,
    synced: bool,
}

/// The points erased after a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Erased {
    pub(super) points: BTreeSet<Uuid>,
    /// The number of the last one.
    pub(super) until: u64,
    pub(super) completeness: Completeness,
}

/// The extent of the log's knowledge about what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Complete,
    /// Something may have been erased before the log begins.
    BeginsLater,
    /// Something may have been erased that can no longer be read.
    Damaged,
}

impl Erasures {
    /// Opens the log of a data folder, or begins it. What a crash left half written at its end is cut off, and damage is
    /// replaced by a mark.
    pub(super) fn open(folder: &Path, max_entries: usize) -> io::Result<Self> {
        let path = folder.join(FILE);
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

    /// Writes down that these points are about to be deleted. After an error it is as if that was never tried.
    pub(super) fn append(&mut self, points: impl Iterator<Item = Uuid>) -> io::Result<()> {
        let number = self.next_number();
        self.write(points.map(|point| (number, point)))?;
        if self.entries > self.full
            && let Err(error) = self.drop_oldest()
        {
            self.full = self.entries + self.max_entries / 4;
            tracing::warn!(%error, "the log of deletions is full and cannot be shortened, it grows on");
        }
        Ok(())
    }

    /// A number not lower than that of anything erased so far, and lower than that of everything erased from now on, also
    /// after a restart.
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

    /// Returns what was erased after `number`, as far as the log knows it.
    pub(super) fn since(folder: &Path, number: u64) -> io::Result<Erased> {
        let entries = match disk::unless_gone(Content::read(&folder.join(FILE)))? {
            Some(content) => content.entries,
            None => vec![(u64::MAX, BEGINNING)],
        };
        let mut erased = Erased {
            points: BTreeSet::new(),
            until: number,
            completeness: Completeness::Complete,
        };
        for (at, point) in entries.into_iter().filter(|(at, _)| *at > number) {
            if point == DAMAGE {
                erased.completeness = Completeness::Damaged;
            } else if point == BEGINNING {
                erased.completeness = Completeness::BeginsLater;
            } else if point != SNAPSHOT {
                erased.points.insert(point);
                erased.until = at;
            }
        }
        Ok(erased)
    }

    fn next_number(&mut self) -> u64 {
        self.last = micros_now().max(self.last + 1);
        self.last
    }

    fn write(&mut self, entries: impl Iterator<Item = Entry>) -> io::Result<()> {
        // What an earlier write left, if it could not be cut off then.
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

    /// Cuts off what stands behind the last entry.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            let bytes = MAGIC.len() + self.entries * ENTRY_BYTES;
            self.file.set_len(bytes as u64)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Keeps the newer three quarters of what may be kept, so that this happens seldom.
    fn drop_oldest(&mut self) -> io::Result<()> {
        let entries = Content::read(&self.path)?.entries;
        let mut first = entries.len() - (self.max_entries - self.max_entries / 4).min(entries.len());
        // Entries of one deletion have one number, and leave together.
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
            "the log of deletions is full, snapshots older than its beginning cannot be restored unless that is accepted"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::content::FIRST_MAGIC;
    use super::*;

    /// A log with a beginning and five entries, and the number before each of these.
    fn log(folder: &Path) -> (Erasures, Vec<u64>) {
        let mut log = Erasures::open(folder, 100).unwrap();
        let marks = (10..15).map(|number| {
            let before = log.last;
            log.append([point(number)].into_iter()).unwrap();
            before
        });
        let marks = marks.collect();
        (log, marks)
    }

    fn point(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn numbers(points: impl IntoIterator<Item = Uuid>) -> Vec<u128> {
        points.into_iter().map(|point| point.as_u128()).collect()
    }

    fn points(folder: &Path, since: u64) -> Vec<u128> {
        numbers(Erasures::since(folder, since).unwrap().points)
    }

    fn completeness(folder: &Path, since: u64) -> Completeness {
        Erasures::since(folder, since).unwrap().completeness
    }

    #[test]
    fn what_was_erased_after_a_mark_is_known_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(11)].into_iter()).unwrap();
        let mark = log.mark().unwrap();
        log.append([point(12), point(13)].into_iter()).unwrap();
        assert_eq!(points(folder.path(), mark), [12, 13]);
        assert_eq!(points(folder.path(), 0), [11, 12, 13]);

        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(14)].into_iter()).unwrap();
        let erased = Erasures::since(folder.path(), mark).unwrap();
        assert_eq!(numbers(erased.points), [12, 13, 14]);
        assert_eq!(erased.completeness, Completeness::Complete);
        assert_eq!(points(folder.path(), erased.until), [0; 0]);
    }

    #[test]
    fn a_clock_that_was_set_back_changes_no_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.last += 3_600_000_000;
        let mark = log.mark().unwrap();
        drop(log);
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        log.append([point(11)].into_iter()).unwrap();
        assert_eq!(points(folder.path(), mark), [11]);
    }

    #[test]
    fn a_torn_end_is_cut_off_and_is_no_damage() {
        for left in 1..ENTRY_BYTES {
            let folder = tempfile::tempdir().unwrap();
            let (log, marks) = log(folder.path());
            let bytes = MAGIC.len() + 5 * ENTRY_BYTES + left;
            log.file.set_len(bytes as u64).unwrap();
            let mut log = Erasures::open(folder.path(), 100).unwrap();
            log.append([point(20)].into_iter()).unwrap();
            assert_eq!(points(folder.path(), 0), [10, 11, 12, 13, 20]);
            assert_eq!(completeness(folder.path(), marks[0]), Completeness::Complete);
        }
    }

    #[test]
    fn damage_is_remembered_and_what_came_after_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (log, marks) = log(folder.path());
        let mut bytes = fs::read(&log.path).unwrap();
        bytes[MAGIC.len() + 3 * ENTRY_BYTES] ^= 4;
        fs::write(&log.path, bytes).unwrap();
        for _ in 0..2 {
            assert_eq!(completeness(folder.path(), marks[0]), Completeness::Damaged);
            assert_eq!(completeness(folder.path(), marks[2]), Completeness::Damaged);
            assert_eq!(completeness(folder.path(), marks[4]), Completeness::Complete);
            assert_eq!(points(folder.path(), 0), [10, 11, 13, 14]);
            // Replaces it by a mark.
            Erasures::open(folder.path(), 100).unwrap();
        }
    }

    #[test]
    fn damage_at_the_end_concerns_what_was_before_only() {
        let folder = tempfile::tempdir().unwrap();
        let (log, marks) = log(folder.path());
        let mut bytes = fs::read(&log.path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&log.path, bytes).unwrap();
        assert_eq!(completeness(folder.path(), marks[4]), Completeness::Damaged);
        let mut log = Erasures::open(folder.path(), 100).unwrap();
        let mark = log.mark().unwrap();
        log.append([point(20)].into_iter()).unwrap();
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
    fn a_log_of_the_first_form_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let entries = [(8, point(11)), (9, point(12))].map(encode_entry).concat();
        fs::write(&path, [FIRST_MAGIC, &7_u64.to_le_bytes(), &entries].concat()).unwrap();
        for _ in 0..2 {
            assert_eq!(points(folder.path(), 7), [11, 12]);
            assert_eq!(completeness(folder.path(), 7), Completeness::Complete);
            assert_eq!(completeness(folder.path(), 6), Completeness::BeginsLater);
            Erasures::open(folder.path(), 100).unwrap();
        }
        assert!(fs::read(&path).unwrap().starts_with(MAGIC));
    }

    #[test]
    fn the_oldest_leave_and_it_says_since_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Erasures::open(folder.path(), 8).unwrap();
        let first = log.mark().unwrap();
        for number in 11..20 {
            log.append([point(number)].into_iter()).unwrap();
        }
        assert_eq!(points(folder.path(), 0), [14, 15, 16, 17, 18, 19]);
        assert_eq!(completeness(folder.path(), first), Completeness::BeginsLater);
        let now = log.mark().unwrap();
        assert_eq!(completeness(folder.path(), now), Completeness::Complete);
        assert_eq!(Erasures::open(folder.path(), 8).unwrap().entries, log.entries);
    }

    #[test]
    fn something_else_is_refused_and_a_folder_without_a_log_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let erased = Erasures::since(folder.path(), 5).unwrap();
        assert_eq!((erased.points.len(), erased.until), (0, 5));
        assert_eq!(erased.completeness, Completeness::BeginsLater);
        fs::write(folder.path().join(FILE), "notes of somebody").unwrap();
        assert!(Erasures::open(folder.path(), 100).is_err());
    }
}
