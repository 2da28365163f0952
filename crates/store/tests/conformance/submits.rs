//! Submits: how a job is to be treated, and keys that tell one submit from another.

use std::num::NonZeroU32;
use std::time::Duration;

use etlplus_core::job::{Cause, JobFact, JobInput, JobPolicy, JobState, RetryPolicy, Wait};
use etlplus_core::ports::{Change, History, IdempotencyKey, Ledger, LedgerError, NewJob};
use tokio::task::JoinSet;

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) async fn a_job_keeps_its_policy_and_waits_for_its_time<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let retry = RetryPolicy {
        max_attempts: NonZeroU32::new(5).expect("five is not zero"),
        delay: Duration::from_millis(1_500),
        max_delay: Duration::from_secs(90),
    };
    let policy = JobPolicy {
        priority: -7,
        timeout: Some(Duration::from_secs(3_600)),
        retry,
        concurrency: Some(NonZeroU32::MIN),
    };
    let new = NewJob { policy, not_before: Some(at(500)), ..new_job(0) };
    store.record(vec![submitted(new), submit(1)]).await.expect("the jobs are new");
    let fixture = fixture.reopen().await;
    let store = fixture.store();
    let job = store.job(job_id(0)).await.expect("the store answers").expect("it was submitted");
    assert_eq!(job.policy, policy);
    let waits =
        matches!(&job.state, JobState::Pending { wait: Wait::Delay { not_before }, .. } if *not_before == at(500));
    assert!(waits, "{:?}", job.state);
    let shown = store.snapshot().await.expect("the store answers").jobs;
    assert_eq!(shown.iter().map(|job| job.policy).collect::<Vec<_>>(), [policy, JobPolicy::default()]);
}

fn with_key(number: usize, key: &str, digest: &str) -> Change {
    let idempotency = Some(IdempotencyKey { key: key.to_owned(), digest: digest.to_owned() });
    submitted(NewJob { idempotency, ..new_job(number) })
}

pub(crate) async fn a_key_is_for_one_submit<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    store.record(vec![with_key(0, "k", "x")]).await.expect("the key is new");
    store.record(vec![with_key(1, "other", "x")]).await.expect("the key is new");
    let fixture = fixture.reopen().await;
    let store = fixture.store();
    for (digest, is_same) in [("x", true), ("y", false)] {
        let duplicate = LedgerError::Duplicate { key: "k".to_owned(), job: job_id(0), is_same };
        // The others of its batch are recorded without it.
        let number = if is_same { 2 } else { 3 };
        let (before, refused, after) = tokio::join!(
            store.record(vec![submit(number * 10)]),
            store.record(vec![with_key(number, "k", digest)]),
            store.record(vec![submit(number * 10 + 1)]),
        );
        assert_eq!(refused, Err(duplicate));
        before.and(after).expect("they are new");
        assert_eq!(store.job(job_id(number)).await, Ok(None));
    }
    assert_eq!(all_facts(&store, 9).await.len(), 6);
    assert_eq!(store.by_idempotency_key("k".to_owned()).await, Ok(Some((job_id(0), "x".to_owned()))));
    assert_eq!(store.by_idempotency_key("K".to_owned()).await, Ok(None));
}

pub(crate) async fn many_submits_with_one_key_make_one_job<F: Fixture>() {
    let fixture = F::new().await;
    let mut callers = JoinSet::new();
    for number in 0..50 {
        let store = fixture.store();
        callers.spawn(async move { (number, store.record(vec![with_key(number, "k", "x")]).await) });
    }
    let (mut made, mut told) = (Vec::new(), Vec::new());
    for (number, answer) in callers.join_all().await {
        match answer {
            Ok(_) => made.push(job_id(number)),
            Err(LedgerError::Duplicate { job, is_same: true, .. }) => told.push(job),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((made.len(), told.len()), (1, 49));
    assert!(told.iter().all(|job| *job == made[0]));
    let facts = all_facts(&fixture.store(), 99).await;
    assert_eq!(facts.len(), 1);
    assert_eq!(job_of(&facts[0].fact), made[0]);
}

pub(crate) async fn moves_are_the_last_ones_of_their_job<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (mut changes, _) = life(0, [start(), failed(lasting(), None), JobInput::Retry]);
    changes.insert(2, submit(1));
    changes.insert(2, log(0, 2));
    store.record(changes).await.expect("each follows the one before");
    let moves = async |number, most| -> Vec<_> {
        let moves: Vec<(_, JobFact)> = store.moves(job_id(number), limit(most)).await.expect("the store answers");
        moves.into_iter().map(|(offset, fact)| (offset.get(), fact.cause)).collect()
    };
    let all = [(1, Cause::Submit), (2, Cause::Start), (6, Cause::Failed), (7, Cause::Retry)];
    assert_eq!(moves(0, 9).await, all);
    assert_eq!(moves(0, 2).await, all[2..]);
    assert_eq!(moves(1, 9).await, [(5, Cause::Submit)]);
    assert_eq!(moves(2, 9).await, []);
}
