//! Checksums of a snapshot's files.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::disk;

/// Number of bytes that are read at once.
const BLOCK: usize = 128 << 10;

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    /// Path below the snapshot's folder, with `/` between names.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

/// Returns every file below `folder` but `except`, by path.
pub(super) fn read_entries(folder: &Path, except: &str) -> io::Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    disk::walk(folder, &mut |path, metadata| {
        let below = path.strip_prefix(folder).unwrap_or(path).iter();
        let name = below.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/");
        if !metadata.is_dir() && name != except {
            let mut hash = Sha256::new();
            let bytes = io::copy(&mut BufReader::with_capacity(BLOCK, File::open(path)?), &mut hash)?;
            let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            entries.push(FileEntry {
                path: name,
                bytes,
                sha256: hex.concat(),
            });
        }
        Ok(())
    })?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}
