//! How much of the disk a folder takes.

use std::fs;
use std::path::Path;

/// The bytes that the files below a folder take on the disk, without the holes of sparse ones, as `du` counts; `None` where
/// that is not told. Files that go away meanwhile are passed over.
pub(super) fn taken_by(folder: &Path) -> Option<u64> {
    if !cfg!(unix) {
        return None;
    }
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let sizes = entries.filter_map(|entry| {
        if entry.file_type().ok()?.is_dir() {
            taken_by(&entry.path())
        } else {
            blocks(&entry.path())
        }
    });
    Some(sizes.sum())
}

#[cfg(unix)]
fn blocks(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    // Blocks of 512 bytes whatever the file system's are: see `man 3type stat`.
    Some(fs::symlink_metadata(path).ok()?.blocks() * 512)
}

#[cfg(not(unix))]
fn blocks(_path: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn holes_take_nothing_and_folders_are_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("full"), vec![1; 1 << 20]).unwrap();
        let sparse = fs::File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        let taken = taken_by(folder.path()).unwrap();
        assert!((1 << 20..1 << 22).contains(&taken), "{taken}");
    }
}
