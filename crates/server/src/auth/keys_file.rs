//! The file of keys, which the command line writes and the server reads.
//!
//! It holds hashes, never keys. A writer takes the lock beside it, writes a new file and renames it over the old one, so
//! that a reader sees either. Keys are never removed: a revoked one is still refused by name, and revoking the last one
//! does not open the server. Another file records that there were keys (`asked`).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::asked;
use super::files::{folder_of, replace};
use super::permission::Permissions;
use super::token::KeyHash;
use super::user::BoundUser;

/// Maximum size of the file: 64 MiB hold some 200,000 keys.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

const HEADER: &str = "# Keys of a Context Manager, as hashes. Written by `context-manager keys`; a running server takes changes over.\n\n";

/// Record of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// Id of the key.
    pub id: String,
    /// Name that its owner gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tenant whose data it reaches.
    pub tenant: String,
    /// User of the tenant whose contexts alone it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<BoundUser>,
    /// Its permissions.
    pub permissions: Permissions,
    /// Hash that is compared with the key of a caller.
    pub sha256: KeyHash,
    /// Time of its creation.
    pub created_at: Timestamp,
    /// Time from which it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Time of its revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Id of the key that it replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_from: Option<String>,
}

/// Every key of a file, in the order of their creation.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecords {
    /// The keys.
    #[serde(default)]
    pub keys: Vec<KeyRecord>,
}

impl KeyRecords {
    /// Parses a text that [`Self::print`] wrote. The error repeats no hash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Not the whole error, which quotes the line.
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// Prints the keys as TOML.
    pub(super) fn print(&self) -> Result<String, String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        Ok(format!("{HEADER}{text}"))
    }
}

/// Reason for not using the file of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysFileError {
    /// Reading or writing failed.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// The failed operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// `context-manager keys` did not write it.
    #[error("`{}` is not a file of keys: {reason}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Description of the error; it repeats no hash.
        reason: String,
    },
}

/// Reads the file; without one there are no keys.
///
/// # Errors
/// [`KeysFileError`].
pub fn read(path: &Path) -> Result<KeyRecords, KeysFileError> {
    Ok(read_if_there(path)?.unwrap_or_default())
}

/// Reads the file, if there is one. An empty one is there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<KeyRecords>, KeysFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read", path)(source)),
    };
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(io_error("read", path))?;
    let records = KeyRecords::parse(&text).map_err(|reason| KeysFileError::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    Ok(Some(records))
}

/// Changes the file, and creates it if it does not exist. An error of `change` leaves it as it was.
///
/// # Errors
/// [`KeysFileError`], or the error of `change`.
pub fn change<T, E: From<KeysFileError>>(
    path: &Path,
    change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<T, E>,
) -> Result<T, E> {
    let folder = folder_of(path);
    asked::create(folder).map_err(io_error("create", folder))?;
    let lock_path = path.with_extension("lock");
    let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
        .open(&lock_path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(io_error("lock", &lock_path))?;
    let mut records = read(path)?;
    let result = change(&mut records.keys)?;
    let text = records.print().map_err(|reason| KeysFileError::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    replace(path, &text).map_err(io_error("write", path))?;
    asked::remember(folder).map_err(io_error("write into", folder))?;
    drop(lock);
    Ok(result)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysFileError {
    let path = path.to_owned();
    move |source| KeysFileError::Io {
        operation,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::auth::{NewKey, Permission};

    fn record(id: &str) -> KeyRecord {
        KeyRecord {
            id: id.to_owned(),
            name: None,
            tenant: "acme".to_owned(),
            user: None,
            permissions: vec![Permission::Read].into(),
            sha256: NewKey::random().unwrap().hash,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
            rotated_from: None,
        }
    }

    fn add(path: &Path, record: KeyRecord) {
        let push = |keys: &mut Vec<_>| {
            keys.push(record);
            Ok::<_, KeysFileError>(())
        };
        change(path, push).unwrap();
    }

    #[test]
    fn what_is_added_is_read_back_and_only_the_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/keys.toml");
        assert_eq!(read(&path).unwrap().keys, []);
        for id in ["a", "b"] {
            add(&path, record(id));
        }
        let ids: Vec<_> = read(&path).unwrap().keys.into_iter().map(|key| key.id).collect();
        assert_eq!(ids, ["a", "b"]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..10 {
                        let id = format!("{writer}-{n}");
                        add(path, record(&id));
                    }
                });
            }
        });
        assert_eq!(read(&path).unwrap().keys.len(), 40);
    }

    #[test]
    fn a_refused_change_and_a_file_of_something_else_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        fs::write(&path, "[[keys]]\nid = 1\nsha256 = \"hush\"\n").unwrap();
        let error = change(&path, |_| Ok::<_, KeysFileError>(())).unwrap_err().to_string();
        assert!(error.contains("keys.toml") && !error.contains("hush"), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains("hush"));
    }
}
