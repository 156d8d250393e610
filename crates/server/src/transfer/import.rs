//! Reading lines of an export and storing what they hold.

use std::time::Duration;

use context_manager_client::wire::{FailedLine, Import as ImportAnswer};
use context_manager_core::{ErrorKind, ExportRecord, Imported};
use tokio::time::sleep;

use super::record::{Line, LinesHash};
use crate::http::{BodyLine, Code, Problem, without_mark};
use crate::service::{Failure, Importer};

/// Maximum number of contexts in a batch, and the number of bytes of their lines that fills it.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;
/// Maximum number of lines that are reported one by one.
const MAX_REPORTED: usize = 1000;
/// Maximum number of attempts while the store is busy, and the pause where the store names none.
const ATTEMPTS: u32 = 8;
const BUSY: Duration = Duration::from_millis(250);

/// An import in progress.
#[derive(Debug)]
pub(crate) struct Import {
    importer: Importer,
    max_line_bytes: usize,
    line: u64,
    begun: bool,
    ended: bool,
    contexts: u64,
    lines: LinesHash,
    batch: Vec<(u64, ExportRecord)>,
    batch_bytes: usize,
    answer: ImportAnswer,
}

impl Import {
    pub(crate) fn new(importer: Importer, max_line_bytes: usize) -> Self {
        Self {
            importer,
            max_line_bytes,
            line: 0,
            begun: false,
            ended: false,
            contexts: 0,
            lines: LinesHash::default(),
            batch: Vec::new(),
            batch_bytes: 0,
            answer: ImportAnswer::default(),
        }
    }

    /// Returns whether no line was read yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.line == 0
    }

    /// Returns the number of contexts that are stored now, or have expired.
    pub(crate) fn done(&self) -> u64 {
        self.answer.imported + self.answer.skipped
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`Problem`] when reading on is of no use: this is no export, or the store is down. Imported contexts stay.
    pub(crate) async fn line(&mut self, line: BodyLine) -> Result<(), Problem> {
        self.line += 1;
        let BodyLine::Whole(line) = line else {
            return self.bad_line(too_long(self.max_line_bytes));
        };
        let line = if self.line == 1 { without_mark(&line) } else { &line };
        let parsed = Line::parse(line);
        let hash_before = self.lines.clone();
        self.lines.add(line);
        match parsed {
            Ok(Line::Header) if self.line == 1 => self.begun = true,
            Ok(Line::Trailer(trailer)) if self.begun && !self.ended => {
                self.ended = true;
                if trailer.contexts != self.contexts || trailer.sha256 != hash_before.hex() {
                    self.answer.incomplete_because = Some(format!(
                        "the trailer is about {} contexts, and {} were read: lines are missing, were changed or are in \
                         another order",
                        trailer.contexts, self.contexts
                    ));
                }
            }
            Ok(Line::Context(record)) if self.begun && !self.ended => {
                self.contexts += 1;
                self.batch.push((self.line, *record));
                self.batch_bytes += line.len();
                if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                    self.store().await?;
                }
            }
            Ok(Line::Header | Line::Trailer(_) | Line::Context(_)) => {
                let problem = Problem::new(Code::InvalidRequest);
                return self.bad_line(problem.with_detail(
                    "the line is in the wrong place: an export begins with a header and ends with a trailer",
                ));
            }
            Err(problem) => return self.bad_line(problem),
        }
        Ok(())
    }

    /// Reports the result after the last line. `cut_short` says why there are no more lines, where that is known.
    pub(crate) async fn finish(mut self, cut_short: Option<String>) -> Result<ImportAnswer, Problem> {
        self.store().await?;
        let mut answer = self.answer;
        if !self.ended {
            let reason = cut_short.unwrap_or_else(|| "the trailer is missing: the export was cut short".to_owned());
            answer.incomplete_because = Some(reason);
        }
        answer.complete = answer.incomplete_because.is_none();
        Ok(answer)
    }

    /// Notes an unreadable line. Without a header, reading on is of no use.
    fn bad_line(&mut self, problem: Problem) -> Result<(), Problem> {
        if !self.begun {
            return Err(problem);
        }
        self.fail(self.line, problem);
        Ok(())
    }

    fn fail(&mut self, line: u64, error: Problem) {
        self.answer.failed_total += 1;
        if self.answer.failed.len() < MAX_REPORTED {
            self.answer.failed.push(FailedLine {
                line,
                error: error.into(),
            });
        }
    }

    async fn store(&mut self) -> Result<(), Problem> {
        self.batch_bytes = 0;
        let mut left = std::mem::take(&mut self.batch);
        for attempt in 1.. {
            let records = left.iter().map(|(_, record)| record.clone()).collect();
            let results = self.importer.store(records).await?;
            let mut busy = None;
            let mut again = Vec::new();
            for ((line, record), result) in left.into_iter().zip(results) {
                match result {
                    Ok(Imported::Stored) => self.answer.imported += 1,
                    Ok(Imported::Known | Imported::Expired) => self.answer.skipped += 1,
                    Err(Failure::Engine(error)) if error.kind() == ErrorKind::Unavailable => {
                        again.push((line, record));
                        busy = Some((line, error));
                    }
                    Err(failure) => self.fail(line, failure.into()),
                }
            }
            let Some((line, error)) = busy else { break };
            if attempt >= ATTEMPTS {
                let detail = format!("the import stopped at line {line}; what came before stays, send it again");
                return Err(Problem::from(error).with_detail(detail));
            }
            sleep(error.retry_after().unwrap_or(BUSY).max(BUSY)).await;
            left = again;
        }
        Ok(())
    }
}

fn too_long(max_line_bytes: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge).with_detail(format!("the line has more than {max_line_bytes} bytes"))
}
