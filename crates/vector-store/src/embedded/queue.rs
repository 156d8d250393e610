//! The bounded line of writes.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::writer::Write;
use crate::metrics::WRITES_QUEUED;

/// Where writes wait for the writer.
#[derive(Debug)]
pub(super) struct Queue(Mutex<Option<SyncSender<(Write, Ticket)>>>);

/// A place in the line, counted as long as it is taken.
#[derive(Debug)]
pub(super) struct Ticket(());

/// Why a write cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("too many writes wait already")]
    Full,
    #[error("the store is closed")]
    Closed,
}

impl Queue {
    pub(super) fn new(places: usize) -> (Self, Receiver<(Write, Ticket)>) {
        let (sender, receiver) = sync_channel(places);
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// Puts a write at the end of the line, without waiting.
    pub(super) fn push(&self, write: Write) -> Result<(), Refused> {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = line.as_ref().ok_or(Refused::Closed)?;
        sender
            .try_send((write, Ticket::new()))
            .map_err(|refused| match refused {
                TrySendError::Full(_) => Refused::Full,
                TrySendError::Disconnected(_) => Refused::Closed,
            })
    }

    /// Lets nobody join any more. Those in the line keep their places.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Ticket {
    fn new() -> Self {
        metrics::gauge!(WRITES_QUEUED).increment(1.0);
        Self(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        metrics::gauge!(WRITES_QUEUED).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn write() -> Write {
        Write::Flush(oneshot::channel().0)
    }

    #[test]
    fn the_line_is_bounded_and_can_be_closed() {
        let (queue, receiver) = Queue::new(2);
        queue.push(write()).unwrap();
        queue.push(write()).unwrap();
        assert_eq!(queue.push(write()), Err(Refused::Full));
        drop(receiver.recv().unwrap());
        queue.push(write()).unwrap();

        queue.close();
        assert_eq!(queue.push(write()), Err(Refused::Closed));
        assert_eq!(receiver.iter().count(), 2, "those in the line are still served");
    }
}
