//! Connections to a database file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etlplus_core::Failure;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use super::failure::database_failure;
use crate::failure::io_failure;

/// How long SQLite waits for a lock that another program holds: longer than any transaction of an application that minds its
/// users, and short enough that a job says soon what it waits for.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages that a connection keeps in memory, as SQLite counts: in KiB, negative. Loads into tables with indexes go back to the
/// same pages again and again.
const CACHE_SIZE: &str = "-32768";
/// Rows that SQLite's thread reads ahead of ours. With 8, the two wake each other so often that reading takes half as much
/// processor time again; more than these save nothing, and each is held in memory, however large it is.
const ROWS_AHEAD: usize = 256;
/// Steps of SQLite's machine between two looks at whether somebody still waits for the answer: some tens of microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// What is done with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It is read, and cannot be written to.
    Read,
    /// It is written to, and has to be there.
    Write,
    /// It is written to, and made with the folders above it where it is missing.
    Create,
}

/// A connection to one database file. Dropped, it ends what it is at, and what was not committed is undone.
pub(super) struct Database {
    // Before the connection, which waits for its thread to come to an end.
    _interrupt: Interrupt,
    connection: SqliteConnection,
    path: PathBuf,
    access: Access,
}

impl Database {
    /// Opens the file at `path`.
    pub(super) async fn open(path: &Path, access: Access) -> Result<Self, Failure> {
        look(path, access)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(access == Access::Read)
            .create_if_missing(access == Access::Create)
            .busy_timeout(BUSY_TIMEOUT)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", CACHE_SIZE)
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        let failed = |error| database_failure(path, verb(access), &error);
        let mut connection = options.connect().await.map_err(failed)?;
        let is_dropped = Arc::new(AtomicBool::new(false));
        let interrupt = Interrupt(is_dropped.clone());
        let goes_on = move || !is_dropped.load(Ordering::Relaxed);
        connection.lock_handle().await.map_err(failed)?.set_progress_handler(STEPS_BETWEEN_LOOKS, goes_on);
        Ok(Self { _interrupt: interrupt, connection, path: path.to_owned(), access })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For statements that this type has no call for.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// An error of this connection.
    pub(super) fn failed(&self, error: &sqlx::Error) -> Failure {
        database_failure(&self.path, verb(self.access), error)
    }

    /// Runs one statement and gives the number of rows that it changed.
    pub(super) async fn execute(&mut self, sql: impl Into<String>, arguments: SqliteArguments) -> Result<u64, Failure> {
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), arguments).persistent(false);
        match query.execute(&mut self.connection).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The rows of a query whose answer is small.
    pub(super) async fn fetch(
        &mut self,
        sql: impl Into<String>,
        arguments: SqliteArguments,
    ) -> Result<Vec<SqliteRow>, Failure> {
        let query = sqlx::query_with(AssertSqlSafe(sql.into()), arguments).persistent(false);
        query
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| database_failure(&self.path, verb(self.access), &error))
    }

    /// Ends the connection and waits until its locks are gone.
    pub(super) async fn close(self) -> Result<(), Failure> {
        let Self { _interrupt, connection, path, access } = self;
        connection.close().await.map_err(|error| database_failure(&path, verb(access), &error))
    }
}

/// Tells the connection's thread, once dropped, that nobody waits for it any more. It would else finish what it is at first,
/// such as the sort of a large table, with its locks held.
struct Interrupt(Arc<AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at what is there: SQLite says of most that it is "unable to open database file". The file is not opened here: closing
/// it would give back the locks that any connection of this process has on it.
fn look(path: &Path, access: Access) -> Result<(), Failure> {
    let failed = |error| io_failure(verb(access), path, &error);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let name = path.display();
            Err(Failure::user("is_a_directory", format!("{name} is a folder"), "name a database file"))
        }
        Ok(found) if !found.is_file() => Err(Failure::user(
            "not_a_file",
            format!("cannot {} {}: it is no regular file", verb(access), path.display()),
            "name a database file",
        )),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && access == Access::Create => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            folder.map_or(Ok(()), |folder| {
                fs::create_dir_all(folder).map_err(|error| io_failure("make the folder", folder, &error))
            })
        }
        Err(error) => Err(failed(error)),
    }
}

fn verb(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write | Access::Create => "write to",
    }
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Arguments of a statement, in order.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "where there are none")]
        let mut arguments = sqlx::sqlite::SqliteArguments::default();
        $( $crate::sqlite::database::add(&mut arguments, $value); )*
        arguments
    }};
}
pub(super) use arguments;

/// Adds an argument.
pub(super) fn add<'q, T>(arguments: &mut SqliteArguments, value: T)
where
    T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    // Only types that cannot be encoded fail, and numbers, texts and bytes all can.
    let added = sqlx::Arguments::add(arguments, value);
    debug_assert!(added.is_ok(), "an argument could not be encoded");
}
