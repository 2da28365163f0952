//! The handle by which others see the channels and try them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etlplus_core::ports::{AlertChannels, Answer, ChannelState, TestSendError};
use tokio::sync::{Notify, mpsc, oneshot};

/// Test sends that may wait for their turn: a person sends one at a time.
const TESTS_WAITING_MAX: usize = 16;

/// Sees and tries the channels of a [`Notifier`](super::Notifier). Clones are the same.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    tests: mpsc::Sender<TestSend>,
}

/// What the handle and the service share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    channels: Mutex<Vec<ChannelState>>,
    pub(super) nudge: Notify,
}

/// Somebody tries a channel.
#[derive(Debug)]
pub(super) struct TestSend {
    pub(super) channel: String,
    pub(super) answer: oneshot::Sender<Result<(), TestSendError>>,
}

impl Shared {
    fn channels(&self) -> MutexGuard<'_, Vec<ChannelState>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn show(&self, channels: Vec<ChannelState>) {
        *self.channels() = channels;
    }
}

impl Handle {
    pub(super) fn new() -> (Self, Arc<Shared>, mpsc::Receiver<TestSend>) {
        let shared = Arc::new(Shared::default());
        let (tests, receiver) = mpsc::channel(TESTS_WAITING_MAX);
        (Self { shared: shared.clone(), tests }, shared, receiver)
    }

    /// Looks at the clocks now: for whoever has set them. A real clock goes by itself, so that only tests, which walk theirs,
    /// have a use for it.
    pub fn nudge(&self) {
        self.shared.nudge.notify_one();
    }
}

impl AlertChannels for Handle {
    fn channels(&self) -> Answer<'_, Vec<ChannelState>> {
        let channels = self.shared.channels().clone();
        Box::pin(async move { channels })
    }

    fn send_test(&self, channel: String) -> Answer<'_, Result<(), TestSendError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let send = self.tests.send(TestSend { channel, answer }).await;
            send.map_err(|_| TestSendError::Stopped)?;
            answered.await.map_err(|_| TestSendError::Stopped)?
        })
    }
}
