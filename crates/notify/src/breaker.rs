//! The circuit breaker of a channel: when a channel that does not work is left alone, and when it is asked again. Pure:
//! times come in as readings of a monotonic clock.

use std::time::Duration;

/// So many failed tries in a row show that it is the channel that is broken, and not a moment.
pub const FAILURES_MAX: u32 = 5;
/// The first pause of a broken channel: what is only restarted is back within it.
pub const PAUSE_MIN: Duration = Duration::from_secs(30);
/// The longest pause: a person who mends a channel wants to see it work soon.
pub const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// Whether a channel is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// It works, as far as anybody knows.
    Closed {
        /// Failed tries since the last one that got through.
        failures: u32,
    },
    /// It does not work, and is left alone for a pause.
    Open {
        /// When the pause ends, on the monotonic clock.
        until: Duration,
        /// How often it was found broken since it last worked, from 1.
        opens: u32,
    },
    /// One try is under way to find out whether it works again.
    HalfOpen {
        /// How often it was found broken before.
        opens: u32,
    },
}

/// What happens to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants to send.
    Ask,
    /// The channel took a message.
    Worked,
    /// The channel failed.
    Failed {
        /// The message has used up its retries, so that the channel counts as broken at once.
        exhausted: bool,
        /// The channel asked to be left alone for so long.
        retry_after: Option<Duration>,
    },
}

/// What follows for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send.
    Go,
    /// Do not send before this time, on the monotonic clock.
    WaitUntil(Duration),
    /// A try is under way whose end decides; ask again after it.
    WaitForProbe,
    /// Nothing: the event told an outcome, and changed nothing that others should know.
    Noted,
    /// The channel was found broken just now, and was not before.
    Opened,
    /// The channel was broken and works again.
    Closed,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// What becomes of the breaker by `event` at `now`, and what follows.
    pub fn apply(self, event: Event, now: Duration) -> (Self, Verdict) {
        match (self, event) {
            (Self::Closed { .. }, Event::Ask) => (self, Verdict::Go),
            (Self::Open { until, .. }, Event::Ask) if now < until => (self, Verdict::WaitUntil(until)),
            (Self::Open { opens, .. }, Event::Ask) => (Self::HalfOpen { opens }, Verdict::Go),
            (Self::HalfOpen { .. }, Event::Ask) => (self, Verdict::WaitForProbe),
            (Self::Closed { .. }, Event::Worked) => (Self::default(), Verdict::Noted),
            (Self::Open { .. } | Self::HalfOpen { .. }, Event::Worked) => (Self::default(), Verdict::Closed),
            (Self::Closed { failures }, Event::Failed { exhausted, retry_after }) => {
                let failures = failures.saturating_add(1);
                if exhausted || failures >= FAILURES_MAX {
                    (open(1, now, retry_after), Verdict::Opened)
                } else {
                    (Self::Closed { failures }, Verdict::Noted)
                }
            }
            (Self::HalfOpen { opens }, Event::Failed { retry_after, .. }) => {
                (open(opens.saturating_add(1), now, retry_after), Verdict::Noted)
            }
            // A try that began before it was found broken: that is no news.
            (Self::Open { .. }, Event::Failed { .. }) => (self, Verdict::Noted),
        }
    }

    /// Whether the channel counts as broken.
    pub fn is_broken(self) -> bool {
        !matches!(self, Self::Closed { .. })
    }
}

fn open(opens: u32, now: Duration, retry_after: Option<Duration>) -> Breaker {
    let pause = pause(opens).max(retry_after.unwrap_or_default());
    Breaker::Open { until: now.saturating_add(pause), opens }
}

/// The pause after the channel was found broken `opens` times in a row.
fn pause(opens: u32) -> Duration {
    let factor = 2_u32.checked_pow(opens.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE_MIN.checked_mul(factor).map_or(PAUSE_MAX, |pause| pause.min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Event = Event::Failed { exhausted: false, retry_after: None };

    fn open_breaker(now: Duration) -> Breaker {
        (0..FAILURES_MAX).fold(Breaker::default(), |breaker, _| breaker.apply(FAILED, now).0)
    }

    #[test]
    fn it_opens_at_the_last_failure_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES_MAX {
            let (next, verdict) = breaker.apply(FAILED, Duration::ZERO);
            assert_eq!(verdict, Verdict::Noted);
            breaker = next;
        }
        let (worked, _) = breaker.apply(Event::Worked, Duration::ZERO);
        assert_eq!(worked, Breaker::default(), "one that gets through begins the count anew");
        assert_eq!(breaker.apply(FAILED, Duration::ZERO).1, Verdict::Opened);
        let exhausted = Event::Failed { exhausted: true, retry_after: None };
        assert_eq!(Breaker::default().apply(exhausted, Duration::ZERO).1, Verdict::Opened);
    }

    #[test]
    fn pauses_double_from_half_a_minute_to_five_and_start_anew_once_it_worked() {
        let mut now = Duration::ZERO;
        let mut breaker = open_breaker(now);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let Breaker::Open { until, .. } = breaker else { panic!("{breaker:?}") };
            pauses.push((until - now).as_secs());
            assert_eq!(breaker.apply(Event::Ask, until - Duration::from_nanos(1)).1, Verdict::WaitUntil(until));
            now = until;
            let (half, verdict) = breaker.apply(Event::Ask, now);
            assert_eq!(verdict, Verdict::Go);
            breaker = half.apply(FAILED, now).0;
        }
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        let Breaker::Open { until, .. } = breaker else { panic!("{breaker:?}") };
        let (half, _) = breaker.apply(Event::Ask, until);
        let (closed, verdict) = half.apply(Event::Worked, until);
        assert_eq!((closed, verdict), (Breaker::default(), Verdict::Closed));
        assert!(matches!(open_breaker(now), Breaker::Open { until, .. } if until == now + PAUSE_MIN));
    }

    #[test]
    fn a_receiver_that_asks_for_a_longer_pause_gets_it() {
        let hour = Duration::from_secs(3600);
        let (breaker, _) =
            Breaker::default().apply(Event::Failed { exhausted: true, retry_after: Some(hour) }, Duration::ZERO);
        assert_eq!(breaker, Breaker::Open { until: hour, opens: 1 });
    }

    fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
        let event = prop_oneof![
            3 => Just(Event::Ask),
            1 => Just(Event::Worked),
            2 => (any::<bool>(), proptest::option::of(0_u64..1000)).prop_map(|(exhausted, seconds)| Event::Failed {
                exhausted,
                retry_after: seconds.map(Duration::from_secs)
            }),
        ];
        proptest::collection::vec((event, 0_u64..400), 0..200)
    }

    proptest! {
        #[test]
        fn at_most_one_try_is_let_through_while_it_is_half_open(events in events()) {
            let (mut breaker, mut now, mut probes) = (Breaker::default(), Duration::ZERO, 0);
            for (event, seconds) in events {
                now += Duration::from_secs(seconds);
                let was_broken = breaker.is_broken();
                let (next, verdict) = breaker.apply(event, now);
                if event == Event::Ask {
                    probes += u32::from(was_broken && verdict == Verdict::Go);
                } else {
                    probes = 0;
                }
                prop_assert!(probes <= 1, "{probes} tries at once through a breaker that is half open");
                prop_assert_eq!(verdict == Verdict::Opened, !was_broken && next.is_broken());
                prop_assert_eq!(verdict == Verdict::Closed, was_broken && !next.is_broken());
                breaker = next;
            }
        }

        #[test]
        fn it_is_never_stuck(events in events()) {
            let (mut breaker, mut now) = (Breaker::default(), Duration::ZERO);
            for (event, seconds) in events {
                now += Duration::from_secs(seconds);
                breaker = breaker.apply(event, now).0;
            }
            // Whatever happened: the try that is under way ends, and after the pause somebody may ask.
            if matches!(breaker, Breaker::HalfOpen { .. }) {
                breaker = breaker.apply(FAILED, now).0;
            }
            if let (_, Verdict::WaitUntil(until)) = breaker.apply(Event::Ask, now) {
                prop_assert!(until <= now + Duration::from_secs(1000).max(PAUSE_MAX));
                now = until;
            }
            let (asked, verdict) = breaker.apply(Event::Ask, now);
            prop_assert_eq!(verdict, Verdict::Go);
            prop_assert_eq!(asked.apply(Event::Worked, now).0, Breaker::default());
        }

        #[test]
        fn failures_in_a_row_always_open_it(before in events()) {
            let (mut breaker, mut now) = (Breaker::default(), Duration::ZERO);
            for (event, seconds) in before {
                now += Duration::from_secs(seconds);
                breaker = breaker.apply(event, now).0;
            }
            for _ in 0..FAILURES_MAX {
                breaker = breaker.apply(FAILED, now).0;
            }
            prop_assert!(matches!(breaker, Breaker::Open { .. }), "{:?}", breaker);
        }
    }
}
