//! Leases among processes that share a store.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::StoreError;

/// Grants leases to the processes that share a store.
///
/// Leases are best effort: clocks differ and processes pause, so the guarded work must be idempotent.
#[async_trait]
pub trait Leases: fmt::Debug + Send + Sync + 'static {
    /// Takes or renews the lease called `name` for `time` from `now` on; a `time` of zero releases it. Returns `true` if
    /// the lease was free or already belonged to `holder`.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn lease(&self, name: &'static str, holder: Uuid, now: Timestamp, time: Duration)
    -> Result<bool, StoreError>;
}
