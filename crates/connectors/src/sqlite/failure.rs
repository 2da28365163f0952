//! SQLite's errors, told as failures of a job.

use std::path::Path;

use etlplus_core::Failure;

use super::database::BUSY_TIMEOUT;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>), as far as they are told apart.
mod code {
    pub(super) const ERROR: i32 = 1;
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const TOOBIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
    /// Extended: a transaction that was cut short has to be undone first, by somebody who may write.
    pub(super) const READONLY_ROLLBACK: i32 = 776;
}

/// What SQLite said: its extended result code and its words.
fn said(error: &sqlx::Error) -> Option<(i32, &str)> {
    let error = error.as_database_error()?;
    Some((error.code()?.parse().ok()?, error.message()))
}

/// What constraint a statement broke, in SQLite's words.
pub(super) fn broken_constraint(error: &sqlx::Error) -> Option<&str> {
    said(error).filter(|(code, _)| code & 0xff == code::CONSTRAINT).map(|(_, message)| message)
}

/// What is wrong with SQL that the author of the pipeline wrote.
pub(super) fn sql_mistake(error: &sqlx::Error) -> Option<&str> {
    said(error).filter(|(code, _)| *code == code::ERROR).map(|(_, message)| message)
}

/// An error while doing something ("read", "write to") to the database at `path`.
pub(super) fn database_failure(path: &Path, doing: &str, error: &sqlx::Error) -> Failure {
    let Some((extended, message)) = said(error) else {
        return Failure::bug(format!("cannot {doing} {}: {error}", path.display()));
    };
    let what = format!("cannot {doing} {}: {message}", path.display());
    match extended & 0xff {
        code::BUSY | code::LOCKED => Failure::transient(
            "database_locked",
            format!("{what}: another program held its lock for {} seconds", BUSY_TIMEOUT.as_secs()),
            "end the other program's transaction, then run again",
        ),
        code::READONLY if extended == code::READONLY_ROLLBACK => Failure::user(
            "database_not_recovered",
            format!(
                "cannot {doing} {}: a program that wrote to it was killed, and what it left has to be undone",
                path.display()
            ),
            "run the job that wrote to it again, or open it once with a program that may write to it",
        ),
        code::READONLY | code::PERM => Failure::user(
            "permission_denied",
            what,
            "give the user who runs the job write access to the file and its folder",
        ),
        code::CANTOPEN => {
            Failure::user("permission_denied", what, "give the user who runs the job access to the file and its folder")
        }
        code::FULL => {
            Failure::transient("disk_full", what, "free some space there, then run again; the database is as it was")
        }
        code::IOERR => Failure::transient(
            "io_error",
            what,
            "look for a full disk, a limit on file sizes (ulimit -f) or a failing disk, then run again",
        ),
        code::CORRUPT => Failure::data("database_damaged", what, "restore it from a backup"),
        code::NOTADB => {
            Failure::user("not_a_database", format!("{} is no SQLite database", path.display()), "check the path")
        }
        code::NOMEM => Failure::limit("memory_exceeded", what, "give the job more memory"),
        code::TOOBIG => Failure::data("value_too_big", what, "a value of SQLite has at most 1,000,000,000 bytes"),
        code::CONSTRAINT => Failure::data(
            "constraint_violated",
            what,
            "reject such rows by a rule of the schema, or change the constraint",
        ),
        _ => Failure::user("sql_refused", what, "check the names of tables and columns, and the SQL"),
    }
}
