//! Logins that fail, counted for each address, so that nobody tries tokens one after the other.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::rate::Client;

/// Failed logins of a client within [`WINDOW`] that are told why they failed.
const FAILED_MAX: u32 = 10;
/// After so long a client begins anew.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are remembered. Beyond it those whose window is over are forgotten, and then all.
const CLIENTS_MAX: usize = 10_000;

/// The count of each client.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Client, Window>>);

#[derive(Debug)]
struct Window {
    /// By the monotonic clock.
    began: Duration,
    failed: u32,
}

impl Attempts {
    /// Counts a login that failed. Those that succeed are nobody's guess, and are not counted.
    ///
    /// # Errors
    /// How long the client has to wait, where too many have failed before.
    pub(crate) fn failed(&self, client: Client, now: Duration) -> Result<(), Duration> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CLIENTS_MAX {
            windows.retain(|_, window| now < window.began + WINDOW);
        }
        if windows.len() >= CLIENTS_MAX {
            windows.clear();
        }
        let window = windows.entry(client).or_insert(Window { began: now, failed: 0 });
        if now >= window.began + WINDOW {
            *window = Window { began: now, failed: 0 };
        }
        if window.failed >= FAILED_MAX {
            return Err(window.began + WINDOW - now);
        }
        window.failed += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        Client::of(None, text.parse().unwrap())
    }

    #[test]
    fn ten_fail_in_a_minute_and_others_are_left_alone() {
        let (attempts, now) = (Attempts::default(), Duration::from_secs(7));
        let (one, other) = (client("192.0.2.1"), client("192.0.2.2"));
        for _ in 0..FAILED_MAX {
            assert_eq!(attempts.failed(one, now), Ok(()));
        }
        assert_eq!(attempts.failed(one, now + Duration::from_secs(20)), Err(Duration::from_secs(40)));
        assert_eq!(attempts.failed(other, now), Ok(()));
        for _ in 0..FAILED_MAX {
            assert_eq!(attempts.failed(one, now + WINDOW), Ok(()), "it begins anew");
        }
        assert_eq!(attempts.failed(one, now + WINDOW), Err(WINDOW));
    }

    #[test]
    fn who_has_a_network_has_no_more_tries_for_it() {
        let (attempts, now) = (Attempts::default(), Duration::ZERO);
        for host in 0..FAILED_MAX {
            assert_eq!(attempts.failed(client(&format!("2001:db8::{host}")), now), Ok(()));
        }
        assert_eq!(attempts.failed(client("2001:db8::ffff:1"), now), Err(WINDOW));
        assert_eq!(attempts.failed(client("2001:db8:0:1::1"), now), Ok(()), "another network");
    }
}
