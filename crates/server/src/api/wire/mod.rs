//! What goes over the wire: request and response bodies, and how they become the domain's types.

mod assemble;
pub(crate) mod carried;
mod context;
mod filter;
mod gc;
mod health;
mod limits;
mod metadata;
mod receipt;
mod reembed;
mod search;
mod sessions;
mod snapshots;
mod time;
mod transfer;
mod users;

pub(super) use assemble::{AssembleAnswer, AssembleBody, LayoutBody};
pub(super) use context::{
    BatchAnswer, BatchBody, BatchItem, ContextBody, ContextPage, PatchBody, StoreBody, WireLevel,
};
pub(super) use filter::{ClearBody, DeleteBody, Deleted, FilterBody};
pub(super) use gc::{GcAnswer, GcBody};
pub(super) use health::HealthBody;
pub(super) use limits::LimitsBody;
pub(super) use receipt::WrittenBody;
pub(super) use reembed::ReembedAnswer;
pub(super) use search::{LevelCounts, SearchAnswer, SearchBody};
pub(super) use sessions::{SessionPage, StatsBody};
pub(super) use snapshots::{RestoreBody, RestoredBody, SnapshotBody, SnapshotList, VerifiedBody};
pub(crate) use snapshots::{restored_json, snapshot_json};
pub(super) use time::Time;
pub(crate) use transfer::{FailedLine, ImportAnswer};
pub(super) use users::ForgottenBody;
