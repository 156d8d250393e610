//! Replacing files, and detection of changed ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// State of a file, which changes when the file is written, changes its owner or is replaced: inode, length, and time of
/// the last change of status in seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileState(Option<(u64, u64, i64, i64)>);

impl FileState {
    /// Returns the state of a file; all unreadable files are equal.
    pub(super) fn of(path: &Path) -> Self {
        let state = fs::metadata(path).map(|file| (file.ino(), file.len(), file.ctime(), file.ctime_nsec()));
        Self(state.ok())
    }
}

/// Replaces the file at `path` by one with this text that only its owner may read.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    // Made with mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix("keys.")
        .suffix(".new")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

/// Returns the folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}
