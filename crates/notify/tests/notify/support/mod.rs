//! What the tests stand on: a store, settings that can be changed, a clock that is walked, and receivers.

pub(crate) mod http;
pub(crate) mod jobs;
pub(crate) mod smtp;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use etlplus_core::ports::{
    Alert, AlertChannels, AlertQuery, AlertRecord, AlertRule, AlertStatus, Alerts, Change, ChannelState, Clock,
    Delivery, DeliveryState, Ledger, SettingsVersion, Versioned,
};
use etlplus_core::settings::{ChannelKind, ChannelSettings, NotificationSettings, SecretRef, Settings, UrlValue};
use etlplus_notify::{Handle, Notifier, Parts};
use etlplus_store::{Opened, Store};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, on a machine that does much else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// More than there are of anything.
pub(crate) const ALL: NonZeroUsize = NonZeroUsize::new(20_000).expect("it is not zero");

/// A clock that only goes when it is told to.
#[derive(Debug)]
pub(crate) struct ManualClock {
    start: DateTime<Utc>,
    walked: Mutex<Duration>,
}

impl ManualClock {
    fn walked(&self) -> Duration {
        *self.walked.lock().expect("nobody panicked with it")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + TimeDelta::from_std(self.walked()).expect("no test walks so far")
    }

    fn monotonic(&self) -> Duration {
        self.walked()
    }
}

/// Everything that outlives a notifier.
pub(crate) struct World {
    folder: TempDir,
    opened: Option<Opened>,
    pub(crate) clock: Arc<ManualClock>,
    settings: watch::Sender<Arc<Versioned>>,
}

/// A notifier at work.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new(notifications: NotificationSettings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let opened = Some(Store::open(folder.path()).await.expect("the folder is ours"));
        let clock = ManualClock { start: Utc::now().trunc_subsecs(6), walked: Mutex::default() };
        let (settings, _) = watch::channel(versioned(0, notifications));
        Self { folder, opened, clock: Arc::new(clock), settings }
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().expect("the store is open")
    }

    pub(crate) fn store(&self) -> &Store {
        &self.opened().store
    }

    /// Ends the store's process, as far as its files can tell, and opens it anew.
    pub(crate) async fn reopen_store(&mut self) {
        self.opened.take().expect("the store is open").writer.close().await.expect("nothing is wrong");
        self.opened = Some(Store::open(self.folder.path()).await.expect("the folder is ours"));
    }

    pub(crate) fn start(&self) -> Running {
        let store = Arc::new(self.store().clone());
        let (notifier, handle) = Notifier::new(Parts {
            alerts: store.clone(),
            ledger: store.clone(),
            history: store,
            settings: self.settings.subscribe(),
            clock: self.clock.clone(),
            bus: self.opened().bus.clone(),
        });
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(notifier.run(shutdown.clone()));
        Running { handle, shutdown, task }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut NotificationSettings)) {
        let version = self.settings.borrow().version.next().get();
        let mut notifications = self.settings.borrow().values.monitoring.notifications.clone();
        change(&mut notifications);
        self.settings.send_replace(versioned(version, notifications));
    }

    pub(crate) fn walk(&self, seconds: u64, running: &Running) {
        *self.clock.walked.lock().expect("nobody panicked with it") += Duration::from_secs(seconds);
        running.handle.nudge();
    }

    /// Records an alert of the resource rules, which needs no job.
    pub(crate) async fn raise(&self, number: usize) {
        self.record(vec![Change::Alert(self.alert(number))]).await;
    }

    pub(crate) fn alert(&self, number: usize) -> Alert {
        Alert {
            rule: AlertRule::Disk,
            labels: [("folder".to_owned(), format!("/data/{number}"))].into(),
            status: AlertStatus::Firing,
            at: self.clock.now(),
            message: format!("the disk of /data/{number} is nearly full"),
            remedy: "free some space".to_owned(),
            job: None,
        }
    }

    pub(crate) async fn record(&self, changes: Vec<Change>) {
        self.store().record(changes).await.expect("the store works");
    }

    /// All alerts of a rule, the first one first, with their deliveries.
    pub(crate) async fn alerts(&self, rule: AlertRule) -> Vec<AlertRecord> {
        let query =
            AlertQuery { rule: Some(rule), status: None, job: None, only_active: false, before: None, limit: ALL };
        let mut alerts = self.store().alerts(query).await.expect("the store works");
        alerts.reverse();
        alerts
    }

    /// Waits until the deliveries to `channel` are as wanted, and gives them.
    pub(crate) async fn deliveries(&self, channel: &str, wanted: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        until(|| async {
            let query =
                AlertQuery { rule: None, status: None, job: None, only_active: false, before: None, limit: ALL };
            let alerts = self.store().alerts(query).await.expect("the store works");
            let deliveries = alerts.into_iter().rev().flat_map(|alert| alert.deliveries);
            let deliveries: Vec<_> = deliveries.filter(|delivery| delivery.channel == channel).collect();
            if wanted(&deliveries) { Ok(deliveries) } else { Err(format!("{deliveries:#?}")) }
        })
        .await
    }
}

impl Running {
    /// Waits until a channel's state is as wanted, and gives it.
    pub(crate) async fn channel(&self, name: &str, wanted: impl Fn(&ChannelState) -> bool) -> ChannelState {
        until(|| async {
            let channels = self.handle.channels().await;
            match channels.iter().find(|channel| channel.name == name && wanted(channel)) {
                Some(channel) => Ok(channel.clone()),
                None => Err(format!("{channels:#?}")),
            }
        })
        .await
    }

    /// Ends the service as a server does that is told to.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.expect("it ends in time").expect("it ends without a panic");
    }

    /// Ends the service as a crash does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

/// Asks until the answer is `Ok`; the last error is shown where it never is.
pub(crate) async fn until<T, F: Future<Output = Result<T, String>>>(mut ask: impl FnMut() -> F) -> T {
    let mut last = String::new();
    let asking = async {
        loop {
            match ask().await {
                Ok(found) => return found,
                Err(error) => last = error,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, asking).await {
        Ok(found) => found,
        Err(_) => panic!("it did not come about; the last answer was {last}"),
    }
}

fn versioned(version: u64, notifications: NotificationSettings) -> Arc<Versioned> {
    let mut values = Settings::default();
    values.monitoring.notifications = notifications;
    Arc::new(Versioned { version: SettingsVersion::from_number(version), values, entries: Vec::new() })
}

/// Settings with these channels, which may reach this machine.
pub(crate) fn settings(channels: Vec<ChannelSettings>) -> NotificationSettings {
    let allowed_private_hosts = vec!["127.0.0.0/8".to_owned()];
    NotificationSettings { channels, allowed_private_hosts, ..NotificationSettings::default() }
}

/// A webhook, signed with the secret that is in the file.
pub(crate) fn webhook(name: &str, url: &str, secret: Option<&std::path::Path>) -> ChannelSettings {
    let url = UrlValue::Literal(url.to_owned());
    let secret = secret.map(|path| SecretRef::File(path.to_owned()));
    ChannelSettings { name: name.to_owned(), kind: ChannelKind::Webhook { url, secret } }
}

pub(crate) fn is_delivered(delivery: &Delivery) -> bool {
    matches!(delivery.state, DeliveryState::Delivered { .. })
}

/// Why a delivery failed for good.
pub(crate) fn reason(delivery: &Delivery) -> Option<&str> {
    match &delivery.state {
        DeliveryState::Failed { reason, .. } => Some(reason),
        DeliveryState::Waiting { .. } | DeliveryState::Delivered { .. } => None,
    }
}
