//! One process at a time: the lock on a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::folder::{LOCK, io_error};
use crate::Error;

/// Locks a data folder for this process, until it is dropped or the process ends.
///
/// The system's advisory lock on the file decides; the process id in it only serves the error message.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of the data folder `folder`, which must exist.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(LOCK);
        let io = |operation| io_error(operation, &path);
        // Not truncated: it may belong to another process.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // An unreadable holder stays unnamed.
                let _unnamed = file.read_to_string(&mut holder);
                return Err(Error::InUse {
                    path: folder.to_owned(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io("lock")(source)),
        }
        file.set_len(0).map_err(io("write"))?;
        file.rewind().map_err(io("write"))?;
        writeln!(file, "{}", std::process::id()).map_err(io("write"))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_attempt_names_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).unwrap_err();
        assert!(matches!(refused, Error::InUse { holder: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_dead_process_holds_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK), "4242 and more than that").unwrap();
        let _lock = FolderLock::take(folder.path()).unwrap();
        let holder = std::fs::read_to_string(folder.path().join(LOCK)).unwrap();
        assert_eq!(holder.trim(), std::process::id().to_string());
    }
}
