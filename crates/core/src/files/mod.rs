//! Memory as files: the six commands of the memory tool `memory_20250818` over a store of small texts.
//!
//! [`run`] answers a [`Command`] with the text that the tool's documentation gives for it; where that is silent, with the
//! text of the tool's own local implementation. Directories exist as long as a file is under them.

mod command;
mod edit;
mod path;
mod reply;
mod run;
mod store;
#[cfg(test)]
mod tests;
mod view;

pub use command::Command;
pub use path::{FilePath, InvalidPath, MAX_PATH_BYTES};
pub use reply::Reply;
pub use run::{MAX_FILE_BYTES, run};
pub use store::{Entry, FileStore, Read, Written};
