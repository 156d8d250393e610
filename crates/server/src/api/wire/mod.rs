//! What goes over the wire: request and response bodies, and how they become the domain's types.

mod assemble;
mod context;
mod filter;
mod health;
mod reembed;
mod search;
mod sessions;
mod time;

pub(super) use assemble::{AssembleAnswer, AssembleBody, LayoutBody};
pub(super) use context::{
    BatchAnswer, BatchBody, BatchItem, ContextBody, ContextPage, PatchBody, StoreBody, StoredBody, WireLevel,
};
pub(super) use filter::{ClearBody, DeleteBody, Deleted, FilterBody};
pub(super) use health::HealthBody;
pub(super) use reembed::ReembedAnswer;
pub(super) use search::{LevelCounts, SearchAnswer, SearchBody};
pub(super) use sessions::{SessionPage, StatsBody};
pub(super) use time::Time;
