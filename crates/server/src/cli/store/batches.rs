//! Many contexts, a batch at a time.

use std::fmt::Write as _;

use context_manager_client::Client;
use context_manager_client::wire::{BatchItem, NewContext, Problem};
use indicatif::ProgressBar;
use tokio::io::AsyncBufRead;

use super::lines::Lines;
use crate::cli::bar::bar;
use crate::cli::exit::{Exit, Stop};
use crate::cli::output::{Output, counted, note, warn};

/// Maximum number of contexts of a batch, and of bytes of their texts: a server takes 1,000 and 16 MiB.
const CONTEXTS: usize = 500;
const BYTES: usize = 2 * 1024 * 1024;

/// Contexts that are stored in batches.
#[derive(Debug)]
pub(super) struct Batches<'m> {
    client: &'m Client,
    output: &'m Output,
    waiting: Vec<NewContext>,
    /// Numbers of their lines.
    numbers: Vec<u64>,
    bytes: usize,
    stored: u64,
    known: u64,
    failed: u64,
    /// Exit code of the first failure.
    exit: Option<Exit>,
}

impl<'m> Batches<'m> {
    pub(super) fn new(client: &'m Client, output: &'m Output) -> Self {
        Self {
            client,
            output,
            waiting: Vec::new(),
            numbers: Vec::new(),
            bytes: 0,
            stored: 0,
            known: 0,
            failed: 0,
            exit: None,
        }
    }

    /// Stores the contexts of all lines, and tells of those that failed.
    ///
    /// # Errors
    /// When one failed, or standard input cannot be read, or the server does not answer.
    pub(super) async fn store(mut self, mut lines: Lines<impl AsyncBufRead + Unpin>) -> anyhow::Result<()> {
        let bar = bar(None, "{spinner} {pos} contexts, {per_sec}")?;
        while let Some(line) = lines.next().await? {
            match line.context {
                Ok(context) => {
                    self.bytes += context.text.len();
                    self.waiting.push(*context);
                    self.numbers.push(line.number);
                }
                Err(reason) => self.fail(Exit::Invalid, &format!("line {}: {reason}", line.number), &bar),
            }
            if self.waiting.len() == CONTEXTS || self.bytes >= BYTES {
                self.send(&bar).await?;
            }
        }
        self.send(&bar).await?;
        bar.finish_and_clear();
        self.finish()
    }

    async fn send(&mut self, bar: &ProgressBar) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let answer = self.client.store_contexts(&self.waiting).await?;
        bar.inc(self.waiting.len() as u64);
        let numbers = std::mem::take(&mut self.numbers);
        for (number, item) in numbers.into_iter().zip(answer.results) {
            self.take(number, &item, bar)?;
        }
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }

    fn take(&mut self, number: u64, item: &BatchItem, bar: &ProgressBar) -> anyhow::Result<()> {
        if let Some(problem) = &item.error {
            self.fail(
                Exit::of_problem(problem),
                &format!("line {number}: {}", reason(problem)),
                bar,
            );
        }
        let Some(written) = &item.context else { return Ok(()) };
        if written.is_deduplicated() {
            self.known += 1;
        } else {
            self.stored += 1;
        }
        if self.output.is_json() {
            return self.output.object(written);
        }
        // A program wants the ids; a person would have to scroll.
        if !self.output.is_terminal() {
            self.output.line(written.id().to_string())?;
        }
        Ok(())
    }

    fn fail(&mut self, exit: Exit, reason: &str, bar: &ProgressBar) {
        self.failed += 1;
        self.exit.get_or_insert(exit);
        bar.suspend(|| warn(reason));
    }

    fn finish(self) -> anyhow::Result<()> {
        let mut told = format!("{} stored", counted(self.stored, "context"));
        if self.known > 0 {
            // A text takes it always.
            let _ = write!(told, ", {} there already", self.known);
        }
        note(told);
        match self.exit {
            None => Ok(()),
            Some(exit) => Err(Stop::new(exit, format!("{} not stored", counted(self.failed, "line"))).into()),
        }
    }
}

/// Returns the fields of a context that are not valid, or the detail of another problem.
fn reason(problem: &Problem) -> String {
    let fields = problem.errors.iter().map(|field| {
        // Below `/contexts/` and the number within the batch.
        let name = field.pointer.splitn(4, '/').nth(3).unwrap_or(&field.pointer);
        format!("{name}: {}", field.detail)
    });
    let fields: Vec<_> = fields.collect();
    if fields.is_empty() {
        problem.detail.clone()
    } else {
        fields.join("; ")
    }
}
