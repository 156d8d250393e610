//! Typed client of the Context Manager's HTTP API.

pub mod wire;
