//! The layout of a data folder, and its manifest.
//!
//! ```text
//! manifest.json       the format and the models; exists once the folder is complete
//! manifest.json.new   the same while the folder is created, or while the manifest is replaced
//! LOCK                locked by the process that has the folder open
//! keys.*              the server's keys
//! shard/              the engine's files
//! erasures.log        the log of deletions
//! accesses.log        the access counts
//! reserve             space for deletions on a full disk
//! snapshots/          copies of the engine's files
//! snapshot.new/       a snapshot in the making
//! verify.new/         a copy of a snapshot that is being verified
//! restore.new/        a copy of a snapshot, prepared to replace shard/
//! restore/            the same, once it is decided
//! shard.old/          the files that it replaces
//! ```
//!
//! A folder is created in this order: `manifest.json.new`, the engine's files, and then the manifest gets its final name.
//! After a crash in between, `manifest.json.new` proves that the folder is ours and was never in use, so the next start
//! creates it again. Any other folder without a manifest is foreign and stays untouched.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use context_manager_core::ports::{ModelFingerprint, OtherModel, StoredModels};
use serde::{Deserialize, Serialize};

use crate::payload::{canonical, key};
use crate::{Error, disk};

/// The format this version writes, and the newest it reads.
///
/// 1 had one model, whose vectors were called `dense`; 2 can have another one beside it.
const FORMAT: u32 = 2;

/// Name of the vectors of a folder's first model.
pub(super) const FIRST_VECTOR: &str = key::DENSE;

pub(super) const MANIFEST: &str = "manifest.json";
const NEW_MANIFEST: &str = "manifest.json.new";
const SHARD: &str = "shard";
pub(super) const LOCK: &str = "LOCK";
pub(super) const DELETIONS: &str = "erasures.log";
pub(super) const ACCESSES: &str = "accesses.log";
pub(super) const RESERVE: &str = "reserve";
/// Default folder of the snapshots.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// File in place of the manifest in a folder that earlier versions divided among several shards.
const SHARDS: &str = "shards.json";

/// Folder in which the engine builds segments. It ignores leftovers of a killed process.
pub(super) const TEMP_SEGMENTS: &str = "temp_segments";

/// Entries that do not make a folder foreign: file systems put some into their root, and others outlive the data.
const IGNORED: [&str; 6] = [LOCK, disk::LOST_AND_FOUND, DELETIONS, ACCESSES, SNAPSHOTS, RESERVE];

/// Prefix of the server's key files, which may be created before the store.
const KEYS: &str = "keys.";

/// The manifest of a data folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The model in use.
    pub(super) model: ModelFingerprint,
    /// Name of its vectors.
    #[serde(default = "first_vector")]
    pub(super) vector: String,
    /// The model beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) other: Option<Other>,
    /// Fingerprint of the analyzer that made all terms; unknown before there were fingerprints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) analyzer: Option<String>,
}

/// A model whose vectors are kept but not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) model: ModelFingerprint,
    /// Name of its vectors.
    pub(super) vector: String,
    /// Set while its vectors are computed, until it takes over.
    pub(super) filling: bool,
}

fn first_vector() -> String {
    FIRST_VECTOR.to_owned()
}

impl Manifest {
    /// Returns the manifest of a folder with one model.
    pub(super) fn of(model: ModelFingerprint) -> Self {
        Self {
            format: FORMAT,
            model,
            vector: first_vector(),
            other: None,
            analyzer: None,
        }
    }

    /// Returns the file's text, with a checksum.
    fn text(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).expect("a manifest has nothing that JSON cannot hold");
        if let Some(object) = value.as_object_mut() {
            canonical::seal(object);
        }
        format!("{value:#}").into_bytes()
    }

    pub(super) fn models(&self) -> StoredModels {
        StoredModels {
            in_use: self.model.clone(),
            other: self.other.as_ref().map(|other| OtherModel {
                model: other.model.clone(),
                filling: other.filling,
            }),
        }
    }
}

/// State of a path.
#[derive(Debug, PartialEq)]
pub(super) enum State {
    /// There is nothing, or an empty folder.
    Fresh,
    /// The process ended while it created the folder.
    Unfinished,
    /// A data folder.
    Ready(Manifest),
}

/// Inspects `path`, without changing anything.
pub(super) fn inspect(path: &Path) -> Result<State, Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Fresh),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(Error::NotAFolder { path: path.to_owned() });
        }
        Err(source) => return Err(io_error("read", path)(source)),
    };
    if let Some(manifest) = read_manifest(path, MANIFEST)? {
        return Ok(State::Ready(manifest));
    }
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(io_error("read", path))?.file_name();
        let is_key = name.to_str().is_some_and(|name| name.starts_with(KEYS));
        if !is_key && !IGNORED.iter().any(|ignored| name == *ignored) {
            names.push(name);
        }
    }
    if names.iter().any(|name| name == SHARDS) {
        return Err(Error::Sharded { path: path.to_owned() });
    }
    let ours = |name: &_| *name == NEW_MANIFEST || *name == SHARD;
    if names.is_empty() {
        Ok(State::Fresh)
    } else if names == [NEW_MANIFEST] {
        // It precedes the engine's files, so there are none, even if it is torn.
        Ok(State::Unfinished)
    } else if names.iter().all(ours) && matches!(read_manifest(path, NEW_MANIFEST), Ok(Some(_))) {
        Ok(State::Unfinished)
    } else {
        Err(Error::Foreign { path: path.to_owned() })
    }
}

/// Creates a data folder. `create` writes the engine's files into the folder that it is given, durably.
pub(super) fn create<T>(
    path: &Path,
    model: &ModelFingerprint,
    create: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let (shard, new) = (shard(path), path.join(NEW_MANIFEST));
    disk::remove_folder(&shard).map_err(io_error("remove", &shard))?;
    disk::write_file(&new, &Manifest::of(model.clone()).text()).map_err(io_error("write", &new))?;
    disk::sync_folder(path).map_err(io_error("write", path))?;
    let engine = create(&shard)?;
    disk::rename(&new, &path.join(MANIFEST)).map_err(io_error("write", path))?;
    Ok(engine)
}

/// Writes the manifest of a folder that is not in use.
pub(super) fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), Error> {
    let file = path.join(MANIFEST);
    disk::write_file(&file, &manifest.text()).map_err(io_error("write", &file))
}

/// Replaces the manifest of a data folder, atomically and durably.
pub(super) fn replace_manifest(path: &Path, manifest: &Manifest) -> Result<(), Error> {
    let manifest = Manifest {
        format: FORMAT,
        ..manifest.clone()
    };
    let file = path.join(MANIFEST);
    disk::replace_file(&file, &manifest.text()).map_err(io_error("write", &file))
}

/// Removes the leftovers of a killed optimisation.
pub(super) fn clean(path: &Path) -> Result<(), Error> {
    let temporary = shard(path).join(TEMP_SEGMENTS);
    disk::remove_folder(&temporary).map_err(io_error("remove", &temporary))
}

/// Returns the folder of the engine's files.
pub(super) fn shard(path: &Path) -> PathBuf {
    path.join(SHARD)
}

/// Wraps a system's error.
pub(super) fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}

fn read_manifest(folder: &Path, name: &str) -> Result<Option<Manifest>, Error> {
    /// The field that every format has.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }

    let path = folder.join(name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read", &path)(source)),
    };
    let corrupt = |source| Error::CorruptManifest {
        path: folder.to_owned(),
        source,
    };
    let Format { format } = serde_json::from_slice(&text).map_err(corrupt)?;
    if format > FORMAT {
        return Err(Error::NewerFormat {
            path: folder.to_owned(),
            found: format,
            supported: FORMAT,
        });
    }
    let mut object: serde_json::Map<_, _> = serde_json::from_slice(&text).map_err(corrupt)?;
    if !canonical::unseal(&mut object) {
        return Err(corrupt(serde::de::Error::custom("its checksum does not fit")));
    }
    serde_json::from_value(object.into()).map(Some).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelFingerprint {
        ModelFingerprint {
            name: "m".to_owned(),
            dimensions: 4,
            probe: "p".to_owned(),
        }
    }

    fn create_shard(path: &Path) {
        let created = create(path, &model(), |shard| {
            assert!(!shard.exists(), "a half-created one is removed first");
            fs::create_dir(shard).unwrap();
            Ok(())
        });
        created.unwrap();
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        fs::create_dir(&path).unwrap();
        (parent, path)
    }

    #[test]
    fn an_empty_folder_is_fresh() {
        let (_parent, path) = folder();
        assert_eq!(inspect(&path.join("missing")).unwrap(), State::Fresh);
        assert_eq!(inspect(&path).unwrap(), State::Fresh);
        fs::write(path.join(LOCK), "1").unwrap();
        fs::create_dir(path.join("lost+found")).unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Fresh);
    }

    #[test]
    fn a_half_created_folder_is_unfinished() {
        let (_parent, path) = folder();
        let failed = create(&path, &model(), |shard| {
            fs::create_dir(shard).unwrap();
            Err::<(), _>(Error::NotAFolder { path: shard.to_owned() })
        });
        assert!(failed.is_err());
        assert_eq!(inspect(&path).unwrap(), State::Unfinished);

        create_shard(&path);
        assert_eq!(inspect(&path).unwrap(), State::Ready(Manifest::of(model())));
        assert!(!path.join(NEW_MANIFEST).exists());
    }

    #[test]
    fn a_folder_of_the_first_format_has_one_model() {
        let (_parent, path) = folder();
        let old = serde_json::json!({"format": 1, "model": {"name": "m", "dimensions": 4, "probe": "p"}});
        fs::write(path.join(MANIFEST), old.to_string()).unwrap();
        let State::Ready(manifest) = inspect(&path).unwrap() else {
            panic!("it is a data folder")
        };
        assert_eq!((manifest.vector.as_str(), manifest.other), ("dense", None));
    }

    #[test]
    fn a_manifest_is_replaced_atomically() {
        let (_parent, path) = folder();
        create_shard(&path);
        let manifest = Manifest {
            other: Some(Other {
                model: model(),
                vector: "dense-2".to_owned(),
                filling: true,
            }),
            ..Manifest::of(model())
        };
        // Left by a crash.
        fs::write(path.join(NEW_MANIFEST), "{\"form").unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Ready(Manifest::of(model())));
        replace_manifest(&path, &manifest).unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Ready(manifest));
    }

    #[test]
    fn a_torn_new_manifest_is_unfinished_only_in_an_otherwise_empty_folder() {
        let (_parent, path) = folder();
        fs::write(path.join(NEW_MANIFEST), "{\"form").unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Unfinished);
        fs::create_dir(path.join(SHARD)).unwrap();
        assert!(matches!(inspect(&path), Err(Error::Foreign { .. })));
    }

    #[test]
    fn foreign_folders_are_refused() {
        let (_parent, path) = folder();
        let file = path.join("notes.txt");
        fs::write(&file, "mine").unwrap();
        assert!(matches!(inspect(&path), Err(Error::Foreign { .. })));
        assert!(matches!(inspect(&file), Err(Error::NotAFolder { .. })));
    }

    #[test]
    fn unreadable_manifests_are_refused() {
        let (_parent, path) = folder();
        for corrupt in ["", "{}", "{\"format\": 1}", "{\"format\": \"one\"}"] {
            fs::write(path.join(MANIFEST), corrupt).unwrap();
            let refused = inspect(&path).unwrap_err();
            assert!(matches!(refused, Error::CorruptManifest { .. }), "{corrupt}");
        }
        fs::write(path.join(MANIFEST), "{\"format\": 3, \"brain\": {}}").unwrap();
        let refused = inspect(&path).unwrap_err();
        assert!(matches!(
            refused,
            Error::NewerFormat {
                found: 3,
                supported: 2,
                ..
            }
        ));
    }
}
