//! How long alerts are kept for a channel that does not take them.

use std::num::NonZeroUsize;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ports::{Alert, StoreUnavailable};

use super::Notifier;

/// How long an alert is kept for a channel that is away: after a week it is history.
pub const KEPT_MAX: TimeDelta = TimeDelta::days(7);
/// The most alerts that wait for one channel: nobody reads more, and a channel that is mended must not flood its people.
pub const WAITING_MAX: u64 = 10_000;
/// Deliveries that are ended in one turn, each by a transaction.
const GIVEN_UP_MAX: usize = 256;

/// Why the alert is not to be sent any more, where it is too old.
pub(super) fn too_old(alert: &Alert, now: DateTime<Utc>) -> Option<String> {
    (now - alert.at > KEPT_MAX).then(|| format!("it could not be sent within {} days", KEPT_MAX.num_days()))
}

impl Notifier {
    /// Counts what waits, where that may have changed, and ends what is too much: all for a channel that was removed, the
    /// oldest of more than [`WAITING_MAX`].
    pub(super) async fn keep_bounds(&mut self) -> Result<(), StoreUnavailable> {
        if self.waiting.is_some() {
            return Ok(());
        }
        let counts = self.parts.alerts.waiting_counts().await?;
        let mut given_up = 0;
        for (name, count) in &counts {
            let (excess, reason) = if self.channels.contains_key(name) {
                (count.saturating_sub(WAITING_MAX), format!("more than {WAITING_MAX} alerts waited for the channel"))
            } else {
                (*count, "the channel was removed".to_owned())
            };
            given_up += self.give_up_oldest(name, excess, &reason).await?;
        }
        if given_up > 0 {
            // The counts are others now, and there may be more to end.
            self.wake_at(self.parts.clock.monotonic());
        } else {
            self.waiting = Some(counts);
        }
        Ok(())
    }

    /// Ends at most `excess` deliveries, and gives their number. One that is under way is left to its end.
    async fn give_up_oldest(&mut self, channel: &str, excess: u64, reason: &str) -> Result<usize, StoreUnavailable> {
        let at_most = usize::try_from(excess).unwrap_or(usize::MAX).min(GIVEN_UP_MAX);
        let Some(limit) = NonZeroUsize::new(at_most) else { return Ok(0) };
        let mut given_up = 0;
        for delivery in self.parts.alerts.waiting(channel.to_owned(), limit).await? {
            if !self.is_under_way(&delivery) {
                self.give_up(&delivery, reason).await?;
                given_up += 1;
            }
        }
        Ok(given_up)
    }
}
