//! The part of making a snapshot for which writes wait.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::TenantId;
use qdrant_edge::OperationError;

use super::files::copy_folder;
use crate::embedded::engine::Engine;
use crate::embedded::failure::Failure;
use crate::embedded::{folder, reads};

/// What was copied.
#[derive(Debug)]
pub(in crate::embedded) struct Frozen {
    /// How many contexts of each tenant.
    pub(super) contexts: BTreeMap<TenantId, u64>,
    /// What was erased up to this number is not among them.
    pub(super) erased_until: u64,
    /// How long writes waited.
    pub(super) paused: Duration,
}

impl Frozen {
    /// The same, after writes had waited for this long.
    pub(in crate::embedded) fn paused(self, paused: Duration) -> Self {
        Self { paused, ..self }
    }
}

/// Copies the engine's files and the manifest into `to`. The caller is the one who writes, has written everything out, and
/// keeps the indexes from being rebuilt. Blocks.
pub(in crate::embedded) fn freeze(engine: &Engine, to: &Path) -> Result<Result<Frozen, Failure>, OperationError> {
    let contexts =
        reads::tenant_counts(engine.shard()).map_err(|error| OperationError::service_error(error.to_string()))?;
    let copied = copy_folder(&folder::shard(engine.path()), &folder::shard(to))
        .map_err(folder::io_error("copy the engine's files to", to))
        .and_then(|()| folder::write_manifest(to, &engine.manifest()));
    let marked = copied
        .map_err(|error| Failure::Folder(Arc::new(error)))
        .and_then(|()| engine.mark_erasures());
    Ok(marked.map(|erased_until| Frozen {
        contexts,
        erased_until,
        paused: Duration::ZERO,
    }))
}
