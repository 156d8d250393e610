//! Reading lines of an export and storing what they hold.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use context_manager_core::{Carried, ContextEngine, Error, ErrorKind, Imported, Scope};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::record::{Line, LinesHash};
use crate::api::{FailedLine, Guards, ImportAnswer};
use crate::http::{BodyLine, Code, Problem, without_mark};
use crate::limits::Reservation;

/// Contexts stored at once, and the bytes of their lines that are enough.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;
/// Lines that are reported one by one.
const MAX_REPORTED: usize = 1000;
/// How often a batch is tried while the store is busy, and how long to wait where it does not say.
const ATTEMPTS: u32 = 8;
const BUSY: Duration = Duration::from_millis(250);

/// An import that is being read.
#[derive(Debug)]
pub(crate) struct Import {
    engine: Arc<ContextEngine>,
    scope: Scope,
    /// Batches run to their end also when nobody waits any more.
    writes: TaskTracker,
    /// Quotas of the tenant; `None` where the operator himself imports.
    guards: Option<Arc<Guards>>,
    max_line_bytes: usize,
    line: u64,
    begun: bool,
    ended: bool,
    contexts: u64,
    lines: LinesHash,
    batch: Vec<(u64, Carried)>,
    batch_bytes: usize,
    answer: ImportAnswer,
}

impl Import {
    pub(crate) fn new(
        engine: Arc<ContextEngine>,
        scope: Scope,
        writes: TaskTracker,
        guards: Option<Arc<Guards>>,
        max_line_bytes: usize,
    ) -> Self {
        Self {
            engine,
            scope,
            writes,
            guards,
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

    /// Whether nothing was read yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.line == 0
    }

    /// Returns the number of contexts that are there now, or have expired.
    pub(crate) fn done(&self) -> u64 {
        self.answer.imported + self.answer.skipped
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`Problem`] when there is no use in reading on: this is no export, or the store is down. What was imported stays.
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
            Ok(Line::Context(carried)) if self.begun && !self.ended => {
                self.contexts += 1;
                self.batch.push((self.line, *carried));
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

    /// What became of all of it, after the last line. `cut_short` says why there are no more lines, where that is known.
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

    /// Notes a line that cannot be read. Without a header there is no use in reading more of them.
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
            let rooms = self.make_room(&mut left).await?;
            let (lines, carried): (Vec<u64>, Vec<Carried>) = left.iter().cloned().unzip();
            let results = self.apply(carried, rooms).await?;
            let mut busy = None;
            let mut again = Vec::new();
            for ((line, one), result) in lines.into_iter().zip(left).zip(results) {
                match result {
                    Ok(Imported::Stored) => self.answer.imported += 1,
                    Ok(Imported::Known | Imported::Expired) => self.answer.skipped += 1,
                    Err(error) if error.kind() == ErrorKind::Unavailable => {
                        again.push(one);
                        busy = Some((line, error));
                    }
                    Err(error) => self.fail(line, error.into()),
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

    /// Makes room for each of `batch`; those for which there is none fail, and leave it.
    async fn make_room(&mut self, batch: &mut Vec<(u64, Carried)>) -> Result<Vec<Reservation>, Problem> {
        let Some(guards) = self.guards.clone() else {
            return Ok(batch.iter().map(|_| Reservation::default()).collect());
        };
        let mut rooms = Vec::with_capacity(batch.len());
        for (line, carried) in std::mem::take(batch) {
            let context = &carried.context;
            let room = guards.quotas.reserve_import(&self.engine, &self.scope, context).await;
            let room = match room {
                Ok(room) => room,
                Err(problem) if problem.status() != StatusCode::FORBIDDEN => return Err(problem),
                Err(problem) => {
                    // What is there already, or over, takes no room: importing it again changes nothing.
                    let is_live = context.is_live(self.engine.now());
                    if is_live && self.engine.get(&self.scope, context.id).await.is_err() {
                        self.fail(line, problem);
                        continue;
                    }
                    Reservation::default()
                }
            };
            rooms.push(room);
            batch.push((line, carried));
        }
        Ok(rooms)
    }

    async fn apply(
        &self,
        carried: Vec<Carried>,
        rooms: Vec<Reservation>,
    ) -> Result<Vec<Result<Imported, Error>>, Problem> {
        if carried.is_empty() {
            return Ok(Vec::new());
        }
        let (engine, scope) = (Arc::clone(&self.engine), self.scope.clone());
        let work = async move {
            let results = engine.import(&scope, carried).await;
            for (room, result) in rooms.into_iter().zip(&results) {
                if matches!(result, Ok(Imported::Stored)) {
                    room.keep();
                }
            }
            results
        };
        self.writes.spawn(work.in_current_span()).await.map_err(|error| {
            tracing::error!(%error, "an import ended before its time");
            Problem::new(Code::Internal)
        })
    }
}

fn too_long(max_line_bytes: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge).with_detail(format!("the line has more than {max_line_bytes} bytes"))
}
