//! Telling whether a file changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes about a file when it is written, given to somebody else, or another takes its place: inode, length, and
/// when any of what is known about it changed last, in seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileState(Option<(u64, u64, i64, i64)>);

impl FileState {
    /// How the file looks now; all that cannot be looked at look alike.
    pub(super) fn of(path: &Path) -> Self {
        let state = fs::metadata(path).map(|file| (file.ino(), file.len(), file.ctime(), file.ctime_nsec()));
        Self(state.ok())
    }
}
