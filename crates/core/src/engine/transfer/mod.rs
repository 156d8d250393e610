//! Whole-tenant operations: export, import, restore of a snapshot, and the purge of a person's data.

mod export;
mod forget;
mod import;
mod restore;

pub(super) use export::{export_end, export_page};
pub(super) use forget::Purge;
pub(super) use import::Importer;
pub(super) use restore::restore;

pub use export::{ExportRecord, ExportRequest};
pub use forget::{Forgotten, Receipt};
pub use import::Imported;
pub use restore::Restored;
