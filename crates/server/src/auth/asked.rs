//! Record that callers had to bring a key, so that a server whose keys are lost does not open at its next start.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{folder_of, replace};

/// The data folder leaves files of this name alone.
const FILE: &str = "keys.asked";
const TEXT: &str = "Callers of this Context Manager have to bring a key. While this file is here, a server without any key does \
                    not start, unless `allow_unauthenticated = true` is set in [server].\n";

/// Folders that record this: that of the keys file and the data folder, as either may be lost or not be writable.
#[derive(Debug)]
pub(super) struct Asked {
    folders: [PathBuf; 2],
}

impl Asked {
    pub(super) fn new(keys_file: &Path, data: &Path) -> Self {
        Self {
            folders: [folder_of(keys_file), data].map(Path::to_owned),
        }
    }

    /// Returns whether callers once had to bring a key; also true if that cannot be read.
    pub(super) fn is_remembered(&self) -> bool {
        self.folders
            .iter()
            .any(|folder| folder.join(FILE).try_exists().unwrap_or(true))
    }

    /// Remembers it from now on.
    pub(super) fn remember(&self) {
        let [beside_keys, data] = self.folders.each_ref().map(|folder| remember(folder));
        if let (Err(_), Err(error)) = (beside_keys, data) {
            tracing::warn!(%error, "that callers have to bring a key will be forgotten if the keys are lost");
        }
    }
}

/// Remembers it in one folder.
pub(super) fn remember(folder: &Path) -> io::Result<()> {
    let file = folder.join(FILE);
    if file.try_exists()? {
        return Ok(());
    }
    create(folder)?;
    replace(&file, TEXT)
}

/// Makes a folder, which only its owner may look into, if it is not there.
pub(super) fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}
