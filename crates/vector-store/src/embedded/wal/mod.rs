//! The engine's log of operations, checked before the engine reads it and cut to what it still has to apply.
//!
//! The engine writes an operation into its log and then applies it; a flush notes up to which one everything is in its
//! segments. Older ones stay in the log all the same, and at a start the engine reads up to the first checksum that does
//! not fit, as if nothing stood behind it, and goes on counting from there: what had been deleted came back, and what was
//! written afterwards counted as older than what was there already. So the log is read here first. Damage to what was
//! applied does no harm, damage to what was not is an error, and in either case the engine is given sound operations
//! without a gap, or none.
//!
//! ```text
//! wal/closed-N     operations from number N on: a header, then one entry for each
//! wal/open-N       those after the closed ones
//! wal/first-index  {"ack_index": N}: what comes before N was applied
//! wal.new/         the cut log while it is written
//! wal.old/         the log whose place it takes
//!
//! header  "wal" 0, seed (u32)
//! entry   length (u64), data, padding, CRC-32C of all that (u32), which continues the CRC or seed before it
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use qdrant_edge::SEGMENT_STATE_FILE;
use serde::Deserialize;

use super::folder::io_error;
use crate::Error;
use crate::disk::{sync_folder, unless_gone, write_file};

const LOG: &str = "wal";
const NEW_LOG: &str = "wal.new";
const OLD_LOG: &str = "wal.old";
const ACKNOWLEDGED: &str = "first-index";

const MAGIC: [u8; 4] = *b"wal\0";
const HEADER: usize = 8;
/// Bytes of an entry's length, before its data, and of its checksum, after its padding.
const LENGTH: usize = 8;
const CHECKSUM: usize = 4;
/// Entries begin at multiples of this.
const ALIGNMENT: usize = 8;
/// The system writes and loses files by the page.
const PAGE: usize = 4096;

/// Cuts the log of the engine in this folder when it is dropped, so that a folder that nobody uses has hardly any to damage.
///
/// To be dropped after the engine and before the lock on the folder.
#[derive(Debug)]
pub(super) struct CutWhenClosed(pub(super) PathBuf);

impl Drop for CutWhenClosed {
    fn drop(&mut self) {
        if let Err(error) = cut(&self.0) {
            tracing::warn!(%error, "the log of operations could not be cut, the next start tries again");
        }
    }
}

/// Checks the log of the engine in the folder `shard`, and removes from it what was applied. What was damaged and could be
/// repaired is returned, in a sentence for operators.
///
/// # Errors
/// [`Error::Damaged`] when operations are damaged that may not have been applied yet; the log is left as it was.
pub(super) fn cut(shard: &Path) -> Result<Option<String>, Error> {
    let folder = shard.join(LOG);
    let io = |operation| io_error(operation, &folder);
    let damaged = |problem| Error::Damaged {
        path: shard.parent().unwrap_or(shard).to_owned(),
        problem,
    };
    finish(shard).map_err(io("repair"))?;
    let applied = applied_until(shard).map_err(damaged)?;
    let Some(log) = Log::read(&folder).map_err(io("read"))? else {
        replace(shard, applied + 1, &[]).map_err(io("write"))?;
        return Ok(Some(
            "the log of operations was missing: what was not written out before is lost".to_owned(),
        ));
    };
    let (first, pending) = log.pending(applied).map_err(damaged)?;
    if log.damage.is_empty() && log.end == End::Sound && first <= log.first {
        return Ok(None);
    }
    let first = if pending.is_empty() {
        first.max(log.end()).max(applied + 1)
    } else {
        first
    };
    replace(shard, first, &pending).map_err(io("write"))?;
    Ok(log.repaired())
}

/// Ends what a crash interrupted.
fn finish(shard: &Path) -> io::Result<()> {
    let (log, old) = (shard.join(LOG), shard.join(OLD_LOG));
    if !log.exists() && old.exists() {
        fs::rename(&old, &log)?;
    }
    for leftover in [old, shard.join(NEW_LOG)] {
        unless_gone(fs::remove_dir_all(leftover))?;
    }
    Ok(())
}

/// Puts a log with these operations, the first of which has the number `first`, in the place of the one that is there.
fn replace(shard: &Path, first: u64, operations: &[&[u8]]) -> io::Result<()> {
    let (log, new, old) = (shard.join(LOG), shard.join(NEW_LOG), shard.join(OLD_LOG));
    let seed: u32 = 0x5eed;
    let mut content = [MAGIC, seed.to_le_bytes()].concat();
    for operation in operations {
        let (start, seed) = (
            content.len(),
            number(&content, content.len() - CHECKSUM).unwrap_or(seed),
        );
        content.extend((operation.len() as u64).to_le_bytes());
        content.extend(*operation);
        content.resize(start + LENGTH + padded(operation.len()), 0);
        content.extend(continued(seed, &content[start..]).to_le_bytes());
    }
    fs::create_dir(&new)?;
    write_file(&new.join(format!("closed-{first}")), &content)?;
    sync_folder(&new)?;
    if log.exists() {
        fs::rename(&log, &old)?;
    }
    fs::rename(&new, &log)?;
    sync_folder(shard)?;
    unless_gone(fs::remove_dir_all(&old)).map(drop)
}

/// The last operation that any segment has.
fn applied_until(shard: &Path) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Segment {
        version: Option<u64>,
    }

    let unreadable = |error: &dyn std::fmt::Display| format!("the state of a segment cannot be read: {error}");
    let segments = unless_gone(fs::read_dir(shard.join("segments"))).map_err(|error| unreadable(&error))?;
    let mut last = 0;
    for segment in segments.into_iter().flatten() {
        let state = segment
            .map_err(|error| unreadable(&error))?
            .path()
            .join(SEGMENT_STATE_FILE);
        // What is no segment, or not one any more, has none.
        let Ok(state) = fs::read(state) else { continue };
        let state: Segment = serde_json::from_slice(&state).map_err(|error| unreadable(&error))?;
        last = last.max(state.version.unwrap_or(0));
    }
    Ok(last)
}

/// Contents of the log.
#[derive(Debug)]
struct Log {
    /// The number of the first operation.
    first: u64,
    /// Each operation; `None` where it is damaged.
    operations: Vec<Option<Vec<u8>>>,
    /// Number of the operation before which all were applied, as far as the engine noted it.
    acknowledged: Option<u64>,
    /// Descriptions of the damage, and of its places.
    damage: Vec<String>,
    end: End,
}

/// State of the end of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum End {
    #[default]
    Sound,
    /// In an operation that was not written out. Nobody was told that it is stored, or the machine lost power.
    Torn {
        /// Later operations were written out.
        before_others: bool,
    },
    /// In damage whose extent cannot be told.
    Unknown,
}

impl Log {
    /// `None` when there is none.
    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let (mut closed, mut open) = (BTreeMap::new(), BTreeMap::new());
        for file in unless_gone(fs::read_dir(folder))?.into_iter().flatten() {
            let file = file?;
            let name = file.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('-'));
            let files = match parts {
                Some(("closed", _)) => &mut closed,
                Some(("open", _)) => &mut open,
                Some(_) | None => continue,
            };
            if let Some(number) = parts.and_then(|(_, number)| number.parse::<u64>().ok()) {
                files.insert(number, fs::read(file.path())?);
            }
        }
        if closed.is_empty() && open.is_empty() {
            return Ok(None);
        }
        let mut log = Self {
            first: closed.keys().next().copied().unwrap_or(0),
            operations: Vec::new(),
            acknowledged: None,
            damage: Vec::new(),
            end: End::default(),
        };
        if let Some(note) = unless_gone(fs::read(folder.join(ACKNOWLEDGED)))? {
            log.acknowledged = acknowledged(&note);
            if log.acknowledged.is_none() {
                log.damage.push(ACKNOWLEDGED.to_owned());
            }
        }
        let mut starts = closed.keys().copied().skip(1).collect::<Vec<_>>().into_iter();
        for (number, content) in &closed {
            log.add(&format!("closed-{number}"), content, starts.next());
        }
        for (number, content) in &open {
            log.add(&format!("open-{number}"), content, None);
        }
        Ok(Some(log))
    }

    /// Adds what a file has, and what it lacks up to the operation with which the next one begins.
    fn add(&mut self, name: &str, content: &[u8], next: Option<u64>) {
        let read = read(content);
        if self.end != End::Sound && !read.operations.is_empty() {
            // Something is missing between the two.
            self.end = End::Unknown;
        }
        self.damage
            .extend(read.damage.iter().map(|at| format!("{name} at byte {at}")));
        let data = |place: Option<Range<usize>>| place.map(|place| content[place].to_vec());
        self.operations.extend(read.operations.into_iter().map(data));
        if let Some(next) = next {
            let missing = next.saturating_sub(self.end());
            if missing > 0 || read.end != End::Sound {
                self.damage.push(format!("{name} at its end"));
            }
            let missing = usize::try_from(missing).unwrap_or(0);
            self.operations.resize(self.operations.len() + missing, None);
        } else if read.end != End::Sound {
            self.end = read.end;
        }
    }

    /// The number after that of the last operation.
    fn end(&self) -> u64 {
        self.first + self.operations.len() as u64
    }

    /// The operations that have to be applied, when segments have some up to `applied`, and the number of the first.
    fn pending(&self, applied: u64) -> Result<(u64, Vec<&[u8]>), String> {
        let end = self.end();
        let mut first = match self.acknowledged {
            Some(number) if number <= end => number.max(self.first),
            // The engine never notes more than there is: the note is wrong, or the end of the log is gone. To apply all of
            // what was applied once more, to the last operation, changes nothing.
            Some(_) | None if applied < end || self.operations.is_empty() => self.first,
            Some(number) if self.end == End::Sound => number + 1,
            Some(_) | None => return Err(self.ways_out()),
        };
        let operations = |first: u64| {
            let skipped = usize::try_from(first - self.first).unwrap_or(usize::MAX);
            self.operations.iter().skip(skipped)
        };
        // The engine notes the last operation that was applied, and is given it once more.
        if first <= applied && operations(first).next().is_some_and(Option::is_none) {
            first += 1;
        }
        let pending: Option<Vec<&[u8]>> = operations(first).map(Option::as_deref).collect();
        match pending {
            Some(pending) if self.end != End::Unknown => Ok((first, pending)),
            Some(_) | None => Err(self.ways_out()),
        }
    }

    fn ways_out(&self) -> String {
        format!(
            "operations that were acknowledged, but not yet written into the segments, fail their checksums in the engine's \
             log ({}). Restore a snapshot; or move the folder `shard/{LOG}` away to go on without what was written after the \
             last flush",
            self.damage.join(", ")
        )
    }

    /// Logs the repair, and returns a description of it for operators.
    fn repaired(&self) -> Option<String> {
        if !self.damage.is_empty() {
            let places = self.damage.join(", ");
            tracing::error!(%places, "the log of operations was damaged, but only what is applied already: it was repaired");
            return Some(format!(
                "the log of operations was damaged ({places}) and was repaired: nothing is lost"
            ));
        }
        match self.end {
            End::Torn { before_others: true } => {
                tracing::warn!("the log of operations was not written out whole when the machine stopped");
                Some(
                    "the log of operations ends early, as after a power loss: what was written last is lost".to_owned(),
                )
            }
            End::Torn { before_others: false } | End::Sound | End::Unknown => None,
        }
    }
}

fn acknowledged(note: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Note {
        ack_index: u64,
    }

    let note: Note = serde_json::from_slice(note).ok()?;
    Some(note.ack_index)
}

/// Contents of a file of the log.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// Range of each operation's data; `None` where it is damaged.
    operations: Vec<Option<Range<usize>>>,
    /// The bytes at which something is damaged.
    damage: Vec<usize>,
    end: End,
}

/// Reads a file of the log.
///
/// Checksums continue one another. What stands behind a damaged entry can be told by continuing the checksum that is stored
/// before it, or, where that is what is damaged, the one that should be.
fn read(file: &[u8]) -> Read {
    let mut read = Read::default();
    if !file.starts_with(&MAGIC) {
        read.damage.push(0);
    }
    let zeros = file.iter().rev().take_while(|byte| **byte == 0).count();
    let written = (file.len() - zeros).next_multiple_of(ALIGNMENT).min(file.len());
    let (mut at, mut seed) = (HEADER, number(file, HEADER - CHECKSUM).unwrap_or_default());
    while at < written {
        if let Some(end) = sound(file, at, seed) {
            read.operations.push(Some(place(at, length(file, at))));
            (at, seed) = (end, number(file, end - CHECKSUM).unwrap_or_default());
            continue;
        }
        let own_end = end(file, at, length(file, at));
        let own_seed = own_end.map(|end| continued(seed, &file[at..end - CHECKSUM]));
        let by_own_seed =
            |next| own_end == Some(next) && own_seed.is_some_and(|seed| sound(file, next, seed).is_some());
        let by_stored_seed = |next| number(file, next - CHECKSUM).is_some_and(|seed| sound(file, next, seed).is_some());
        let mut candidates = (at + HEADER..written).step_by(ALIGNMENT).skip(1);
        let next = candidates.find(|next| by_stored_seed(*next) || by_own_seed(*next));
        let gap = at..next.unwrap_or(written);
        // The seed of the first entry is as likely to be what is damaged as its length, unless that cannot be right.
        let length_may_be_damaged = at > HEADER || own_end != Some(gap.end);
        let place_by_checksum = lengths(&gap)
            .find(|length| length_may_be_damaged && with_length(file, &gap, *length, seed))
            .map(|length| place(at, length));
        if next.is_some_and(by_own_seed) {
            read.operations.push(Some(place(at, length(file, at))));
        } else if place_by_checksum.is_some() {
            read.operations.push(place_by_checksum);
        } else if was_not_written(file, &gap, next.is_none()) {
            read.end = End::Torn {
                before_others: next.is_some(),
            };
            return read;
        } else if let Some(count) = entries_in(file, &gap) {
            read.operations.resize(read.operations.len() + count, None);
        } else {
            read.damage.push(at);
            read.operations.push(None);
            read.end = End::Unknown;
            return read;
        }
        read.damage.push(at);
        let stored = number(file, gap.end - CHECKSUM).unwrap_or_default();
        seed = match own_seed {
            Some(own) if next.is_some_and(by_own_seed) => own,
            Some(_) | None => stored,
        };
        at = gap.end;
    }
    read
}

/// Returns the offset at which the entry at `at` ends, if its checksum fits.
fn sound(file: &[u8], at: usize, seed: u32) -> Option<usize> {
    let end = end(file, at, length(file, at))?;
    let body = &file[at..end - CHECKSUM];
    // No operation is empty: zeros are what was not written.
    (body[..LENGTH] != [0; LENGTH] && number(file, end - CHECKSUM) == Some(continued(seed, body))).then_some(end)
}

/// Returns whether the entry in `gap` would be sound if only it had this length.
fn with_length(file: &[u8], gap: &Range<usize>, length: usize, seed: u32) -> bool {
    let body = [
        &(length as u64).to_le_bytes(),
        &file[gap.start + LENGTH..gap.end - CHECKSUM],
    ]
    .concat();
    number(file, gap.end - CHECKSUM) == Some(continued(seed, &body))
}

/// The lengths that data of an entry as long as `gap` can have.
fn lengths(gap: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let most = gap.len().saturating_sub(LENGTH + CHECKSUM);
    (most.saturating_sub(ALIGNMENT - 1)..=most).filter(move |length| padded(*length) == most)
}

/// Returns whether an entry was not written out, rather than damaged: bytes that never came to the disk are zeros.
fn was_not_written(file: &[u8], gap: &Range<usize>, is_last: bool) -> bool {
    let is_blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let end = end(file, gap.start, length(file, gap.start));
    let checksum_is_missing = end.is_some_and(|end| number(file, end - CHECKSUM) == Some(0));
    let mut pages = (gap.start.next_multiple_of(PAGE)..gap.end).step_by(PAGE);
    is_blank(&file[gap.start..gap.start + LENGTH])
        || (is_last && checksum_is_missing)
        || pages.any(|page| file.get(page..page + PAGE).is_some_and(is_blank))
}

/// Returns the number of entries in `gap`, by their own lengths.
fn entries_in(file: &[u8], gap: &Range<usize>) -> Option<usize> {
    let (mut at, mut count) = (gap.start, 0);
    while at < gap.end {
        at = end(file, at, length(file, at))?;
        count += 1;
    }
    (at == gap.end).then_some(count)
}

/// Returns the offset at which an entry at `at` with data of this length ends, if that is in the file.
fn end(file: &[u8], at: usize, length: usize) -> Option<usize> {
    let fits = length <= file.len();
    let end = fits.then(|| at + LENGTH + padded(length) + CHECKSUM);
    end.filter(|end| *end <= file.len())
}

/// Returns the range of an entry's data.
fn place(at: usize, length: usize) -> Range<usize> {
    at + LENGTH..at + LENGTH + length
}

fn length(file: &[u8], at: usize) -> usize {
    let bytes = file.get(at..at + LENGTH).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(usize::MAX, |bytes| {
        usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    })
}

/// The length with padding: entries end where a checksum ends at a multiple of eight.
fn padded(length: usize) -> usize {
    (length + CHECKSUM).next_multiple_of(ALIGNMENT) - CHECKSUM
}

fn number(file: &[u8], at: usize) -> Option<u32> {
    file.get(at..at + CHECKSUM)?.try_into().ok().map(u32::from_le_bytes)
}

/// The checksum of `bytes` after `seed`, in the engine's way of continuing one.
fn continued(seed: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(!seed.reverse_bits(), bytes)
}

#[cfg(test)]
mod tests;
