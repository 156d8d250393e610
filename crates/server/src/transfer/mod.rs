//! Carrying all contexts of a tenant away and bringing them back, as streams of lines in constant memory.
//!
//! [`record`] reads and writes the lines themselves.

mod export;
mod import;
pub(crate) mod record;

pub(crate) use export::{Export, Gzip};
pub(crate) use import::Import;
