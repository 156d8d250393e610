//! `context-manager export` and `import`.

mod destination;
mod export;
mod foreign;
mod import;

pub(super) use export::{ExportArgs, export};
pub(super) use import::{ImportArgs, import};
