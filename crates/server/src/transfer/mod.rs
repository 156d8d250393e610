//! Carrying all contexts of a tenant away and bringing them back, as streams of lines in constant memory.
//!
//! The lines themselves are [`carried`](crate::api::carried)'s business.

mod export;
mod import;

pub(crate) use export::{Export, Gzip};
pub(crate) use import::Import;
