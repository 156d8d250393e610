//! Events: the ids of contexts that were stored, changed or deleted, for those who follow a tenant.
//!
//! [`WatchedStore`](super::watched_store) sees every write, as it stands between the engine and the store. The [`log`] keeps the latest events of a tenant
//! while somebody follows it, and some minutes after, so that a connection which broke can be resumed.

mod log;

pub(super) use log::EventLog;
pub use log::{Event, EventKind, Followed, Follower, Resume};
