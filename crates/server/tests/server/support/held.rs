//! Answers that come late: what they tell has happened by then.

use etlplus_core::ports::Answer;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Held(watch::Sender<bool>);

impl Held {
    pub(super) fn set(&self, is_held: bool) {
        self.0.send_replace(is_held);
    }

    /// The answer, once none is held.
    pub(super) fn keep<'a, T: 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        let mut is_held = self.0.subscribe();
        Box::pin(async move {
            is_held.wait_for(|is_held| !is_held).await.expect("its sender is there");
            answer.await
        })
    }
}
