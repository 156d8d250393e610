//! The server's tests: most call the router in this process, a few start the real binary. One binary, as linking it is
//! slow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod bad_input;
mod embedding;
mod levels;
mod openapi;
mod operations;
mod pending;
mod process;
mod references;
mod search;
mod server;
mod shutdown;
mod support;
mod traces;
