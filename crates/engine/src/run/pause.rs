//! A job that holds still: between two batches, with all that it has.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use etlplus_core::ports::Control;
use tokio::time::interval;

use super::CONTROL_POLL;

/// Waits for as long as the job is paused.
pub(super) async fn unpaused(control: &Control) {
    if !control.is_paused() {
        return;
    }
    let mut tick = interval(CONTROL_POLL);
    while control.is_paused() {
        tick.tick().await;
    }
}

/// Drives `work`, but not while the job is paused. Work that does not let go of its thread between two batches asks for
/// [`unpaused`] there. What runs in tasks and threads of its own comes to rest where it waits for the input, or for somebody
/// to take what it made: every channel between is short.
pub(super) async fn driven<T>(control: &Control, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        unpaused(control).await;
        let done = poll_fn(|context| match control.is_paused() {
            true => Poll::Ready(None),
            false => work.as_mut().poll(context).map(Some),
        });
        if let Some(done) = done.await {
            return done;
        }
    }
}
