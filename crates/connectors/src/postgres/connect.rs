//! Sessions of a server.

use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::PostgresServer;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use super::failure::{failure, unresponsive};
use super::secret;

/// How long a server may take to let somebody in. A host that does not answer at all would be waited for much longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a statement waits for a lock that somebody else holds.
const LOCK_TIMEOUT_SECONDS: u32 = 30;
/// How long a question to the catalog may take: longer than any lock is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// After so long without a sign of life the server is asked whether it still works on the statement. A query may take hours,
/// and a network that swallows everything may take as long to say so.
const SILENCE: Duration = Duration::from_secs(30);
/// The most sessions of one load or one reading. More fight for the server's locks rather than help.
const SESSIONS_MAX: usize = 8;

/// A server and the job that uses it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    server: PostgresServer,
    job: JobId,
}

impl Server {
    pub(super) fn new(server: &PostgresServer, job: &JobId) -> Self {
        Self { server: server.clone(), job: *job }
    }

    /// The server's address without a password.
    pub(super) fn url(&self) -> &str {
        &self.server.url
    }

    /// A new session.
    pub(super) async fn connect(&self) -> Result<Session, Failure> {
        let wrong = |error: sqlx::Error| failure(&format!("connect to {}", self.url()), &error);
        let mut options = PgConnectOptions::from_str(self.url()).map_err(wrong)?;
        if let Some(password) = &self.server.password {
            options = options.password(&secret::read(password)?);
        }
        if options.get_application_name().is_none() {
            options = options.application_name(&format!("etlplus {}", self.job));
        }
        let options = options.disable_statement_logging();
        let connection = match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
            Ok(connected) => connected.map_err(wrong)?,
            Err(_) => return Err(unresponsive(self.url(), CONNECT_TIMEOUT)),
        };
        let watch = Watch { server: self.clone(), backend: 0 };
        let mut session = Session { connection, url: self.url().to_owned(), watch };
        session
            .run(&format!(
                "SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; SET statement_timeout = 0; \
                 SET default_transaction_isolation = 'read committed'; \
                 SET idle_in_transaction_session_timeout = 0; SET standard_conforming_strings = on"
            ))
            .await?;
        session.notice_a_client_that_is_gone().await?;
        if let Some(row) = session.row("SELECT pg_backend_pid()", &[]).await? {
            session.watch.backend = row.try_get(0).map_err(wrong)?;
        }
        Ok(session)
    }
}

/// How many sessions share a load or a reading: one for each core, up to a bound.
pub(super) fn parallel_sessions() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get()).min(SESSIONS_MAX)
}

/// One session. Dropped, it is closed, and the server takes back what was not committed.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    url: String,
    watch: Watch,
}

impl Session {
    /// Runs statements that give no rows, in their order.
    pub(super) async fn run(&mut self, sql: &str) -> Result<u64, Failure> {
        within(ANSWER_TIMEOUT, &self.url.clone(), self.execute(sql)).await?.map_err(|error| self.failure(&error))
    }

    /// The same for a statement that may take long, such as one that moves rows. The outer error is for a server that is gone.
    pub(super) async fn run_long(&mut self, sql: &str) -> Result<Result<u64, sqlx::Error>, Failure> {
        let watch = self.watch.clone();
        watch.over(self.execute(sql)).await
    }

    /// Tells whether the server still works on what this session waits for.
    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    async fn execute(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        // Names are quoted and texts are literals wherever a statement is put together.
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await?;
        Ok(done.rows_affected())
    }

    /// The rows of a query with `values` as `$1`, `$2` and so on.
    pub(super) async fn rows(&mut self, sql: &str, values: &[Option<&str>]) -> Result<Vec<PgRow>, Failure> {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            query = query.bind(*value);
        }
        let asked = query.fetch_all(&mut self.connection);
        within(ANSWER_TIMEOUT, &self.url, asked).await?.map_err(|error| self.failure(&error))
    }

    /// The first row of a query, if there is one.
    pub(super) async fn row(&mut self, sql: &str, values: &[Option<&str>]) -> Result<Option<PgRow>, Failure> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The first row of a query that may have to read a whole table.
    pub(super) async fn row_slowly(&mut self, sql: &str) -> Result<Option<PgRow>, Failure> {
        let watch = self.watch();
        let asked = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut self.connection);
        watch.over(asked).await?.map_err(|error| self.failure(&error))
    }

    /// An error of the server, told as one of the job.
    pub(super) fn failure(&self, error: &sqlx::Error) -> Failure {
        failure(&format!("use {}", self.url), error)
    }

    /// The server's address without a password.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Asks the server to look now and then whether this end is still there while it works on a long statement. Not every
    /// server can.
    async fn notice_a_client_that_is_gone(&mut self) -> Result<(), Failure> {
        self.run(
            "DO $$ BEGIN \
               PERFORM set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'; \
               PERFORM set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'; \
             EXCEPTION WHEN OTHERS THEN NULL; END $$",
        )
        .await?;
        Ok(())
    }
}

/// Looks after a session that waits for long.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    server: Server,
    /// The process that serves the session.
    backend: i32,
}

impl Watch {
    /// What `answer` gives, however long that takes, as long as the server works on it.
    pub(super) async fn over<T>(&self, answer: impl Future<Output = T>) -> Result<T, Failure> {
        let mut answer = std::pin::pin!(answer);
        loop {
            if let Ok(answer) = tokio::time::timeout(SILENCE, answer.as_mut()).await {
                return Ok(answer);
            }
            self.ensure_alive().await?;
        }
    }

    /// Asks by another session.
    async fn ensure_alive(&self) -> Result<(), Failure> {
        let mut session = match Box::pin(self.server.connect()).await {
            Ok(session) => session,
            // Whoever says so is alive.
            Err(failure) if failure.code == "too_many_connections" => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let backend = self.backend.to_string();
        let row = session.row("SELECT FROM pg_stat_activity WHERE pid = $1::int", &[Some(&backend)]).await?;
        row.map(drop).ok_or_else(|| {
            Failure::transient(
                "connection_lost",
                format!("{} no longer knows of the session that was loading or reading", self.server.url()),
                "look into the server's log, then run again",
            )
        })
    }
}

/// What `answer` gives, unless that takes longer than `limit`.
async fn within<T>(limit: Duration, url: &str, answer: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout(limit, answer).await.map_err(|_| unresponsive(url, limit))
}
