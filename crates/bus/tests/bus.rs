//! Facts come to each subscriber in order and without holes, or the subscriber is told that it missed some.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use etlplus_bus::{BATCH_MAX, BYTES_MAX, Bus, FACTS_MAX, Lost, NoFacts, Publisher, bus};
use etlplus_core::ids::{AttemptNumber, Epoch, JobId, Offset};
use etlplus_core::job::{JobHeader, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{Fact, LogPosition, Recorded};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(30);

fn fact(offset: u64, message: &str) -> Recorded {
    let at = DateTime::UNIX_EPOCH;
    let job = Arc::new(JobHeader {
        id: JobId::from_uuid(Uuid::from_u128(1)),
        pipeline: "orders".to_owned(),
        job_type: JobType::Load,
        tags: Vec::new(),
        submitted_at: at,
    });
    let line = LogLine::new(offset, at, LogLevel::Info, message.to_owned());
    Recorded { offset: Offset::from_number(offset), fact: Fact::Log { job, attempt: AttemptNumber::FIRST, line } }
}

fn bus_at(offset: u64) -> (Publisher, Bus) {
    bus(LogPosition { epoch: Epoch::from_uuid(Uuid::from_u128(7)), offset: Offset::from_number(offset) })
}

fn facts(offsets: std::ops::RangeInclusive<u64>) -> Vec<Recorded> {
    offsets.map(|offset| fact(offset, "")).collect()
}

async fn next(subscription: &mut etlplus_bus::Subscription) -> Result<Vec<u64>, NoFacts> {
    let facts = tokio::time::timeout(DEADLINE, subscription.next()).await.expect("an answer in time");
    facts.map(|facts| facts.iter().map(|fact| fact.offset.get()).collect())
}

#[tokio::test]
async fn a_subscription_goes_on_from_its_place() {
    let (publisher, bus) = bus_at(10);
    publisher.publish(facts(11..=13));
    assert_eq!(bus.position().offset, Offset::from_number(13));
    assert_eq!(next(&mut bus.subscribe_after(Offset::from_number(10))).await, Ok(vec![11, 12, 13]));
    let mut late = bus.subscribe_after(Offset::from_number(12));
    assert_eq!(next(&mut late).await, Ok(vec![13]));
    // It waits now, and a fact wakes it.
    let waiting = tokio::spawn(async move { next(&mut late).await });
    publisher.publish(facts(14..=14));
    assert_eq!(waiting.await.expect("no panic"), Ok(vec![14]));
}

#[tokio::test]
async fn a_place_before_the_bus_began_is_lost_even_before_the_first_fact() {
    let (_publisher, bus) = bus_at(10);
    let lost = Lost { seen: Offset::from_number(8), oldest: Offset::from_number(11) };
    assert_eq!(next(&mut bus.subscribe_after(lost.seen)).await, Err(NoFacts::Lost(lost)));
}

#[tokio::test]
async fn who_falls_behind_the_ring_is_told_and_nobody_else() {
    let (publisher, bus) = bus_at(0);
    let (mut slow, mut quick) = (bus.subscribe_after(Offset::START), bus.subscribe_after(Offset::START));
    let mut heard = 0;
    for offset in 1..=FACTS_MAX as u64 + 1 {
        publisher.publish(facts(offset..=offset));
        if offset.is_multiple_of(BATCH_MAX as u64) || offset > FACTS_MAX as u64 {
            heard += next(&mut quick).await.expect("it keeps up").len();
        }
    }
    assert_eq!(heard, FACTS_MAX + 1);
    let lost = Lost { seen: Offset::START, oldest: Offset::from_number(2) };
    assert_eq!(next(&mut slow).await, Err(NoFacts::Lost(lost)));
}

#[tokio::test]
async fn large_facts_push_out_others_by_their_size() {
    let (publisher, bus) = bus_at(0);
    let large = "x".repeat(BYTES_MAX / 2);
    publisher.publish(vec![fact(1, &large), fact(2, &large), fact(3, &large)]);
    assert_eq!(next(&mut bus.subscribe_after(Offset::from_number(2))).await, Ok(vec![3]));
    assert!(matches!(next(&mut bus.subscribe_after(Offset::START)).await, Err(NoFacts::Lost(_))));
}

#[tokio::test]
async fn subscriptions_end_with_the_publisher_after_its_last_fact() {
    let (publisher, bus) = bus_at(0);
    publisher.publish(facts(1..=1));
    drop(publisher);
    let mut subscription = bus.subscribe_after(Offset::START);
    assert_eq!(next(&mut subscription).await, Ok(vec![1]));
    assert_eq!(next(&mut subscription).await, Err(NoFacts::Closed));
}

#[test]
#[should_panic(expected = "without holes")]
fn a_hole_cannot_be_published() {
    let (publisher, _bus) = bus_at(0);
    publisher.publish(facts(2..=2));
}
