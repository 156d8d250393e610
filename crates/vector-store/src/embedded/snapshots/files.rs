//! Copying the engine's files, and telling whether they are what they were.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::disk;
use crate::embedded::folder::TEMP_SEGMENTS;

/// What is read and written at once.
const BLOCK: usize = 128 << 10;

/// Files that the engine writes once, when it builds a segment, and only ever removes: the vectors of a segment that
/// takes no more of them, and the indexes over vectors and over words. A copy can share them. Everything else it may
/// change in place: which points are deleted, payloads, the log.
const NEVER_CHANGED: [&str; 6] = [
    "matrix.dat",
    "graph.bin",
    "links.bin",
    "links_compressed.bin",
    "links_comp_vec.bin",
    "inverted_index.dat",
];

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    /// Below the snapshot's folder, with `/` between names.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

/// Copies a folder of the engine with everything in it. Files that never change are shared, where the file system can.
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
        } else if NEVER_CHANGED.iter().any(|shared| name == *shared) {
            share(&entry.path(), &target)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn share(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        // On another file system, or one that has no links.
        Err(_cannot_be_shared) => copy(from, to),
    }
}

/// Copies a file, in no time where the file system can, and leaves holes where it has them: the engine makes files larger
/// than what is in them.
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

/// Every file below `folder` but `except`, by path.
pub(super) fn read_entries(folder: &Path, except: &str) -> io::Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    disk::walk(folder, &mut |path, metadata| {
        let name = name_below(folder, path);
        if !metadata.is_dir() && name != except {
            let (bytes, sha256) = hash(path)?;
            entries.push(FileEntry {
                path: name,
                bytes,
                sha256,
            });
        }
        Ok(())
    })?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn name_below(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        bytes += read as u64;
    }
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hex.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_files_and_what_may_change_is_its_own() {
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
        assert!(!to.join(TEMP_SEGMENTS).exists());

        let before = read_entries(&to, "").unwrap();
        assert_eq!(before.len(), 3);
        fs::write(from.join("segments/a/deleted.dat"), "some").unwrap();
        assert_eq!(read_entries(&to, "").unwrap(), before);
        fs::write(to.join("log"), "x").unwrap();
        assert_ne!(read_entries(&to, "").unwrap(), before);
    }
}
