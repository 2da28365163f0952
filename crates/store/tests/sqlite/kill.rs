//! A process that is killed while it records.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::ports::{
    Alert, AlertQuery, AlertRule, AlertStatus, Alerts, Change, Consequences, Fact, History, Ledger, LogPosition,
    LogQuery, LogRange, Retention, RetentionLimits, Rules,
};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::Store;
use tokio::task::JoinSet;

use crate::children::{Told, folder, on, submit, tell, this_program};
use crate::open::connect;

const CALLERS: usize = 16;
const ACKNOWLEDGED: usize = 500;

/// Records jobs without an end and tells each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn records_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let opened = Store::open(&folder).await.expect("the folder is free");
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let store = opened.store.clone();
        callers.spawn(async move {
            loop {
                let (job, change) = submit();
                let place = store.record(vec![change]).await.expect("the store works");
                tell("recorded", &format!("{job} {}", place.offset));
            }
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = BTreeMap::new();
    // The second life goes on from what the first left without closing.
    for life in 1..=2 {
        let command = on(this_program(), "kill::records_until_it_is_killed", folder.path());
        let mut told = Told::by(command);
        let mut note = |(word, text): (String, String)| {
            assert_eq!(word, "recorded");
            let (job, offset) = text.split_once(' ').expect("a job and an offset");
            let (job, offset) = (job.parse::<JobId>().expect("an id"), offset.parse::<u64>().expect("an offset"));
            acknowledged.insert(offset, job);
        };
        told.by_ref().take(ACKNOWLEDGED).for_each(&mut note);
        told.child.kill().expect("it runs");
        // What was told until the kill counts too.
        told.by_ref().for_each(&mut note);
        assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9), "it was killed while it recorded");
        assert!(acknowledged.len() >= life * ACKNOWLEDGED);
    }
    let wal = std::fs::metadata(folder.path().join("etlplus.db-wal")).expect("nobody closed the database");
    assert!(wal.len() > 0);

    let opened = Store::open(folder.path()).await.expect("the database is whole");
    let place = LogPosition { offset: Offset::START, ..opened.bus.position() };
    let facts = opened.store.facts_after(place, NonZeroUsize::MAX).await.expect("the log is whole");
    for (index, recorded) in facts.iter().enumerate() {
        assert_eq!(recorded.offset.get(), index as u64 + 1);
    }
    assert_eq!(facts.len() as u64, opened.bus.position().offset.get());
    for (offset, job) in acknowledged {
        assert!(opened.store.job(job).await.expect("the store answers").is_some(), "job {job} is lost");
        let index = usize::try_from(offset - 1).expect("small");
        assert_eq!(facts[index].fact.job().map(|header| header.id), Some(job));
    }
    opened.writer.close().await.expect("nothing is wrong");
    assert!(!folder.path().join("etlplus.db-wal").exists(), "closing leaves nothing in the write-ahead log");
}

/// Each job raises an alert, and each alert goes to one channel.
fn one_alert_a_job() -> Rules {
    Arc::new(|facts, _| {
        let mut consequences = Consequences::default();
        for recorded in facts {
            match &recorded.fact {
                Fact::Job { job, .. } => consequences.alerts.push(Alert {
                    rule: AlertRule::JobFailed,
                    labels: BTreeMap::new(),
                    status: AlertStatus::Firing,
                    at: DateTime::UNIX_EPOCH,
                    message: job.id.to_string(),
                    remedy: String::new(),
                    job: Some(job.id),
                }),
                Fact::Alert(_) => consequences.deliveries.push((recorded.offset, vec!["log".to_owned()])),
                Fact::Log { .. } | Fact::Settings(_) => {}
            }
        }
        consequences
    })
}

/// Records jobs and has the rules read them without an end, and tells how far they came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn raises_alerts_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let opened = Store::open(&folder).await.expect("the folder is free");
    for _ in 0..4 {
        let store = opened.store.clone();
        tokio::spawn(async move {
            loop {
                store.record(vec![submit().1]).await.expect("the store works");
            }
        });
    }
    loop {
        let read = opened.store.advance(one_alert_a_job(), NonZeroUsize::new(3).expect("three is not zero")).await;
        tell("read", &read.expect("the store works").to_string());
    }
}

#[tokio::test]
async fn a_kill_neither_leaves_out_an_alert_nor_raises_one_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for _life in 1..=3 {
        let mut told = Told::by(on(this_program(), "kill::raises_alerts_until_it_is_killed", folder.path()));
        let read = told.by_ref().take(200).map(|(_, text)| text.parse::<u64>().expect("a number")).sum::<u64>();
        assert!(read > 100, "the rules read {read} facts");
        told.child.kill().expect("it runs");
        assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9), "it was killed while it read");
    }
    let opened = Store::open(folder.path()).await.expect("the database is whole");
    let store = &opened.store;
    while store.advance(one_alert_a_job(), NonZeroUsize::MAX).await.expect("the store works") > 0 {}
    let place = LogPosition { offset: Offset::START, ..opened.bus.position() };
    let facts = store.facts_after(place, NonZeroUsize::MAX).await.expect("the log is whole");
    let mut jobs: Vec<_> = facts
        .iter()
        .filter(|recorded| matches!(recorded.fact, Fact::Job { .. }))
        .filter_map(|recorded| recorded.fact.job().map(|job| job.id))
        .collect();
    let query =
        AlertQuery { rule: None, status: None, job: None, only_active: false, before: None, limit: NonZeroUsize::MAX };
    let alerts = store.alerts(query).await.expect("the store answers");
    assert!(alerts.iter().all(|alert| alert.deliveries.len() == 1));
    let mut raised: Vec<_> = alerts.iter().filter_map(|alert| alert.alert.job).collect();
    jobs.sort_unstable();
    raised.sort_unstable();
    assert_eq!(jobs.len() * 2, facts.len());
    assert!(jobs == raised, "{} jobs, {} alerts", jobs.len(), raised.len());
}

/// Lines of one call at most: some make chunks, some do not.
const LINES_MAX: u64 = 3_000;
const SPEAKERS: usize = 3;

/// The line that its number makes.
fn said(number: u64) -> LogLine {
    LogLine::new(number, DateTime::UNIX_EPOCH, LogLevel::Info, format!("line {number} of this job"))
}

/// Records lines of jobs in calls of every size, while others pack what is left, without an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn seals_lines_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let opened = Store::open(&folder).await.expect("the folder is free");
    for _ in 0..SPEAKERS {
        let store = opened.store.clone();
        tokio::spawn(async move {
            let (job, change) = submit();
            store.record(vec![change]).await.expect("the store works");
            let (mut number, mut size) = (0, 1);
            loop {
                let lines: Vec<_> = (number + 1..=number + size).map(said).collect();
                let change =
                    Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes: (number + size) * 10 };
                store.record(vec![change]).await.expect("the store works");
                (number, size) = (number + size, size * 7 % LINES_MAX + 1);
                tell("lines", &format!("{job} {number}"));
            }
        });
    }
    let now_old = RetentionLimits { seal_before: Some(DateTime::<Utc>::MAX_UTC), ..RetentionLimits::default() };
    loop {
        opened.store.prune(now_old, NonZeroUsize::new(500).expect("it is not zero")).await.expect("the store works");
    }
}

#[tokio::test]
async fn a_kill_while_lines_are_sealed_neither_loses_nor_doubles_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = BTreeMap::<JobId, u64>::new();
    for life in 1..=4 {
        let mut told = Told::by(on(this_program(), "kill::seals_lines_until_it_is_killed", folder.path()));
        let mut note = |(_, text): (String, String)| {
            let (job, number) = text.split_once(' ').expect("a job and a number");
            acknowledged.insert(job.parse().expect("an id"), number.parse().expect("a number"));
        };
        // Each life is cut off at another time.
        told.by_ref().take(20 + 11 * life).for_each(&mut note);
        told.child.kill().expect("it runs");
        told.by_ref().for_each(&mut note);
        assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9), "it was killed while it recorded");
    }
    let opened = Store::open(folder.path()).await.expect("the database is whole");
    let mut tables = connect(folder.path()).await;
    let chunks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM log_chunks").fetch_one(&mut tables).await.expect("a number");
    assert!(chunks > 8, "{chunks} chunks were made");
    for (job, number) in acknowledged {
        let range = LogRange::After(Offset::START);
        let query = LogQuery { job, min_level: LogLevel::Debug, range, limit: NonZeroUsize::MAX };
        let lines = opened.store.log(query).await.expect("the store answers");
        assert!(lines.len() as u64 >= number, "{} of {number} lines are left", lines.len());
        assert!(lines.iter().zip(1..).all(|(stored, number)| stored.line == said(number)), "each once, in order");
        let position = opened.store.spool_position(job, AttemptNumber::FIRST).await.expect("the store answers");
        assert_eq!((position.line, position.bytes), (lines.len() as u64, lines.len() as u64 * 10));
    }
}
