//! Who else watches.

use etlplus_api::{ConnectionList, ConnectionMessage, Filter, SetFilters};
use reqwest::Method;

use crate::client::Client;
use crate::error::Error;

impl Client {
    /// The connections of the live channel.
    ///
    /// # Errors
    /// As all routes.
    pub async fn connections(&self) -> Result<ConnectionList, Error> {
        self.answer(self.request(Method::GET, &["api", "monitor", "connections"], &Vec::new())).await
    }

    /// Makes the connection `id` see what `filters` let through.
    ///
    /// # Errors
    /// As all routes.
    pub async fn set_connection_filters(&self, id: &str, filters: Filter) -> Result<(), Error> {
        let path = ["api", "monitor", "connections", id, "filters"];
        self.done(self.request(Method::PUT, &path, &Vec::new()).json(&SetFilters { filters })).await
    }

    /// Says something to whoever reads the connection `id`.
    ///
    /// # Errors
    /// As all routes.
    pub async fn send_to_connection(&self, id: &str, message: &ConnectionMessage) -> Result<(), Error> {
        let path = ["api", "monitor", "connections", id, "messages"];
        self.done(self.request(Method::POST, &path, &Vec::new()).json(message)).await
    }

    /// Closes the connection `id`.
    ///
    /// # Errors
    /// As all routes.
    pub async fn close_connection(&self, id: &str) -> Result<(), Error> {
        self.done(self.request(Method::DELETE, &["api", "monitor", "connections", id], &Vec::new())).await
    }
}
