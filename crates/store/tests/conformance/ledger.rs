//! Recording.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use etlplus_core::LogLevel;
use etlplus_core::ids::Offset;
use etlplus_core::job::{AttemptRun, Cause, JobFact, JobInput, JobState, JobStatus, Wait};
use etlplus_core::ports::{
    AttemptReport, Change, History, Ledger, LedgerError, LogPosition, LogQuery, LogRange, Sample, TargetReport,
};
use tokio::task::JoinSet;

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) async fn changes_of_one_call_are_recorded_all_or_none<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (mut changes, running) = life(0, [start()]);
    changes.push(log(0, 3));
    let (ends, _) = moved(0, &running, completed());
    changes.extend([ends.clone(), ends]);
    let refused = store.record(changes).await.expect_err("the job ends twice");
    let (expected, found) = (Some(JobStatus::Running), Some(JobStatus::Completed));
    assert_eq!(refused, LedgerError::Conflict { job: job_id(0), expected, found });
    assert_eq!(store.job(job_id(0)).await, Ok(None));
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(0, 0)));
    assert_eq!(all_facts(&store, 9).await, []);

    let place = store.record(vec![submit(0), submit(1)]).await.expect("both are new");
    assert_eq!(place.offset, Offset::from_number(2));
    assert_no_holes(&all_facts(&store, 9).await);
    let refused = store.record(vec![log(0, 1), log(2, 1)]).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { found: None, .. })), "{refused:?}");
    assert_eq!(all_facts(&store, 9).await.len(), 2);
}

pub(crate) async fn a_job_is_submitted_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    store.record(vec![submit(0)]).await.expect("the job is new");
    let refused = store.record(vec![submit(0)]).await.expect_err("the job is there");
    let text = format!("job {} should be absent, but is PENDING: read it and decide anew", job_id(0));
    assert_eq!(refused.to_string(), text);
    assert_eq!(all_facts(&store, 9).await.len(), 1);
}

pub(crate) async fn a_writer_that_was_superseded_changes_nothing<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (changes, running) = life(0, [start()]);
    store.record(changes).await.expect("each follows the one before");
    let (retries, waiting) = moved(0, &running, failed(transient(), Some(at(9))));
    let (starts, again) = moved(0, &waiting, JobInput::Start { attempt: FIRST.next() });
    store.record(vec![retries, starts]).await.expect("each follows the one before");
    // The job is RUNNING, as the late writer believes, but with a later attempt.
    let (late, _) = moved(0, &running, completed());
    let refused = store.record(vec![late]).await.expect_err("the attempt was superseded");
    assert!(matches!(refused, LedgerError::Conflict { .. }), "{refused}");
    assert_eq!(store.job(job_id(0)).await.expect("the store answers").expect("the job is there").state, again);
}

pub(crate) async fn what_speaks_of_no_job_is_refused<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (start, _) = moved(0, &pending(), start());
    let sample =
        Sample { job: job_id(0), attempt: FIRST, at: at(1), progress: progress(1), rows_per_second: None, cores: None };
    for change in [start, log(0, 1), Change::Sample(sample)] {
        let refused = store.record(vec![change.clone()]).await;
        let is_absent = matches!(&refused, Err(LedgerError::Conflict { job, found: None, .. }) if *job == job_id(0));
        assert!(is_absent, "{change:?}: {refused:?}");
    }
    assert_eq!(all_facts(&store, 9).await, []);
}

pub(crate) async fn an_empty_call_records_nothing<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let place = store.record(vec![]).await.expect("the store works");
    assert_eq!(place, LogPosition { offset: Offset::START, ..fixture.bus().position() });
    let place = store.record(vec![submit(0)]).await.expect("the job is new");
    assert_eq!(store.record(vec![]).await, Ok(place));
    assert_eq!(all_facts(&store, 9).await.len(), 1);
}

pub(crate) async fn many_callers_get_offsets_without_holes<F: Fixture>() {
    const CALLERS: usize = 50;
    const CALLS: usize = 8;
    let fixture = F::new().await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = fixture.store();
        callers.spawn(async move {
            let mut places = Vec::new();
            for call in 0..CALLS {
                let number = caller * CALLS + call;
                let place = store.record(vec![submit(number), log(number, 2)]).await.expect("the job is new");
                places.push((number, place.offset));
            }
            places
        });
    }
    let places: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    let facts = all_facts(&fixture.store(), 100).await;
    assert_eq!(facts.len(), CALLERS * CALLS * 3);
    assert_no_holes(&facts);
    // The facts of each call stand together and end where the call was told.
    for (number, place) in places {
        let last = usize::try_from(place.get()).expect("small");
        assert!(facts[last - 3..last].iter().all(|recorded| job_of(&recorded.fact) == job_id(number)));
    }
}

pub(crate) async fn who_is_refused_takes_nothing_from_others<F: Fixture>() {
    let fixture = F::new().await;
    fixture.store().record(vec![submit(0)]).await.expect("the job is new");
    let mut callers = JoinSet::new();
    for number in 1..=100 {
        let store = fixture.store();
        // Every second call fails at its second change, after its first was written.
        let second = if number % 2 == 0 { submit(0) } else { log(number, 1) };
        callers.spawn(async move { (number, store.record(vec![submit(number), second]).await) });
    }
    let mut recorded = BTreeSet::from([job_id(0)]);
    for (number, answer) in callers.join_all().await {
        match answer {
            Ok(_) => recorded.insert(job_id(number)),
            Err(LedgerError::Conflict { job, .. }) => job == job_id(0) && recorded.contains(&job),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(recorded.contains(&job_id(number)), number % 2 == 1);
    }
    let facts = all_facts(&fixture.store(), 30).await;
    assert_eq!(facts.len(), 1 + 50 * 2);
    assert_no_holes(&facts);
    assert_eq!(facts.iter().map(|recorded| job_of(&recorded.fact)).collect::<BTreeSet<_>>(), recorded);
}

pub(crate) async fn what_cannot_be_true_is_refused_for_good<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    store.record(vec![submit(0)]).await.expect("the job is new");
    let zero = Change::Log { job: job_id(0), attempt: FIRST, lines: vec![line(0, LogLevel::Info, "")], spool_bytes: 1 };
    // A retry is never the first attempt.
    let run = AttemptRun { started_at: at(1), progress: None };
    let wait = Wait::Retry { retry_at: at(9), failure: transient(), run };
    let state = JobState::Pending { attempt: FIRST, since: at(1), wait };
    let fact = JobFact { from: Some(JobStatus::Pending), cause: Cause::Failed, state };
    let retry = Change::Move { job: job_id(0), fact, report: None };
    for (number, untrue) in [zero, retry].into_iter().enumerate() {
        let (before, after) = (submit(2 * number + 1), submit(2 * number + 2));
        let changes = vec![log(0, 1), untrue];
        let (before, refused, after) =
            tokio::join!(store.record(vec![before]), store.record(changes.clone()), store.record(vec![after]));
        assert!(before.is_ok() && after.is_ok(), "{before:?} {after:?}");
        for refused in [refused, store.record(changes).await] {
            assert!(matches!(refused, Err(LedgerError::Refused(_))), "{refused:?}");
        }
    }
    let facts = all_facts(&store, 9).await;
    assert_no_holes(&facts);
    assert_eq!(facts.len(), 5);
    assert_eq!(store.job(job_id(0)).await.expect("the store answers").expect("it is there").state, pending());
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(0, 0)));
}

pub(crate) async fn lines_and_the_bytes_that_hold_them_are_one<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let position = async |attempt| store.spool_position(job_id(0), attempt).await.expect("the store answers");
    let said = |attempt, numbers: RangeInclusive<u64>, spool_bytes| {
        let lines = numbers.map(|number| line(number, LogLevel::Info, "said")).collect();
        Change::Log { job: job_id(0), attempt, lines, spool_bytes }
    };
    store.record(vec![submit(0)]).await.expect("the job is new");
    store.record(vec![log(0, 1000)]).await.expect("the job is there");
    assert_eq!(position(FIRST).await, spool(100_000, 1000));
    assert_eq!(position(FIRST.next()).await, spool(0, 0));

    let more = said(FIRST, 1001..=1002, 200_000);
    store.record(vec![more.clone(), submit(0)]).await.expect_err("the job is there");
    assert_eq!(position(FIRST).await, spool(100_000, 1000));
    store.record(vec![more]).await.expect("the job is there");
    assert_eq!(position(FIRST).await, spool(200_000, 1002));
    // Bytes without lines are what was left out.
    let nothing = RangeInclusive::new(1, 0);
    store.record(vec![said(FIRST, nothing.clone(), 250_000)]).await.expect("the job is there");
    assert_eq!(position(FIRST).await, spool(250_000, 1002));

    // Each attempt has a spool of its own, and so has each job.
    store.record(vec![said(FIRST.next(), nothing, 5)]).await.expect("the job is there");
    assert_eq!(position(FIRST.next()).await, spool(5, 0));
    store.record(vec![said(FIRST.next(), 1..=7, 700), submit(1), log(1, 3)]).await.expect("the job is there");
    assert_eq!(position(FIRST.next()).await, spool(700, 7));
    assert_eq!(position(FIRST).await, spool(250_000, 1002));
    let range = LogRange::After(Offset::START);
    let query = LogQuery { job: job_id(0), min_level: LogLevel::Debug, range, limit: limit(9999) };
    assert_eq!(store.log(query).await.expect("the store answers").len(), 1009);
}

pub(crate) async fn a_report_is_of_the_last_attempt_that_ended<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let report = async || store.job(job_id(0)).await.expect("the store answers").expect("the job is there").report;
    let (changes, running) = life(0, [start()]);
    store.record(changes).await.expect("the job is new");
    assert_eq!(report().await, None);

    let left = AttemptReport { reject_file: Some("/srv/rejects.ndjson".into()), ..AttemptReport::default() };
    let (mut fails, ended) = moved(0, &running, failed(lasting(), None));
    if let Change::Move { report, .. } = &mut fails {
        *report = Some(left.clone());
    }
    let (retries, waiting) = moved(0, &ended, JobInput::Retry);
    let (starts, running) = moved(0, &waiting, JobInput::Start { attempt: FIRST.next() });
    store.record(vec![fails, retries, starts]).await.expect("each follows the one before");
    assert_eq!(report().await, Some(left), "the second attempt has not ended");

    let attempt = FIRST.next();
    let (lost, ended) =
        moved(0, &running, JobInput::Lost { attempt, failure: lasting(), progress: None, retry_at: None });
    store.record(vec![lost]).await.expect("it runs");
    assert_eq!(report().await, None, "the second attempt left nothing");

    let (retries, waiting) = moved(0, &ended, JobInput::Retry);
    let attempt = attempt.next();
    let (starts, running) = moved(0, &waiting, JobInput::Start { attempt });
    let (mut ends, _) = moved(0, &running, JobInput::Completed { attempt, progress: progress(7) });
    let target = Some(TargetReport { location: "/srv/out.csv".into(), rows: 7, bytes: Some(70) });
    let left = AttemptReport { target, ..AttemptReport::default() };
    if let Change::Move { report, .. } = &mut ends {
        *report = Some(left.clone());
    }
    store.record(vec![retries, starts, ends]).await.expect("each follows the one before");
    assert_eq!(report().await, Some(left));
}
