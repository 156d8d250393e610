//! Room on the disk.
//!
//! The engine makes its files larger than what is in them and writes, and on some file systems even reads, the rest through
//! maps in memory: where a disk is full then, the system ends the process with a signal. So nothing is opened or written
//! unless there is room for it. Others may fill the disk, too: a file keeps some room for deletions, and makes way for them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs4::FileExt;

use super::config::Config;
use super::failure::Failure;
use super::folder;
use crate::Error;
use crate::disk::{self, unless_gone};

/// The file that keeps room.
pub(super) const RESERVE: &str = "reserve";
const RESERVE_BYTES: u64 = 16 << 20;

/// Bytes that a deletion, or writing everything out, may take.
const SMALL_BYTES: u64 = 4 << 20;

/// Bytes that making or opening a store takes beside the holes in its files.
const OPENING_BYTES: u64 = 16 << 20;

/// The room on the disk of a data folder.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// Configured number of bytes to keep free.
    least: u64,
    /// The same, or what opening the store again would take, if that is more.
    kept_free: AtomicU64,
}

impl Room {
    /// The room for what is in the folder of `config`, which is about to be opened.
    ///
    /// # Errors
    /// [`Error::DiskFull`] when there is too little.
    pub(super) fn for_opening(config: &Config) -> Result<Self, Error> {
        let room = Self {
            folder: config.path.clone(),
            least: config.kept_free_bytes(),
            kept_free: AtomicU64::default(),
        };
        let io = |operation| folder::io_error(operation, &config.path);
        unless_gone(fs::remove_file(room.reserve())).map_err(io("write"))?;
        let needed = room.measure().map_err(io("read"))?;
        match room.free() {
            Some(free) if free < needed => Err(Error::DiskFull {
                path: config.path.clone(),
                free,
                needed,
            }),
            Some(_) | None => Ok(room),
        }
    }

    /// Checks that there is room for a store or a change.
    pub(super) fn check_more(&self) -> Result<(), Failure> {
        self.check(0)
    }

    /// Checks that there is room for this many bytes, and to go on after that.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Failure> {
        self.check_for(self.kept_free.load(Ordering::Relaxed).saturating_add(bytes))
    }

    /// Checks that there is room for a deletion. The reserve makes way for it.
    pub(super) fn check_small(&self) -> Result<(), Failure> {
        self.make_way();
        self.check_for(SMALL_BYTES)
    }

    /// Gives the reserve up, if it is needed.
    pub(super) fn make_way(&self) {
        if self.check_for(SMALL_BYTES).is_err() && fs::remove_file(self.reserve()).is_ok() {
            tracing::warn!("the disk is full: the room that was reserved for deletions is given up");
        }
    }

    /// Reserves room for deletions, unless that is done or there is none to spare, and for opening the store again as it is
    /// by now.
    pub(super) fn reserve_some(&self) {
        if let Err(error) = self.measure() {
            tracing::warn!(%error, "it cannot be told how much room the store needs");
        }
        let path = self.reserve();
        if path.exists() || self.check(RESERVE_BYTES).is_err() {
            return;
        }
        let reserved = File::create(&path).and_then(|file| file.allocate(RESERVE_BYTES));
        if let Err(error) = reserved {
            tracing::warn!(%error, "no room on the disk can be reserved for deletions");
            // Half of it is of no use.
            let _gone = fs::remove_file(path);
        }
    }

    /// Returns the bytes that opening the store takes, and keeps them free from now on.
    fn measure(&self) -> io::Result<u64> {
        let holes = unless_gone(holes(&folder::shard(&self.folder)))?;
        let needed = OPENING_BYTES.saturating_add(holes.unwrap_or(0));
        self.kept_free.store(self.least.max(needed), Ordering::Relaxed);
        Ok(needed)
    }

    fn check_for(&self, needed: u64) -> Result<(), Failure> {
        match self.free() {
            Some(free) if free < needed => Err(Failure::DiskFull { free, needed }),
            // Where it cannot be told, the engine finds out.
            Some(_) | None => Ok(()),
        }
    }

    fn free(&self) -> Option<u64> {
        fs4::available_space(&self.folder).ok()
    }

    fn reserve(&self) -> PathBuf {
        self.folder.join(RESERVE)
    }
}

/// Returns the number of bytes of the files below `folder` that are not allocated on the disk yet.
fn holes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    disk::walk(folder, &mut |_, metadata| {
        if !metadata.is_dir() {
            bytes += metadata.len().saturating_sub(disk::allocated(metadata));
        }
        Ok(())
    })?;
    Ok(bytes)
}
