//! The watch over the machine's resources: what it records, and when.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::{
    Alert, AlertQuery, AlertRecord, AlertRule, AlertStatus, Alerts, Answer, Change, Clock, Delivery, DeliveryState,
    DeliveryTry, Ledger, LedgerError, LogPosition, Rules, SettingsVersion, StoreUnavailable, Versioned,
};
use etlplus_core::settings::Settings;
use etlplus_monitor::{ResourceUse, ResourceWatch, Resources};
use tokio::sync::watch;
use uuid::Uuid;

fn start() -> LogPosition {
    LogPosition { epoch: Epoch::from_uuid(Uuid::nil()), offset: Offset::START }
}

/// A store that keeps alerts in memory, and fails where it is told to.
#[derive(Default)]
struct Store {
    alerts: Mutex<Vec<Alert>>,
    is_away: AtomicBool,
    refused: Mutex<u32>,
}

impl Ledger for Store {
    fn record(&self, changes: Vec<Change>) -> Answer<'_, Result<LogPosition, LedgerError>> {
        Box::pin(async move {
            if self.is_away.load(Ordering::Relaxed) {
                *self.refused.lock().unwrap() += 1;
                let away = StoreUnavailable { message: "away".to_owned(), remedy: "wait".to_owned() };
                return Err(away.into());
            }
            let alerts = changes.into_iter().map(|change| match change {
                Change::Alert(alert) => alert,
                other => panic!("{other:?}"),
            });
            self.alerts.lock().unwrap().extend(alerts);
            Ok(start())
        })
    }
}

impl Alerts for Store {
    fn firing(&self) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        let mut last = BTreeMap::new();
        for alert in self.alerts.lock().unwrap().iter() {
            last.insert(alert.fingerprint(), alert.clone());
        }
        let firing = last.into_values().filter(|alert| alert.status == AlertStatus::Firing);
        let record = |alert| AlertRecord { position: start(), alert: Arc::new(alert), deliveries: Vec::new() };
        let firing = firing.map(record).collect();
        Box::pin(async move { Ok(firing) })
    }

    fn advance(&self, _: Rules, _: NonZeroUsize) -> Answer<'_, Result<usize, StoreUnavailable>> {
        unreachable!("the watch only records")
    }

    fn alerts(&self, _: AlertQuery) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        unreachable!("the watch only records")
    }

    fn waiting(&self, _: String, _: NonZeroUsize) -> Answer<'_, Result<Vec<Delivery>, StoreUnavailable>> {
        unreachable!("the watch only records")
    }

    fn waiting_counts(&self) -> Answer<'_, Result<BTreeMap<String, u64>, StoreUnavailable>> {
        unreachable!("the watch only records")
    }

    fn settle_delivery(
        &self,
        _: LogPosition,
        _: String,
        _: Option<DeliveryTry>,
        _: DeliveryState,
    ) -> Answer<'_, Result<(), StoreUnavailable>> {
        unreachable!("the watch only records")
    }
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Readings one after the other.
struct Script(VecDeque<ResourceUse>);

impl Resources for Script {
    fn read(&mut self) -> ResourceUse {
        self.0.pop_front().expect("a reading for each look")
    }
}

fn memory(readings: &[f64]) -> Script {
    Script(readings.iter().map(|used| ResourceUse { memory: Some(*used), ..ResourceUse::default() }).collect())
}

fn versioned(settings: Settings) -> Arc<Versioned> {
    Arc::new(Versioned { version: SettingsVersion::from_number(0), values: settings, entries: Vec::new() })
}

async fn watch_of(
    script: Script,
    store: &Arc<Store>,
    settings: Settings,
) -> (ResourceWatch<Script>, watch::Sender<Arc<Versioned>>) {
    let (sender, receiver) = watch::channel(versioned(settings));
    let started = ResourceWatch::start(script, receiver, store.clone(), store.as_ref(), Arc::new(StoppedClock)).await;
    (started.unwrap(), sender)
}

fn told(store: &Store) -> Vec<(AlertRule, AlertStatus)> {
    store.alerts.lock().unwrap().iter().map(|alert| (alert.rule, alert.status)).collect()
}

#[tokio::test]
async fn a_resource_that_runs_out_fires_once_and_resolves_once() {
    let store = Arc::new(Store::default());
    let readings = [95.0, 96.0, 97.0, 98.0, 99.0, 50.0, 50.0, 50.0, 50.0];
    let (mut watch, _settings) = watch_of(memory(&readings), &store, Settings::default()).await;
    for _ in readings {
        watch.look().await;
    }
    assert_eq!(told(&store), [(AlertRule::Memory, AlertStatus::Firing), (AlertRule::Memory, AlertStatus::Resolved)]);
    let alerts = store.alerts.lock().unwrap();
    assert!(alerts[0].message.contains("97 %") && alerts[0].message.contains("90 %"), "{}", alerts[0].message);
}

#[tokio::test]
async fn an_alert_that_the_store_did_not_take_is_recorded_when_it_is_back() {
    let store = Arc::new(Store::default());
    let (mut watch, _settings) = watch_of(memory(&[95.0; 6]), &store, Settings::default()).await;
    store.is_away.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        watch.look().await;
    }
    assert_eq!(*store.refused.lock().unwrap(), 2, "the fault fired, at the third and the fourth reading");
    store.is_away.store(false, Ordering::Relaxed);
    watch.look().await;
    watch.look().await;
    assert_eq!(told(&store), [(AlertRule::Memory, AlertStatus::Firing)]);
}

#[tokio::test]
async fn a_watch_goes_on_from_what_the_one_before_left() {
    let store = Arc::new(Store::default());
    let (mut first, _settings) = watch_of(memory(&[95.0; 3]), &store, Settings::default()).await;
    for _ in 0..3 {
        first.look().await;
    }
    let (mut second, _settings) =
        watch_of(memory(&[95.0, 95.0, 95.0, 1.0, 1.0, 1.0]), &store, Settings::default()).await;
    for _ in 0..6 {
        second.look().await;
    }
    assert_eq!(told(&store), [(AlertRule::Memory, AlertStatus::Firing), (AlertRule::Memory, AlertStatus::Resolved)]);
}

#[tokio::test]
async fn thresholds_and_the_switch_take_effect_at_once() {
    let store = Arc::new(Store::default());
    let (mut watch, settings) = watch_of(memory(&[60.0; 9]), &store, Settings::default()).await;
    for _ in 0..3 {
        watch.look().await;
    }
    assert_eq!(told(&store), []);
    let mut changed = Settings::default();
    changed.monitoring.notifications.memory_threshold = 60.0;
    settings.send(versioned(changed.clone())).unwrap();
    for _ in 0..3 {
        watch.look().await;
    }
    assert_eq!(told(&store), [(AlertRule::Memory, AlertStatus::Firing)]);
    changed.monitoring.notifications.resource_alerts = false;
    settings.send(versioned(changed)).unwrap();
    for _ in 0..3 {
        watch.look().await;
    }
    assert_eq!(told(&store)[1..], [(AlertRule::Memory, AlertStatus::Resolved)], "nobody watches it any more");
}
