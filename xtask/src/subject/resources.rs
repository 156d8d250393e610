//! Memory and disk space of a server, where the system tells.

use std::fs;
use std::path::Path;

/// Returns the anonymous resident memory of a process in bytes: its allocations, without mapped files. Linux only.
pub(super) fn anonymous_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // `RssAnon:   1234 kB`, see `man 5 proc_pid_status`.
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the bytes that the files below a folder take on the disk, without holes, as `du` counts. Unix only. Skips files
/// that vanish meanwhile.
pub(super) fn disk_bytes(folder: &Path) -> Option<u64> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let sizes = entries.filter_map(|entry| {
        if entry.file_type().ok()?.is_dir() {
            disk_bytes(&entry.path())
        } else {
            blocks(&entry.path())
        }
    });
    cfg!(unix).then(|| sizes.sum())
}

#[cfg(unix)]
fn blocks(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    // Blocks of 512 bytes on any file system: see `man 3type stat`.
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
    #[cfg(target_os = "linux")]
    fn our_own_process_has_anonymous_memory() {
        assert!(anonymous_bytes(std::process::id()).unwrap() > 0);
    }

    #[test]
    #[cfg(unix)]
    fn holes_do_not_count_and_folders_are_entered() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("full"), vec![1; 1 << 20]).unwrap();
        let sparse = fs::File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        let bytes = disk_bytes(folder.path()).unwrap();
        assert!((1 << 20..1 << 22).contains(&bytes), "{bytes}");
    }
}
