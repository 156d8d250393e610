//! What a service manager is told. Nothing happens where there is none.

use std::time::Duration;

use sd_notify::NotifyState;

/// Requests can be served.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// Requests are no longer taken on.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

/// How often the service manager wants to hear that the process is alive, if it does: twice in the time after which it
/// would end it.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|longest| longest / 2)
}

/// The process is alive.
pub(crate) fn alive() {
    tell(NotifyState::Watchdog);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told of the server's state");
    }
}
