//! Databases, made and looked into by a connection of the test's own.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use tempfile::TempDir;

/// A folder with the path of a database in it, which is not there yet.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("data.db");
    (folder, file)
}

pub(crate) async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(false);
    let timeout = std::time::Duration::ZERO;
    options.busy_timeout(timeout).disable_statement_logging().connect().await.expect("the file can be opened")
}

/// A connection that waits: a load's thread may still be closing its own.
async fn connect_patiently(file: &Path) -> SqliteConnection {
    let mut connection = connect(file).await;
    run(&mut connection, "PRAGMA busy_timeout = 5000").await.expect("the setting is known");
    connection
}

/// Runs statements.
pub(crate) async fn execute(file: &Path, sql: &str) {
    let mut connection = connect_patiently(file).await;
    run(&mut connection, sql).await.expect("the SQL is right");
    connection.close().await.expect("it can be closed");
}

pub(crate) async fn run(connection: &mut SqliteConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)
}

/// The rows of a query, each value as SQLite writes it.
pub(crate) async fn query(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let mut connection = connect_patiently(file).await;
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.expect("the SQL is right");
    // Its last work, on the write-ahead log, takes the lock, and whoever comes next does not wait.
    connection.close().await.expect("it can be closed");
    let text = |row: &SqliteRow| {
        (0..row.len())
            .map(|index| row.get_unchecked::<Option<String>, _>(index).unwrap_or_else(|| "NULL".to_owned()))
            .collect()
    };
    rows.iter().map(text).collect()
}

/// One value.
pub(crate) async fn one(file: &Path, sql: &str) -> String {
    query(file, sql).await.remove(0).remove(0)
}
