//! The lease that lets one server at a time make, verify or restore snapshots.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use context_manager_core::ports::{BoxError, Clock, SnapshotError, SystemClock};
use futures::stream::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::place::store_failed;
use crate::qdrant::agreements::Agreements;
use crate::qdrant::http::Content;
use crate::qdrant::lease;

/// Name of the lease.
const NAME: &str = "snapshots";
/// Time after which another server continues the work of one that was killed.
const LEASE: Duration = Duration::from_secs(20);
/// Interval of renewing the lease.
const RENEW: Duration = Duration::from_secs(5);

/// The lease, renewed until this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    valid: Arc<Mutex<Instant>>,
    renewal: JoinHandle<()>,
    agreements: Agreements,
    holder: Uuid,
}

impl Lock {
    /// Takes the lease.
    ///
    /// # Errors
    /// [`SnapshotError::Busy`] if another call has it.
    pub(super) async fn take(agreements: &Agreements) -> Result<Self, SnapshotError> {
        let holder = Uuid::now_v7();
        let until = Instant::now() + LEASE;
        let taken = lease::take(agreements, NAME, holder, SystemClock.now(), LEASE).await;
        if !taken.map_err(store_failed)? {
            return Err(SnapshotError::Busy);
        }
        let valid = Arc::new(Mutex::new(until));
        Ok(Self {
            renewal: tokio::spawn(renew(agreements.clone(), holder, Arc::clone(&valid))),
            valid,
            agreements: agreements.clone(),
            holder,
        })
    }

    /// Runs work until the lease is lost: another server may do it then.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, SnapshotError>>,
    ) -> Result<T, SnapshotError> {
        tokio::select! {
            // Asked first: a process that was paused must not go on.
            biased;
            () = lost(&self.valid) => Err(SnapshotError::Busy),
            done = work => done,
        }
    }

    /// Ends a stream once the lease is lost, so that a process that was paused sends nothing late.
    pub(super) fn guard(&self, content: Content) -> Content {
        let valid = Arc::clone(&self.valid);
        let guarded = content.map(move |chunk| {
            if Instant::now() < until(&valid) {
                chunk
            } else {
                Err(BoxError::from("the lease for snapshots was lost"))
            }
        });
        guarded.boxed()
    }
}

impl Lock {
    /// Ends the lease.
    pub(super) async fn release(self) {
        self.renewal.abort();
        // If this fails, the lease ends by itself.
        let _ = lease::take(&self.agreements, NAME, self.holder, SystemClock.now(), Duration::ZERO).await;
    }
}

impl Drop for Lock {
    /// Leaves the lease to end by itself.
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(agreements: Agreements, holder: Uuid, valid: Arc<Mutex<Instant>>) {
    loop {
        sleep(RENEW).await;
        let until = Instant::now() + LEASE;
        match lease::take(&agreements, NAME, holder, SystemClock.now(), LEASE).await {
            Ok(true) => *valid.lock().unwrap_or_else(PoisonError::into_inner) = until,
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "the lease for snapshots could not be renewed, will retry"),
        }
    }
}

async fn lost(valid: &Mutex<Instant>) {
    let mut end = pin!(sleep_until(until(valid)));
    poll_fn(|context| {
        // Compared at every poll, as timers fire late after a pause.
        while Instant::now() < until(valid) {
            end.as_mut().reset(until(valid));
            ready!(end.as_mut().poll(context));
        }
        Poll::Ready(())
    })
    .await;
}

fn until(valid: &Mutex<Instant>) -> Instant {
    *valid.lock().unwrap_or_else(PoisonError::into_inner)
}
