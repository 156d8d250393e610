//! Replacing the engine's files by those of a prepared folder, in steps that the next start repeats after a crash.
//!
//! The engine's files and the manifest are moved from `restore/` to their final paths. Each step is a rename, skipped where
//! an earlier attempt made it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, MANIFEST};
use crate::disk::{self, remove_folder};

const SNAPSHOT: &str = "snapshot.new";
const SCRATCH: &str = "verify.new";
const STAGING: &str = "restore.new";
const DECIDED: &str = "restore";
const OLD_SHARD: &str = "shard.old";

/// Returns the folder of a snapshot in the making: on the same file system as the files that it shares.
pub(super) fn snapshot(path: &Path) -> PathBuf {
    path.join(SNAPSHOT)
}

/// Returns the folder of a copy of a snapshot that is being verified.
pub(super) fn scratch(path: &Path) -> PathBuf {
    path.join(SCRATCH)
}

/// Returns the folder of a copy of a snapshot that is prepared to take over.
pub(super) fn staging(path: &Path) -> PathBuf {
    path.join(STAGING)
}

/// Returns whether a takeover was interrupted.
pub(super) fn is_pending(path: &Path) -> bool {
    path.join(DECIDED).is_dir()
}

/// Lets the staged files take over. The caller holds the folder's lock and has closed the engine.
pub(super) fn take_over(path: &Path) -> io::Result<()> {
    disk::rename(&staging(path), &path.join(DECIDED))?;
    finish(path)
}

/// Finishes a takeover and removes what was only prepared. The caller holds the folder's lock and has closed the engine.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    for leftover in [STAGING, SNAPSHOT, SCRATCH] {
        remove_folder(&path.join(leftover))?;
    }
    let (decided, old) = (path.join(DECIDED), path.join(OLD_SHARD));
    if decided.is_dir() {
        let (new_shard, shard) = (folder::shard(&decided), folder::shard(path));
        if new_shard.is_dir() {
            if shard.is_dir() {
                remove_folder(&old)?;
                fs::rename(&shard, &old)?;
            }
            fs::rename(&new_shard, &shard)?;
        }
        let manifest = decided.join(MANIFEST);
        if manifest.is_file() {
            fs::rename(&manifest, path.join(MANIFEST))?;
        }
        disk::sync_folder(path)?;
        remove_folder(&decided)?;
    }
    remove_folder(&old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    /// A folder in which a takeover ended after `steps` steps.
    fn interrupted(steps: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(&path.join("shard/data"), "old");
        write(&path.join(MANIFEST), "old");
        write(&path.join("restore/shard/data"), "new");
        write(&path.join("restore").join(MANIFEST), "new");
        let renames = [
            ("shard", "shard.old"),
            ("restore/shard", "shard"),
            ("restore/manifest.json", MANIFEST),
        ];
        for (from, to) in &renames[..steps.min(renames.len())] {
            fs::rename(path.join(from), path.join(to)).unwrap();
        }
        if steps > renames.len() {
            fs::remove_dir(path.join("restore")).unwrap();
        }
        folder
    }

    #[test]
    fn an_interrupted_takeover_is_finished_from_every_step() {
        for steps in 0..=4 {
            let folder = interrupted(steps);
            let path = folder.path();
            assert_eq!(is_pending(path), steps < 4);
            finish(path).unwrap();
            finish(path).unwrap();
            assert_eq!(read(&path.join("shard/data")), "new", "after {steps}");
            assert_eq!(read(&path.join(MANIFEST)), "new", "after {steps}");
            assert_eq!(fs::read_dir(path).unwrap().count(), 2, "after {steps}");
        }
    }

    #[test]
    fn prepared_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(&path.join("shard/data"), "old");
        write(&staging(path).join("shard/data"), "new");
        write(&snapshot(path).join("shard/data"), "half");
        finish(path).unwrap();
        assert_eq!(read(&path.join("shard/data")), "old");
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    }
}
