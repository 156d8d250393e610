//! How the stand-in fails.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::Status;

/// What happens to a call.
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
    /// If it writes several points, the first half is written and then the server is gone.
    HalfWritten,
    /// If it writes, it is accepted, and not applied while the caller waits.
    NotApplied,
}

/// What happens to the next calls, one after the other, and to all after them.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<(VecDeque<Fault>, Option<Fault>)>);

impl Faults {
    /// The next calls end like this, and those after them are answered.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (faults.into_iter().collect(), None);
    }

    /// All calls end like this from now on.
    pub(crate) fn always(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (VecDeque::new(), Some(fault));
    }

    /// How many of the announced faults were not met yet.
    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// Lets a call meet what is announced for it; what only writes can meet is returned.
    pub(super) async fn meet(&self) -> Result<Fault, Status> {
        let fault = {
            let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = faults.0.pop_front();
            next.or_else(|| faults.1.clone()).unwrap_or(Fault::None)
        };
        match fault {
            Fault::Refused(code) => Err(Status::new(code, "refused, as the test asked for")),
            Fault::Limited(secs) => {
                let mut status = Status::resource_exhausted("slow down, as the test asked for");
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
