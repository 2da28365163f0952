//! Tries: which are due, what they send, and what becomes of their deliveries.

use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::ids::JobId;
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{
    Alert, AlertQuery, AlertRecord, AlertRule, AlertStatus, Delivery, DeliveryState, DeliveryTry, LogQuery, LogRange,
    StoreUnavailable, TestSendError,
};
use tokio::sync::oneshot;
use tokio::task::{Id, JoinError};

use super::channel::{Next, Settled};
use super::handle::TestSend;
use super::{DELIVERIES_MAX, Notifier, TESTS_MAX, keep};
use crate::breaker::Verdict;
use crate::channel::Outcome;
use crate::message::{LINES_MAX, Message};
use crate::metrics;

/// Deliveries that are looked at to find the next try of a channel: the first, and some behind it that may overtake.
const WINDOW: NonZeroUsize = NonZeroUsize::new(64).expect("it is not zero");

/// What a try is for.
#[derive(Debug)]
pub(super) struct Trial {
    channel: String,
    generation: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Delivery(Delivery),
    Test(oneshot::Sender<Result<(), TestSendError>>),
}

/// How a try went.
pub(super) type Sent = Outcome;

/// What became of a delivery, before the store knows it.
#[derive(Debug)]
pub(super) struct Unsettled {
    delivery: Delivery,
    attempt: DeliveryTry,
    state: DeliveryState,
}

impl Notifier {
    /// Records how tries went. Nothing else is tried before that, or a delivery could be sent twice for no reason.
    pub(super) async fn settle_tries(&mut self) -> Result<(), StoreUnavailable> {
        while let Some(Unsettled { delivery, attempt, state }) = self.unsettled.front() {
            let (alert, channel) = (delivery.alert, delivery.channel.clone());
            self.parts.alerts.settle_delivery(alert, channel, Some(attempt.clone()), state.clone()).await?;
            self.unsettled.pop_front();
            self.waiting = None;
        }
        Ok(())
    }

    /// Ends a delivery without a try.
    pub(super) async fn give_up(&mut self, delivery: &Delivery, reason: &str) -> Result<(), StoreUnavailable> {
        let state = DeliveryState::Failed { at: self.parts.clock.now(), reason: reason.to_owned() };
        self.parts.alerts.settle_delivery(delivery.alert, delivery.channel.clone(), None, state).await?;
        tracing::warn!(key = delivery.key(), channel = delivery.channel, "an alert will not be sent: {reason}");
        metrics::failed(&delivery.channel);
        self.waiting = None;
        Ok(())
    }

    /// Starts the next try of each channel that has one and is not busy.
    pub(super) async fn start_tries(&mut self) -> Result<(), StoreUnavailable> {
        if !self.settings.enabled {
            return Ok(());
        }
        let names: Vec<String> = self.channels.keys().cloned().collect();
        for name in names {
            while self.has_room() && !self.is_busy(&name) && self.has_waiting(&name) {
                if !self.start_try(&name).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether another delivery may be under way.
    fn has_room(&self) -> bool {
        self.tries.len() - self.tests_under_way() < DELIVERIES_MAX
    }

    /// Whether another test may be under way.
    pub(super) fn has_room_for_a_test(&self) -> bool {
        self.tests_under_way() < TESTS_MAX
    }

    fn tests_under_way(&self) -> usize {
        self.under_way.values().filter(|trial| matches!(trial.what, What::Test(_))).count()
    }

    /// Whether a delivery of the channel is under way. A test does not count: a person waits for it.
    fn is_busy(&self, channel: &str) -> bool {
        self.under_way.values().any(|trial| trial.channel == channel && matches!(trial.what, What::Delivery(_)))
    }

    /// Whether the delivery is under way.
    pub(super) fn is_under_way(&self, delivery: &Delivery) -> bool {
        let is_it = |other: &Delivery| (other.alert, &other.channel) == (delivery.alert, &delivery.channel);
        self.under_way.values().any(|trial| matches!(&trial.what, What::Delivery(other) if is_it(other)))
    }

    fn has_waiting(&self, channel: &str) -> bool {
        self.waiting.as_ref().is_none_or(|waiting| waiting.get(channel).is_some_and(|count| *count > 0))
    }

    /// Starts a channel's next try, or ends a delivery that is too old. Whether there may be more to do.
    async fn start_try(&mut self, name: &str) -> Result<bool, StoreUnavailable> {
        let now = self.now();
        if let Some(until) = self.channels.get(name).and_then(|channel| channel.blocked_until(now)) {
            self.wake_at(until);
            return Ok(false);
        }
        let mut waiting = self.parts.alerts.waiting(name.to_owned(), WINDOW).await?;
        let Some(channel) = self.channels.get_mut(name) else { return Ok(false) };
        let index = match channel.next(&waiting, now) {
            Next::Try(index) => index,
            Next::Nothing => return Ok(false),
            Next::WaitUntil(until) => {
                self.wake_at(until);
                return Ok(false);
            }
        };
        let delivery = waiting.swap_remove(index);
        let Some(record) = self.alert_of(&delivery).await? else {
            self.give_up(&delivery, "the alert is not kept any more").await?;
            return Ok(true);
        };
        if let Some(reason) = keep::too_old(&record.alert, now.at) {
            self.give_up(&delivery, &reason).await?;
            return Ok(true);
        }
        let message = self.message(delivery.key(), record.alert).await?;
        let Some(channel) = self.channels.get_mut(name) else { return Ok(false) };
        match channel.ask(now) {
            Verdict::Go => self.start(name, message, What::Delivery(delivery)),
            Verdict::WaitUntil(until) => self.wake_at(until),
            // The end of the try that is under way leads back here.
            Verdict::WaitForProbe | Verdict::Noted | Verdict::Opened | Verdict::Closed => {}
        }
        Ok(false)
    }

    fn start(&mut self, name: &str, message: Message, what: What) {
        let Some(channel) = self.channels.get(name) else { return };
        let (kind, now, sender) = (channel.kind.clone(), self.parts.clock.now(), self.sender.clone());
        let generation = channel.generation;
        let task = self.tries.spawn(async move { sender.send(&kind, &message, now).await });
        self.under_way.insert(task.id(), Trial { channel: name.to_owned(), generation, what });
    }

    /// Sends a test by a channel, whatever its breaker says: whoever mends a channel wants to see whether it works.
    pub(super) fn start_test(&mut self, test: TestSend) {
        let TestSend { channel, answer } = test;
        if !self.channels.contains_key(&channel) {
            let _ = answer.send(Err(TestSendError::Unknown(channel)));
            return;
        }
        let alert = Alert {
            rule: AlertRule::Test,
            labels: [("channel".to_owned(), channel.clone())].into(),
            status: AlertStatus::Firing,
            at: self.parts.clock.now(),
            message: format!("this is a test of channel {channel}, and nothing has happened"),
            remedy: "nothing needs to be done".to_owned(),
            job: None,
        };
        let key = format!("test.{:016x}.{channel}", rand::random::<u64>());
        self.start(&channel, Message::new(key, Arc::new(alert), None, Vec::new()), What::Test(answer));
    }

    /// A try has ended.
    pub(super) fn take_outcome(&mut self, sent: Result<(Id, Sent), JoinError>) {
        let (id, outcome) = sent.unwrap_or_else(|error| {
            let detail = format!("sending ended by a defect ({error}): please report it with the version");
            (error.id(), Outcome::ChannelFailed { detail, retry_after: None })
        });
        let Some(Trial { channel, generation, what }) = self.under_way.remove(&id) else { return };
        let is_current = self.channels.get(&channel).is_some_and(|current| current.generation == generation);
        match what {
            What::Test(answer) => self.take_test(&channel, is_current, outcome, answer),
            What::Delivery(delivery) => self.take_delivery(&channel, is_current, outcome, delivery),
        }
    }

    fn take_test(
        &mut self,
        name: &str,
        is_current: bool,
        outcome: Outcome,
        answer: oneshot::Sender<Result<(), TestSendError>>,
    ) {
        let now = self.now();
        let channel = self.channels.get_mut(name).filter(|_| is_current);
        let result = match outcome {
            Outcome::Delivered => {
                if let Some(channel) = channel {
                    channel.worked(now);
                    self.is_mended(name);
                }
                Ok(())
            }
            Outcome::MessageRefused { detail } | Outcome::ChannelFailed { detail, .. } => {
                if let Some(channel) = channel {
                    channel.last_error = Some(detail.clone());
                }
                Err(TestSendError::Failed(detail))
            }
        };
        // Whoever asked may have gone.
        let _ = answer.send(result);
    }

    fn take_delivery(&mut self, name: &str, is_current: bool, outcome: Outcome, delivery: Delivery) {
        let now = self.now();
        let got_through = matches!(outcome, Outcome::Delivered);
        let settled = match self.channels.get_mut(name).filter(|_| is_current) {
            Some(channel) => channel.settle(&delivery, outcome, &self.settings, rand::random(), now),
            None => Settled::of_other_settings(outcome, now),
        };
        match &settled.attempt.error {
            None => metrics::delivered(name),
            Some(error) => {
                metrics::failed(name);
                tracing::warn!(key = delivery.key(), channel = name, "a try to send an alert failed: {error}");
            }
        }
        if is_current && got_through {
            self.is_mended(name);
        } else if let (Verdict::Opened, Some(error)) = (settled.verdict, &settled.attempt.error) {
            self.is_broken(name, error);
        }
        let Settled { attempt, state, .. } = settled;
        self.unsettled.push_back(Unsettled { delivery, attempt, state });
    }

    async fn alert_of(&self, delivery: &Delivery) -> Result<Option<AlertRecord>, StoreUnavailable> {
        let before = Some(delivery.alert.offset.next());
        let query =
            AlertQuery { rule: None, status: None, job: None, only_active: false, before, limit: NonZeroUsize::MIN };
        let found = self.parts.alerts.alerts(query).await?;
        Ok(found.into_iter().find(|record| record.position == delivery.alert))
    }

    /// What is sent of an alert, with what the store knows of its job.
    async fn message(&self, key: String, alert: Arc<Alert>) -> Result<Message, StoreUnavailable> {
        let Some(job) = alert.job else { return Ok(Message::new(key, alert, None, Vec::new())) };
        let record = self.parts.history.job(job).await?;
        let lines = match alert.status {
            AlertStatus::Firing => self.last_lines(job).await?,
            AlertStatus::Resolved => Vec::new(),
        };
        Ok(Message::new(key, alert, record.as_ref(), lines))
    }

    async fn last_lines(&self, job: JobId) -> Result<Vec<LogLine>, StoreUnavailable> {
        let limit = NonZeroUsize::new(LINES_MAX).unwrap_or(NonZeroUsize::MIN);
        let query = LogQuery { job, min_level: LogLevel::Info, range: LogRange::Last, limit };
        let lines = self.parts.history.log(query).await?;
        Ok(lines.into_iter().map(|stored| stored.line).collect())
    }
}
