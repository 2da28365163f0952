//! Tokens: made, listed, revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use etlplus_api as api;
use etlplus_api::{CreateToken, CreatedToken, TokenInfo, TokenList};
use etlplus_core::ports::CreateTokenError;

use super::TokenOf;
use crate::access::{Caller, NewToken};
use crate::app::App;
use crate::body;
use crate::problem::Refusal;
use crate::wire;

/// `GET /api/tokens`.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<TokenList>, Refusal> {
    let tokens = app.book.all().await?;
    Ok(Json(TokenList { tokens: tokens.into_iter().map(wire::token).collect() }))
}

/// `POST /api/tokens`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<CreatedToken>), Refusal> {
    let mut fields = body::fields(request).await?;
    let name_remedy = format!("give 1 to {} characters, none of them a control character", CreateToken::NAME_CHARS_MAX);
    let name: String = fields.required("name", &name_remedy).unwrap_or_default();
    let role: Option<api::Role> = fields.required("role", "give viewer, operator or admin");
    let expires_remedy = "give a time to come, such as 2027-01-31T00:00:00Z";
    let expires_at: Option<DateTime<Utc>> = fields.optional("expiresAt", expires_remedy);
    let now = app.clock.now();
    let is_name = !name.trim().is_empty()
        && name.chars().count() <= CreateToken::NAME_CHARS_MAX
        && !name.contains(char::is_control);
    if !is_name {
        fields.fault_once("name", "is empty, too long, or has a control character", name_remedy);
    }
    if expires_at.is_some_and(|at| at <= now) {
        fields.fault("expiresAt", "is over already", expires_remedy);
    }
    fields.finish()?;
    let role = wire::core_role(role.ok_or_else(Refusal::internal)?);
    let NewToken { text, record } = NewToken::make(name, role, expires_at, now);
    let book = app.book.clone();
    let create = async move {
        book.create(record.clone()).await?;
        tracing::info!(token = record.name, role = %record.role, by = %*caller, "a token is made");
        Ok(record)
    };
    let record = app.to_the_end(create).await?.map_err(not_made)?;
    Ok((StatusCode::CREATED, Json(CreatedToken { token: text, info: wire::token(record) })))
}

fn not_made(error: CreateTokenError) -> Refusal {
    let (code, detail, remedy) = match error {
        CreateTokenError::NameTaken(name) => {
            let detail = format!("there is a token named {name:?} already");
            ("token_name_taken", detail, "choose another name, or revoke that one first")
        }
        CreateTokenError::TooMany(count) => (
            "too_many_tokens",
            format!("there are {count} tokens, and no more may be"),
            "revoke those that are not used",
        ),
        CreateTokenError::Unavailable(error) => return error.into(),
    };
    Refusal::new(StatusCode::CONFLICT, code, detail, remedy)
}

/// `DELETE /api/tokens/{id}`. One that is revoked already stays as it is.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    TokenOf(id): TokenOf,
    caller: Caller,
    request: Request,
) -> Result<Json<TokenInfo>, Refusal> {
    body::nothing(request).await?;
    let book = app.book.clone();
    let revoke = async move {
        let revoked = book.revoke(id).await;
        if let Ok(Some(record)) = &revoked {
            tracing::info!(token = record.name, by = %*caller, "a token is revoked");
        }
        revoked
    };
    let record = app.to_the_end(revoke).await??.ok_or_else(Refusal::token_not_found)?;
    Ok(Json(wire::token(record)))
}
