//! Export and import of all contexts of a tenant, as streams of lines in constant memory, and imports from other systems.
//!
//! [`record`] reads and writes the lines themselves.

mod export;
pub(crate) mod foreign;
mod import;
pub(crate) mod record;

pub(crate) use export::{Export, Gzip};
pub(crate) use import::Import;
