//! Whole-tenant operations: export, import, restore of a snapshot, and the purge of a person's data.

mod export;
mod forget;
mod import;
mod restore;

pub(super) use export::Exporter;
pub(super) use forget::Purge;
pub(super) use import::Importer;
pub(super) use restore::Restoring;

pub use export::{Carried, ExportRequest};
pub use forget::{Forgotten, Receipt};
pub use import::Imported;
pub use restore::Restored;
