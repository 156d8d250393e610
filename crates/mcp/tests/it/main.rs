//! The tools, called as a host calls them: a message a line.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
mod host;
mod notes;
mod owner;
mod protocol;
mod schemas;
