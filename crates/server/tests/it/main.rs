//! The server's tests: most call the router in this process, a few start the real binary. One binary, as linking it is
//! slow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod bad_input;
mod cli;
mod client;
mod connections;
mod console;
mod dashboards;
mod documents;
mod edge;
mod embedding;
mod events;
mod exact_input;
mod files;
mod foreign;
mod former_model;
mod gc;
mod hooks;
mod isolation;
mod issuer;
mod jwt;
mod keys;
mod late_embedder;
mod levels;
mod limits;
mod mcp;
mod messages;
mod named;
mod openapi;
mod operations;
mod operators;
mod pending;
mod process;
mod qdrant;
mod references;
mod reindex;
mod rerank;
mod search;
mod secrets;
mod server;
mod shutdown;
mod snapshots;
#[allow(dead_code, reason = "the tests of the stores use more of it")]
#[path = "../../../vector-store/tests/it/standin/mod.rs"]
mod standin;
mod supersession;
mod support;
mod tls;
mod traces;
mod transfer;
mod users;
