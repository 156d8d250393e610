//! Local log of messages that the server has not confirmed yet.
//!
//! Messages are appended, synced, to one file. That file is sealed under a number when it is full or about to be sent, and
//! a sealed file is deleted once the server has confirmed all of its messages. A crash in between sends them again, under
//! the same ids, which stores nothing twice.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use context_manager_client::Error;
use context_manager_client::wire::{BatchAnswer, NewContext};

use crate::file;

/// File that messages are appended to.
const OPEN: &str = "open.jsonl";
/// File of messages that the server will never take.
const REFUSED: &str = "refused.jsonl";
/// Size from which on a file is sealed: small, so that each can be sent within the deadline of a hook.
const SEGMENT_BYTES: u64 = 32 * 1024;
/// Maximum size of all files.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Local log of messages that the server has not confirmed yet.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
}

/// Outcome of sending the messages of a spool.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Number of messages that the server confirmed.
    pub sent: usize,
    /// Number of messages that the server refused for good, kept in a file of their own.
    pub refused: usize,
}

impl Spool {
    /// Opens the spool in this folder, which is created if it does not exist.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        file::create_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Adds messages; they survive a power loss once this returns.
    ///
    /// # Errors
    /// When they cannot be written, or the spool is full.
    pub fn append(&self, messages: &[NewContext]) -> io::Result<()> {
        let _lock = self.lock()?;
        if self.bytes()? > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "the spool is full"));
        }
        let open = self.folder.join(OPEN);
        for message in messages {
            file::append_line(&open, &serde_json::to_string(message)?)?;
        }
        if fs::metadata(&open).is_ok_and(|metadata| metadata.len() >= SEGMENT_BYTES) {
            self.seal()?;
        }
        Ok(())
    }

    /// Returns the number of prompts that wait.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn waiting_turns(&self) -> io::Result<usize> {
        let _lock = self.lock()?;
        let mut turns = 0;
        for path in self.sealed()?.into_iter().chain([self.folder.join(OPEN)]) {
            let text = file::read(&path)?.unwrap_or_default();
            // Quotation marks within a text are escaped, so this is a field.
            turns += text.matches(r#""role":"user""#).count();
        }
        Ok(turns)
    }

    /// Sends messages in order until none waits or `store` fails. At once if another process is doing so.
    ///
    /// # Errors
    /// The error of `store`, or of a file; the messages stay.
    pub async fn drain(
        &self,
        store: impl AsyncFn(&[NewContext]) -> Result<BatchAnswer, Error>,
    ) -> Result<Drained, DrainError> {
        let mut drained = Drained::default();
        let lock = file::lock_file(&self.folder.join("drain.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(drained),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        {
            let _lock = self.lock()?;
            self.seal()?;
        }
        for path in self.sealed()? {
            let (messages, mut refused) = parse(&file::read(&path)?.unwrap_or_default());
            if !messages.is_empty() {
                let answer = store(&messages).await?;
                for (message, item) in messages.iter().zip(&answer.results) {
                    match item.status {
                        // 409: two hooks brought the message at different times; an id stands for one text.
                        200..=299 | 409 => drained.sent += 1,
                        429 | 500.. => return Err(DrainError::Later(item.status)),
                        _ => refused.push(serde_json::to_string(message).map_err(io::Error::from)?),
                    }
                }
                if answer.results.len() < messages.len() {
                    return Err(DrainError::Later(200));
                }
            }
            for line in &refused {
                file::append_line(&self.folder.join(REFUSED), line)?;
            }
            drained.refused += refused.len();
            file::remove(&path)?;
        }
        Ok(drained)
    }

    /// Gives the open file the next number.
    fn seal(&self) -> io::Result<()> {
        let open = self.folder.join(OPEN);
        if !open.exists() {
            return Ok(());
        }
        let next = self
            .sealed()?
            .last()
            .and_then(|path| number(path))
            .map_or(0, |last| last + 1);
        file::rename(&open, &self.folder.join(format!("{next:020}.jsonl")))
    }

    /// Returns the sealed files, oldest first.
    fn sealed(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if number(&path).is_some() {
                found.push(path);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn bytes(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(&self.folder)? {
            let size = file::unless_gone(entry?.metadata())?;
            bytes += size.map_or(0, |metadata| metadata.len());
        }
        Ok(bytes)
    }

    /// Waits for other processes that append or seal.
    fn lock(&self) -> io::Result<fs::File> {
        let lock = file::lock_file(&self.folder.join("append.lock"))?;
        lock.lock()?;
        Ok(lock)
    }
}

/// Reason for not sending messages.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// The server cannot be reached, or refuses the whole batch.
    #[error(transparent)]
    Server(#[from] Error),
    /// The server asks for a later attempt.
    #[error("the server answered a message with {0}")]
    Later(u16),
    /// A file of the spool cannot be read or written.
    #[error("the spool")]
    File(#[from] io::Error),
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()
}

/// Returns the messages, and the lines that are none. A line without an end was cut short before it was confirmed.
fn parse(text: &str) -> (Vec<NewContext>, Vec<String>) {
    let (mut messages, mut others) = (Vec::new(), Vec::new());
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let line = line.trim_end();
        match serde_json::from_str(line) {
            Ok(message) => messages.push(message),
            Err(_) if line.is_empty() => {}
            Err(_) => others.push(line.to_owned()),
        }
    }
    (messages, others)
}

#[cfg(test)]
mod tests;
