//! What can be wrong with the store: when it is opened, for a while, and for good.

use std::io;
use std::path::PathBuf;

use etlplus_core::ports::StoreUnavailable;

/// Why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made, entered or written to.
    #[error("the data folder {} cannot be used: {source}: name a folder that this user can write to", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A server runs on the folder already.
    #[error(
        "the data folder {} is in use by {}: end that server, or name another folder",
        folder.display(),
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The server's process, where it says so.
        pid: Option<u32>,
    },
    /// The database is cut short, was overwritten, or is none of ours.
    #[error(
        "the database {} is damaged: {reason}: put a backup in its place, or move the folder's files away to begin anew",
        database.display()
    )]
    Damaged {
        /// The file.
        database: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database can be read, but not written to.
    #[error(
        "the database {} cannot be written to: make the file and its file system writable for this user",
        database.display()
    )]
    ReadOnly {
        /// The file.
        database: PathBuf,
    },
    /// A later release wrote the database.
    #[error(
        "the database {} has version {found} and this release knows {known} at most: use the release that wrote it, or a \
         later one",
        database.display()
    )]
    Newer {
        /// The file.
        database: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The highest version that this release knows.
        known: i64,
    },
    /// Anything else that SQLite says, such as that another program holds the database.
    #[error("the database {} cannot be opened: {reason}: {remedy}", database.display())]
    Unusable {
        /// The file.
        database: PathBuf,
        /// What is wrong.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
}

impl OpenError {
    /// What an error of SQLite means for an opening.
    pub(super) fn of(database: &std::path::Path, error: &sqlx::Error) -> Self {
        let database = database.to_owned();
        match primary_code(error) {
            Some(code::READONLY) => Self::ReadOnly { database },
            Some(code::CORRUPT | code::NOTADB) => Self::Damaged { database, reason: error_text(error) },
            _ => {
                let StoreUnavailable { message: reason, remedy } = unavailable(error);
                Self::Unusable { database, reason, remedy }
            }
        }
    }
}

/// The store cannot go on: end the process. What was acknowledged is on disk; what was not is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot go on: {message}: {remedy}")]
pub struct FatalError {
    /// What happened, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

impl From<StoreUnavailable> for FatalError {
    fn from(StoreUnavailable { message, remedy }: StoreUnavailable) -> Self {
        Self { message, remedy }
    }
}

/// How far an error reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The one request that met it: a value that the tables refuse.
    Request,
    /// The batch: the next one may succeed.
    Batch,
    /// The store. After a write or an fsync that failed, nobody knows what is on disk, and trying again could acknowledge
    /// what is not.
    Store,
}

/// Why a batch was not recorded.
pub(super) struct NotRecorded {
    pub(super) reason: StoreUnavailable,
    pub(super) reach: Reach,
}

impl From<sqlx::Error> for NotRecorded {
    fn from(error: sqlx::Error) -> Self {
        Self { reason: unavailable(&error), reach: reach(&error) }
    }
}

/// SQLite's primary result codes that are told apart here (<https://sqlite.org/rescode.html>).
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const TOOBIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const MISMATCH: i32 = 20;
    pub(super) const NOTADB: i32 = 26;
    /// An extended code: memory ran out in the middle of reading or writing, which says nothing about the disk.
    pub(super) const IOERR_NOMEM: i32 = 3082;
}

fn extended_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    match extended_code(error)? {
        code::IOERR_NOMEM => Some(code::NOMEM),
        extended => Some(extended & 0xff),
    }
}

/// How far `error`, met while writing, reaches.
pub(super) fn reach(error: &sqlx::Error) -> Reach {
    match (error, primary_code(error)) {
        (_, Some(code::CONSTRAINT | code::TOOBIG | code::MISMATCH)) => Reach::Request,
        // A value that cannot be written, or a row that cannot be understood.
        (sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }, _) => Reach::Request,
        (_, Some(code::IOERR | code::CORRUPT | code::NOTADB | code::READONLY)) => Reach::Store,
        // SQLite's own thread is gone, and the connection with it.
        (sqlx::Error::WorkerCrashed, _) => Reach::Store,
        _ => Reach::Batch,
    }
}

/// What `error` means for who asked.
pub(super) fn unavailable(error: &sqlx::Error) -> StoreUnavailable {
    let remedy = match (error, primary_code(error)) {
        (_, Some(code::FULL)) => "free space on the disk of the data folder",
        (_, Some(code::BUSY)) => "end the other program that holds the database",
        (_, Some(code::NOMEM)) => "give the server more memory",
        (_, Some(code::READONLY)) => {
            "make the database and its file system writable again, then start the server again"
        }
        (_, Some(code::IOERR)) => "look at the disk of the data folder, then start the server again",
        (_, Some(code::CORRUPT | code::NOTADB)) => "end the server and put a backup in the database's place",
        (_, Some(code::CANTOPEN)) => "look at the permissions of the data folder and at the limit of open files",
        (sqlx::Error::PoolTimedOut, _) => "ask again when less is being read",
        (sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed, _) => "start the server again",
        _ => "please report it with the version",
    };
    StoreUnavailable { message: error_text(error), remedy: remedy.to_owned() }
}

/// What SQLite says.
pub(super) fn error_text(error: &sqlx::Error) -> String {
    match (error, error.as_database_error(), extended_code(error)) {
        (_, Some(database), Some(code)) => format!("SQLite says \"{}\" (code {code})", database.message()),
        (sqlx::Error::Encode(reason), ..) => reason.to_string(),
        _ => error.to_string(),
    }
}

/// The answer where there is no writer any more.
pub(super) fn writer_ended() -> StoreUnavailable {
    StoreUnavailable {
        message: "the store is closed".to_owned(),
        remedy: "start the server again; its log says why it ended".to_owned(),
    }
}
