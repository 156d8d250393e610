//! Preparing a snapshot to take over: a checked copy, without what was deleted since.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Weak;

use context_manager_core::ports::{BoxError, ModelFingerprint, Snapshot, SnapshotError};
use qdrant_edge::{EdgeShard, Filter as EngineFilter, PointId};

use super::description::{self, Description};
use super::failure::{check_space, damaged, failed, io_failed, store_failed};
use super::files::{FileEntry, read_entries};
use crate::Error;
use crate::disk::{self, remove_folder};
use crate::embedded::config::Config;
use crate::embedded::deletions::{Completeness, Deleted, DeletionLog};
use crate::embedded::engine::Engine;
use crate::embedded::folder::{self, MANIFEST, Manifest, State};
use crate::embedded::freeze::copy_folder;
use crate::embedded::purge::purge;
use crate::embedded::{open, reads, takeover};

/// Those of some points that the store still holds.
type Stored = Result<HashSet<PointId>, BoxError>;

/// Maximum number of points per look-up.
const CHUNK: usize = 512;

/// A snapshot whose copy is staged.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) manifest: Manifest,
    snapshot: Snapshot,
    /// Deletions up to this number of the log are applied to the copy.
    deleted_until: u64,
    /// Number of contexts that they deleted from the copy.
    deleted_again: u64,
    accept_erased: bool,
}

/// Stages a copy of the snapshot in `folder`, called `name`. Blocks.
pub(super) fn prepare(
    config: &Config,
    folder: &Path,
    name: &str,
    model: &ModelFingerprint,
    current: &Weak<Engine>,
    accept_erased: bool,
) -> Result<Prepared, SnapshotError> {
    let staging = &takeover::staging(&config.path);
    let description = Description::read(folder)?;
    let mut manifest = manifest_of(folder)?;
    // Made before the model had answered, so it has no vectors of any model.
    let is_unverified = manifest.model.is_completed_by(model);
    if manifest.model != *model && !is_unverified {
        return Err(SnapshotError::Unusable(format!(
            "the snapshot holds vectors of the model {}, and the store those of the model {}: configure the model of the \
             snapshot for an empty store and restore it there",
            manifest.model, model
        )));
    }
    remove_folder(staging).map_err(io_failed)?;
    check_space(&config.path, description.bytes(), config.min_free_bytes)?;
    check_files(&description, folder)?;
    copy(folder, staging).map_err(io_failed)?;
    if is_unverified {
        manifest.model = model.clone();
        folder::replace_manifest(staging, &manifest).map_err(store_failed)?;
    }
    let deleted = deleted_since(config, description.erased_until, accept_erased)?;
    let shard = open_copy(config, staging, &manifest)?;
    check_contexts(&description, &shard)?;
    let stored = |ids| -> Stored {
        let engine = current.upgrade().ok_or("the store was closed")?;
        let (engine, _gate) = engine.read();
        Ok(reads::existing(&engine.shard, ids)?)
    };
    let load = || open::load(&of_copy(config, staging), &manifest);
    let deleted_again = delete(shard, load, &deleted, stored)?;
    disk::sync_all(staging).map_err(io_failed)?;
    Ok(Prepared {
        snapshot: description.snapshot(name)?,
        manifest,
        deleted_until: deleted.until,
        deleted_again,
        accept_erased,
    })
}

impl Prepared {
    /// Applies the deletions since the copy was staged, and lets it take over. The engine is closed. Blocks.
    pub(super) fn take_over(self, config: &Config) -> Result<(Snapshot, u64), SnapshotError> {
        let staging = takeover::staging(&config.path);
        let deleted = deleted_since(config, self.deleted_until, self.accept_erased)?;
        let mut deleted_again = self.deleted_again;
        if !deleted.points.is_empty() || !deleted.filters.is_empty() {
            let load_current = || EdgeShard::load(&folder::shard(&config.path), None);
            let current = (!deleted.filters.is_empty()).then(load_current);
            let current = current.transpose().map_err(failed)?;
            let stored = |ids| -> Stored {
                match &current {
                    Some(current) => Ok(reads::existing(current, ids)?),
                    None => Ok(HashSet::new()),
                }
            };
            let shard = open_copy(config, &staging, &self.manifest)?;
            let load = || open::load(&of_copy(config, &staging), &self.manifest);
            deleted_again += delete(shard, load, &deleted, stored)?;
            disk::sync_all(&staging).map_err(io_failed)?;
        }
        takeover::take_over(&config.path).map_err(io_failed)?;
        Ok((self.snapshot, deleted_again))
    }
}

/// Compares a snapshot with its description, and opens a copy of it. Blocks.
pub(super) fn verify(config: &Config, folder: &Path) -> Result<Description, SnapshotError> {
    let scratch = &takeover::scratch(&config.path);
    let description = Description::read(folder)?;
    let manifest = manifest_of(folder)?;
    check_files(&description, folder)?;
    remove_folder(scratch).map_err(io_failed)?;
    check_space(&config.path, description.bytes(), config.min_free_bytes)?;
    let checked = copy(folder, scratch).map_err(io_failed).and_then(|()| {
        let shard = open_copy(config, scratch, &manifest)?;
        check_contexts(&description, &shard)
    });
    remove_folder(scratch).map_err(io_failed)?;
    checked?;
    Ok(description)
}

/// Returns the deletions after `number`, unless some may be unknown and that is not accepted.
fn deleted_since(config: &Config, number: u64, accept_erased: bool) -> Result<Deleted, SnapshotError> {
    let deleted = DeletionLog::since(&config.path, number).map_err(io_failed)?;
    let unknown = match deleted.completeness {
        Completeness::Complete => return Ok(deleted),
        Completeness::BeginsLater => "the log of deletions begins later than it",
        Completeness::Damaged => "the log of deletions is damaged",
    };
    if !accept_erased {
        return Err(SnapshotError::ErasedUnknown(unknown));
    }
    tracing::warn!(
        because = unknown,
        "deleted contexts may come back with the snapshot, which was accepted"
    );
    Ok(deleted)
}

fn manifest_of(folder: &Path) -> Result<Manifest, SnapshotError> {
    match folder::inspect(folder) {
        Ok(State::Ready(manifest)) => Ok(manifest),
        Ok(State::Fresh | State::Unfinished) => Err(damaged(format!("{MANIFEST} is missing"))),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn copy(folder: &Path, to: &Path) -> io::Result<()> {
    copy_folder(&folder::shard(folder), &folder::shard(to))?;
    fs::copy(folder.join(MANIFEST), to.join(MANIFEST)).map(drop)
}

fn open_copy(config: &Config, folder: &Path, manifest: &Manifest) -> Result<EdgeShard, SnapshotError> {
    open::load(&of_copy(config, folder), manifest)
        .map_err(|error| damaged(format!("the engine cannot open it: {error}")))
}

/// Returns the configuration of a copy in `folder`.
fn of_copy(config: &Config, folder: &Path) -> Config {
    Config {
        path: folder.to_owned(),
        ..config.clone()
    }
}

fn check_files(description: &Description, folder: &Path) -> Result<(), SnapshotError> {
    fn by_path(files: &[FileEntry]) -> BTreeMap<&str, &FileEntry> {
        files.iter().map(|file| (file.path.as_str(), file)).collect()
    }

    let found = read_entries(folder, description::FILE).map_err(io_failed)?;
    let (expected, found) = (by_path(&description.files), by_path(&found));
    if let Some(path) = expected.keys().find(|path| !found.contains_key(*path)) {
        return Err(damaged(format!("the file {path} is missing")));
    }
    for (path, file) in &found {
        match expected.get(path) {
            None => return Err(damaged(format!("the file {path} does not belong to it"))),
            Some(expected) if expected != file => return Err(damaged(format!("the file {path} is not what it was"))),
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_contexts(description: &Description, shard: &EdgeShard) -> Result<(), SnapshotError> {
    let counts = reads::tenant_counts(shard).map_err(|error| damaged(error.to_string()))?;
    if counts == description.contexts {
        return Ok(());
    }
    let (found, expected): (u64, u64) = (counts.values().sum(), description.contexts.values().sum());
    Err(damaged(format!(
        "it has {found} contexts of {} tenants, and had {expected} of {}",
        counts.len(),
        description.contexts.len()
    )))
}

/// Applies deletions to a copy, and returns the number of deleted contexts. `stored` returns those of some points that the
/// store still holds: they were no match of a filter when it was used, whatever they are in the copy.
fn delete(
    copy: EdgeShard,
    load: impl Fn() -> Result<EdgeShard, Error>,
    deleted: &Deleted,
    stored: impl Fn(Vec<PointId>) -> Stored,
) -> Result<u64, SnapshotError> {
    let mut points: Vec<PointId> = deleted.points.iter().copied().map(PointId::Uuid).collect();
    for filter in &deleted.filters {
        let filter: EngineFilter = serde_json::from_slice(filter).map_err(failed)?;
        for chunk in reads::ids(&copy, &filter).map_err(failed)?.chunks(CHUNK) {
            let stored = stored(chunk.to_vec()).map_err(failed)?;
            points.extend(chunk.iter().filter(|id| !stored.contains(id)));
        }
    }
    purge(copy, load, &points).map_err(failed)
}
