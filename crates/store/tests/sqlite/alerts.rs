//! The bounds of what is kept of alerts, and of what the rules read of them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};

use etlplus_core::ports::{Alerts, Consequences, Pruned, Retention, RetentionLimits, Rules};
use etlplus_store::{ALERTS_MAX, FIRING_MAX, Opened, Store};
use sqlx::{Connection, SqliteConnection};

use crate::open::connect;

const STEP: NonZeroUsize = NonZeroUsize::new(1_000).expect("a thousand is not zero");

/// A store that never recorded anything, closed.
async fn empty(folder: &Path) -> SqliteConnection {
    let opened = Store::open(folder).await.expect("the folder is free");
    opened.writer.close().await.expect("nothing is wrong");
    connect(folder).await
}

/// Writes `count` alerts, as if they had been recorded by and by, of which the rules have seen those up to `cursor`.
async fn write(connection: &mut SqliteConnection, count: u64, rule: &str, status: &str, cursor: u64) {
    let insert = "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
                  INSERT INTO alerts (offset, fingerprint, body) SELECT n, format('%032d', n), json_object( \
                      'rule', ?2, 'labels', json_object('pipeline', 'p' || n), 'status', ?3, \
                      'at', '2026-01-01T00:00:00Z', 'message', 'm', 'remedy', 'r', 'job', NULL) FROM n";
    let insert = sqlx::query(insert).bind(count as i64).bind(rule).bind(status);
    insert.execute(&mut *connection).await.expect("they are alerts");
    let update = "UPDATE meta SET last_offset = ?1, alerts_cursor = ?2";
    let update = sqlx::query(update).bind(count as i64).bind(cursor as i64);
    update.execute(connection).await.expect("they are places in the log");
}

async fn number(connection: &mut SqliteConnection, select: &'static str) -> u64 {
    sqlx::query_scalar(select).fetch_one(connection).await.expect("it is a number")
}

/// Prunes with no limits to the end, and says how many alerts went.
async fn forget(store: &Store) -> u64 {
    let mut alerts = 0;
    loop {
        let removed = store.prune(RetentionLimits::default(), STEP).await.expect("the store works");
        let Pruned { alerts: gone, more, .. } = removed;
        assert!(gone <= STEP.get() as u64, "{removed:?}");
        alerts += gone;
        if !more {
            return alerts;
        }
    }
}

#[tokio::test]
async fn the_first_of_too_many_alerts_go_whatever_their_age() {
    const EXCESS: u64 = 1_500;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut connection = empty(folder.path()).await;
    let count = ALERTS_MAX + EXCESS;
    write(&mut connection, count, "memory", "resolved", count).await;
    // One fires, and another is on its way.
    sqlx::raw_sql(
        "UPDATE alerts SET body = json_set(body, '$.status', 'firing') WHERE offset = 3; \
         INSERT INTO firing_alerts SELECT fingerprint, offset FROM alerts WHERE offset = 3; \
         INSERT INTO deliveries (alert, channel, state, at) VALUES (5, 'log', 'waiting', 0), (6, 'log', 'delivered', 0)",
    )
    .execute(&mut connection)
    .await
    .expect("they fit the tables");
    connection.close().await.expect("it is open");

    let Opened { store, writer, .. } = Store::open(folder.path()).await.expect("the folder is free");
    assert_eq!(forget(&store).await, EXCESS);
    assert_eq!(forget(&store).await, 0);
    writer.close().await.expect("nothing is wrong");
    let mut connection = connect(folder.path()).await;
    assert_eq!(number(&mut connection, "SELECT count(*) FROM alerts").await, ALERTS_MAX);
    assert_eq!(number(&mut connection, "SELECT count(*) FROM alerts WHERE offset IN (3, 5)").await, 2);
    let next = number(&mut connection, "SELECT min(offset) FROM alerts WHERE offset NOT IN (3, 5)").await;
    assert_eq!(next, EXCESS + 3, "the first go, but for the two");
    assert_eq!(number(&mut connection, "SELECT oldest_offset FROM meta").await, EXCESS + 2);
}

#[tokio::test]
async fn the_rules_are_shown_the_last_of_too_many_firing_alerts_and_the_others_are_forgotten() {
    const EXCESS: u64 = 30;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut connection = empty(folder.path()).await;
    let count = FIRING_MAX.get() as u64 + EXCESS;
    write(&mut connection, count, "job_failed", "firing", count - 1).await;
    let insert = "INSERT INTO firing_alerts SELECT fingerprint, offset FROM alerts";
    sqlx::query(insert).execute(&mut connection).await.expect("all of them fire");
    connection.close().await.expect("it is open");

    let Opened { store, writer, .. } = Store::open(folder.path()).await.expect("the folder is free");
    let shown = Arc::new(Mutex::new(Vec::new()));
    let note = shown.clone();
    let rules: Rules = Arc::new(move |_, firing| {
        let offsets = firing.iter().map(|record| record.position.offset.get());
        note.lock().expect("no test panics here").extend(offsets);
        Consequences::default()
    });
    store.advance(rules, NonZeroUsize::MIN).await.expect("the store works");
    let last: Vec<_> = (EXCESS + 1..=count).collect();
    assert_eq!(*shown.lock().expect("no test panics here"), last, "in their order");

    assert_eq!(forget(&store).await, EXCESS);
    let firing = store.firing().await.expect("the store answers");
    assert!(firing.iter().map(|record| record.position.offset.get()).eq(last));
    writer.close().await.expect("nothing is wrong");
}
