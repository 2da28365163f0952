//! Errors of the server and of the connection to it, told as failures of a job.

use std::time::Duration;

use etlplus_core::Failure;
use sqlx::postgres::PgDatabaseError;

use crate::failure::first_line;

/// The most characters of the server's own words about a row: it may repeat the whole row.
const DETAIL_MAX_CHARS: usize = 500;

/// `error`, met while trying to `action`.
pub(super) fn failure(action: &str, error: &sqlx::Error) -> Failure {
    if let Some(error) = server_error(error) {
        return told_by_server(action, error);
    }
    let message = format!("cannot {action}: {}", first_line(&error.to_string()));
    match error {
        sqlx::Error::Io(error) => lost(action, error),
        sqlx::Error::Configuration(_) => {
            Failure::user("bad_url", message, "write postgres://USER@HOST:PORT/DATABASE?sslmode=prefer")
        }
        sqlx::Error::Tls(_) => Failure::user(
            "tls_failed",
            message,
            "check the server's certificate and sslmode in the url: disable, prefer, require, verify-ca or verify-full",
        ),
        sqlx::Error::Protocol(_) => Failure::transient(
            "database_error",
            message,
            "check that the url leads to a PostgreSQL server, then run again",
        ),
        _ => Failure::bug(message),
    }
}

/// What the server itself said, if it was the server.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()
}

/// Whether the server said the error of this code.
pub(super) fn is_code(error: &sqlx::Error, code: &str) -> bool {
    server_error(error).is_some_and(|error| error.code() == code)
}

/// A server that does not answer.
pub(super) fn unresponsive(url: &str, limit: Duration) -> Failure {
    Failure::transient(
        "database_unreachable",
        format!("{url} gave no answer for {} seconds", limit.as_secs()),
        "check that the server runs and is reachable from here, then run again",
    )
}

fn lost(action: &str, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind as Kind;
    let told = matches!(
        error.kind(),
        Kind::ConnectionRefused | Kind::NotFound | Kind::HostUnreachable | Kind::NetworkUnreachable
    ) || error.raw_os_error().is_none() && error.to_string().contains("lookup");
    if told {
        return Failure::transient(
            "database_unreachable",
            format!("cannot {action}: {error}"),
            "check host and port in the url and that the server runs, then run again",
        );
    }
    Failure::transient(
        "connection_lost",
        format!("cannot {action}: the connection was lost ({error})"),
        "check that the server runs, and its log; then run again",
    )
}

fn told_by_server(action: &str, error: &PgDatabaseError) -> Failure {
    let message = format!("cannot {action}: {}", words(error));
    let user = |code: &str, remedy: &str| Failure::user(code, &message, remedy);
    let transient = |code: &str, remedy: &str| Failure::transient(code, &message, remedy);
    let code = error.code();
    match code {
        "28P01" | "28000" => {
            user("login_refused", "check user and password; the password is no part of the url, but of `password`")
        }
        "3D000" => user("no_such_database", "check the name after the last / of the url, or create the database"),
        "53300" => transient("too_many_connections", "raise max_connections of the server, or run again later"),
        "53100" => transient("disk_full", "free some space on the server, then run again; the target is as it was"),
        "57P03" => transient("database_unavailable", "wait until the server has started, then run again"),
        "57P01" | "57P02" | "57P05" => {
            transient("connection_lost", "the server or its administrator ended the session: run again")
        }
        "55P03" => {
            transient("table_locked", "wait until whoever holds the lock is done (pg_locks shows who), then run again")
        }
        "57014" => transient(
            "statement_cancelled",
            "somebody or a time limit of the server cancelled the statement: run again",
        ),
        "42501" => user("permission_denied", "grant the user of the url what is missing"),
        "25006" => user("database_read_only", "name a server that takes changes, or a query that makes none"),
        "3F000" => user("schema_missing", "create the schema, or name another one"),
        "42P01" => user("table_missing", "check the name; case counts"),
        _ => match code.get(..2).unwrap_or_default() {
            "08" => transient("connection_lost", "run again"),
            "22" => {
                Failure::data("value_refused", &message, "reject such rows by a rule, or give the column another type")
            }
            "23" => constraint(action, error),
            "40" => transient("transaction_conflict", "run again: another transaction came in between"),
            "42" | "0A" | "55" => user("sql_refused", "check table and query against the database"),
            "53" | "57" | "58" => transient("database_unavailable", "look into the server's log, then run again"),
            _ => transient("database_error", "look into the server's log, then run again"),
        },
    }
}

fn constraint(action: &str, error: &PgDatabaseError) -> Failure {
    let name = match (error.constraint(), error.column()) {
        (Some(name), _) => format!("the constraint {name:?}"),
        (None, Some(column)) => format!("the column {column:?}, which takes no null"),
        (None, None) => "a constraint".to_owned(),
    };
    Failure::data(
        "constraint_violated",
        format!("cannot {action}: rows break {name}: {}", words(error)),
        "reject such rows by a rule of the schema, or change the constraint; the target is as it was",
    )
}

/// What the server said, with its detail, which names values.
fn words(error: &PgDatabaseError) -> String {
    let message = first_line(error.message());
    match error.detail() {
        Some(detail) => {
            let detail = first_line(detail);
            match detail.char_indices().nth(DETAIL_MAX_CHARS) {
                Some((end, _)) => format!("{message} ({}…)", &detail[..end]),
                None => format!("{message} ({})", detail.trim_end_matches('.')),
            }
        }
        None => message,
    }
}
