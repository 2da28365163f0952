//! The server itself: its health and its settings.

use etlplus_api::{ConfigView, Health};
use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;

impl Client {
    /// How the server is.
    ///
    /// # Errors
    /// As all routes.
    pub async fn health(&self) -> Result<Health, Error> {
        self.answer(self.request(Method::GET, &["api", "health"], &Vec::new())).await
    }

    /// The settings that hold, with their version.
    ///
    /// # Errors
    /// As all routes.
    pub async fn config(&self) -> Result<ConfigView, Error> {
        self.answer(self.request(Method::GET, &["api", "monitor", "config"], &Vec::new())).await
    }

    /// Lays `change`, an object with some of the settings, over those that hold, and gives what holds then. A key that is
    /// `null` goes back to where it came from before it was changed. Where `version` is given, the settings have to be at it.
    ///
    /// # Errors
    /// As all routes; a problem with `errors` lists every mistake, one with status 412 says that the settings are at
    /// another version. The settings are as they were then.
    pub async fn change_config(&self, change: &Value, version: Option<u64>) -> Result<ConfigView, Error> {
        let mut request = self.request(Method::POST, &["api", "monitor", "config"], &Vec::new());
        if let Some(version) = version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        self.answer(request.json(change)).await
    }
}
