//! Facts on their way to those who follow them.

use std::collections::BTreeMap;
use std::sync::Arc;

use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::{JobInput, JobState, JobStatus};
use etlplus_core::ports::{Fact, History, Ledger, LogPosition, Pipelines};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::examples::*;
use crate::fixture::{DEADLINE, Fixture};

pub(crate) async fn facts_are_told_in_order_and_after_they_are_recorded<F: Fixture>() {
    const JOBS: usize = 200;
    let fixture = F::new().await;
    let (store, bus) = (fixture.store(), fixture.bus());
    let mut subscription = bus.subscribe_after(Offset::START);
    let mut callers = JoinSet::new();
    for number in 0..JOBS {
        let store = fixture.store();
        callers.spawn(async move { store.record(vec![submit(number), log(number, 1)]).await.expect("it is new") });
    }
    let mut seen = Offset::START;
    while seen.get() < JOBS as u64 * 2 {
        let facts = timeout(DEADLINE, subscription.next()).await.expect("facts come").expect("none is lost");
        // What was just told can be read by whoever asks the store at once.
        let place = LogPosition { offset: seen, ..bus.position() };
        let read = store.facts_after(place, limit(facts.len())).await.expect("the place is in the log");
        assert!(facts.iter().map(|told| &**told).eq(&read));
        for told in facts {
            assert_eq!(told.offset, seen.next());
            seen = told.offset;
        }
    }
    callers.join_all().await;
    assert_eq!(bus.position().offset, seen);
}

pub(crate) async fn who_follows_a_snapshot_misses_nothing_and_sees_nothing_twice<F: Fixture>() {
    const JOBS: usize = 60;
    const FACTS: u64 = 20 * (4 + 3 + 2);
    let fixture = F::new().await;
    let (store, bus) = (fixture.store(), fixture.bus());
    let gate = Arc::new(Semaphore::new(0));
    let mut callers = JoinSet::new();
    for number in 0..JOBS {
        let (store, gate) = (fixture.store(), gate.clone());
        callers.spawn(async move {
            if number >= JOBS / 2 {
                let _pass = gate.acquire().await.expect("the gate opens");
            }
            // One in three stays active.
            let inputs = match number % 3 {
                0 => vec![start(), failed(lasting(), None), JobInput::Retry],
                1 => vec![start(), completed()],
                _ => vec![JobInput::Cancel],
            };
            for change in life(number, inputs).0 {
                store.record(vec![change]).await.expect("each follows the one before");
            }
        });
    }
    // The first snapshot is taken amid the first half of the facts, since the other half waits for it.
    timeout(DEADLINE, bus.subscribe_after(Offset::START).next()).await.expect("facts come").expect("none is lost");
    loop {
        let snapshot = store.snapshot().await.expect("the store answers");
        gate.add_permits(JOBS);
        assert!(snapshot.position.offset > Offset::START);
        assert!(snapshot.jobs.windows(2).all(|pair| pair[0].header.id < pair[1].header.id));
        let mut subscription = bus.subscribe_after(snapshot.position.offset);
        let mut seen = snapshot.position.offset;
        let mut states: BTreeMap<_, _> = snapshot.jobs.into_iter().map(|job| (job.header.id, job.state)).collect();
        if seen.get() == FACTS {
            break;
        }
        let end = bus.position().offset;
        while seen < end {
            for told in timeout(DEADLINE, subscription.next()).await.expect("facts come").expect("none is lost") {
                follow(&mut states, &told.fact);
                seen = told.offset;
            }
        }
        if seen.get() == FACTS {
            let end: BTreeMap<_, _> = store
                .snapshot()
                .await
                .expect("it answers")
                .jobs
                .into_iter()
                .map(|job| (job.header.id, job.state))
                .collect();
            states.retain(|_, state| !state.status().is_terminal());
            assert_eq!(states, end);
            assert_eq!(states.len(), JOBS / 3);
        }
    }
    callers.join_all().await;
}

/// Takes a fact in. It fits the state that it meets: none before it is missing, and it does not come twice.
fn follow(states: &mut BTreeMap<JobId, JobState>, fact: &Fact) {
    let Fact::Job { job, fact } = fact else { panic!("nobody says anything") };
    let known = states.get(&job.id).map(JobState::status);
    // A snapshot does not tell of jobs that had ended.
    let is_retry = known.is_none() && fact.from.is_some_and(JobStatus::is_terminal);
    assert!(known == fact.from || is_retry, "{known:?} meets {fact:?}");
    states.insert(job.id, fact.state.clone());
}

pub(crate) async fn what_was_recorded_is_there_after_reopening<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (mut changes, state) = life(0, [start(), failed(lasting(), None)]);
    changes.extend([submit(1), log(1, 300)]);
    let place = store.record(changes).await.expect("the jobs are new");
    let facts = all_facts(&store, 99).await;
    let pipeline = store.put_pipeline("orders".to_owned(), "text".to_owned(), "/srv".into(), at(5)).await;

    let fixture = fixture.reopen().await;
    let closed = store.record(vec![submit(2)]).await.expect_err("the handle's store was closed");
    assert!(closed.to_string().contains("closed"), "{closed}");
    let store = fixture.store();
    assert_eq!(fixture.bus().position(), place, "epoch and offset go on");
    assert_eq!(all_facts(&store, 99).await, facts);
    assert_eq!(store.job(job_id(0)).await.expect("the store answers").expect("it is there").state, state);
    assert_eq!(store.definition(job_id(0)).await, Ok(Some(definition())));
    assert_eq!(store.spool_position(job_id(1), FIRST).await, Ok(spool(30_000, 300)));
    assert_eq!(store.pipeline("orders".to_owned()).await, pipeline.map(Some));
    let next = store.record(vec![log(0, 1)]).await.expect("the job is there");
    assert_eq!(next, LogPosition { offset: place.offset.next(), ..place });
    let told = timeout(DEADLINE, fixture.bus().subscribe_after(place.offset).next()).await.expect("it was told");
    assert_eq!(told.expect("none is lost")[0].offset, next.offset);
}
