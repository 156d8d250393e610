//! The store inside the process: Qdrant's engine on a data folder.
//!
//! Reads run on tokio's blocking threads, with a bounded number running and a bounded number queued. Writes queue, also
//! bounded, for the one thread that writes and flushes; another thread rebuilds the indexes. A full queue rejects at once.
//!
//! Invariants: an acknowledged write survives the end of the process at any moment; no other process uses the folder
//! meanwhile; a folder that cannot be opened is left as it was.
//!
//! Deliberately absent: retries and deadlines, which belong to the caller.

mod accesses;
mod config;
mod deletions;
mod engine;
mod failure;
mod filter;
mod folder;
mod freeze;
mod gauge;
mod handle;
mod lock;
mod models;
mod open;
mod optimizer;
mod purge;
mod queue;
mod reads;
mod resident;
mod room;
mod running;
mod schema;
mod search;
mod sessions;
mod snapshots;
mod store;
mod takeover;
mod troubles;
mod vector_store;
mod wal;
mod write;
mod writer;

pub use config::{Config, Durability, SnapshotConfig};
pub use handle::open_store;
pub use snapshots::EmbeddedSnapshots;
pub use store::EmbeddedStore;
