//! Items made to contexts, and delivered.

use std::collections::HashSet;
use std::path::Path;
use std::{fmt, fs, io, mem};

use anyhow::Context as _;
use context_manager_client::wire::{self, Code};
use context_manager_core::ports::ModelFingerprint;
use context_manager_core::{Context, ContextId, ExportRecord, Moment, Violations};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::files::{self, Reader};
use super::item::{Item, Made, Setting, Unfit};
use super::place::Place;
use super::report::{LeftOut, Report};
use super::source::Source;
use crate::transfer::record::{LinesHash, context_line, header_line, trailer_line};

/// Maximum number of contexts in a batch, at most that of the failures in an answer, and the number of bytes that fills one.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;

/// Stores a batch, which has the format of an export.
pub(crate) type Deliver<'a> = dyn FnMut(Vec<u8>) -> anyhow::Result<wire::Import> + 'a;

/// Intake of an export's items.
pub(crate) struct Intake<'a> {
    user: Option<String>,
    now: Timestamp,
    bar: ProgressBar,
    /// `None` stores nothing.
    deliver: Option<&'a mut Deliver<'a>>,
    /// File or record that is being read.
    place: Place,
    /// Time of what has none of its own: that of the last change of the file.
    file_time: Moment,
    seen: HashSet<ContextId>,
    batch: Batch,
    report: Report,
}

/// Contexts to deliver.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u8>,
    hash: LinesHash,
    entries: Vec<Entry>,
}

/// Context in a batch.
#[derive(Debug)]
struct Entry {
    place: Place,
    is_dated: bool,
}

impl<'a> Intake<'a> {
    /// Creates an intake for `user`, or for the users that the source names.
    pub(crate) fn new(
        source: Source,
        user: Option<String>,
        now: Timestamp,
        bar: ProgressBar,
        deliver: Option<&'a mut Deliver<'a>>,
    ) -> Self {
        Self {
            user,
            now,
            bar,
            report: Report::new(source, deliver.is_none()),
            deliver,
            place: Place::of_file(Path::new("")),
            file_time: now.into(),
            seen: HashSet::new(),
            batch: Batch::default(),
        }
    }

    /// Returns the report when everything was read.
    pub(crate) fn into_report(self) -> Report {
        self.report
    }

    pub(super) fn source(&self) -> Source {
        self.report.source
    }

    /// Opens the next file. One that cannot be read is reported.
    pub(super) fn open(&mut self, path: &Path) -> Option<Reader> {
        self.place = Place::of_file(path);
        let changed = fs::metadata(path).and_then(|file| file.modified());
        let changed = changed.and_then(|time| Timestamp::try_from(time).map_err(io::Error::other));
        self.file_time = changed.unwrap_or(self.now).into();
        files::open(path, &self.bar)
            .map_err(|error| self.fail(format!("{error:#}")))
            .ok()
    }

    /// Notes the record that is read next: its kind and its number.
    pub(super) fn at(&mut self, kind: &'static str, number: u64) {
        self.place = self.place.record(kind, number);
    }

    /// Notes that what comes next is about the file as a whole.
    pub(super) fn at_file(&mut self) {
        self.place = self.place.file();
    }

    /// Reports that the record failed.
    pub(super) fn fail(&mut self, detail: impl fmt::Display) {
        self.report.fail(&self.place, detail);
    }

    /// Reports records that are left out.
    pub(super) fn leave_out(&mut self, reason: LeftOut, count: usize) {
        self.report.leave_out(reason, count);
    }

    /// Takes an item.
    ///
    /// # Errors
    /// A batch could not be delivered.
    pub(super) fn take(&mut self, item: Item) -> anyhow::Result<()> {
        let setting = Setting {
            source: self.source(),
            user: self.user.as_deref(),
            now: self.now,
            file_time: self.file_time,
        };
        let made = match item.context(setting) {
            Ok(made) => made,
            Err(Unfit::Empty) => {
                self.leave_out(LeftOut::Empty, 1);
                return Ok(());
            }
            Err(Unfit::Invalid(found)) => {
                self.fail(in_words(&found));
                return Ok(());
            }
        };
        if !made.context.is_live(self.now) {
            self.leave_out(LeftOut::Expired, 1);
        } else if !self.seen.insert(made.context.id) {
            self.leave_out(LeftOut::Repeated, 1);
        } else {
            self.report.cut += u64::from(made.is_cut);
            self.push(made);
            if self.batch.entries.len() >= BATCH || self.batch.lines.len() >= BATCH_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn push(&mut self, made: Made) {
        // In the order in which they came, as if each was stored now.
        let sequence = self.now.as_microsecond().unsigned_abs() + self.seen.len() as u64;
        let context = Context {
            sequence,
            ..made.context
        };
        if self.batch.entries.is_empty() {
            // The vectors are still to be made: no model made any.
            self.batch.add(&header_line(ModelFingerprint::unverified("", 0), false));
        }
        self.batch.add(&context_line(ExportRecord { context, vector: None }));
        self.batch.entries.push(Entry {
            place: self.place.clone(),
            is_dated: made.is_dated,
        });
    }

    /// Delivers what was taken.
    ///
    /// # Errors
    /// The batch could not be delivered.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let Batch {
            mut lines,
            hash,
            entries,
        } = mem::take(&mut self.batch);
        let count = entries.len() as u64;
        let Some(deliver) = self.deliver.as_mut().filter(|_| count > 0) else {
            self.report.imported += count;
            return Ok(());
        };
        lines.extend_from_slice(&trailer_line(count, &hash));
        let stopped = || {
            format!(
                "stopped at {}; what came before stays, run this again to go on",
                self.place
            )
        };
        let answer = deliver(lines).with_context(stopped)?;
        self.report.imported += answer.imported;
        self.report.known += answer.skipped;
        for failed in answer.failed {
            // The header is line 1.
            let line = usize::try_from(failed.line).unwrap_or_default();
            let entry = line.checked_sub(2).and_then(|index| entries.get(index));
            if failed.error.code != Code::Conflict {
                let place = entry.map_or(&self.place, |entry| &entry.place);
                self.report.fail(place, failed.error.detail);
            } else if entry.is_some_and(|entry| !entry.is_dated) {
                // It has the time of the file at its first import.
                self.report.known += 1;
            } else {
                self.report.changed += 1;
            }
        }
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, line: &[u8]) {
        self.hash.add(line);
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
    }
}

fn in_words(found: &Violations) -> String {
    let each = found.iter().map(|one| format!("{} {}", one.pointer, one.detail));
    each.collect::<Vec<_>>().join("; ")
}
