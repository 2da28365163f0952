//! Tokens in memory.

use chrono::{DateTime, Utc};
use etlplus_core::access::TokenId;
use etlplus_core::ports::*;

use super::MemoryStore;

impl Tokens for MemoryStore {
    fn create_token(&self, token: TokenRecord) -> Answer<'_, Result<(), CreateTokenError>> {
        let created = self.read(move |mut inner| {
            let mut valid = inner.tokens.iter().filter(|known| known.revoked_at.is_none());
            if valid.any(|known| known.name == token.name) {
                return Err(CreateTokenError::NameTaken(token.name));
            }
            inner.tokens.push(token);
            Ok(())
        });
        self.held(Box::pin(async { created.await? }))
    }

    fn tokens(&self) -> Answer<'_, Result<Vec<TokenRecord>, StoreUnavailable>> {
        self.read(|inner| inner.tokens.clone())
    }

    fn revoke_token(
        &self,
        id: TokenId,
        at: DateTime<Utc>,
    ) -> Answer<'_, Result<Option<TokenRecord>, StoreUnavailable>> {
        self.held(self.read(move |mut inner| {
            let token = inner.tokens.iter_mut().find(|token| token.id == id)?;
            token.revoked_at.get_or_insert(at);
            Some(token.clone())
        }))
    }
}
