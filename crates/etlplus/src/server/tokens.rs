//! Tokens that are made without asking a server.

use std::path::Path;

use chrono::{DateTime, Utc};
use etlplus_core::Failure;
use etlplus_core::access::Role;
use etlplus_core::ports::{Clock, CreateTokenError, TokenRecord, Tokens};
use etlplus_server::NewToken;

use super::offline::with_store;
use crate::clock::SystemClock;
use crate::output;

/// The name of the token that is made by itself.
const FIRST: &str = "first";

/// Makes the first token and shows it, where everybody is asked for one and nobody could have one.
///
/// # Errors
/// Where the store cannot be used.
pub(super) async fn make_first(tokens: &dyn Tokens, now: DateTime<Utc>) -> Result<(), Failure> {
    let known = tokens.tokens().await.map_err(super::unavailable)?;
    if known.iter().any(|token| token.role == Role::Admin && token.is_valid(now)) {
        return Ok(());
    }
    // An earlier one of the name may be over without being revoked, and keeps it then.
    let is_taken = known.iter().any(|token| token.name == FIRST && token.revoked_at.is_none());
    let name = if is_taken { format!("{FIRST}-{}", now.format("%Y%m%d%H%M%S")) } else { FIRST.to_owned() };
    let NewToken { text, record } = NewToken::make(name, Role::Admin, None, now);
    tokens.create_token(record).await.map_err(not_created)?;
    output::talk(&format!(
        "Everybody who uses this server needs a token. The first, with the role admin, is shown this once:\n\n  {text}\n\n\
         Give it to commands as ETLPLUS_TOKEN, and make others with `etlplus token create`."
    ));
    Ok(())
}

/// What is done to the tokens of a server that does not run.
pub(crate) enum Offline {
    /// Make one, which is given back with its text.
    Create {
        /// What it is for.
        name: String,
        /// What it may be used for.
        role: Role,
        /// When it ends by itself.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Give all.
    List,
    /// Revoke the one of this name or id.
    Revoke(String),
}

/// What became of it.
pub(crate) enum Done {
    /// A new token with its text.
    Created(NewToken),
    /// All tokens.
    All(Vec<TokenRecord>),
    /// The token that was revoked.
    Revoked(TokenRecord),
}

/// Does something to the tokens in a data folder that no server owns now.
///
/// # Errors
/// Where a server owns it, or the token is not what it should be.
pub(crate) fn offline(data: &Path, work: Offline) -> Result<Done, Failure> {
    with_store(data, async |store| work_on(store, work).await)
}

async fn work_on(tokens: &dyn Tokens, work: Offline) -> Result<Done, Failure> {
    let now = SystemClock::start().now();
    match work {
        Offline::Create { name, role, expires_at } => {
            let token = NewToken::make(name, role, expires_at, now);
            tokens.create_token(token.record.clone()).await.map_err(not_created)?;
            Ok(Done::Created(token))
        }
        Offline::List => tokens.tokens().await.map(Done::All).map_err(super::unavailable),
        Offline::Revoke(wanted) => {
            let known = tokens.tokens().await.map_err(super::unavailable)?;
            let is_meant = |token: &&TokenRecord| token.id.to_string() == wanted || token.name == wanted;
            let token = known.iter().filter(is_meant).max_by_key(|token| token.revoked_at.is_none());
            let unknown =
                || Failure::user("token_not_found", format!("there is no token {wanted:?}"), "see token list");
            let id = token.ok_or_else(unknown)?.id;
            let revoked = tokens.revoke_token(id, now).await.map_err(super::unavailable)?;
            revoked.map(Done::Revoked).ok_or_else(unknown)
        }
    }
}

fn not_created(error: CreateTokenError) -> Failure {
    match error {
        CreateTokenError::Unavailable(error) => super::unavailable(error),
        error => {
            let text = error.to_string();
            let (message, remedy) = text.split_once(": ").unwrap_or((&text, "see token list"));
            Failure::user("token_not_created", message, remedy)
        }
    }
}
