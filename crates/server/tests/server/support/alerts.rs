//! Alerts in memory, and channels that do what a test says.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use etlplus_core::ports::*;

use super::MemoryStore;

#[derive(Default)]
pub(crate) struct TestChannels(Mutex<Vec<ChannelState>>);

impl TestChannels {
    pub(crate) fn add(&self, channel: ChannelState) {
        self.0.lock().unwrap().push(channel);
    }
}

impl AlertChannels for TestChannels {
    fn channels(&self) -> Answer<'_, Vec<ChannelState>> {
        let channels = self.0.lock().unwrap().clone();
        Box::pin(std::future::ready(channels))
    }

    fn send_test(&self, channel: String) -> Answer<'_, Result<(), TestSendError>> {
        let channels = self.0.lock().unwrap();
        let sent = match channels.iter().find(|known| known.name == channel) {
            None => Err(TestSendError::Unknown(channel)),
            Some(known) if known.is_up => Ok(()),
            Some(known) => Err(TestSendError::Failed(known.last_error.clone().unwrap_or_default())),
        };
        Box::pin(std::future::ready(sent))
    }
}

impl MemoryStore {
    /// Says what became of an alert on its way to a channel.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        self.with(|inner| {
            let record = inner.alerts.iter_mut().find(|record| record.position == delivery.alert);
            record.expect("the alert is recorded").deliveries.push(delivery);
        });
    }
}

impl Alerts for MemoryStore {
    fn advance(&self, _rules: Rules, _limit: NonZeroUsize) -> Answer<'_, Result<usize, StoreUnavailable>> {
        self.read(|_| 0)
    }

    fn firing(&self) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        self.read(|inner| {
            let last: BTreeMap<_, _> = inner.alerts.iter().map(|record| (record.alert.fingerprint(), record)).collect();
            last.into_values().filter(|record| record.alert.status == AlertStatus::Firing).cloned().collect()
        })
    }

    fn alerts(&self, query: AlertQuery) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        self.read(move |inner| {
            let is_asked = |record: &&AlertRecord| {
                let alert = &record.alert;
                query.rule.is_none_or(|rule| rule == alert.rule)
                    && query.status.is_none_or(|status| status == alert.status)
                    && query.job.is_none_or(|job| Some(job) == alert.job)
                    && (!query.only_active || alert.status == AlertStatus::Firing)
                    && query.before.is_none_or(|before| record.position.offset < before)
            };
            inner.alerts.iter().rev().filter(is_asked).take(query.limit.get()).cloned().collect()
        })
    }

    fn waiting(&self, _channel: String, _limit: NonZeroUsize) -> Answer<'_, Result<Vec<Delivery>, StoreUnavailable>> {
        self.read(|_| Vec::new())
    }

    fn waiting_counts(&self) -> Answer<'_, Result<BTreeMap<String, u64>, StoreUnavailable>> {
        self.read(|_| BTreeMap::new())
    }

    fn settle_delivery(
        &self,
        _alert: LogPosition,
        _channel: String,
        _attempt: Option<DeliveryTry>,
        _state: DeliveryState,
    ) -> Answer<'_, Result<(), StoreUnavailable>> {
        self.read(|_| ())
    }
}
