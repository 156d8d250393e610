//! The application layer: one method for each use case, the same for every edge.
//!
//! A `Call` asks permission, counts the call, reserves room, tracks the write to its end, records it in the audit log
//! and calls the engine; `use_case` is the table that says which of these apply. Nothing here knows HTTP.

mod audit;
mod call;
mod contexts;
mod deletion;
mod documents;
mod events;
mod failure;
mod files;
pub mod garbage_collector;
mod keys;
mod messages;
mod named;
mod operations;
mod owner;
pub mod reembedding;
mod state;
#[cfg(test)]
mod tests;
mod transfer;
mod use_case;

pub(crate) use audit::{Audited, Origin};
pub(crate) use call::Call;
pub(crate) use events::Events;
pub(crate) use failure::Failure;
pub(crate) use keys::ListedKey;
pub use state::{Backend, Service};
pub(crate) use transfer::Importer;
pub(crate) use use_case::{Access, Closable, Time, UseCase};
