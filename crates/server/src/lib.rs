//! The Context Manager's server: HTTP API, command line and configuration.
//!
//! The only crate that names concrete stores and embedders ([`app`]), speaks HTTP ([`api`]) or reads configuration
//! ([`config`]). What a context is and how it is found is the business of `context-manager-core`.

pub mod api;
pub mod app;
mod audit;
pub mod auth;
pub mod cli;
pub mod collection;
pub mod config;
mod embedders;
mod expected;
pub mod health;
mod http;
mod limits;
mod listen;
pub mod metrics;
mod outgoing;
mod pending;
pub mod reembedding;
mod store;
mod systemd;
mod transfer;
