//! What a data folder with several shards looks like.
//!
//! ```text
//! shards.json     how many there are, and whether all of them were made
//! LOCK            who has it open
//! shard-0/        a data folder as a store without shards has it
//! shard-1/ …
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
pub(super) use crate::embedded::folder::io_error;
use crate::embedded::folder::{self, SHARDS, State};

/// What is in `shards.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Layout {
    shards: u32,
    /// Whether all of them were made; a crash may come in between.
    complete: bool,
}

/// Checks, without changing anything, that a folder can be opened with so many shards.
pub(super) fn check(path: &Path, count: u32) -> Result<(), Error> {
    if let Some(stored) = stored_shards(path)? {
        return agree(path, stored, count);
    }
    match folder::inspect(path)? {
        State::Fresh => Ok(()),
        State::Unfinished | State::Ready(_) => agree(path, 1, count),
    }
}

/// Writes down how many shards there are to be, unless that is done, and returns whether all of them are there.
pub(super) fn begin(path: &Path, count: u32) -> Result<bool, Error> {
    check(path, count)?;
    match read(path)? {
        Some(layout) => Ok(layout.complete),
        None => write(path, count, false).map(|()| false),
    }
}

/// Writes down that all shards are there.
pub(super) fn complete(path: &Path, count: u32) -> Result<(), Error> {
    write(path, count, true)
}

/// Checks that every shard holds data.
pub(super) fn check_shards(path: &Path, count: u32) -> Result<(), Error> {
    for number in 0..count {
        let shard = shard(path, number);
        if !matches!(folder::inspect(&shard)?, State::Ready(_)) {
            return Err(Error::Damaged {
                path: path.to_owned(),
                problem: format!("shard {number} of {count} is missing"),
            });
        }
    }
    Ok(())
}

/// How many shards the folder has; `None` when it has no shards, or is not there.
pub(super) fn stored_shards(path: &Path) -> Result<Option<u32>, Error> {
    Ok(read(path)?.map(|layout| layout.shards))
}

/// The place of a shard.
pub(super) fn shard(path: &Path, number: u32) -> PathBuf {
    path.join(format!("shard-{number}"))
}

fn agree(path: &Path, stored: u32, configured: u32) -> Result<(), Error> {
    if stored == configured {
        return Ok(());
    }
    Err(Error::ShardsChanged {
        path: path.to_owned(),
        stored,
        configured,
    })
}

fn read(path: &Path) -> Result<Option<Layout>, Error> {
    let file = path.join(SHARDS);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(source) => return Err(io_error("read", &file)(source)),
    };
    let corrupt = |source| Error::CorruptManifest {
        path: path.to_owned(),
        source,
    };
    serde_json::from_slice(&text).map(Some).map_err(corrupt)
}

fn write(path: &Path, shards: u32, complete: bool) -> Result<(), Error> {
    let layout = Layout { shards, complete };
    let text = serde_json::to_vec_pretty(&layout).expect("a layout has nothing that JSON cannot hold");
    folder::replace_file(path, SHARDS, &text)
}
