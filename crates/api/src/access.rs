//! Who somebody is, and the tokens by which they say so.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a token may be used for. Each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything but secrets, and changes nothing.
    Viewer,
    /// Runs pipelines that are kept, and cancels, pauses, resumes and retries jobs.
    Operator,
    /// Does everything.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// An API token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenInfo {
    /// Its id, which is no secret.
    #[schemars(extend("format" = "uuid"))]
    pub id: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// What it may be used for.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself; `null` where it does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked; `null` where it was not.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// `GET /api/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenList {
    /// The tokens, those that are revoked or over among them, the oldest first.
    pub tokens: Vec<TokenInfo>,
}

/// `POST /api/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for; unique among those that are not revoked.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it may be used for.
    pub role: Role,
    /// When it ends by itself; never where it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl CreateToken {
    /// Characters of a token's name, at most: it is shown in lists and logs.
    pub const NAME_CHARS_MAX: usize = 100;
}

/// A token that was made. Its text is shown this once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedToken {
    /// The token's text: whoever has it may do what its role may.
    pub token: String,
    /// What is known of it.
    #[serde(flatten)]
    pub info: TokenInfo,
}

/// `POST /api/login`: a token for a cookie, so that a page need not keep the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The token's text.
    #[schemars(length(min = 1, max = 200))]
    pub token: String,
}

/// `GET /api/me`: who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// How the server knows.
    pub kind: PrincipalKind,
    /// The token's name, or a word for who it is.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The token's id; `null` where it is no token.
    #[schemars(extend("format" = "uuid"))]
    pub token_id: Option<String>,
    /// When the token ends by itself; `null` where it does not.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How the server knows who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// Somebody on this machine, where the server asks nobody who they are.
    Local,
    /// The holder of a token.
    Token,
}

/// `POST /api/tickets`: what a browser opens one WebSocket or event stream with, as `?ticket=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Good for one use.
    pub ticket: String,
    /// And until then.
    pub expires_at: DateTime<Utc>,
}
