//! API tokens.

use chrono::{DateTime, Utc};
use etlplus_core::access::TokenId;
use etlplus_core::ports::{Answer, CreateTokenError, StoreUnavailable, TOKENS_MAX, TokenHash, TokenRecord, Tokens};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::batch::{Batch, Refused};
use super::requests::Request;
use super::{Store, read, rows};

/// Revoked tokens that are kept, so that who looks at the list sees what became of them. The first revoked go first.
const REVOKED_MAX: i64 = 1_000;

impl Tokens for Store {
    fn create_token(&self, token: TokenRecord) -> Answer<'_, Result<(), CreateTokenError>> {
        Box::pin(self.ask(token, Request::CreateToken))
    }

    fn tokens(&self) -> Answer<'_, Result<Vec<TokenRecord>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT id, name, role, hash, created_at, expires_at, revoked_at FROM tokens \
                          ORDER BY created_at, id";
            sqlx::query(select).fetch_all(&self.readers).await?.iter().map(token).collect()
        })
    }

    fn revoke_token(
        &self,
        id: TokenId,
        at: DateTime<Utc>,
    ) -> Answer<'_, Result<Option<TokenRecord>, StoreUnavailable>> {
        Box::pin(self.ask((id, at), Request::RevokeToken))
    }
}

impl Batch<'_> {
    pub(super) async fn create_token(&mut self, new: TokenRecord) -> Result<(), Refused<CreateTokenError>> {
        let select = "SELECT count(*) AS number, coalesce(sum(name = ?1), 0) AS namesakes \
                      FROM tokens WHERE revoked_at IS NULL";
        let row = sqlx::query(select).bind(&new.name).fetch_one(&mut *self.connection).await?;
        if row.try_get::<i64, _>("namesakes")? > 0 {
            return Err(Refused::Unfit(CreateTokenError::NameTaken(new.name)));
        }
        if row.try_get::<i64, _>("number")? >= rows::integer(TOKENS_MAX) {
            return Err(Refused::Unfit(CreateTokenError::TooMany(TOKENS_MAX)));
        }
        let insert = "INSERT INTO tokens (id, name, role, hash, created_at, expires_at, revoked_at) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        sqlx::query(insert)
            .bind(new.id.to_string())
            .bind(&new.name)
            .bind(new.role.as_str())
            .bind(&new.hash.0[..])
            .bind(rows::nanos(new.created_at))
            .bind(new.expires_at.map(rows::nanos))
            .bind(new.revoked_at.map(rows::nanos))
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    pub(super) async fn revoke_token(&mut self, id: TokenId, at: DateTime<Utc>) -> sqlx::Result<Option<TokenRecord>> {
        let update = "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
        sqlx::query(update).bind(id.to_string()).bind(rows::nanos(at)).execute(&mut *self.connection).await?;
        let select = "SELECT id, name, role, hash, created_at, expires_at, revoked_at FROM tokens WHERE id = ?1";
        let revoked = sqlx::query(select).bind(id.to_string()).fetch_optional(&mut *self.connection).await?;
        let delete = "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE revoked_at IS NOT NULL \
                      ORDER BY revoked_at DESC LIMIT -1 OFFSET ?1)";
        sqlx::query(delete).bind(REVOKED_MAX).execute(&mut *self.connection).await?;
        revoked.as_ref().map(token).transpose()
    }
}

fn token(row: &SqliteRow) -> sqlx::Result<TokenRecord> {
    let hash = row.try_get::<&[u8], _>("hash")?.try_into().map_err(rows::undecodable)?;
    Ok(TokenRecord {
        id: row.try_get::<&str, _>("id")?.parse().map_err(rows::undecodable)?,
        name: row.try_get("name")?,
        role: row.try_get::<&str, _>("role")?.parse().map_err(|error: String| rows::undecodable(error))?,
        hash: TokenHash(hash),
        created_at: rows::time(row.try_get("created_at")?),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(rows::time),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(rows::time),
    })
}
