//! What a data folder looks like, and telling one from anything else.
//!
//! ```text
//! manifest.json       the format and the models; there once the folder is complete
//! manifest.json.new   the same while the folder is being made, or while another one takes its place
//! LOCK                who has it open
//! keys.*              not ours: what the server knows of its callers
//! shard/              the engine's
//! erasures.log        what was deleted for good
//! reserve             room on the disk, for deletions when it is full
//! snapshots/          copies of the engine's files
//! snapshot.new/       one that is being made
//! restore.new/        one that is being prepared to take the place of shard/
//! restore/            one that takes it
//! ```
//!
//! A folder is made in this order: `manifest.json.new`, the engine's files, and then the manifest gets its final name.
//! A crash in between leaves `manifest.json.new` as the proof that what is there is ours and was never in use, so that
//! the next start may throw it away and begin anew. Everything else without a manifest is somebody else's and is not
//! touched.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use context_manager_core::ports::{ModelFingerprint, OtherModel, StoredModels};
use serde::{Deserialize, Serialize};

use super::{erasures, lock, room};
use crate::payload::{canonical, key};
use crate::{Error, disk};

/// The format this version writes, and the newest it reads.
///
/// 1 had one model, whose vectors were called `dense`; 2 can have another one beside it.
const FORMAT: u32 = 2;

/// What the vectors are called, as long as the model is the first one.
pub(super) const FIRST_VECTOR: &str = key::DENSE;

pub(super) const MANIFEST: &str = "manifest.json";
const NEW_MANIFEST: &str = "manifest.json.new";
const SHARD: &str = "shard";
/// Where snapshots are kept unless said otherwise.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// File in place of the manifest in a folder that earlier versions divided among several shards.
const SHARDS: &str = "shards.json";

/// Where the engine builds segments before it takes them into use. It forgets them when it is killed.
pub(super) const TEMP_SEGMENTS: &str = "temp_segments";

/// Entries that do not make a folder somebody else's: our lock, what file systems put into their root, and what
/// outlives the data that it is about.
const IGNORED: [&str; 5] = [
    lock::FILE,
    disk::LOST_AND_FOUND,
    erasures::FILE,
    SNAPSHOTS,
    room::RESERVE,
];

/// What the names of files begin with that a server keeps beside the store. Keys can be made before it starts first.
const BESIDE: &str = "keys.";

/// What a data folder says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The model in use.
    pub(super) model: ModelFingerprint,
    /// What its vectors are called.
    #[serde(default = "first_vector")]
    pub(super) vector: String,
    /// The model beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) other: Option<Other>,
}

/// A model whose vectors are kept but not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) model: ModelFingerprint,
    /// What its vectors are called.
    pub(super) vector: String,
    /// Whether it is on its way to take over.
    pub(super) filling: bool,
}

fn first_vector() -> String {
    FIRST_VECTOR.to_owned()
}

impl Manifest {
    /// That of a folder with one model.
    pub(super) fn of(model: ModelFingerprint) -> Self {
        Self {
            format: FORMAT,
            model,
            vector: first_vector(),
            other: None,
        }
    }

    /// The text of a manifest, with a checksum.
    fn text(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).expect("a manifest has nothing that JSON cannot hold");
        if let Some(object) = value.as_object_mut() {
            canonical::seal(object);
        }
        format!("{value:#}").into_bytes()
    }

    /// The models there are.
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

/// What a path leads to.
#[derive(Debug, PartialEq)]
pub(super) enum State {
    /// Nothing, or an empty folder.
    Fresh,
    /// A folder that was being made when the process ended.
    Unfinished,
    /// A data folder.
    Ready(Manifest),
}

/// Finds out what is at `path`, without changing anything there.
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
        let beside = name.to_str().is_some_and(|name| name.starts_with(BESIDE));
        if !beside && !IGNORED.iter().any(|ignored| name == *ignored) {
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
        // The engine's files come after it is complete, so there is nothing yet, whatever it says.
        Ok(State::Unfinished)
    } else if names.iter().all(ours) && matches!(read_manifest(path, NEW_MANIFEST), Ok(Some(_))) {
        Ok(State::Unfinished)
    } else {
        Err(Error::Foreign { path: path.to_owned() })
    }
}

/// Makes a data folder: `create` is given the place for the engine's files, which then must be on the disk.
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

/// Writes the manifest of a folder that is not in use yet.
pub(super) fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), Error> {
    let file = path.join(MANIFEST);
    disk::write_file(&file, &manifest.text()).map_err(io_error("write", &file))
}

/// Gives a data folder another manifest, in one step that survives a power loss.
pub(super) fn replace_manifest(path: &Path, manifest: &Manifest) -> Result<(), Error> {
    let manifest = Manifest {
        format: FORMAT,
        ..manifest.clone()
    };
    let file = path.join(MANIFEST);
    disk::replace_file(&file, &manifest.text()).map_err(io_error("write", &file))
}

/// Removes what an optimisation that was killed left behind.
pub(super) fn clean(path: &Path) -> Result<(), Error> {
    let temporary = shard(path).join(TEMP_SEGMENTS);
    disk::remove_folder(&temporary).map_err(io_error("remove", &temporary))
}

/// The place for the engine's files.
pub(super) fn shard(path: &Path) -> PathBuf {
    path.join(SHARD)
}

/// Turns a system's error into ours.
pub(super) fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}

fn read_manifest(folder: &Path, name: &str) -> Result<Option<Manifest>, Error> {
    /// The one field that every format has.
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

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        fs::create_dir(&path).unwrap();
        (parent, path)
    }

    #[test]
    fn an_empty_place_is_fresh() {
        let (_parent, path) = folder();
        assert_eq!(inspect(&path.join("missing")).unwrap(), State::Fresh);
        assert_eq!(inspect(&path).unwrap(), State::Fresh);
        fs::write(path.join("LOCK"), "1").unwrap();
        fs::create_dir(path.join("lost+found")).unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Fresh);
    }

    #[test]
    fn a_folder_is_ready_only_when_all_of_it_was_made() {
        let (_parent, path) = folder();
        let failed = create(&path, &model(), |shard| {
            fs::create_dir(shard).unwrap();
            Err::<(), _>(Error::NotAFolder { path: shard.to_owned() })
        });
        assert!(failed.is_err());
        assert_eq!(inspect(&path).unwrap(), State::Unfinished);

        create(&path, &model(), |shard| {
            assert!(!shard.exists(), "what was half made is thrown away");
            fs::create_dir(shard).unwrap();
            Ok(())
        })
        .unwrap();
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
    fn a_manifest_is_replaced_whole() {
        let (_parent, path) = folder();
        create(&path, &model(), |shard| {
            fs::create_dir(shard).unwrap();
            Ok(())
        })
        .unwrap();
        let other = Other {
            model: model(),
            vector: "dense-2".to_owned(),
            filling: true,
        };
        let manifest = Manifest {
            other: Some(other),
            ..Manifest::of(model())
        };
        // What a crash in between leaves does no harm.
        fs::write(path.join(NEW_MANIFEST), "{\"form").unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Ready(Manifest::of(model())));
        replace_manifest(&path, &manifest).unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Ready(manifest));
    }

    #[test]
    fn a_torn_new_manifest_is_the_end_of_an_attempt_only_while_nothing_else_is_there() {
        let (_parent, path) = folder();
        fs::write(path.join(NEW_MANIFEST), "{\"form").unwrap();
        assert_eq!(inspect(&path).unwrap(), State::Unfinished);
        fs::create_dir(path.join(SHARD)).unwrap();
        assert!(matches!(inspect(&path), Err(Error::Foreign { .. })));
    }

    #[test]
    fn other_peoples_folders_are_told_apart() {
        let (_parent, path) = folder();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        assert!(matches!(inspect(&path), Err(Error::Foreign { .. })));
        assert!(matches!(
            inspect(&path.join("notes.txt")),
            Err(Error::NotAFolder { .. })
        ));
    }

    #[test]
    fn manifests_that_cannot_be_read_are_refused() {
        let (_parent, path) = folder();
        let manifest = path.join(MANIFEST);
        for corrupt in ["", "{}", "{\"format\": 1}", "{\"format\": \"one\"}"] {
            fs::write(&manifest, corrupt).unwrap();
            assert!(
                matches!(inspect(&path), Err(Error::CorruptManifest { .. })),
                "{corrupt}"
            );
        }
        fs::write(&manifest, "{\"format\": 3, \"brain\": {}}").unwrap();
        assert!(matches!(
            inspect(&path),
            Err(Error::NewerFormat {
                found: 3,
                supported: 2,
                ..
            })
        ));
    }
}
