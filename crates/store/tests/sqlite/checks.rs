//! The tables refuse what cannot be, whoever writes it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::access::{Role, TokenId};
use etlplus_core::ports::{
    Alert, AlertRule, AlertStatus, Alerts, Change, Consequences, Fact, Ledger, Recorded, Schedules, SettingsChange,
    SettingsVersion, TokenHash, TokenRecord, Tokens,
};
use etlplus_core::{LogLevel, LogLine, ids::AttemptNumber};
use etlplus_store::Store;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::children::{now, submit};
use crate::open::connect;

/// A store with a job and a line of it, and a connection that goes round it.
async fn tables() -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let (job, change) = submit();
    let line = LogLine::new(1, now(), LogLevel::Info, "said".to_owned());
    let said = Change::Log { job, attempt: AttemptNumber::FIRST, lines: vec![line], spool_bytes: 9 };
    opened.store.record(vec![change, said]).await.expect("the store works");
    opened.writer.close().await.expect("nothing is wrong");
    let connection = connect(folder.path()).await;
    (folder, connection)
}

/// A store with an alert on its way, a change of settings, and a token, and a connection that goes round it.
async fn server_tables() -> (TempDir, SqliteConnection) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let alert = Alert {
        rule: AlertRule::Disk,
        labels: BTreeMap::new(),
        status: AlertStatus::Firing,
        at: now(),
        message: "the disk is full".to_owned(),
        remedy: "free space".to_owned(),
        job: None,
    };
    let expected = SettingsVersion::from_number(0);
    let change = SettingsChange { version: expected.next(), at: now(), by: "local".to_owned(), keys: vec![] };
    let changes = vec![Change::Alert(alert), Change::Settings { expected, overlay: "{}".to_owned(), change }];
    opened.store.record(changes).await.expect("the store works");
    let rules = Arc::new(|facts: &[Recorded], _: &[_]| {
        let alerts = facts.iter().filter(|recorded| matches!(recorded.fact, Fact::Alert(_)));
        let deliveries = alerts.map(|recorded| (recorded.offset, vec!["log".to_owned()])).collect();
        Consequences { alerts: vec![], deliveries }
    });
    opened.store.advance(rules, NonZeroUsize::MAX).await.expect("the store works");
    opened.store.mark_schedule("orders".to_owned(), now()).await.expect("the store works");
    let token = TokenRecord {
        id: TokenId::from_uuid(Uuid::from_u128(1)),
        name: "ci".to_owned(),
        role: Role::Viewer,
        hash: TokenHash([1; 32]),
        created_at: now(),
        expires_at: None,
        revoked_at: None,
    };
    opened.store.create_token(token).await.expect("the store works");
    opened.writer.close().await.expect("nothing is wrong");
    let connection = connect(folder.path()).await;
    (folder, connection)
}

/// Whether the tables take a job's state.
async fn takes(connection: &mut SqliteConnection, state: &str) -> bool {
    let updated = sqlx::query("UPDATE jobs SET state = ?1").bind(state).execute(connection).await;
    match updated {
        Ok(updated) => {
            assert_eq!(updated.rows_affected(), 1);
            true
        }
        Err(error) => {
            assert!(error.as_database_error().is_some_and(|error| error.message().contains("constraint")), "{error}");
            false
        }
    }
}

const FAILURE: &str = r#""failure":{"kind":"bug","code":"a","message":"b","remedy":"c"}"#;
const RUN: &str = r#""run":{"startedAt":"2026-01-01T00:00:00Z","progress":null}"#;
const SINCE: &str = r#""since":"2026-01-01T00:00:00Z""#;
const STARTED: &str = r#""startedAt":"2026-01-01T00:00:00Z""#;
const FINISHED: &str = r#""finishedAt":"2026-01-01T00:00:00Z""#;

#[tokio::test]
async fn a_state_that_cannot_be_is_no_row() {
    let (_folder, mut tables) = tables().await;
    // Each list: what belongs to a state. All of it is a row; with any one part missing there is none.
    let wait = |wait: &str| format!(r#""wait":{wait}"#);
    let retry_at = r#""retryAt":"2026-01-01T00:00:00Z""#;
    let states: Vec<(u32, Vec<String>)> = vec![
        (1, vec![r#""status":"PENDING""#.into(), SINCE.into(), wait(r#"{"for":"slot"}"#)]),
        (
            2,
            vec![
                r#""status":"PENDING""#.into(),
                SINCE.into(),
                wait(&format!(r#"{{"for":"retry",{retry_at},{FAILURE},{RUN}}}"#)),
            ],
        ),
        (1, vec![r#""status":"RUNNING""#.into(), SINCE.into(), STARTED.into()]),
        (
            1,
            vec![r#""status":"PAUSED""#.into(), SINCE.into(), STARTED.into(), r#""runner":{"state":"waiting"}"#.into()],
        ),
        (1, vec![r#""status":"COMPLETED""#.into(), STARTED.into(), FINISHED.into(), r#""progress":{}"#.into()]),
        (1, vec![r#""status":"FAILED""#.into(), FINISHED.into(), FAILURE.into(), RUN.into()]),
        (1, vec![r#""status":"CANCELLED""#.into(), FINISHED.into()]),
    ];
    for (attempt, mut parts) in states {
        parts.push(format!(r#""attempt":{attempt}"#));
        let whole = format!("{{{}}}", parts.join(","));
        assert!(takes(&mut tables, &whole).await, "{whole}");
        for missing in 0..parts.len() {
            let rest: Vec<_> = parts
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != missing)
                .map(|(_, part)| part.as_str())
                .collect();
            let state = format!("{{{}}}", rest.join(","));
            assert!(!takes(&mut tables, &state).await, "{state}");
        }
    }
    tables.close().await.expect("nothing is wrong");
}

#[tokio::test]
async fn a_part_that_cannot_be_is_no_row() {
    let (_folder, mut tables) = tables().await;
    let pending =
        |attempt: &str, wait: &str| format!(r#"{{"status":"PENDING","attempt":{attempt},{SINCE},"wait":{wait}}}"#);
    let running = |stop: &str| format!(r#"{{"status":"RUNNING","attempt":1,{SINCE},{STARTED},"stop":{stop}}}"#);
    let paused = |runner: &str| format!(r#"{{"status":"PAUSED","attempt":1,{SINCE},{STARTED},"runner":{runner}}}"#);
    let retry = format!(r#"{{"for":"retry","retryAt":"2026-01-01T00:00:00Z",{FAILURE},{RUN}}}"#);
    let abort = format!(r#"{{"why":"abort",{FAILURE}}}"#);
    let gone = format!(r#"{{"state":"gone",{FAILURE},"progress":null}}"#);
    let delay = r#"{"for":"delay","notBefore":"2026-01-01T00:00:00Z"}"#;
    for state in [
        pending("1", delay),
        pending("2", &retry),
        running("null"),
        running(r#"{"why":"cancel"}"#),
        running(&abort),
        paused(&gone),
        paused(r#"{"state":"stopping"}"#),
    ] {
        assert!(takes(&mut tables, &state).await, "{state}");
    }
    for state in [
        pending("0", delay),
        pending("1", &retry),
        pending("1", r#"{"for":"delay"}"#),
        pending("1", r#"{"for":"luck"}"#),
        pending("2", &format!(r#"{{"for":"retry",{FAILURE},{RUN}}}"#)),
        pending("2", r#"{"for":"retry","retryAt":"2026-01-01T00:00:00Z"}"#),
        running(r#"{"why":"abort"}"#),
        running(r#"{"why":"whim"}"#),
        paused(r#"{"state":"gone"}"#),
        paused(r#"{"state":"asleep"}"#),
        format!(r#"{{"status":"RUNNING","attempt":1,{SINCE},{STARTED},{FINISHED}}}"#),
        format!(r#"{{"status":"ASLEEP","attempt":1,{SINCE}}}"#),
        "[]".to_owned(),
    ] {
        assert!(!takes(&mut tables, &state).await, "{state}");
    }
    tables.close().await.expect("nothing is wrong");
}

#[tokio::test]
async fn rows_of_the_other_tables_have_their_limits() {
    let (_folder, mut tables) = tables().await;
    let refused = [
        "UPDATE log_lines SET level = 4",
        "UPDATE log_lines SET level = -1",
        "UPDATE log_lines SET attempt = 0",
        "UPDATE log_lines SET line = 0",
        "UPDATE log_lines SET message = NULL",
        "UPDATE log_lines SET at = 'today'",
        "UPDATE log_lines SET offset = 0",
        "UPDATE log_lines SET job = 77",
        "UPDATE log_lines SET fields = '[]'",
        "INSERT INTO log_chunks VALUES (0, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, x'', x'', x'')",
        "INSERT INTO log_chunks VALUES (3, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, x'', x'', x'')",
        "INSERT INTO log_chunks VALUES (1, 2, 77, 1, 2, 1, 2, 1, 1, 1, 1, x'', x'', x'')",
        "INSERT INTO log_chunks VALUES (1, 2, 1, 1, 0, 1, 2, 1, 1, 1, 1, x'', x'', x'')",
        "INSERT INTO log_chunks VALUES (1, 2, 1, 1, 2, 1, 2, 2, 1, 1, 1, x'', x'', x'')",
        "INSERT INTO log_chunks VALUES (1, 2, 1, 1, 2, 1, 2, 1, 1, 0, 1, x'', x'', x'')",
        "UPDATE attempts SET open_lines = -1",
        "UPDATE facts SET offset = 0",
        "UPDATE facts SET body = '{}'",
        "UPDATE facts SET body = json_set(body, '$.state.status', 'ASLEEP')",
        "UPDATE facts SET body = json_set(body, '$.cause', 'start')",
        "UPDATE facts SET body = json_set(body, '$.from', 'PENDING')",
        "UPDATE attempts SET spool_bytes = -1",
        "UPDATE attempts SET attempt = 0",
        "UPDATE jobs SET id = 'short'",
        "UPDATE jobs SET job_type = 'ELT'",
        "UPDATE jobs SET tags = '{}'",
        "UPDATE jobs SET report = '[]'",
        "UPDATE jobs SET definition = '7'",
        "UPDATE meta SET last_offset = -1",
        "INSERT INTO meta (only_row, epoch, last_offset) SELECT 2, epoch, 0 FROM meta",
        "INSERT INTO samples VALUES (1, 0, 1, 1, '{}', NULL, NULL)",
        "INSERT INTO samples VALUES (1, 1, 1, 1, '[]', NULL, NULL)",
        "INSERT INTO pipelines VALUES ('a', 0, '', '', 1)",
        "UPDATE jobs SET policy = '[]'",
        "UPDATE jobs SET idempotency_key = 'k'",
        "UPDATE jobs SET idempotency_digest = 'x'",
        "DELETE FROM jobs",
    ];
    for statement in refused {
        assert_refused(&mut tables, statement).await;
    }
    let allowed = [
        "UPDATE log_lines SET level = 3, line = 2, message = ''",
        "UPDATE facts SET body = json_set(body, '$.state.status', 'RUNNING')",
        "INSERT INTO samples VALUES (1, 1, 1, 1, '{}', NULL, NULL)",
        "UPDATE log_lines SET fields = '{}'",
        "INSERT INTO log_chunks VALUES (1, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, x'', x'', x'')",
    ];
    for statement in allowed {
        sqlx::query(statement).execute(&mut tables).await.expect(statement);
    }
    tables.close().await.expect("nothing is wrong");
}

async fn assert_refused(tables: &mut SqliteConnection, statement: &'static str) {
    let error = sqlx::query(statement).execute(tables).await.expect_err(statement);
    let message = error.as_database_error().expect(statement).message().to_owned();
    assert!(message.contains("constraint") || message.contains("cannot store"), "{statement}: {message}");
}

#[tokio::test]
async fn rows_of_the_servers_tables_have_their_limits() {
    let (_folder, mut tables) = server_tables().await;
    let refused = [
        "UPDATE meta SET alerts_cursor = last_offset + 1",
        "UPDATE meta SET oldest_offset = alerts_cursor + 1",
        "UPDATE meta SET oldest_offset = -1",
        "UPDATE meta SET ended_jobs = -1",
        "UPDATE meta SET lines = -1",
        "UPDATE meta SET log_bytes = -1",
        "UPDATE meta SET samples = -1",
        "UPDATE alerts SET offset = 0",
        "UPDATE alerts SET fingerprint = 'short'",
        "UPDATE alerts SET body = json_set(body, '$.status', 'smoking')",
        "UPDATE alerts SET body = json_remove(body, '$.rule')",
        "UPDATE alerts SET body = json_remove(body, '$.at')",
        "UPDATE alerts SET body = json_remove(body, '$.message')",
        "UPDATE alerts SET body = json_remove(body, '$.remedy')",
        "UPDATE alerts SET body = json_set(body, '$.job', 'short')",
        "DELETE FROM alerts",
        "UPDATE firing_alerts SET alert = 77",
        "UPDATE deliveries SET alert = 77",
        "UPDATE deliveries SET state = 'lost'",
        "UPDATE deliveries SET state = 'failed'",
        "UPDATE deliveries SET reason = 'gone'",
        "UPDATE deliveries SET tries = '{}'",
        "UPDATE deliveries SET tries = '[{}]'",
        "UPDATE deliveries SET tries_made = -1",
        "UPDATE settings SET version = 0",
        "UPDATE settings SET overlay = '[]'",
        "UPDATE settings SET overlay = '{'",
        "INSERT INTO settings VALUES (2, 1, '{}')",
        "UPDATE settings_changes SET offset = 0",
        "UPDATE settings_changes SET body = json_set(body, '$.version', 0)",
        "UPDATE settings_changes SET body = json_remove(body, '$.version')",
        "UPDATE settings_changes SET body = json_remove(body, '$.by')",
        "UPDATE settings_changes SET body = json_remove(body, '$.keys')",
        "INSERT INTO settings_changes (offset, body) SELECT 9, body FROM settings_changes",
        "UPDATE schedule_marks SET at = 'today'",
        "UPDATE tokens SET id = 'short'",
        "UPDATE tokens SET role = 'owner'",
        "UPDATE tokens SET hash = x'00'",
        "INSERT INTO tokens SELECT replace(id, '0', '1'), name, role, randomblob(32), 1, NULL, NULL FROM tokens",
        "INSERT INTO tokens SELECT replace(id, '0', '1'), 'other', role, hash, 1, NULL, NULL FROM tokens",
    ];
    for statement in refused {
        assert_refused(&mut tables, statement).await;
    }
    let allowed = [
        "UPDATE meta SET oldest_offset = alerts_cursor",
        "UPDATE deliveries SET state = 'failed', reason = 'gone', tries = '[{}]', tries_made = 2",
        "UPDATE alerts SET body = json_set(body, '$.status', 'resolved')",
        "UPDATE tokens SET revoked_at = 5",
        "INSERT INTO tokens SELECT replace(id, '0', '1'), name, role, randomblob(32), 1, NULL, NULL FROM tokens",
    ];
    for statement in allowed {
        sqlx::query(statement).execute(&mut tables).await.expect(statement);
    }
    tables.close().await.expect("nothing is wrong");
}
