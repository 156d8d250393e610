//! The engine's log of operations: checked before the engine reads it, and cut to the operations that it still has to apply.
//!
//! The engine appends an operation to its log and then applies it; a flush notes up to which operation the segments have
//! everything. Earlier ones stay in the log, and at a start the engine reads up to the first checksum that does not fit, as
//! if the log ended there, and continues numbering from there: deletions were undone, and later writes counted as older
//! than stored points. So the log is read here first. Damage to applied operations does no harm, damage to others is an
//! error, and in either case the engine is given sound operations without a gap, or none.
//!
//! ```text
//! wal/closed-N     operations from number N on
//! wal/open-N       those after the closed ones
//! wal/first-index  {"ack_index": N}: operations before N are applied
//! wal.new/         the cut log while it is written
//! wal.old/         the log that it replaces
//! ```

mod format;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use qdrant_edge::SEGMENT_STATE_FILE;
use serde::Deserialize;

use self::format::{End, read};
use super::folder::io_error;
use crate::Error;
use crate::disk::{remove_folder, sync_folder, unless_gone, write_file};

const LOG: &str = "wal";
const NEW_LOG: &str = "wal.new";
const OLD_LOG: &str = "wal.old";
const ACKNOWLEDGED: &str = "first-index";

/// Cuts the log of the engine in this folder when it is dropped: a closed folder has hardly any log that could be damaged.
///
/// Drop it after the engine and before the lock on the folder.
#[derive(Debug)]
pub(super) struct CutWhenClosed(pub(super) PathBuf);

impl Drop for CutWhenClosed {
    fn drop(&mut self) {
        if let Err(error) = cut(&self.0) {
            tracing::warn!(%error, "the log of operations could not be cut; the next start tries again");
        }
    }
}

/// Checks the log of the engine in the folder `shard`, and removes applied operations from it. Returns the damage that was
/// repaired, in a sentence for operators.
///
/// # Errors
/// [`Error::Damaged`] when operations that may not be applied are damaged; the log stays as it was.
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

/// Finishes an interrupted replacement.
fn finish(shard: &Path) -> io::Result<()> {
    let (log, old) = (shard.join(LOG), shard.join(OLD_LOG));
    if !log.exists() && old.exists() {
        fs::rename(&old, &log)?;
    }
    for leftover in [old, shard.join(NEW_LOG)] {
        remove_folder(&leftover)?;
    }
    Ok(())
}

/// Replaces the log by one with these operations, of which the first has the number `first`.
fn replace(shard: &Path, first: u64, operations: &[&[u8]]) -> io::Result<()> {
    let (log, new, old) = (shard.join(LOG), shard.join(NEW_LOG), shard.join(OLD_LOG));
    fs::create_dir(&new)?;
    write_file(&new.join(format!("closed-{first}")), &format::write(operations))?;
    sync_folder(&new)?;
    if log.exists() {
        fs::rename(&log, &old)?;
    }
    fs::rename(&new, &log)?;
    sync_folder(shard)?;
    remove_folder(&old)
}

/// Returns the number of the last operation that a segment has.
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
        // Only segments have one.
        let Ok(state) = fs::read(state) else { continue };
        let state: Segment = serde_json::from_slice(&state).map_err(|error| unreadable(&error))?;
        last = last.max(state.version.unwrap_or(0));
    }
    Ok(last)
}

/// Contents of the log.
#[derive(Debug)]
struct Log {
    /// Number of the first operation.
    first: u64,
    /// Each operation; `None` where it is damaged.
    operations: Vec<Option<Vec<u8>>>,
    /// Number before which all operations are applied, as noted by the engine.
    acknowledged: Option<u64>,
    /// Files and offsets of the damage.
    damage: Vec<String>,
    end: End,
}

impl Log {
    /// Reads the log in `folder`; `None` when there is none.
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

    /// Adds the operations of a file, and damaged ones for those that it lacks up to the `next` file.
    fn add(&mut self, name: &str, content: &[u8], next: Option<u64>) {
        let read = read(content);
        if self.end != End::Sound && !read.operations.is_empty() {
            // Operations are missing between the files.
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

    /// Returns the number behind the last operation.
    fn end(&self) -> u64 {
        self.first + self.operations.len() as u64
    }

    /// Returns the number of the first unapplied operation, and all from it on, when segments have operations up to `applied`.
    fn pending(&self, applied: u64) -> Result<(u64, Vec<&[u8]>), String> {
        let end = self.end();
        let mut first = match self.acknowledged {
            Some(number) if number <= end => number.max(self.first),
            // The engine never notes more than the log has: the note is wrong, or the log's end is missing. Applying all
            // operations again, up to the last one, changes nothing.
            Some(_) | None if applied < end || self.operations.is_empty() => self.first,
            Some(number) if self.end == End::Sound => number + 1,
            Some(_) | None => return Err(self.ways_out()),
        };
        let operations = |first: u64| {
            let skipped = usize::try_from(first - self.first).unwrap_or(usize::MAX);
            self.operations.iter().skip(skipped)
        };
        // The engine notes the last applied operation itself, and applies it again.
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

    /// Logs the repair, and returns its description for operators.
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

#[cfg(test)]
mod tests;
