//! Exports of other systems, read into contexts.
//!
//! [`read()`] knows the files of each [`Source`], whose module turns their records into items. [`Intake`] makes contexts of
//! them, with ids derived from the source's own, and delivers these in batches in the format of an export. A batch, and the
//! record or conversation that is being read, are all that is held in memory, besides the ids.
//!
//! Shapes are read leniently: exports of the chat products have no published schema, and fields come and go.

mod blocks;
mod chatgpt;
mod claude;
mod claude_code;
mod files;
mod hindsight;
mod intake;
mod item;
mod json;
mod mcp_memory;
mod mem0;
mod notes;
mod place;
mod read;
mod relation;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use files::size;
pub(crate) use intake::Intake;
pub(crate) use read::{files_of, read};
pub(crate) use report::Report;
pub(crate) use source::Source;
