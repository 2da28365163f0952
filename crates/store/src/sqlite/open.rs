//! Opening: the folder is owned, the database is whole and ours, and only then is anything written.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use etlplus_bus::Bus;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::error::OpenError;
use super::folder::{DatabaseFile, Folder, beside};
use super::head::Head;
use super::writer::{self, Writer};
use super::{Store, schema};

/// How long SQLite waits for a lock that another program holds. Nobody but an operator's own tools holds one; who waits for
/// an answer should hear of it soon.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that read. Each is a thread and a page cache of 2 MiB; requests beyond them wait their turn.
const READERS: u32 = 4;
/// How long a request waits for one of them.
const READER_WAIT: Duration = Duration::from_secs(5);
/// The write-ahead log is written back once it has so many pages (4 MiB): often enough to keep reading fast, seldom enough
/// that most commits cost one fsync.
const CHECKPOINT_PAGES: &str = "1000";
/// A write-ahead log that grew beyond this (in bytes) is cut back to it when it begins anew.
const WAL_KEPT_BYTES: &str = "16777216";
/// After an unclean end, a database of at most this size is read through: about a second. A larger one is not, since a
/// crash is what the write-ahead log is made for, and a server must be back before anybody misses it.
const QUICK_CHECK_MAX_BYTES: u64 = 256 << 20;
/// What `PRAGMA auto_vacuum` answers of a database that gives free pages back when it is told to.
const INCREMENTAL: i64 = 2;

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The handle for all who record and read.
    pub store: Store,
    /// The facts that it records from now on.
    pub bus: Bus,
    /// The task that writes: to be watched, and closed at the end.
    pub writer: Writer,
}

impl Store {
    /// Opens the store in `folder`, which is made where it is missing, and starts its writer on the current runtime.
    ///
    /// # Errors
    /// The folder cannot be used or has an owner, or the database cannot be used. It is left as it is then.
    pub async fn open(folder: &Path) -> Result<Opened, OpenError> {
        let folder = Folder::own(folder)?;
        let database = folder.database();
        let wal = beside(&database, "-wal");
        let unusable = |source| OpenError::Folder { folder: folder.path().to_owned(), source };
        if !database.try_exists().map_err(unusable)? {
            if length(&wal) > 0 {
                // SQLite would replay the log of the lost database over the new one.
                let reason = format!("it is missing, but its write-ahead log {} is there", wal.display());
                return Err(OpenError::Damaged { database, reason });
            }
            create(&folder).await?;
        }
        let file = DatabaseFile::at(database.clone()).map_err(unusable)?;
        let mut connection = prepare(&database).await?;
        let head = Head::read(&mut connection).await.map_err(|error| OpenError::of(&database, &error))?;
        let readers = readers(&database).await?;
        Ok(writer::start(connection, readers, head, folder, file))
    }
}

fn options(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", WAL_KEPT_BYTES)
        .disable_statement_logging()
}

/// Opens all connections that read. One that was opened later would read whatever file is there then, which need not be the
/// one that the writer writes to.
pub(super) async fn readers(database: &Path) -> Result<SqlitePool, OpenError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options(database).pragma("query_only", "ON"));
    // Each is held until the last is there, or the pool would give the first one again. Its own `min_connections` does not
    // wait for all.
    let mut held = Vec::with_capacity(READERS as usize);
    for _ in 0..READERS {
        held.push(pool.acquire().await.map_err(|error| OpenError::of(database, &error))?);
    }
    drop(held);
    Ok(pool)
}

/// Makes the database under another name and puts it in place when it is whole. So a database is never half made, and
/// one that is empty is one that was cut.
async fn create(folder: &Folder) -> Result<(), OpenError> {
    let (database, new) = (folder.database(), folder.path().join("etlplus.db.new"));
    let unusable = |source| OpenError::Folder { folder: folder.path().to_owned(), source };
    for left_over in [new.clone(), beside(&new, "-journal")] {
        remove(&left_over).map_err(unusable)?;
    }
    // SQLite gives its other files the mode of the database. The folder may be one that others can look into.
    let private = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    drop(private.map_err(unusable)?);
    fill(&new).await.map_err(|error| OpenError::of(&database, &error))?;
    fs::rename(&new, &database).and_then(|()| File::open(folder.path())?.sync_all()).map_err(unusable)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn fill(new: &Path) -> sqlx::Result<()> {
    // Space that retention gives back can only be returned to the disk where this is set before the first table.
    let options = options(new).create_if_missing(true).auto_vacuum(SqliteAutoVacuum::Incremental);
    let mut connection = options.connect().await?;
    schema::migrate(&mut connection, 0).await?;
    sqlx::query("INSERT INTO meta (only_row, epoch, last_offset) VALUES (1, ?1, 0)")
        .bind(Uuid::now_v7().to_string())
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// Looks at the database without writing to it, and gives the version of its tables.
///
/// The connection cannot write: one that can would, when it is the last to close, write the log of an unclean end back to
/// a database that was found to be damaged.
async fn examine(database: &Path) -> Result<i64, OpenError> {
    let wrong = |error: sqlx::Error| OpenError::of(database, &error);
    let damaged = |reason: &str| OpenError::Damaged { database: database.to_owned(), reason: reason.to_owned() };
    let bytes = length(database);
    if bytes == 0 {
        // SQLite would take it for a new database, and delete the log that belongs to it.
        return Err(damaged("the file is empty"));
    }
    let ended_unclean = length(&beside(database, "-wal")) > 0;
    let declared = declared_bytes(database).map_err(|error| damaged(&error.to_string()))?;
    if !ended_unclean && bytes < declared {
        return Err(damaged(&format!("it has {bytes} of {declared} bytes")));
    }
    let mut connection = options(database).read_only(true).connect().await.map_err(wrong)?;
    let check_all = ended_unclean && bytes <= QUICK_CHECK_MAX_BYTES;
    let found = check(&mut connection, check_all).await.map_err(wrong);
    connection.close().await.map_err(wrong)?;
    match found? {
        (_, Some(damage)) => Err(damaged(&damage)),
        (0, None) => Err(damaged("it holds no tables of ETL Plus")),
        (found, None) if found > schema::VERSION => {
            Err(OpenError::Newer { database: database.to_owned(), found, known: schema::VERSION })
        }
        (version, None) => Ok(version),
    }
}

/// The version of the tables, and what is found to be damaged where all of them are looked through.
async fn check(connection: &mut SqliteConnection, check_all: bool) -> sqlx::Result<(i64, Option<String>)> {
    let version = schema::version(connection).await?;
    if !check_all {
        return Ok((version, None));
    }
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await?;
    Ok((version, (found != "ok").then_some(found)))
}

/// The connection that writes, to a database that was found to be whole, ours, and of this version.
pub(super) async fn prepare(database: &Path) -> Result<SqliteConnection, OpenError> {
    let version = examine(database).await?;
    let wrong = |error: sqlx::Error| OpenError::of(database, &error);
    let mut connection = options(database).connect().await.map_err(wrong)?;
    // A database that cannot be written to says so only to who tries; BEGIN IMMEDIATE alone does not.
    let try_to_write = "BEGIN IMMEDIATE; UPDATE meta SET last_offset = last_offset; ROLLBACK";
    sqlx::raw_sql(try_to_write).execute(&mut connection).await.map_err(wrong)?;
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(wrong)?;
    schema::migrate(&mut connection, version).await.map_err(wrong)?;
    let auto_vacuum: i64 = sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut connection).await.map_err(wrong)?;
    if auto_vacuum != INCREMENTAL {
        tracing::warn!(
            database = %database.display(),
            "the database cannot give space back to the disk, and uses again what retention frees: to change that, end the \
             server and run \"PRAGMA auto_vacuum = INCREMENTAL; VACUUM\" on the database"
        );
    }
    Ok(connection)
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// How large a database that was closed in good order is at least, by its header
/// (<https://sqlite.org/fileformat2.html>, section 1.3); 0 where it has none, which SQLite will say. SQLite itself does not
/// miss a part of the last page. While there is a write-ahead log, the file may rightly be shorter.
fn declared_bytes(database: &Path) -> io::Result<u64> {
    let mut header = [0; 100];
    let mut file = File::open(database)?.take(header.len() as u64);
    let read = file.read(&mut header)?;
    if !header[..read].starts_with(b"SQLite format 3\0") {
        return Ok(0);
    }
    // The page size 65,536 does not fit its two bytes and stands there as 1.
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    Ok(page_bytes * u64::from(pages))
}
