//! Copying the engine's files: the part of making a snapshot for which writes wait.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::engine::Engine;
use super::failure::Failure;
use super::folder::{self, TEMP_SEGMENTS};
use super::reads;
use crate::disk;

/// Number of bytes that are read and written at once.
const BLOCK: usize = 128 << 10;

/// Files that the engine writes once, when it builds a segment, and later only removes: vectors of complete segments, and
/// the indexes of dense and sparse vectors. A copy can share them. The engine may change all other files in place: deletion
/// flags, payloads, the log.
const NEVER_CHANGED: [&str; 6] = [
    "matrix.dat",
    "graph.bin",
    "links.bin",
    "links_compressed.bin",
    "links_comp_vec.bin",
    "inverted_index.dat",
];

/// Facts about a copy.
#[derive(Debug)]
pub(super) struct Frozen {
    /// Number of contexts of each tenant.
    pub(super) contexts: BTreeMap<String, u64>,
    /// Number in the log of deletions: later deletions are not in the copy.
    pub(super) deleted_until: u64,
    /// Time that writes waited.
    pub(super) paused: Duration,
}

impl Frozen {
    pub(super) fn paused(self, paused: Duration) -> Self {
        Self { paused, ..self }
    }
}

/// Copies the engine's files and the manifest into `to`. The caller is the writer, has flushed, and keeps the indexes from
/// being rebuilt. Blocks.
pub(super) fn freeze(engine: &Engine, to: &Path) -> Result<Frozen, Failure> {
    let contexts = reads::tenant_counts(&engine.shard)?;
    copy_folder(&folder::shard(&engine.path), &folder::shard(to))
        .map_err(folder::io_error("copy the engine's files to", to))?;
    folder::write_manifest(to, &engine.manifest())?;
    Ok(Frozen {
        contexts,
        deleted_until: engine.mark_deletions()?,
        paused: Duration::ZERO,
    })
}

/// Copies a folder of the engine recursively. Shares files that never change, where the file system can.
pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    disk::create_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let target = to.join(&name);
        if kind.is_dir() {
            if name != TEMP_SEGMENTS {
                copy_folder(&entry.path(), &target)?;
            }
            continue;
        }
        // A link fails across file systems, and on those without links.
        let shared = NEVER_CHANGED.iter().any(|shared| name == *shared) && fs::hard_link(entry.path(), &target).is_ok();
        if !shared {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file, as a reflink where the file system can, and keeps its holes: the engine makes files larger than their
/// content.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if reflink_copy::reflink(from, to).is_ok() {
        return Ok(());
    }
    let (mut source, mut target) = (File::open(from)?, disk::create_file(to)?);
    let mut block = vec![0; BLOCK];
    let mut length = 0;
    loop {
        let read = source.read(&mut block)?;
        if read == 0 {
            break;
        }
        let content = &block[..read];
        if content.iter().all(|byte| *byte == 0) {
            target.seek(SeekFrom::Current(i64::try_from(read).unwrap_or(0)))?;
        } else {
            target.write_all(content)?;
        }
        length += read as u64;
    }
    target.set_len(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_equal_and_owns_the_files_that_may_change() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("segments/a")).unwrap();
        fs::create_dir_all(from.join(TEMP_SEGMENTS)).unwrap();
        fs::write(from.join("segments/a/matrix.dat"), "vectors").unwrap();
        fs::write(from.join("segments/a/deleted.dat"), "none").unwrap();
        fs::write(from.join(TEMP_SEGMENTS).join("half"), "built").unwrap();
        let holes: Vec<u8> = [vec![0; 3 * BLOCK], vec![7; 10], vec![0; BLOCK + 1]].concat();
        fs::write(from.join("log"), &holes).unwrap();
        copy_folder(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("log")).unwrap(), holes);
        assert_eq!(fs::read(to.join("segments/a/matrix.dat")).unwrap(), b"vectors");
        assert!(!to.join(TEMP_SEGMENTS).exists());

        fs::write(from.join("segments/a/deleted.dat"), "some").unwrap();
        assert_eq!(fs::read(to.join("segments/a/deleted.dat")).unwrap(), b"none");
    }
}
