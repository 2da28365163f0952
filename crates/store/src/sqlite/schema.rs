//! The tables, as they came to be.

use sqlx::SqliteConnection;

/// Each brings a database from the version that is its index to the next, and says so in `user_version`. One that was
/// released never changes.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_whole_server.sql"),
    include_str!("migrations/0003_sealed_logs.sql"),
];

/// The version of the tables that this release reads and writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of a database's tables; 0 where it has none of ours.
pub(super) async fn version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}

/// Brings the tables from version `from` to [`VERSION`]. Each step is made as a whole or not at all.
pub(super) async fn migrate(connection: &mut SqliteConnection, from: i64) -> sqlx::Result<()> {
    let done = usize::try_from(from).unwrap_or(0);
    for migration in MIGRATIONS.into_iter().skip(done) {
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let made = sqlx::raw_sql(migration).execute(&mut *connection).await;
        let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = sqlx::raw_sql(end).execute(&mut *connection).await;
        made.and(ended)?;
    }
    Ok(())
}
