//! The tokens in memory, so that no request waits for the store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use etlplus_api::{CloseCode, ErrorMessage};
use etlplus_core::access::{Principal, TokenId};
use etlplus_core::ports::{Clock, CreateTokenError, StoreUnavailable, TOKENS_MAX, TokenHash, TokenRecord, Tokens};
use tokio::sync::Mutex;

use crate::problem::Refusal;

/// Revoked tokens that are remembered, so that whoever has one is told what became of it.
const REVOKED_MAX: usize = TOKENS_MAX;

/// All tokens. Each change goes to the store first; whoever makes one has to see it through.
pub(crate) struct TokenBook {
    store: Arc<dyn Tokens>,
    clock: Arc<dyn Clock>,
    records: RwLock<Records>,
    /// Held from before the store records a change until it is known here, so that none is undone by one before it.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Records {
    by_id: HashMap<TokenId, TokenRecord>,
    /// By the hash of the text, which is all that a request is compared with.
    by_hash: HashMap<TokenHash, TokenId>,
}

/// Why a token cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// There is none of this text.
    Unknown,
    /// The header `Authorization` holds none.
    Unreadable,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// It is a ticket that was used, is over, never was, or is another's.
    Ticket,
}

impl TokenBook {
    /// The tokens that the store keeps.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(crate) async fn load(store: Arc<dyn Tokens>, clock: Arc<dyn Clock>) -> Result<Self, StoreUnavailable> {
        let mut records = Records::default();
        store.tokens().await?.into_iter().for_each(|record| records.put(record));
        Ok(Self { store, clock, records: RwLock::new(records), changing: Mutex::default() })
    }

    /// The token of this text.
    ///
    /// # Errors
    /// Where there is none that can be used.
    pub(crate) fn find(&self, text: &str) -> Result<TokenRecord, TokenFault> {
        let hash = TokenHash::of(text);
        let records = self.read();
        let record =
            records.by_hash.get(&hash).and_then(|id| records.by_id.get(id)).ok_or(TokenFault::Unknown)?.clone();
        standing(&record, self.clock.now())?;
        Ok(record)
    }

    /// Whether a principal is still who they were: a token may have been revoked or have expired meanwhile.
    ///
    /// # Errors
    /// See [`TokenFault`].
    pub(crate) fn check(&self, principal: &Principal) -> Result<(), TokenFault> {
        let Some(id) = principal.token() else { return Ok(()) };
        let records = self.read();
        // One that is remembered no more was revoked long ago.
        let record = records.by_id.get(&id).ok_or(TokenFault::Revoked)?;
        standing(record, self.clock.now())
    }

    /// The token of this id, be it over or revoked.
    pub(crate) fn record(&self, id: TokenId) -> Option<TokenRecord> {
        self.read().by_id.get(&id).cloned()
    }

    /// All tokens that the store keeps, the oldest first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(crate) async fn all(&self) -> Result<Vec<TokenRecord>, StoreUnavailable> {
        self.store.tokens().await
    }

    /// Keeps a new token.
    ///
    /// # Errors
    /// See [`CreateTokenError`].
    pub(crate) async fn create(&self, record: TokenRecord) -> Result<(), CreateTokenError> {
        let _changing = self.changing.lock().await;
        self.store.create_token(record.clone()).await?;
        self.write().put(record);
        Ok(())
    }

    /// Revokes a token and gives it; `None` where there is no such token.
    ///
    /// # Errors
    /// Where the store cannot record it; the token is as it was then.
    pub(crate) async fn revoke(&self, id: TokenId) -> Result<Option<TokenRecord>, StoreUnavailable> {
        let _changing = self.changing.lock().await;
        let revoked = self.store.revoke_token(id, self.clock.now()).await?;
        if let Some(record) = &revoked {
            let mut records = self.write();
            records.put(record.clone());
            records.forget_oldest();
        }
        Ok(revoked)
    }

    fn read(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn standing(record: &TokenRecord, now: DateTime<Utc>) -> Result<(), TokenFault> {
    match record.revoked_at {
        Some(_) => Err(TokenFault::Revoked),
        None if record.is_valid(now) => Ok(()),
        None => Err(TokenFault::Expired),
    }
}

impl Records {
    fn put(&mut self, record: TokenRecord) {
        self.by_hash.insert(record.hash, record.id);
        self.by_id.insert(record.id, record);
    }

    /// Forgets the token that was revoked first, where more are remembered than may be.
    fn forget_oldest(&mut self) {
        let revoked = self.by_id.values().filter_map(|record| Some((record.revoked_at?, record.id, record.hash)));
        let revoked: Vec<_> = revoked.collect();
        if revoked.len() > REVOKED_MAX
            && let Some((_, id, hash)) = revoked.into_iter().min_by_key(|(at, ..)| *at)
        {
            self.by_id.remove(&id);
            self.by_hash.remove(&hash);
        }
    }
}

impl TokenFault {
    /// Why a request that came with such a token is refused.
    pub(crate) fn refusal(self) -> Refusal {
        let (code, detail, remedy) = self.words();
        let challenge = HeaderValue::from_static("Bearer realm=\"etlplus\", error=\"invalid_token\"");
        Refusal::new(StatusCode::UNAUTHORIZED, code, detail, remedy).with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// Why a message with such a token is refused.
    pub(crate) fn message(self) -> ErrorMessage {
        let (code, message, remedy) = self.words();
        ErrorMessage { code: code.to_owned(), message: message.to_owned(), remedy: remedy.to_owned() }
    }

    /// Code, detail and remedy.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Unknown => ("token_unknown", "there is no such token", "look at its text: it begins with etlp_"),
            Self::Unreadable => {
                ("token_unknown", "Authorization holds no token", "send it once, as Authorization: Bearer TOKEN")
            }
            Self::Expired => ("token_expired", "the token's time is over", "ask for a new one"),
            Self::Revoked => ("token_revoked", "the token was revoked", "ask for a new one"),
            Self::Ticket => {
                ("ticket_unknown", "the ticket cannot be used", "ask for another: each is good once, for 30 s")
            }
        }
    }

    /// How a connection that was opened with such a token is closed.
    pub(crate) fn close_code(self) -> CloseCode {
        match self {
            Self::Expired => CloseCode::TokenExpired,
            Self::Unknown | Self::Unreadable | Self::Revoked | Self::Ticket => CloseCode::BadToken,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etlplus_core::access::Role;
    use etlplus_core::ports::Answer;
    use tokio::sync::watch;

    use super::*;
    use crate::access::NewToken;

    /// Records a token at once and says so once it may.
    struct Slow {
        tokens: RwLock<Vec<TokenRecord>>,
        may_answer: watch::Receiver<bool>,
    }

    impl Tokens for Slow {
        fn create_token(&self, token: TokenRecord) -> Answer<'_, Result<(), CreateTokenError>> {
            self.tokens.write().unwrap().push(token);
            let mut may_answer = self.may_answer.clone();
            Box::pin(async move {
                may_answer.wait_for(|may_answer| *may_answer).await.expect("the test goes on");
                Ok(())
            })
        }

        fn tokens(&self) -> Answer<'_, Result<Vec<TokenRecord>, StoreUnavailable>> {
            Box::pin(std::future::ready(Ok(self.tokens.read().unwrap().clone())))
        }

        fn revoke_token(
            &self,
            id: TokenId,
            at: DateTime<Utc>,
        ) -> Answer<'_, Result<Option<TokenRecord>, StoreUnavailable>> {
            let mut tokens = self.tokens.write().unwrap();
            let revoked = tokens.iter_mut().find(|token| token.id == id).map(|token| {
                token.revoked_at = Some(at);
                token.clone()
            });
            Box::pin(std::future::ready(Ok(revoked)))
        }
    }

    struct Now;

    impl Clock for Now {
        fn now(&self) -> DateTime<Utc> {
            Utc::now()
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[tokio::test]
    async fn a_token_that_is_revoked_while_it_is_made_stays_revoked() {
        let (may_answer, receiver) = watch::channel(false);
        let store = Arc::new(Slow { tokens: RwLock::default(), may_answer: receiver });
        let book = TokenBook::load(store.clone(), Arc::new(Now)).await.unwrap();
        let NewToken { text, record } = NewToken::make("ci".to_owned(), Role::Admin, None, Utc::now());
        let id = record.id;
        let let_go = async {
            assert_eq!(store.tokens().await.unwrap().len(), 1, "it is recorded, and not known here yet");
            may_answer.send_replace(true);
        };
        // One after the other in this order, each as far as it comes.
        let (created, revoked, ()) = futures::join!(book.create(record), book.revoke(id), let_go);
        assert_eq!(created, Ok(()));
        assert!(revoked.unwrap().is_some_and(|record| record.revoked_at.is_some()));
        assert_eq!(book.find(&text).map(drop), Err(TokenFault::Revoked));
    }
}
