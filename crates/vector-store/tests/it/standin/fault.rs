//! Faults of the stand-in.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::Status;

/// Fate of a call.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is answered.
    None,
    /// It is refused with this status, and nothing is done.
    Refused(tonic::Code),
    /// It is refused for a while, and the server says for how long.
    Limited(u64),
    /// It is answered after this long.
    Late(Duration),
    /// A write stores the first half of its points, and then fails.
    HalfWritten,
    /// A write is accepted, but not applied in time.
    NotApplied,
}

/// Faults of the next calls in order, and of all later ones.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<(VecDeque<Fault>, Option<Fault>)>);

impl Faults {
    /// Sets the faults of the next calls; later ones are answered.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (faults.into_iter().collect(), None);
    }

    /// Sets the fault of all calls from now on.
    pub(crate) fn always(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (VecDeque::new(), Some(fault));
    }

    /// Returns the number of faults that no call has met yet.
    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Applies the next fault to a call, and returns it if only writes can meet it.
    pub(super) async fn meet(&self) -> Result<Fault, Status> {
        let fault = {
            let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = faults.0.pop_front();
            next.or_else(|| faults.1.clone()).unwrap_or(Fault::None)
        };
        match fault {
            Fault::Refused(code) => Err(Status::new(code, "refused by the test")),
            Fault::Limited(secs) => {
                let mut status = Status::resource_exhausted("slowed down by the test");
                status.metadata_mut().insert("retry-after", secs.into());
                Err(status)
            }
            Fault::Late(by) => {
                tokio::time::sleep(by).await;
                Ok(Fault::None)
            }
            Fault::None | Fault::HalfWritten | Fault::NotApplied => Ok(fault),
        }
    }
}
