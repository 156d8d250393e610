//! The Context Manager's tools for agents, over the Model Context Protocol.
//!
//! Eight tools on one narrow trait, [`Memory`]: the server implements it on its service layer, and a process beside an agent
//! has it from the typed client of the HTTP API. The tenant comes from the credential behind a [`Memory`], the user, agent
//! and project from the [`Owner`]; no tool takes them as an argument. [`http_service`] and [`serve_stdio`] are the two
//! transports, for the protocols 2025-11-25 and 2026-07-28 and those before them.

mod budget;
mod client;
mod handler;
mod http;
mod memory;
mod owner;
mod prompts;
mod render;
mod reply;
mod resources;
mod schema;
mod settings;
mod stdio;
mod tools;

pub use handler::{Handler, Visit};
pub use http::{HttpService, http_service};
pub use memory::{Fault, Memory};
pub use owner::Owner;
pub use settings::{MIN_REPLY_TOKENS, Settings};
pub use stdio::{serve_lines, serve_stdio};
