//! The Context Manager's server: HTTP API, command line and configuration.
//!
//! The only crate that names concrete stores and embedders ([`app`]), speaks HTTP ([`api`]) or reads configuration
//! ([`config`]). [`service`] has one method for each use case, which every interface calls. Contexts and their search are
//! the business of `context-manager-core`.

pub mod api;
pub mod app;
mod attach;
pub mod auth;
pub mod cli;
pub mod config;
mod console;
mod embedders;
mod expected;
mod health;
mod http;
mod limits;
mod listen;
pub mod metrics;
pub mod service;
mod stdio;
mod store;
mod systemd;
mod transfer;
