//! Alerts, and the channels by which they leave.

use etlplus_api::{AlertList, ChannelList};
use reqwest::Method;

use crate::client::Client;
use crate::error::Error;
use crate::query::AlertQuery;

impl Client {
    /// A page of the alerts that `query` asks for, the latest first.
    ///
    /// # Errors
    /// As all routes.
    pub async fn alerts(&self, query: &AlertQuery) -> Result<AlertList, Error> {
        self.answer(self.request(Method::GET, &["api", "alerts"], &query.pairs())).await
    }

    /// The channels by which alerts leave, and how each does.
    ///
    /// # Errors
    /// As all routes.
    pub async fn alert_channels(&self) -> Result<ChannelList, Error> {
        self.answer(self.request(Method::GET, &["api", "alerts", "channels"], &Vec::new())).await
    }

    /// Sends an alert by the channel `name` now, and answers when the channel has taken it.
    ///
    /// # Errors
    /// As all routes; a problem that says why where the channel did not take it.
    pub async fn test_channel(&self, name: &str) -> Result<(), Error> {
        self.done(self.request(Method::POST, &["api", "alerts", "channels", name, "test"], &Vec::new())).await
    }
}
