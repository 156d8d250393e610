//! One binary for all integration tests: it is linked once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod comparing;
mod concurrency;
mod damage;
mod embedded;
mod equivalence;
mod fixture;
mod folder;
mod full_disk;
mod memory;
mod models;
mod proxy;
mod qdrant;
mod qdrant_collection;
mod qdrant_connection;
mod qdrant_server;
mod resident;
mod sharing;
mod snapshots;
mod standin;
