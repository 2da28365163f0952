//! API tokens, of which only a hash is kept.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Answer, StoreUnavailable};
use crate::access::{Role, TokenId};

/// SHA-256 of a token's text. A token is 256 random bits, so that neither salt nor slowness adds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token's text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// What it is for, in its maker's words; unique among those that are not revoked.
    pub name: String,
    /// What it may be used for.
    pub role: Role,
    /// The hash of its text.
    pub hash: TokenHash,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl TokenRecord {
    /// Whether it can be used at `now`.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

/// A token that was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateTokenError {
    /// Another one has the name.
    #[error("there is a token named {0:?} already: choose another name, or revoke it first")]
    NameTaken(String),
    /// There are too many.
    #[error("there are {0} tokens, and no more may be: revoke those that are not used")]
    TooMany(usize),
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Tokens that are not revoked, at most: whoever serves requests keeps them all in memory.
pub const TOKENS_MAX: usize = 1_000;

/// Keeps tokens.
pub trait Tokens: Send + Sync {
    /// Keeps a new token.
    fn create_token(&self, token: TokenRecord) -> Answer<'_, Result<(), CreateTokenError>>;

    /// All tokens, those that are revoked or over among them, the oldest first. Of those that are revoked the last
    /// thousand.
    fn tokens(&self) -> Answer<'_, Result<Vec<TokenRecord>, StoreUnavailable>>;

    /// Revokes a token at `at`, and gives it; `None` where there is no such token. One that is revoked stays as it is.
    fn revoke_token(&self, id: TokenId, at: DateTime<Utc>)
    -> Answer<'_, Result<Option<TokenRecord>, StoreUnavailable>>;
}
