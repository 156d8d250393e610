//! Hooks of coding agents: memory that works without the model having to think of it.
//!
//! A host such as Claude Code runs `context-manager hook <host> <event>` and passes the event on standard input. Before a
//! prompt the answer holds the notes that matter for it ([`run()`]); after a turn its messages are stored. Every message
//! goes to a local [`Spool`] first and from there to the server, so that an outage or a kill loses none. Trouble never
//! fails the host: the answer is then the host's neutral one, or says in a line that memory is unavailable.
//!
//! [`install()`] writes the configuration of the hosts, and [`uninstall()`] takes out exactly that.

mod block;
mod event;
mod file;
mod hosts;
mod install;
mod memory;
mod pieces;
mod places;
mod project;
mod run;
mod session;
mod settings;
mod spool;
mod transcript;

pub use event::Event;
pub use hosts::{Host, NEUTRAL};
pub use install::{InstallError, Outcome, Program, install, uninstall};
pub use places::Places;
pub use project::project;
pub use run::{Answer, Run, run};
pub use settings::{Settings, SettingsError};
pub use spool::{Drained, Spool};
pub use transcript::is_of_the_host;
