//! Time of the last use of each key, in a file beside that of the keys which only the server writes.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use jiff::Timestamp;

use super::files::replace;

/// Time of the last use of each key, by id.
pub type Usage = BTreeMap<String, Timestamp>;

fn path(keys_file: &Path) -> PathBuf {
    keys_file.with_extension("used.toml")
}

/// Reads the file; an unreadable one counts as empty.
pub fn read(keys_file: &Path) -> Usage {
    let text = match fs::read_to_string(path(keys_file)) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "when keys were used last cannot be read");
            }
            return Usage::default();
        }
    };
    toml::from_str(&text).unwrap_or_default()
}

/// Adds the latest uses, in seconds since 1970.
pub(super) fn merge(keys_file: &Path, used: &BTreeMap<Arc<str>, i64>) -> io::Result<()> {
    let mut usage = read(keys_file);
    for (id, at) in used {
        let at = Timestamp::from_second(*at).unwrap_or(Timestamp::UNIX_EPOCH);
        usage
            .entry(id.as_ref().to_owned())
            .and_modify(|before| *before = (*before).max(at))
            .or_insert(at);
    }
    let text = toml::to_string(&usage).map_err(io::Error::other)?;
    replace(&path(keys_file), &text)
}
