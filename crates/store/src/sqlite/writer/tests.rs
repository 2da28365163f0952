//! A database that is full, which only the writer's own connection can be made to believe.

use std::path::Path;

use chrono::Utc;
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobDefinition, JobHeader, JobPolicy, JobType};
use etlplus_core::ports::{
    Alert, AlertRule, AlertStatus, Alerts, Change, Consequences, History, Ledger, LedgerError, LogPosition, NewJob,
    Rules,
};
use etlplus_core::{LogLevel, LogLine};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

use super::super::{
    folder::{DatabaseFile, Folder},
    open,
    requests::Asked,
};
use super::*;

/// A store whose database cannot grow, with a table in it that takes up space.
async fn full_store(path: &Path) -> Opened {
    Store::open(path).await.unwrap().writer.close().await.unwrap();
    let folder = Folder::own(path).unwrap();
    let file = DatabaseFile::at(folder.database()).unwrap();
    let mut connection = open::prepare(&folder.database()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE ballast AS SELECT zeroblob(1000000) AS filler").execute(&mut connection).await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&mut connection).await.unwrap();
    let head = Head::read(&mut connection).await.unwrap();
    let readers = open::readers(&folder.database()).await.unwrap();
    start(connection, readers, head, folder, file)
}

fn submit() -> (JobId, Change) {
    let (id, now) = (JobId::from_uuid(Uuid::now_v7()), Utc::now());
    let header =
        JobHeader { id, pipeline: "orders".to_owned(), job_type: JobType::Load, tags: vec![], submitted_at: now };
    let definition = JobDefinition {
        pipeline: String::new(),
        folder: "/srv".into(),
        parameters: Default::default(),
        as_of: now,
        log_level: LogLevel::Info,
    };
    let new = NewJob {
        header,
        definition,
        policy: JobPolicy::default(),
        not_before: None,
        idempotency: None,
        scheduled_for: None,
    };
    (id, Change::Submit(Box::new(new)))
}

fn lines(job: JobId, spool_bytes: u64) -> Change {
    let line = |line| LogLine::new(line, Utc::now(), LogLevel::Info, "x".repeat(1000));
    Change::Log { job, attempt: AttemptNumber::FIRST, lines: (1..=20).map(line).collect(), spool_bytes }
}

#[tokio::test]
async fn a_full_database_tells_nothing_and_recording_goes_on_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { store, bus, mut writer } = full_store(folder.path()).await;
    let (job, change) = submit();
    let mut place = store.record(vec![change]).await.unwrap();
    let mut taken = 0;
    let refused = loop {
        match store.record(vec![lines(job, taken + 1)]).await {
            Ok(next) => (place, taken) = (next, taken + 1),
            Err(refused) => break refused,
        }
    };
    let LedgerError::Unavailable(reason) = &refused else { panic!("{refused}") };
    assert!(reason.message.contains("database or disk is full"), "{reason}");
    assert_eq!(reason.remedy, "free space on the disk of the data folder");
    assert_eq!(bus.position(), place, "nothing was told");
    assert_eq!(store.spool_position(job, AttemptNumber::FIRST).await.unwrap().bytes, taken);
    select! {
        biased;
        failed = writer.failed() => panic!("{failed}"),
        () = async {} => {}
    }

    let mut other = open::prepare(&folder.path().join("etlplus.db")).await.unwrap();
    sqlx::raw_sql("DROP TABLE ballast").execute(&mut other).await.unwrap();
    let next = store.record(vec![lines(job, taken + 1)]).await.unwrap();
    assert_eq!(next.offset.get(), place.offset.get() + 20);
    assert_eq!(bus.position(), next);
    let begin = LogPosition { offset: Offset::START, ..next };
    let facts = store.facts_after(begin, NonZeroUsize::MAX).await.unwrap();
    assert!(facts.iter().zip(1..).all(|(recorded, number)| recorded.offset.get() == number));
    assert_eq!(facts.len() as u64, next.offset.get());
    writer.close().await.unwrap();
}

#[tokio::test]
async fn rules_whose_alerts_do_not_fit_are_run_again_and_raise_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { store, bus, writer } = full_store(folder.path()).await;
    store.record((0..3).map(|_| submit().1).collect()).await.unwrap();
    let place = bus.position();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let rules: Rules = Arc::new(move |facts, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        let jobs = facts.iter().filter_map(|recorded| recorded.fact.job());
        let alerts = jobs.map(|job| Alert {
            rule: AlertRule::JobFailed,
            labels: [("job".to_owned(), job.id.to_string())].into(),
            status: AlertStatus::Firing,
            at: job.submitted_at,
            message: "x".repeat(2_000_000),
            remedy: String::new(),
            job: Some(job.id),
        });
        Consequences { alerts: alerts.collect(), deliveries: vec![] }
    });
    let refused = store.advance(rules.clone(), NonZeroUsize::MAX).await.unwrap_err();
    assert!(refused.message.contains("database or disk is full"), "{refused}");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(store.firing().await.unwrap(), []);
    assert_eq!(bus.position(), place, "nothing was told");

    let mut other = open::prepare(&folder.path().join("etlplus.db")).await.unwrap();
    sqlx::raw_sql("DROP TABLE ballast").execute(&mut other).await.unwrap();
    let small: Rules = Arc::new(move |facts, firing| {
        let mut consequences = rules(facts, firing);
        consequences.alerts.iter_mut().for_each(|alert| alert.message.truncate(9));
        consequences
    });
    assert_eq!(store.advance(small.clone(), NonZeroUsize::MAX).await, Ok(3));
    assert_eq!(store.advance(small, NonZeroUsize::MAX).await, Ok(3), "the alerts are facts, too");
    assert_eq!(store.firing().await.unwrap().len(), 3);
    assert_eq!(bus.position().offset.get(), place.offset.get() + 3);
    writer.close().await.unwrap();
}

#[test]
fn a_batch_is_bounded_by_its_rows_and_never_empty() {
    let request = |count| {
        let line = |line| LogLine::new(line, Utc::now(), LogLevel::Info, String::new());
        let (job, attempt) = (JobId::from_uuid(Uuid::now_v7()), AttemptNumber::FIRST);
        let lines = (1..=count).map(line).collect();
        Request::Record(Asked::new(vec![Change::Log { job, attempt, lines, spool_bytes: 1 }], oneshot::channel().0))
    };
    let max = BATCH_ROWS_MAX as u64;
    for (counts, expected) in [
        (vec![1, 1, 1], 3),
        (vec![max - 1, 1, 1], 2),
        (vec![max * 5, 1], 1),
        (vec![1, max * 5], 1),
        // A call without lines is a row all the same.
        (vec![0; BATCH_ROWS_MAX + 5], BATCH_ROWS_MAX),
    ] {
        let requests: Vec<_> = counts.iter().map(|count| request(*count)).collect();
        assert_eq!(batch_length(&requests), expected);
    }
}
