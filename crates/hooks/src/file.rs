//! Private files that survive a power loss.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Replaces the content of a file, atomically and durably. A new file is readable by its owner only; an existing one keeps
/// its mode, and a link keeps pointing at it.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = unless_gone(fs::canonicalize(path))?;
    let path = target.as_deref().unwrap_or(path);
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let mode = unless_gone(fs::metadata(path))?.map(|metadata| metadata.permissions());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    file.write_all(content)?;
    if let Some(mode) = mode {
        file.set_permissions(mode)?;
    }
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_parent(path)
}

/// Adds a line to a file and syncs it. A line that a crash cut short is ended first.
pub(crate) fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = private(OpenOptions::new().read(true).append(true).create(true)).open(path)?;
    let mut text = String::with_capacity(line.len() + 2);
    if !ends_with_line_break(&mut file)? {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    if is_new { sync_parent(path) } else { Ok(()) }
}

fn ends_with_line_break(file: &mut File) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};

    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Opens a file to be locked.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)
}

/// Creates a folder and its missing parents, which only their owner may read.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Removes a file, if it exists.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    unless_gone(fs::remove_file(path)).map(drop)
}

/// Reads a file; `None` if it does not exist.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    unless_gone(fs::read_to_string(path))
}

/// Renames a file within its folder, durably.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Turns the error that something does not exist into `None`.
pub(crate) fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|_| cfg!(unix)) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
