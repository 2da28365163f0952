//! How long to wait before the next try.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

/// The most that is waited before the second try. A server that was only restarted is back within about this.
const FIRST_MAX: Duration = Duration::from_millis(250);
/// The most that is ever waited: a person who mends a server wants to see its clients back soon.
const EVER_MAX: Duration = Duration::from_secs(15);
/// A connection that held for this long has shown that the trouble is over. One that breaks sooner does not start the
/// waits anew, or a server that accepts and at once drops its clients would be called many times a second.
const STEADY_AFTER: Duration = Duration::from_secs(10);

/// Exponential backoff with full jitter: each wait is drawn evenly between nothing and a limit that doubles, so that the
/// many clients of a server that comes back do not all come at once
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
    connected_at: Option<Instant>,
}

impl Backoff {
    /// The connection stands.
    pub(crate) fn connected(&mut self) {
        self.connected_at = Some(Instant::now());
    }

    /// The connection broke or did not come about: how long to wait before the next try.
    pub(crate) fn next_wait(&mut self) -> Duration {
        if self.connected_at.take().is_some_and(|at| at.elapsed() >= STEADY_AFTER) {
            self.tries = 0;
        }
        let limit = limit(self.tries);
        self.tries = self.tries.saturating_add(1);
        limit.mul_f64(random_share())
    }
}

/// The most that is waited after `tries` failed ones.
fn limit(tries: u32) -> Duration {
    let factor = 2_u32.checked_pow(tries).unwrap_or(u32::MAX);
    FIRST_MAX.checked_mul(factor).map_or(EVER_MAX, |limit| limit.min(EVER_MAX))
}

/// A number from 0 to 1. The keys of the standard library's hash maps are random, which is all the chance that is needed.
fn random_share() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_double_up_to_the_longest_wait() {
        let limits: Vec<u128> = (0..8).map(|tries| limit(tries).as_millis()).collect();
        assert_eq!(limits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        assert_eq!(limit(u32::MAX), EVER_MAX);
    }

    #[test]
    fn waits_are_spread_over_the_whole_of_their_limit() {
        let shares: Vec<f64> = (0..1_000).map(|_| random_share()).collect();
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
        for tenth in 0..10 {
            let range = f64::from(tenth) / 10.0..f64::from(tenth + 1) / 10.0;
            assert!(shares.iter().filter(|share| range.contains(share)).count() > 40, "few shares in {range:?}");
        }
    }

    #[test]
    fn a_connection_that_breaks_at_once_does_not_start_the_waits_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.connected();
            assert!(backoff.next_wait() <= EVER_MAX);
        }
        assert_eq!(backoff.tries, 20);
        backoff.connected_at = Instant::now().checked_sub(STEADY_AFTER);
        backoff.next_wait();
        assert_eq!(backoff.tries, 1);
    }
}
