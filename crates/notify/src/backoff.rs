//! When a delivery that failed is tried again.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

/// The most that is ever waited between two tries, whoever asks for it: a receiver that is back must not wait for half a
/// day because it once said so.
pub const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// How long to wait after the `tries`-th try (from 1) failed: exponential backoff with full jitter, so that the waits of
/// many channels that failed together spread out (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
///
/// `share` is a random number from 0 to 1. What the receiver asked for wins where it is later.
pub fn wait(tries: u32, retry_delay: Duration, share: f64, retry_after: Option<Duration>) -> Duration {
    let drawn = longest(tries, retry_delay).mul_f64(share.clamp(0.0, 1.0));
    drawn.max(retry_after.unwrap_or_default()).min(WAIT_MAX)
}

/// The longest wait after `tries` failed tries.
fn longest(tries: u32, retry_delay: Duration) -> Duration {
    let factor = 2_u32.checked_pow(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    retry_delay.checked_mul(factor).map_or(WAIT_MAX, |wait| wait.min(WAIT_MAX))
}

/// What a `Retry-After` header asks for: a number of seconds, or a date in one of the three forms of HTTP (RFC 9110,
/// 5.6.7). At most [`WAIT_MAX`]; nothing for a date that has passed; `None` where it is neither.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds are more than an hour too.
        let seconds = header.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(WAIT_MAX));
    }
    let date = http_date(header)?;
    Some((date - now).to_std().unwrap_or_default().min(WAIT_MAX))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    #[test]
    fn the_longest_wait_doubles_up_to_an_hour() {
        let seconds: Vec<u64> = (1..=12).map(|tries| longest(tries, Duration::from_secs(5)).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    #[test]
    fn seconds_and_every_form_of_date_are_read() {
        assert_eq!(retry_after("120", now()), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 7 ", now()), Some(Duration::from_secs(7)));
        let dates = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        for date in dates {
            assert_eq!(retry_after(date, now()), Some(Duration::from_secs(37)), "{date}");
        }
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:48:00 GMT", now()), Some(Duration::ZERO), "a date that has passed");
        assert_eq!(
            retry_after("Sun, 06 Nov 2094 08:48:00 GMT", now()).map(|wait| wait.as_secs()),
            None,
            "not a Sunday"
        );
        for nonsense in ["", "soon", "-5", "1.5", "1994-11-06T08:49:37Z"] {
            assert_eq!(retry_after(nonsense, now()), None, "{nonsense:?}");
        }
        assert_eq!(retry_after(&"9".repeat(50), now()), Some(WAIT_MAX));
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds(tries: u32, delay_ms in 0_u64..=100_000_000, share: f64, asked: Option<u32>) {
            let delay = Duration::from_millis(delay_ms);
            let asked = asked.map(|seconds| Duration::from_secs(seconds.into()));
            let waited = wait(tries, delay, share, asked);
            prop_assert!(waited <= WAIT_MAX);
            prop_assert!(waited >= asked.unwrap_or_default().min(WAIT_MAX));
            prop_assert!(waited <= longest(tries, delay).max(asked.unwrap_or_default()));
        }

        #[test]
        fn a_greater_share_waits_longer_and_covers_the_whole(tries in 1_u32..40, a in 0.0..=1.0, b in 0.0..=1.0) {
            let delay = Duration::from_secs(5);
            let (low, high): (f64, f64) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(wait(tries, delay, low, None) <= wait(tries, delay, high, None));
            prop_assert_eq!(wait(tries, delay, 0.0, None), Duration::ZERO);
            prop_assert_eq!(wait(tries, delay, 1.0, None), longest(tries, delay));
        }

        #[test]
        fn any_header_is_read_without_panic(header in ".*") {
            if let Some(wait) = retry_after(&header, now()) {
                prop_assert!(wait <= WAIT_MAX);
            }
        }
    }
}
