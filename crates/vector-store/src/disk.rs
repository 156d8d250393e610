//! Durable files and folders, private to their owner.
//!
//! The engine's own files get their mode from the process's umask; [`make_private`] tightens them at the next start, and
//! until then the folder around them keeps other users out.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Folder that file systems put into their root. It belongs to another user.
pub(crate) const LOST_AND_FOUND: &str = "lost+found";

/// Replaces the content of a file, atomically and durably. The file is private.
///
/// Writers of one file must not run concurrently. An error leaves the file unchanged.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    write_file(&new, content)?;
    rename(&new, path)
}

/// Creates a private folder and its missing parents. Existing ones stay unchanged.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Writes and syncs a private file. Its name is durable once the folder is synced.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = create_file(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Creates or truncates a private file.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create(true).truncate(true).open(path)
}

/// Renames a file or folder within its folder, durably.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(folder) if folder != Path::new("") => sync_folder(folder),
        Some(_) | None => sync_folder(Path::new(".")),
    }
}

/// Makes the names in a folder durable. Possible on Unix only.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}

/// Makes every file and name below a folder durable.
pub(crate) fn sync_all(folder: &Path) -> io::Result<()> {
    walk(folder, &mut |path, metadata| {
        if metadata.is_dir() {
            sync_folder(path)
        } else {
            File::open(path)?.sync_all()
        }
    })?;
    sync_folder(folder)
}

/// Removes a folder, if it exists.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    unless_gone(fs::remove_dir_all(folder)).map(drop)
}

/// Returns the disk space that a folder takes, in bytes.
pub(crate) fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    walk(folder, &mut |_, metadata| {
        if !metadata.is_dir() {
            bytes += allocated(metadata);
        }
        Ok(())
    })?;
    Ok(bytes)
}

/// Visits everything below a folder, the entries of a folder before the folder itself. Skips entries that disappear
/// meanwhile, and follows no links.
pub(crate) fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>) -> io::Result<()> {
    for entry in unless_gone(fs::read_dir(folder))?.into_iter().flatten() {
        let Some(entry) = unless_gone(entry)? else { continue };
        let Some(metadata) = unless_gone(entry.metadata())? else {
            continue;
        };
        let path = entry.path();
        if metadata.is_dir() && entry.file_name() != LOST_AND_FOUND {
            walk(&path, visit)?;
        }
        visit(&path, &metadata)?;
    }
    Ok(())
}

/// Makes a folder and everything below it private to the owner. Logs a warning about entries of other users, which stay
/// unchanged.
#[cfg(unix)]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut foreign = 0;
    let mut tighten = |path: &Path, metadata: &Metadata| {
        let mode = metadata.permissions().mode();
        let private = mode & 0o7700;
        if mode & 0o7777 == private || metadata.is_symlink() {
            return Ok(());
        }
        match fs::set_permissions(path, fs::Permissions::from_mode(private)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => foreign += 1,
            tightened => {
                unless_gone(tightened)?;
            }
        }
        Ok(())
    };
    tighten(folder, &fs::metadata(folder)?)?;
    walk(folder, &mut tighten)?;
    if foreign > 0 {
        tracing::warn!(
            files = foreign,
            "other users may read files of the data folder: they belong to another user of the system"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Turns the error that something does not exist into `None`.
pub(crate) fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the disk space of a file: the engine's files have holes and take less than their length.
#[cfg(unix)]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        let metadata = fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn created_entries_are_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        create_folder(&folder).unwrap();
        let file = folder.join("file");
        for content in ["first", "second"] {
            replace_file(&file, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
        assert_eq!(
            (mode(&folder.join("..")), mode(&folder), mode(&file)),
            (0o700, 0o700, 0o600)
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn loose_permissions_are_tightened_and_links_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, outside) = (parent.path().join("data"), parent.path().join("outside"));
        let (below, file, script) = (folder.join("a"), folder.join("a/file"), folder.join("script"));
        fs::create_dir_all(&below).unwrap();
        for path in [&file, &script, &outside] {
            fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
        for (path, loose) in [
            (&folder, 0o755),
            (&below, 0o777),
            (&file, 0o644),
            (&script, 0o755),
            (&outside, 0o644),
        ] {
            fs::set_permissions(path, fs::Permissions::from_mode(loose)).unwrap();
        }
        make_private(&folder).unwrap();
        let modes = [&folder, &below, &file, &script, &outside].map(|path| mode(path));
        assert_eq!(modes, [0o700, 0o700, 0o600, 0o700, 0o644]);
    }

    #[test]
    fn the_size_counts_files_at_every_depth() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), vec![7; 10_000]).unwrap();
        assert!(size(folder.path()).unwrap() >= 10_000);
    }
}
