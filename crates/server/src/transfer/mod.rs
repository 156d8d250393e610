//! Export and import of all contexts of a tenant, as streams of lines in constant memory.
//!
//! [`record`] reads and writes the lines themselves.

mod export;
mod import;
pub(crate) mod record;

pub(crate) use export::{Export, Gzip};
pub(crate) use import::Import;
