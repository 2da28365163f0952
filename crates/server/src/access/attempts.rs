//! Logins that fail, counted for each address, so that nobody tries tokens one after the other.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failed logins of an address within [`WINDOW`].
const FAILED_MAX: u32 = 10;
/// After so long an address begins anew.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered. Beyond it those whose window is over are forgotten, and then all.
const ADDRESSES_MAX: usize = 10_000;

/// The count of each address.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, Window>>);

#[derive(Debug)]
struct Window {
    /// By the monotonic clock.
    began: Duration,
    failed: u32,
}

impl Attempts {
    /// Whether an address may try to log in.
    ///
    /// # Errors
    /// How long it has to wait.
    pub(crate) fn check(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        match self.lock().get(&address) {
            Some(window) if window.failed >= FAILED_MAX && now < window.began + WINDOW => {
                Err(window.began + WINDOW - now)
            }
            _ => Ok(()),
        }
    }

    /// Counts a login that failed.
    pub(crate) fn failed(&self, address: IpAddr, now: Duration) {
        let mut windows = self.lock();
        if windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| now < window.began + WINDOW);
        }
        if windows.len() >= ADDRESSES_MAX {
            windows.clear();
        }
        let window = windows.entry(address).or_insert(Window { began: now, failed: 0 });
        if now >= window.began + WINDOW {
            *window = Window { began: now, failed: 0 };
        }
        window.failed += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_fail_in_a_minute_and_others_are_left_alone() {
        let (attempts, now) = (Attempts::default(), Duration::from_secs(7));
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..FAILED_MAX {
            assert_eq!(attempts.check(one, now), Ok(()));
            attempts.failed(one, now);
        }
        assert_eq!(attempts.check(one, now + Duration::from_secs(20)), Err(Duration::from_secs(40)));
        assert_eq!(attempts.check(other, now), Ok(()));
        assert_eq!(attempts.check(one, now + WINDOW), Ok(()));
        attempts.failed(one, now + WINDOW);
        assert_eq!(attempts.check(one, now + WINDOW), Ok(()), "it began anew");
    }
}
