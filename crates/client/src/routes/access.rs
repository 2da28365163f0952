//! Who asks, and the tokens by which they say so.

use etlplus_api::{CreateToken, CreatedToken, Me, Ticket, TokenInfo, TokenList};
use reqwest::Method;

use crate::client::Client;
use crate::error::Error;

impl Client {
    /// Who the server takes this client for, and what it may do.
    ///
    /// # Errors
    /// As all routes.
    pub async fn me(&self) -> Result<Me, Error> {
        self.answer(self.request(Method::GET, &["api", "me"], &Vec::new())).await
    }

    /// A ticket with which somebody who can send no header, such as a browser, opens one connection to the live channel.
    ///
    /// # Errors
    /// As all routes.
    pub async fn ticket(&self) -> Result<Ticket, Error> {
        self.answer(self.request(Method::POST, &["api", "tickets"], &Vec::new())).await
    }

    /// All tokens, without their secrets.
    ///
    /// # Errors
    /// As all routes.
    pub async fn tokens(&self) -> Result<TokenList, Error> {
        self.answer(self.request(Method::GET, &["api", "tokens"], &Vec::new())).await
    }

    /// Makes a token. Its text is in the answer, and nowhere else.
    ///
    /// # Errors
    /// As all routes.
    pub async fn create_token(&self, token: &CreateToken) -> Result<CreatedToken, Error> {
        self.answer(self.request(Method::POST, &["api", "tokens"], &Vec::new()).json(token)).await
    }

    /// Revokes the token with this id. Connections that came with it are closed.
    ///
    /// # Errors
    /// As all routes.
    pub async fn revoke_token(&self, id: &str) -> Result<TokenInfo, Error> {
        self.answer(self.request(Method::DELETE, &["api", "tokens", id], &Vec::new())).await
    }
}
