//! Forgetting what is old.

use std::sync::Arc;

use etlplus_core::LogLevel;
use etlplus_core::ids::Offset;
use etlplus_core::job::JobInput;
use etlplus_core::ports::{
    Alert, AlertRule, AlertStatus, Alerts, Change, Consequences, DeliveryState, Fact, History, HistoryError,
    IdempotencyKey, Ledger, LedgerError, LogPosition, LogQuery, LogRange, NewJob, Pruned, Retention, RetentionLimits,
    Rules, Sample,
};

use crate::alerts::any;
use crate::examples::*;
use crate::fixture::Fixture;

fn limits() -> RetentionLimits {
    RetentionLimits::default()
}

/// Prunes to the end, and gives what was removed in all.
pub(crate) async fn prune(store: &impl Retention, limits: RetentionLimits, step: usize) -> Pruned {
    let mut all = Pruned::default();
    for _ in 0..10_000 {
        let removed = store.prune(limits, limit(step)).await.expect("the store works");
        all.jobs += removed.jobs;
        all.lines += removed.lines;
        all.samples += removed.samples;
        all.alerts += removed.alerts;
        if !removed.more {
            return all;
        }
    }
    panic!("pruning does not come to an end");
}

fn sample(number: usize, seconds: i64) -> Change {
    Change::Sample(Sample {
        job: job_id(number),
        attempt: FIRST,
        at: at(seconds),
        progress: progress(1),
        rows_per_second: None,
        cores: None,
    })
}

/// A job that was cancelled a second after the time 0, with three lines and a reading.
fn ended(number: usize) -> Vec<Change> {
    let (mut changes, _) = life(number, [JobInput::Cancel]);
    changes.splice(1..1, [log(number, 3), sample(number, 1)]);
    changes
}

async fn lines_of(store: &impl History, number: usize) -> Vec<u64> {
    let range = LogRange::After(Offset::START);
    let query = LogQuery { job: job_id(number), min_level: LogLevel::Debug, range, limit: limit(999) };
    store.log(query).await.expect("the store answers").iter().map(|stored| stored.line.line).collect()
}

async fn is_there(store: &impl History, number: usize) -> bool {
    store.job(job_id(number)).await.expect("the store answers").is_some()
}

pub(crate) async fn what_the_rules_were_not_shown_stays<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let mut changes = ended(0);
    changes.extend(ended(1));
    changes.push(Change::Alert(resolved("a", 1)));
    store.record(changes).await.expect("the jobs are new");
    let all = RetentionLimits {
        jobs_before: Some(at(99)),
        jobs_max: Some(0),
        lines_before: Some(at(99)),
        lines_max: Some(0),
        ..limits()
    };
    let facts = all_facts(&store, 99).await;
    assert_eq!(prune(&store, all, 100).await, Pruned::default());
    assert_eq!(all_facts(&store, 99).await, facts);

    // The rules have come as far as the first job's last fact, and no further.
    assert_eq!(store.advance(no_rules(), limit(5)).await, Ok(5));
    let removed = prune(&store, all, 100).await;
    assert_eq!(removed, Pruned { jobs: 1, lines: 3, samples: 1, ..Pruned::default() });
    assert!(!is_there(&store, 0).await && is_there(&store, 1).await);
    let place = LogPosition { offset: Offset::from_number(5), ..beginning(&store).await };
    assert_eq!(store.facts_after(place, limit(99)).await, Ok(facts[5..].to_vec()));
}

pub(crate) async fn a_job_goes_with_all_that_is_its<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let idempotency = Some(IdempotencyKey { key: "k".to_owned(), digest: "x".to_owned() });
    let keyed = submitted(NewJob { idempotency, ..new_job(2) });
    let mut changes = ended(0);
    changes.extend([submit(1), log(1, 2), sample(1, 1)]);
    // It ends when the first one is two seconds old.
    let (mut later, _) = life(2, [start(), completed()]);
    later[0] = keyed.clone();
    changes.extend(later);
    store.record(changes).await.expect("the jobs are new");
    advance_to_the_end(&store, &no_rules()).await;
    let newest = fixture.bus().position();

    let old = RetentionLimits { jobs_before: Some(at(2)), ..limits() };
    assert_eq!(prune(&store, old, 100).await, Pruned { jobs: 1, lines: 3, samples: 1, ..Pruned::default() });
    assert!(!is_there(&store, 0).await, "it ended before");
    assert!(is_there(&store, 1).await, "it has not ended");
    assert!(is_there(&store, 2).await, "it ended at that very time");
    for gone in [store.moves(job_id(0), limit(9)).await.expect("it answers").len(), lines_of(&store, 0).await.len()] {
        assert_eq!(gone, 0);
    }
    assert_eq!(store.samples(job_id(0), limit(9)).await, Ok(vec![]));
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(0, 0)));
    assert_eq!(lines_of(&store, 1).await, [1, 2]);

    // Its last fact was at 5: from there on the log is whole, and before it there is a gap.
    let place = |offset| LogPosition { offset: Offset::from_number(offset), ..newest };
    for offset in 0..5 {
        let gap = HistoryError::Gap { asked: place(offset), oldest: Offset::from_number(5), newest };
        assert_eq!(store.facts_after(place(offset), limit(9)).await, Err(gap));
    }
    assert_eq!(store.facts_after(place(5), limit(9)).await.expect("it is in the log").len(), 6);

    let said = store.record(vec![log(0, 1)]).await;
    assert!(matches!(said, Err(LedgerError::Conflict { found: None, .. })), "{said:?}");
    let duplicate = store.record(vec![keyed.clone()]).await;
    assert!(matches!(duplicate, Err(LedgerError::Duplicate { .. })), "its job is there");
    assert_eq!(prune(&store, RetentionLimits { jobs_before: Some(at(3)), ..limits() }, 100).await.jobs, 1);
    // The key and the id are free again, and the gap outlives a reopening.
    let fixture = fixture.reopen().await;
    let store = fixture.store();
    store.record(vec![submit(0), keyed]).await.expect("nothing is left of them");
    assert_eq!(store.moves(job_id(2), limit(9)).await.expect("the store answers").len(), 1);
    let gap = store.facts_after(place(9), limit(9)).await;
    assert!(matches!(gap, Err(HistoryError::Gap { oldest, .. }) if oldest == newest.offset), "{gap:?}");
}

pub(crate) async fn the_last_accepted_of_the_ended_jobs_stay<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    // They are accepted in another order than that of their ids and of their ends; 9 does not end.
    store.record([3, 9, 1, 4, 2].map(submit).to_vec()).await.expect("the jobs are new");
    for number in [2, 1, 3, 4] {
        let (cancel, _) = moved(number, &pending(), JobInput::Cancel);
        store.record(vec![cancel]).await.expect("it waits");
    }
    advance_to_the_end(&store, &no_rules()).await;
    let most = |jobs_max| RetentionLimits { jobs_max: Some(jobs_max), ..limits() };
    assert_eq!(prune(&store, most(4), 100).await, Pruned::default());
    let fixture = fixture.reopen().await;
    let store = fixture.store();
    assert_eq!(prune(&store, most(2), 100).await.jobs, 2);
    for (number, stays) in [(3, false), (9, true), (1, false), (4, true), (2, true)] {
        assert_eq!(is_there(&store, number).await, stays, "{number}");
    }
    // One that is tried again has not ended any more.
    let cancelled = moved(4, &pending(), JobInput::Cancel).1;
    store.record(vec![moved(4, &cancelled, JobInput::Retry).0]).await.expect("it was cancelled");
    advance_to_the_end(&store, &no_rules()).await;
    assert_eq!(prune(&store, most(1), 100).await.jobs, 0);
    assert_eq!(prune(&store, most(0), 100).await.jobs, 1);
    assert!(is_there(&store, 4).await && is_there(&store, 9).await && !is_there(&store, 2).await);
}

pub(crate) async fn lines_and_readings_go_by_age_and_by_number<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    // The lines of each job are said at 1 to 6, its readings made at 1 to 3. The first job goes on.
    let mut changes = Vec::new();
    for number in 0..3 {
        changes.extend([submit(number), log(number, 6)]);
        changes.extend((1..=3).map(|seconds| sample(number, seconds)));
        if number > 0 {
            changes.push(moved(number, &pending(), JobInput::Cancel).0);
        }
    }
    store.record(changes).await.expect("the jobs are new");
    // What is refused is not counted.
    store.record(vec![log(0, 50), sample(0, 1), submit(0)]).await.expect_err("the job is there");
    advance_to_the_end(&store, &no_rules()).await;
    let kept = async || {
        let mut kept = Vec::new();
        for number in 0..3 {
            let samples = store.samples(job_id(number), limit(9)).await.expect("the store answers").len();
            kept.push((lines_of(&store, number).await.len(), samples));
        }
        kept
    };
    let by_age = RetentionLimits { lines_before: Some(at(3)), samples_before: Some(at(2)), ..limits() };
    assert_eq!(prune(&store, by_age, 100).await, Pruned { lines: 4, samples: 2, ..Pruned::default() });
    assert_eq!(kept().await, [(6, 3), (4, 2), (4, 2)]);
    assert_eq!(lines_of(&store, 1).await, [3, 4, 5, 6]);
    // Twelve lines are left of fourteen, and six readings of seven. Those of the job that goes on count, and stay.
    let by_number = RetentionLimits { lines_max: Some(12), samples_max: Some(6), ..limits() };
    assert_eq!(prune(&store, by_number, 100).await, Pruned { lines: 2, samples: 1, ..Pruned::default() });
    let [active, (first, first_samples), (second, second_samples)] = kept().await.try_into().expect("three jobs");
    assert_eq!((active, first, second), ((6, 3), 2, 4), "the first recorded lines go");
    assert_eq!(first_samples + second_samples, 3);
    let none = RetentionLimits { lines_max: Some(0), samples_max: Some(0), ..limits() };
    assert_eq!(prune(&store, none, 100).await, Pruned { lines: 6, samples: 3, ..Pruned::default() });
    assert_eq!(kept().await, [(6, 3), (0, 0), (0, 0)]);
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(600, 6)), "the numbers of its lines go on");
}

pub(crate) async fn alerts_go_once_nobody_waits_for_them<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let memory = alert(AlertRule::Memory, "b", AlertStatus::Firing, 3);
    let alerts = [firing("a", 1), resolved("a", 2), memory, firing("c", 4), resolved("c", 5), firing("d", 90)];
    store.record(alerts.map(Change::Alert).to_vec()).await.expect("alerts are taken");
    advance_to_the_end(&store, &deliver_to(&["log", "mail"])).await;
    let delivered = DeliveryState::Delivered { at: at(6) };
    for alert in store.alerts(any(9)).await.expect("the store answers") {
        store.settle_delivery(alert.position, "log".to_owned(), None, delivered.clone()).await.expect("it works");
        // The first alert about c waits for the mail.
        if alert.position.offset.get() != 4 {
            let failed = DeliveryState::Failed { at: at(6), reason: "gone".to_owned() };
            store.settle_delivery(alert.position, "mail".to_owned(), None, failed).await.expect("it works");
        }
    }
    let old = RetentionLimits { jobs_before: Some(at(50)), ..limits() };
    let left = async || -> Vec<_> {
        let alerts = store.alerts(any(9)).await.expect("the store answers");
        alerts.iter().map(|alert| alert.position.offset.get()).collect()
    };
    assert_eq!(prune(&store, old, 100).await, Pruned { alerts: 3, ..Pruned::default() });
    assert_eq!(left().await, [6, 4, 3], "one is young, one waits, and one is firing");
    let firing = store.firing().await.expect("the store answers");
    let firing: Vec<_> = firing.iter().map(|alert| alert.position.offset.get()).collect();
    assert_eq!(firing, [3, 6], "what was resolved does not fire again when the word of it is gone");

    let waiting = store.waiting("mail".to_owned(), limit(9)).await.expect("the store answers");
    store.settle_delivery(waiting[0].alert, "mail".to_owned(), None, delivered).await.expect("the store works");
    assert_eq!(prune(&store, old, 100).await, Pruned { alerts: 1, ..Pruned::default() });
    assert_eq!(left().await, [6, 3]);
}

pub(crate) async fn alerts_about_jobs_fire_no_longer_than_jobs_are_kept<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let of_job = |number, alert| Alert { job: Some(job_id(number)), ..alert };
    let (mut changes, _) = life(0, [JobInput::Cancel]);
    changes.push(submit(1));
    let alerts = [
        firing("gone", 1),
        of_job(1, alert(AlertRule::JobTimeoutNear, "goes on", AlertStatus::Firing, 1)),
        of_job(0, alert(AlertRule::JobTimedOut, "young", AlertStatus::Firing, 80)),
        alert(AlertRule::Memory, "no job", AlertStatus::Firing, 1),
        firing("waits", 1),
    ];
    changes.extend(alerts.map(Change::Alert));
    store.record(changes).await.expect("everything is new");
    let rules: Rules = Arc::new(|facts, _| {
        let waits = |fact: &Fact| matches!(fact, Fact::Alert(alert) if alert.labels["pipeline"] == "waits");
        let waiting = facts.iter().filter(|recorded| waits(&recorded.fact));
        let deliveries = waiting.map(|recorded| (recorded.offset, vec!["mail".to_owned()])).collect();
        Consequences { alerts: vec![], deliveries }
    });
    advance_to_the_end(&store, &rules).await;
    store.record(vec![Change::Alert(firing("not shown", 1))]).await.expect("alerts are taken");
    let left = async || -> Vec<_> {
        let firing = store.firing().await.expect("the store answers");
        assert_eq!(store.alerts(any(9)).await.expect("the store answers").len(), firing.len());
        firing.iter().map(|record| record.alert.labels["pipeline"].clone()).collect()
    };
    assert_eq!(prune(&store, limits(), 100).await, Pruned::default());
    let no_jobs = RetentionLimits { jobs_max: Some(0), ..limits() };
    assert_eq!(prune(&store, no_jobs, 100).await, Pruned { jobs: 1, alerts: 1, ..Pruned::default() });
    assert_eq!(left().await, ["gone", "goes on", "no job", "waits", "not shown"], "the job of one is gone");
    let old = RetentionLimits { jobs_before: Some(at(50)), ..limits() };
    assert_eq!(prune(&store, old, 100).await, Pruned { alerts: 1, ..Pruned::default() });
    assert_eq!(left().await, ["goes on", "no job", "waits", "not shown"]);

    let waiting = store.waiting("mail".to_owned(), limit(9)).await.expect("the store answers");
    let delivered = DeliveryState::Delivered { at: at(6) };
    store.settle_delivery(waiting[0].alert, "mail".to_owned(), None, delivered).await.expect("the store works");
    advance_to_the_end(&store, &no_rules()).await;
    assert_eq!(prune(&store, old, 100).await, Pruned { alerts: 2, ..Pruned::default() });
    assert_eq!(left().await, ["goes on", "no job"]);
}

pub(crate) async fn steps_are_small_and_come_to_an_end<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    for number in 0..20 {
        store.record(ended(number)).await.expect("the job is new");
    }
    store.record(vec![submit(99)]).await.expect("the job is new");
    advance_to_the_end(&store, &no_rules()).await;
    let all = RetentionLimits { jobs_before: Some(at(99)), ..limits() };
    let mut removed = (0, 0, 0);
    let mut oldest = Offset::START;
    loop {
        let step = store.prune(all, limit(2)).await.expect("the store works");
        // Two rows, and the moves of a job that goes.
        assert!(step.jobs <= 1 && step.lines + step.samples <= 2, "{step:?}");
        removed = (removed.0 + step.jobs, removed.1 + step.lines, removed.2 + step.samples);
        // After each step there is a place from which the log is whole.
        let gap = store.facts_after(LogPosition { offset: oldest, ..beginning(&store).await }, limit(999)).await;
        if let Err(HistoryError::Gap { oldest: now, newest, .. }) = gap {
            assert!(now > oldest);
            oldest = now;
            let facts = store.facts_after(LogPosition { offset: now, ..newest }, limit(999)).await;
            let facts = facts.expect("the log is whole from there");
            assert_eq!(facts.len() as u64, newest.offset.get() - now.get());
        }
        if !step.more {
            break;
        }
    }
    assert_eq!(removed, (20, 60, 20));
    assert!(is_there(&store, 99).await);
    assert_eq!(oldest.get(), 100);
}
