//! Free space on the disk.
//!
//! The engine makes its files larger than their content and writes, and on some file systems even reads, the rest through
//! memory maps: on a full disk the system kills the process with a signal. So nothing is opened or written unless there is
//! space for it. Other processes may fill the disk too, so a file reserves some space for deletions, which is given up for
//! them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use fs4::FileExt;

use super::config::Config;
use super::failure::Failure;
use super::folder::{self, RESERVE};
use crate::Error;
use crate::disk::{self, unless_gone};

/// Size of the reserve file.
const RESERVE_BYTES: u64 = 16 << 20;

/// Maximum number of bytes that a deletion or a flush takes.
const SMALL_BYTES: u64 = 4 << 20;

/// Bytes that creating or opening a store takes beside the holes in its files.
const OPENING_BYTES: u64 = 16 << 20;

/// The free space on the disk of a data folder.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// Configured number of bytes to keep free.
    least: u64,
    /// The same, or the number that opening the store again takes, if that is larger.
    kept_free: AtomicU64,
}

impl Room {
    /// Checks the space for opening the folder of `config`.
    ///
    /// # Errors
    /// [`Error::DiskFull`] when there is not enough.
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

    /// Checks that there is space for a store or a change.
    pub(super) fn check_more(&self) -> Result<(), Failure> {
        self.check(0)
    }

    /// Checks that there is space for this many bytes beside those that are kept free.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Failure> {
        self.check_for(self.kept_free.load(Ordering::Relaxed).saturating_add(bytes))
    }

    /// Checks that there is space for a deletion. Gives up the reserve for it.
    pub(super) fn check_small(&self) -> Result<(), Failure> {
        self.make_way();
        self.check_for(SMALL_BYTES)
    }

    /// Gives up the reserve, if it is needed.
    pub(super) fn make_way(&self) {
        if self.check_for(SMALL_BYTES).is_err() && fs::remove_file(self.reserve()).is_ok() {
            tracing::warn!("the disk is full: gave up the space that was reserved for deletions");
        }
    }

    /// Reserves space for deletions, unless that is done or there is none to spare, and keeps as much free as opening the store
    /// again takes by now.
    pub(super) fn reserve_some(&self) {
        if let Err(error) = self.measure() {
            tracing::warn!(%error, "cannot measure the space that the store needs");
        }
        let path = self.reserve();
        if path.exists() || self.check(RESERVE_BYTES).is_err() {
            return;
        }
        let reserved = File::create(&path).and_then(|file| file.allocate(RESERVE_BYTES));
        if let Err(error) = reserved {
            tracing::warn!(%error, "cannot reserve space for deletions");
            // A partial reserve is useless.
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
            // If that is unknown, the engine fails.
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
