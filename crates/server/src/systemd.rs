//! Notifications of the service manager, if there is one.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells that requests can be served.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// Tells that the server is stopping.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Returns the interval of telling that the process is alive, if the service manager watches it: half the time after which
/// it would end the process.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|longest| longest / 2)
}

/// Tells that the process is alive.
pub(crate) fn alive() {
    tell(NotifyState::Watchdog);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told of the server's state");
    }
}
