//! New tokens.

use chrono::{DateTime, Utc};
use etlplus_core::access::{Role, TokenId};
use etlplus_core::ports::{TokenHash, TokenRecord};
use uuid::Uuid;

use super::secret;

/// How a token's text begins, so that people and secret scanners know it.
pub(super) const PREFIX: &str = "etlp_";

/// A token that is kept nowhere yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its text, which is shown to its maker once: `etlp_` and 43 characters of base64url, which are 256 random bits.
    pub text: String,
    /// What is kept of it.
    pub record: TokenRecord,
}

impl NewToken {
    /// A token with a new secret.
    pub fn make(name: String, role: Role, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let text = format!("{PREFIX}{}", secret::random());
        let record = TokenRecord {
            id: TokenId::from_uuid(Uuid::now_v7()),
            name,
            role,
            hash: TokenHash::of(&text),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        Self { text, record }
    }
}
