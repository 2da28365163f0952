//! What the service manager is told (sd_notify). Without one, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

/// The server takes requests.
pub(super) fn ready() {
    say(&[NotifyState::Ready]);
}

/// The server is about to end.
pub(super) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Says that the server lives, twice as often as the service manager wants to hear it. Never comes back; where it does not
/// want to hear it, it just waits.
pub(super) async fn watchdog() {
    let Some(interval) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut beats = tokio::time::interval((interval / 2).max(Duration::from_millis(1)));
    loop {
        beats.tick().await;
        say(&[NotifyState::Watchdog]);
    }
}

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager does not listen");
    }
}
