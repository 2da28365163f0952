//! How a job is treated by its queue: how urgent it is, how long it may take, and whether it is tried again.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a job is treated. It is settled when the job is accepted and does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobPolicy {
    /// Jobs of a higher one are given a free place first; those of an equal one in the order in which they were
    /// accepted. [`JobPolicy::PRIORITY_MIN`] to [`JobPolicy::PRIORITY_MAX`].
    pub priority: i8,
    /// An attempt that has run for so long, its pauses left out, is ended, and its job is FAILED. `None`: as the
    /// settings say when the attempt starts.
    pub timeout: Option<Duration>,
    /// When a job whose attempt failed is tried again.
    pub retry: RetryPolicy,
    /// Jobs of the same pipeline that run at the same time, at most.
    pub concurrency: Option<NonZeroU32>,
}

impl JobPolicy {
    /// The least urgent.
    pub const PRIORITY_MIN: i8 = -100;
    /// The most urgent.
    pub const PRIORITY_MAX: i8 = 100;
}

/// When a job is tried again by itself: only after a failure that is transient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryPolicy {
    /// Attempts in all, from 1, which is no retry.
    pub max_attempts: NonZeroU32,
    /// The longest wait before the second attempt. It doubles with each one after; the wait itself is drawn between
    /// nothing and it (full jitter), so that jobs that failed together do not come back together.
    pub delay: Duration,
    /// The longest wait of all.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: NonZeroU32::MIN, delay: Duration::from_secs(10), max_delay: Duration::from_secs(600) }
    }
}

impl RetryPolicy {
    /// The wait after attempt `number` (from 1) failed, where `share` (0 to 1) was drawn; `None` where that was the last.
    pub fn wait_after(&self, number: u32, share: f64) -> Option<Duration> {
        if number >= self.max_attempts.get() {
            return None;
        }
        let doublings = number.saturating_sub(1).min(31);
        let longest = self.delay.saturating_mul(1 << doublings).min(self.max_delay);
        Some(longest.mul_f64(share.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_attempts() {
        let policy = RetryPolicy {
            max_attempts: NonZeroU32::new(5).expect("five is not zero"),
            delay: Duration::from_secs(10),
            max_delay: Duration::from_secs(30),
        };
        let longest: Vec<_> = (1..=5).map(|number| policy.wait_after(number, 1.0).map(|wait| wait.as_secs())).collect();
        assert_eq!(longest, [Some(10), Some(20), Some(30), Some(30), None]);
        assert_eq!(policy.wait_after(2, 0.5), Some(Duration::from_secs(10)));
        assert_eq!(RetryPolicy::default().wait_after(1, 1.0), None);
    }
}
