//! Alerts about the channels themselves: one that is broken is told by the others.

use etlplus_core::ports::{Alert, AlertRule, AlertStatus, Change, LedgerError, StoreUnavailable};

use super::Notifier;
use crate::rules;

impl Notifier {
    /// Reads which channels are said to be broken, once; and takes that back of those that are no more.
    pub(super) async fn read_broken(&mut self) -> Result<(), StoreUnavailable> {
        if self.broken.is_none() {
            let firing = self.parts.alerts.firing().await?.into_iter().map(|record| record.alert);
            let of_channels = firing.filter(|alert| alert.rule == AlertRule::ChannelBroken);
            let by_name =
                of_channels.filter_map(|alert| Some((alert.labels.get("channel")?.clone(), (*alert).clone())));
            self.broken = Some(by_name.collect());
        }
        let removed: Vec<String> = {
            let names = self.broken.iter().flat_map(|broken| broken.keys());
            names.filter(|name| !self.channels.contains_key(*name)).cloned().collect()
        };
        for name in removed {
            self.resolve(&name, format!("channel {name} was removed"));
        }
        Ok(())
    }

    /// The channel was found broken.
    pub(super) fn is_broken(&mut self, name: &str, error: &str) {
        tracing::warn!(channel = name, "alerts are kept until the channel works again: {error}");
        if !rules::is_wanted(AlertRule::ChannelBroken, &self.settings) {
            return;
        }
        let Some(broken) = self.broken.as_mut().filter(|broken| !broken.contains_key(name)) else { return };
        let alert = Alert {
            rule: AlertRule::ChannelBroken,
            labels: [("channel".to_owned(), name.to_owned())].into(),
            status: AlertStatus::Firing,
            at: self.parts.clock.now(),
            message: format!("alerts cannot be sent by channel {name}, and are kept until it works again: {error}"),
            remedy: format!(
                "mend what the channel leads to, or change it in the settings, and try it with a test of {name}"
            ),
            job: None,
        };
        broken.insert(name.to_owned(), alert.clone());
        self.news.push_back(alert);
    }

    /// Something got through.
    pub(super) fn is_mended(&mut self, name: &str) {
        self.resolve(name, format!("channel {name} works again, and what was kept for it is sent"));
    }

    fn resolve(&mut self, name: &str, message: String) {
        let Some(alert) = self.broken.as_mut().and_then(|broken| broken.remove(name)) else { return };
        tracing::info!(channel = name, "{message}");
        let (status, at) = (AlertStatus::Resolved, self.parts.clock.now());
        let remedy = "nothing needs to be done".to_owned();
        self.news.push_back(Alert { status, at, message, remedy, ..alert });
    }

    /// Records what is new of the channels. It comes back as a fact, and is sent as such.
    pub(super) async fn tell_news(&mut self) -> Result<(), StoreUnavailable> {
        while let Some(alert) = self.news.front() {
            match self.parts.ledger.record(vec![Change::Alert(alert.clone())]).await {
                Ok(_) => self.is_behind = true,
                Err(LedgerError::Unavailable(error)) => return Err(error),
                Err(error) => tracing::error!("an alert about a channel is not recorded: {error}"),
            }
            self.news.pop_front();
        }
        Ok(())
    }
}
