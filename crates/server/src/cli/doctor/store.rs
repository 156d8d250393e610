//! The store: its files, or its Qdrant server.

use context_manager_core::ports::StoredModels;
use context_manager_vector_store::{EmbeddedStore, Error};

use super::finding::Findings;
use crate::config::Config;
use crate::store::stored_models;

const STORE: &str = "store";
const QDRANT: &str = "qdrant";

/// Checks the files of the data folder, as far as that is possible without opening it.
pub(super) fn check_folder(config: &Config, found: &mut Findings) -> Option<StoredModels> {
    let path = &config.vector_db.embedded.path;
    let stored = EmbeddedStore::stored_models(path).and_then(|stored| {
        EmbeddedStore::examine(path)?;
        Ok(stored)
    });
    match stored {
        Ok(Some(stored)) => {
            found.good(
                STORE,
                format!("its files are in place, for vectors of {}", stored.in_use),
            );
            Some(stored)
        }
        Ok(None) => {
            found.good(STORE, "empty");
            None
        }
        Err(error) => {
            let mend = mend(&error);
            found.error(STORE, format!("{:#}", anyhow::Error::from(error)), mend);
            None
        }
    }
}

fn mend(error: &Error) -> &'static str {
    match error {
        Error::Foreign { .. } | Error::NotAFolder { .. } => "set vector_db.path to another folder",
        Error::NewerFormat { .. } => "use the version that wrote it, or a later one",
        Error::Sharded { .. } => "write an export with the version that made it, and import that with this one",
        Error::CorruptManifest { .. } | Error::Damaged { .. } => {
            "move the folder away, and restore a snapshot: `context-manager snapshot list`, then `snapshot restore NAME`"
        }
        Error::Io { .. }
        | Error::InUse { .. }
        | Error::ModelChanged { .. }
        | Error::DiskFull { .. }
        | Error::Engine { .. }
        | Error::Server { .. }
        | Error::ServerTooOld { .. }
        | Error::ForeignCollection { .. }
        | Error::CollectionModelChanged { .. }
        | Error::Config { .. } => "mend what the message names",
    }
}

/// Checks the Qdrant server.
pub(super) async fn check_server(config: &Config, found: &mut Findings) -> Option<StoredModels> {
    let url = config.vector_db.qdrant.url.as_deref().unwrap_or_default();
    match stored_models(&config.vector_db).await {
        Ok(stored) => {
            let holds = stored.as_ref().map_or_else(
                || "the collection does not exist yet".to_owned(),
                |stored| format!("the collection holds vectors of {}", stored.in_use),
            );
            found.good(QDRANT, format!("{url} answers, and {holds}"));
            stored
        }
        Err(error) => {
            let mend = match &error {
                Error::Server { .. } => "start it, or mend vector_db.url (its gRPC port, 6334) and vector_db.api_key",
                Error::ServerTooOld { .. } => "upgrade the Qdrant server",
                Error::ForeignCollection { .. } => "set another vector_db.collection_prefix",
                Error::Io { .. }
                | Error::NotAFolder { .. }
                | Error::Foreign { .. }
                | Error::Sharded { .. }
                | Error::InUse { .. }
                | Error::CorruptManifest { .. }
                | Error::NewerFormat { .. }
                | Error::ModelChanged { .. }
                | Error::Damaged { .. }
                | Error::DiskFull { .. }
                | Error::Engine { .. }
                | Error::CollectionModelChanged { .. }
                | Error::Config { .. } => "mend what the message names",
            };
            found.error(QDRANT, format!("{:#}", anyhow::Error::from(error)), mend);
            None
        }
    }
}
