//! The service that turns facts into alerts and brings them to people. One task owns all of it: it reads the log, decides,
//! and starts tries, each a task of its own that says how it went.

mod channel;
mod deliver;
mod handle;
mod keep;
mod news;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use etlplus_bus::{Bus, NoFacts, Subscription};
use etlplus_core::ports::{
    Alert, Alerts, ChannelState, Clock, History, Ledger, Recorded, Rules, StoreUnavailable, Versioned,
};
use etlplus_core::settings::{ChannelKind, ChannelSettings, NotificationSettings};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::channel::{Sender, kind_name};
use crate::secret;
use crate::{metrics, rules};
use channel::{Channel, Now};
use deliver::{Sent, Trial, Unsettled};
use handle::{Shared, TestSend};

pub use channel::REFUSALS_MAX;
pub use handle::Handle;
pub use keep::{KEPT_MAX, WAITING_MAX};

/// Facts that are read in one transaction.
const FACTS_READ_MAX: NonZeroUsize = NonZeroUsize::new(1024).expect("it is not zero");
/// Facts that may pass before the cursor follows where nothing follows from them: a transaction for each log line would
/// cost more than it is worth, and a restart reads at most so many for nothing.
const FACTS_PASSED_MAX: usize = 4096;
/// When a store that could not answer is asked again.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// The longest sleep where nothing is due: any event ends it.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// Deliveries under way at the same time, each of which holds a socket: one for each of the 20 channels that the settings
/// may have, so that none waits for another.
const DELIVERIES_MAX: usize = 20;
/// Tests under way at the same time. They have a bound of their own, so that those of a channel that hangs hold up no
/// delivery.
const TESTS_MAX: usize = 4;
/// How long tries that are under way may take once the service is to end: one that is cut off is made again.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// What the service works with.
pub struct Parts {
    /// The alerts and their deliveries.
    pub alerts: Arc<dyn Alerts>,
    /// Where alerts about broken channels are recorded.
    pub ledger: Arc<dyn Ledger>,
    /// Jobs and their log lines.
    pub history: Arc<dyn History>,
    /// The settings. A change is seen at once.
    pub settings: watch::Receiver<Arc<Versioned>>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Tells that there are new facts. What they are is read from the store.
    pub bus: Bus,
}

/// The service. It works as long as [`Notifier::run`] runs.
pub struct Notifier {
    parts: Parts,
    facts: Subscription,
    shared: Arc<Shared>,
    tests: mpsc::Receiver<TestSend>,
    /// The settings that hold, of one version throughout a turn.
    settings: Arc<NotificationSettings>,
    sender: Arc<Sender>,
    channels: BTreeMap<String, Channel>,
    generations: u64,
    tries: JoinSet<Sent>,
    /// What each try is for.
    under_way: BTreeMap<Id, Trial>,
    /// How tries went that the store does not know yet.
    unsettled: VecDeque<Unsettled>,
    /// Alerts about channels that the store does not know yet.
    news: VecDeque<Alert>,
    /// The alerts that are firing about channels, by the channel's name; `None` before they are read.
    broken: Option<BTreeMap<String, Alert>>,
    /// Deliveries that wait, by the channel's name; `None` while they are not known.
    waiting: Option<BTreeMap<String, u64>>,
    /// Whether there may be facts to read.
    is_behind: bool,
    /// Facts that were passed without reading.
    passed: usize,
    /// When to look again though nothing happens, on the monotonic clock.
    wake: Option<Duration>,
    store_is_away: bool,
}

impl Notifier {
    /// The service, and a handle on it. It does nothing before [`Notifier::run`].
    pub fn new(parts: Parts) -> (Self, Handle) {
        // HTTPS needs a provider of cryptography for the whole process; one that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        metrics::describe();
        let (handle, shared, tests) = Handle::new();
        let settings = Arc::new(parts.settings.borrow().values.monitoring.notifications.clone());
        let notifier = Self {
            facts: parts.bus.subscribe_after(parts.bus.position().offset),
            shared,
            tests,
            sender: Arc::new(Sender::new(settings.clone())),
            settings,
            channels: BTreeMap::new(),
            generations: 0,
            tries: JoinSet::new(),
            under_way: BTreeMap::new(),
            unsettled: VecDeque::new(),
            news: VecDeque::new(),
            broken: None,
            waiting: None,
            is_behind: true,
            passed: 0,
            wake: None,
            store_is_away: false,
            parts,
        };
        (notifier, handle)
    }

    /// Works until `shutdown`, then waits a few seconds for the tries that are under way. A try whose end is not recorded
    /// is made again by the next service, with the same key.
    pub async fn run(mut self, shutdown: CancellationToken) {
        self.follow_settings();
        self.channels.values_mut().for_each(Channel::inherit);
        while !shutdown.is_cancelled() {
            // Whatever woke the loop, it goes on with the settings that hold.
            if self.parts.settings.has_changed().unwrap_or(false) {
                self.follow_settings();
            }
            self.work().await;
            let sleep = self.sleep();
            tokio::select! {
                () = shutdown.cancelled() => {}
                facts = self.facts.next() => self.take_facts(facts, &shutdown).await,
                Ok(()) = self.parts.settings.changed() => self.follow_settings(),
                Some(test) = self.tests.recv(), if self.has_room_for_a_test() => self.start_test(test),
                Some(sent) = self.tries.join_next_with_id() => self.take_outcome(sent),
                () = self.shared.nudge.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
        self.finish().await;
    }

    /// One turn: records what is known, reads what is new, and starts what is due.
    async fn work(&mut self) {
        self.wake = None;
        match self.turn().await {
            Ok(()) => self.store_is_away = false,
            Err(error) => {
                if !std::mem::replace(&mut self.store_is_away, true) {
                    tracing::warn!("alerts wait: {error}");
                }
                self.waiting = None;
                self.wake_at(self.now().monotonic + STORE_RETRY);
            }
        }
        self.show();
    }

    async fn turn(&mut self) -> Result<(), StoreUnavailable> {
        self.settle_tries().await?;
        self.read_broken().await?;
        self.tell_news().await?;
        self.read_facts().await?;
        self.keep_bounds().await?;
        self.start_tries().await
    }

    /// Reads facts and records what follows from them. A turn reads a part, so that a long log holds up nothing else.
    async fn read_facts(&mut self) -> Result<(), StoreUnavailable> {
        if !self.is_behind {
            return Ok(());
        }
        let settings = self.settings.clone();
        let rules: Rules = Arc::new(move |facts, firing| rules::consequences(facts, firing, &settings));
        let read = self.parts.alerts.advance(rules, FACTS_READ_MAX).await?;
        self.passed = 0;
        self.is_behind = read > 0;
        if read > 0 {
            self.waiting = None;
        }
        Ok(())
    }

    async fn take_facts(&mut self, facts: Result<Vec<Arc<Recorded>>, NoFacts>, shutdown: &CancellationToken) {
        match facts {
            Ok(facts) => {
                self.passed += facts.len();
                let is_relevant = facts.iter().any(|recorded| rules::is_relevant(&recorded.fact));
                self.is_behind |= is_relevant || self.passed >= FACTS_PASSED_MAX;
            }
            Err(NoFacts::Lost(_)) => {
                // Nothing is lost: the store has the facts, and the cursor is there.
                self.facts = self.parts.bus.subscribe_after(self.parts.bus.position().offset);
                self.is_behind = true;
            }
            // The store is gone, and nothing can be recorded any more.
            Err(NoFacts::Closed) => shutdown.cancelled().await,
        }
    }

    /// Takes up the newest settings: new channels, changed ones, and the end of those that were taken out.
    fn follow_settings(&mut self) {
        let newest = self.parts.settings.borrow_and_update().values.monitoring.notifications.clone();
        let old = std::mem::replace(&mut self.settings, Arc::new(newest));
        if old.channels != self.settings.channels || self.channels.is_empty() {
            tokio::spawn(secret::warn_of_missing(self.settings.clone()));
        }
        let hosts_changed = old.allowed_private_hosts != self.settings.allowed_private_hosts;
        if hosts_changed {
            self.sender = Arc::new(Sender::new(self.settings.clone()));
        }
        let mut earlier = std::mem::take(&mut self.channels);
        for ChannelSettings { name, kind } in &self.settings.channels {
            // A channel that was changed has no history: it is tried at once.
            let is_changed = |old: &Channel| old.kind != *kind || (hosts_changed && !matches!(kind, ChannelKind::Log));
            let channel = earlier.remove(name).filter(|old| !is_changed(old)).unwrap_or_else(|| {
                self.generations += 1;
                Channel::new(kind.clone(), self.generations)
            });
            self.channels.insert(name.clone(), channel);
        }
        earlier.keys().for_each(|removed| metrics::channel(removed, true, Some(0)));
        // Those that wait for a channel that is no more have to be found and ended.
        self.waiting = None;
    }

    fn now(&self) -> Now {
        Now { at: self.parts.clock.now(), monotonic: self.parts.clock.monotonic() }
    }

    fn wake_at(&mut self, at: Duration) {
        self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
    }

    fn sleep(&self) -> Duration {
        if self.is_behind && !self.store_is_away {
            return Duration::ZERO;
        }
        self.wake.map_or(IDLE, |at| at.saturating_sub(self.parts.clock.monotonic()).min(IDLE))
    }

    /// Shows how the channels are.
    fn show(&self) {
        let now = self.now();
        let state = |(name, channel): (&String, &Channel)| {
            let waiting = self.waiting.as_ref().map(|waiting| waiting.get(name).copied().unwrap_or_default());
            metrics::channel(name, channel.is_up(), waiting);
            ChannelState {
                name: name.clone(),
                kind: kind_name(&channel.kind),
                is_up: channel.is_up(),
                waiting,
                retry_at: channel.blocked_until(now).map(|until| now.time_of_day(until)).filter(|_| !channel.is_up()),
                last_error: channel.last_error.clone(),
            }
        };
        self.shared.show(self.channels.iter().map(state).collect());
    }

    async fn finish(mut self) {
        self.tests.close();
        let rest = async {
            while let Some(sent) = self.tries.join_next_with_id().await {
                self.take_outcome(sent);
            }
        };
        let _ = tokio::time::timeout(FINISH_MAX, rest).await;
        if let Err(error) = self.settle_tries().await {
            tracing::warn!("the last tries of alerts are not recorded, and will be made again: {error}");
        }
    }
}
