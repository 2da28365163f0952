//! What is known of one channel while the program runs, and what it does next. Pure: times come in.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ids::Offset;
use etlplus_core::ports::{Delivery, DeliveryState, DeliveryTry};
use etlplus_core::settings::{ChannelKind, NotificationSettings};

use crate::backoff;
use crate::breaker::{Breaker, Event, Verdict};
use crate::channel::Outcome;

/// So many deliveries in a row that a receiver refused for good, with none that it took between them, show that it is not the
/// messages: it refuses them all, and each one more would be lost.
pub const REFUSALS_MAX: u32 = 3;

/// One channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) kind: ChannelKind,
    /// Tells this channel from an earlier one of the same name: how a try went says nothing about settings that were
    /// changed meanwhile.
    pub(super) generation: u64,
    breaker: Breaker,
    /// The delivery that failed last, and when it is tried again. No other goes before it, or the order would break.
    hold: Option<(Offset, Duration)>,
    /// Deliveries that the receiver did not want, and when they are tried again. Others may overtake them.
    refused: BTreeMap<Offset, Duration>,
    /// Deliveries that were given up because the receiver did not want them, since the last one that it took.
    refused_for_good: u32,
    /// Whether an earlier service may have said when a delivery is due. What this one has tried, it times itself.
    inherits: bool,
    /// Why the last try failed, where it did.
    pub(super) last_error: Option<String>,
}

/// What is to be done for a channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try the delivery at this place of those that were shown.
    Try(usize),
    /// Ask again at this time, on the monotonic clock.
    WaitUntil(Duration),
    /// Nothing waits.
    Nothing,
}

/// Where a delivery is after a try, and whether that changed the channel.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) attempt: DeliveryTry,
    pub(super) state: DeliveryState,
    pub(super) verdict: Verdict,
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) at: DateTime<Utc>,
    pub(super) monotonic: Duration,
}

impl Now {
    /// The time of day at a time of the monotonic clock.
    pub(super) fn time_of_day(&self, monotonic: Duration) -> DateTime<Utc> {
        let wait = monotonic.saturating_sub(self.monotonic);
        TimeDelta::from_std(wait).ok().and_then(|wait| self.at.checked_add_signed(wait)).unwrap_or(self.at)
    }
}

impl Settled {
    /// What becomes of a delivery that was tried with settings that hold no more: they say nothing about the channel, and
    /// what did not get through is due at once.
    pub(super) fn of_other_settings(outcome: Outcome, now: Now) -> Self {
        let at = now.at;
        let (error, state) = match outcome {
            Outcome::Delivered => (None, DeliveryState::Delivered { at }),
            Outcome::MessageRefused { detail } | Outcome::ChannelFailed { detail, .. } => {
                (Some(detail), DeliveryState::Waiting { due: at })
            }
        };
        Self { attempt: DeliveryTry { at, error }, state, verdict: Verdict::Noted }
    }
}

impl Channel {
    pub(super) fn new(kind: ChannelKind, generation: u64) -> Self {
        let (breaker, refused) = (Breaker::default(), BTreeMap::new());
        Self { kind, generation, breaker, hold: None, refused, refused_for_good: 0, inherits: false, last_error: None }
    }

    /// Keeps to what an earlier service said of when deliveries are due.
    pub(super) fn inherit(&mut self) {
        self.inherits = true;
    }

    pub(super) fn is_up(&self) -> bool {
        !self.breaker.is_broken()
    }

    /// Until when nothing is to be tried, whatever waits; `None` where something may be.
    pub(super) fn blocked_until(&self, now: Now) -> Option<Duration> {
        let pause = match self.breaker {
            Breaker::Open { until, .. } => Some(until),
            Breaker::Closed { .. } | Breaker::HalfOpen { .. } => None,
        };
        let hold = self.hold.map(|(_, until)| until);
        pause.max(hold).filter(|until| *until > now.monotonic)
    }

    /// What to do, where `waiting` are the first deliveries that wait, in order.
    pub(super) fn next(&mut self, waiting: &[Delivery], now: Now) -> Next {
        self.refused.retain(|offset, _| waiting.iter().any(|delivery| delivery.alert.offset == *offset));
        if let Some(until) = self.blocked_until(now) {
            return Next::WaitUntil(until);
        }
        if let Some(index) = self.probe(waiting) {
            return Next::Try(index);
        }
        let mut earliest = None;
        for (index, delivery) in waiting.iter().enumerate() {
            match self.refused.get(&delivery.alert.offset) {
                Some(until) if *until > now.monotonic => {
                    earliest = Some(earliest.map_or(*until, |earliest: Duration| earliest.min(*until)));
                }
                Some(_) => return Next::Try(index),
                None => return self.first(delivery, index, now),
            }
        }
        earliest.map_or(Next::Nothing, Next::WaitUntil)
    }

    /// What a broken channel is tried with where it has refused something: another delivery, or, where it has refused all of
    /// them, the one whose turn was longest ago. Else one that is never taken would keep a channel broken that works again.
    fn probe(&self, waiting: &[Delivery]) -> Option<usize> {
        if self.is_up() || self.refused.is_empty() {
            return None;
        }
        let turn = |(_, delivery): &(usize, &Delivery)| self.refused.get(&delivery.alert.offset);
        waiting.iter().enumerate().min_by_key(turn).map(|(index, _)| index)
    }

    fn first(&self, delivery: &Delivery, index: usize, now: Now) -> Next {
        let DeliveryState::Waiting { due } = delivery.state else { return Next::Try(index) };
        if !self.inherits
            || delivery.tries_made == 0
            || self.hold.is_some_and(|(held, _)| held == delivery.alert.offset)
        {
            return Next::Try(index);
        }
        // A time of day cannot be further away than a wait is long, unless the clock was set back.
        let wait = (due - now.at).to_std().unwrap_or_default();
        let is_due = wait.is_zero() || wait > backoff::WAIT_MAX;
        if is_due { Next::Try(index) } else { Next::WaitUntil(now.monotonic + wait) }
    }

    /// Somebody is about to send. Whoever is let through has to say how it went.
    pub(super) fn ask(&mut self, now: Now) -> Verdict {
        let (breaker, verdict) = self.breaker.apply(Event::Ask, now.monotonic);
        self.breaker = breaker;
        verdict
    }

    /// How a try of `delivery` went. `share` is a random number from 0 to 1.
    pub(super) fn settle(
        &mut self,
        delivery: &Delivery,
        outcome: Outcome,
        settings: &NotificationSettings,
        share: f64,
        now: Now,
    ) -> Settled {
        let offset = delivery.alert.offset;
        let tries = delivery.tries_made.saturating_add(1);
        let exhausted = tries > settings.retry_attempts;
        let at = now.at;
        match outcome {
            Outcome::Delivered => {
                let verdict = self.worked(now);
                Settled { attempt: DeliveryTry { at, error: None }, state: DeliveryState::Delivered { at }, verdict }
            }
            Outcome::MessageRefused { detail } => {
                self.last_error = Some(detail.clone());
                // It may be overtaken from now on.
                self.hold.take_if(|(held, _)| *held == offset);
                let retry = now.monotonic + backoff::wait(tries, settings.retry_delay, share, None);
                let (state, verdict) = self.refuse(offset, exhausted.then_some(detail.as_str()), retry, now);
                Settled { attempt: DeliveryTry { at, error: Some(detail) }, state, verdict }
            }
            Outcome::ChannelFailed { detail, retry_after } => {
                let (breaker, verdict) = self.breaker.apply(Event::Failed { exhausted, retry_after }, now.monotonic);
                self.breaker = breaker;
                self.last_error = Some(detail.clone());
                let until = match breaker {
                    Breaker::Open { until, .. } => until,
                    Breaker::Closed { .. } | Breaker::HalfOpen { .. } => {
                        now.monotonic + backoff::wait(tries, settings.retry_delay, share, retry_after)
                    }
                };
                self.hold = Some((offset, until));
                let state = DeliveryState::Waiting { due: now.time_of_day(until) };
                Settled { attempt: DeliveryTry { at, error: Some(detail) }, state, verdict }
            }
        }
    }

    /// The receiver did not want a delivery, which is tried again at `retry`, or given up for `lasting`. A channel that is
    /// taken to be broken gives up nothing, and one refusal more does not mend it.
    fn refuse(&mut self, offset: Offset, lasting: Option<&str>, retry: Duration, now: Now) -> (DeliveryState, Verdict) {
        let was_up = self.is_up();
        let mut verdict = Verdict::Noted;
        self.refused_for_good += u32::from(was_up && lasting.is_some());
        if !was_up || self.refused_for_good >= REFUSALS_MAX {
            let failed = Event::Failed { exhausted: was_up, retry_after: None };
            (self.breaker, verdict) = self.breaker.apply(failed, now.monotonic);
        }
        if let Some(reason) = lasting.filter(|_| was_up) {
            return (DeliveryState::Failed { at: now.at, reason: reason.to_owned() }, verdict);
        }
        let until = match self.breaker {
            Breaker::Open { until, .. } => until,
            Breaker::Closed { .. } | Breaker::HalfOpen { .. } => retry,
        };
        self.refused.insert(offset, until);
        (DeliveryState::Waiting { due: now.time_of_day(until) }, verdict)
    }

    /// Something got through.
    pub(super) fn worked(&mut self, now: Now) -> Verdict {
        let (breaker, verdict) = self.breaker.apply(Event::Worked, now.monotonic);
        self.breaker = breaker;
        self.hold = None;
        self.refused_for_good = 0;
        self.inherits = false;
        self.last_error = None;
        verdict
    }
}

#[cfg(test)]
mod tests;
