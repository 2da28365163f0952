//! The store on SQLite.

use etlplus_bus::Bus;
use etlplus_store::{Opened, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::every_property;
use crate::fixture::Fixture;

pub(crate) struct OnSqlite {
    folder: TempDir,
    opened: Opened,
}

impl OnSqlite {
    async fn open(folder: TempDir) -> Self {
        let opened = Store::open(folder.path()).await.expect("the folder is ours");
        Self { folder, opened }
    }
}

impl Fixture for OnSqlite {
    type Store = Store;
    type Hindrance = SqliteConnection;

    async fn new() -> Self {
        Self::open(tempfile::tempdir().expect("a temporary folder")).await
    }

    fn store(&self) -> Store {
        self.opened.store.clone()
    }

    fn bus(&self) -> Bus {
        self.opened.bus.clone()
    }

    async fn reopen(self) -> Self {
        self.opened.writer.close().await.expect("nothing is wrong");
        Self::open(self.folder).await
    }

    /// Another program holds the write lock for longer than the store waits.
    async fn hinder(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.folder.path().join("etlplus.db"));
        let mut other = options.connect().await.expect("the database is there");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("nobody writes");
        other
    }

    async fn release(mut other: SqliteConnection) {
        sqlx::query("ROLLBACK").execute(&mut other).await.expect("it is in a transaction");
        other.close().await.expect("nothing is wrong");
    }
}

every_property!(OnSqlite);
