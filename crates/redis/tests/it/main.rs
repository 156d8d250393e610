//! Tests against a real server: `REDIS_URL` names it, or `REDIS_BIN` is a binary to start, by default `redis-server`.
//!
//! They are ignored without asking, as not every machine has one:
//! `cargo nextest run -p context-manager-redis --run-ignored all`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod outages;
mod server;
mod sessions;
