//! A bounded queue that counts its messages in a gauge and can be closed.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::gauge::Gauge;
use crate::metrics::WRITES_QUEUED;

/// The sending end.
#[derive(Debug)]
pub(super) struct Queue<T>(Mutex<Option<SyncSender<Queued<T>>>>);

/// A message, and its share of the gauge until it is dropped.
pub(super) type Queued<T> = (T, Gauge);

/// Reason to reject a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("too many writes wait already")]
    Full,
    #[error("the store is closed")]
    Closed,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> (Self, Receiver<Queued<T>>) {
        let (sender, receiver) = sync_channel(capacity);
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// Appends a message, without waiting.
    pub(super) fn push(&self, message: T) -> Result<(), Refused> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_ref().ok_or(Refused::Closed)?;
        sender
            .try_send((message, Gauge::raise(WRITES_QUEUED)))
            .map_err(|refused| match refused {
                TrySendError::Full(_) => Refused::Full,
                TrySendError::Disconnected(_) => Refused::Closed,
            })
    }

    /// Rejects everything from now on. Queued messages are still delivered.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_can_be_closed() {
        let (queue, receiver) = Queue::new(2);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        assert_eq!(queue.push(3), Err(Refused::Full));
        drop(receiver.recv().unwrap());
        queue.push(3).unwrap();

        queue.close();
        assert_eq!(queue.push(4), Err(Refused::Closed));
        assert_eq!(receiver.iter().count(), 2, "queued messages are still delivered");
    }
}
