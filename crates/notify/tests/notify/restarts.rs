//! Services that end at the worst moment: what was sent and not yet marked is sent again, under its key.

use std::collections::BTreeMap;

use etlplus_core::ports::Change;

use crate::support::http::{Receiver, Reply, Request, status};
use crate::support::{World, is_delivered, settings, webhook};

const ALERTS: usize = 200;
/// Requests that one service lives for.
const LIFE: usize = 20;

#[tokio::test]
async fn two_hundred_alerts_survive_services_that_are_killed_between_send_and_mark() {
    let receiver = Receiver::start().await;
    let mut world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let mut kills = 0;
    let mut recorded = 0;
    loop {
        // Each service answers some requests, and is killed while it waits for the answer to one that was processed.
        let taken = receiver.requests().len();
        receiver.next((1..LIFE).map(|_| status("204 No Content")).chain([Reply::Hang]));
        let running = world.start();
        if recorded < ALERTS {
            let alerts = (recorded..recorded + 50).map(|number| Change::Alert(world.alert(number)));
            world.record(alerts.collect()).await;
            recorded += 50;
        }
        let is_last = taken + LIFE > ALERTS + kills;
        if is_last {
            world.deliveries("hook", |all| all.len() == ALERTS && all.iter().all(is_delivered)).await;
            running.stop().await;
            break;
        }
        receiver.wait_for(taken + LIFE).await;
        running.kill().await;
        kills += 1;
        if kills % 3 == 0 {
            world.reopen_store().await;
        }
    }
    assert!(kills >= 10, "the fault fired {kills} times");

    let mut by_key: BTreeMap<String, Vec<Request>> = BTreeMap::new();
    for request in receiver.requests() {
        by_key.entry(request.key().to_owned()).or_default().push(request);
    }
    let folders: std::collections::BTreeSet<_> =
        by_key.values().map(|requests| requests[0].json()["data"]["labels"]["folder"].clone().to_string()).collect();
    assert_eq!((by_key.len(), folders.len()), (ALERTS, ALERTS), "each alert has arrived, under a key of its own");
    let doubles: Vec<_> = by_key.values().filter(|requests| requests.len() > 1).collect();
    assert_eq!(doubles.len(), kills, "what was killed between send and mark has come twice, and nothing else");
    assert!(doubles.iter().all(|requests| requests.len() == 2 && requests[0].body == requests[1].body));
    let first_seen: Vec<_> = world.deliveries("hook", |_| true).await.iter().map(|delivery| delivery.key()).collect();
    let mut order: Vec<String> = receiver.requests().iter().map(|request| request.key().to_owned()).collect();
    order.dedup();
    assert_eq!(order, first_seen, "in order");
}

#[tokio::test]
async fn facts_from_before_the_start_are_not_left_out() {
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    world.fail_job(1, "orders", "disk_full", &[]).await;
    let running = world.start();
    let request = receiver.wait_for(1).await.remove(0);
    assert_eq!(request.json()["data"]["rule"], "job_failed");
    running.stop().await;
    // A second service has nothing more to tell of it.
    let running = world.start();
    world.raise(1).await;
    assert_eq!(receiver.wait_for(2).await[1].json()["data"]["rule"], "disk");
    assert_eq!(receiver.requests().len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_service_that_is_told_to_end_waits_for_the_try_that_is_under_way() {
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let running = world.start();
    world.raise(1).await;
    receiver.wait_for(1).await;
    running.stop().await;
    let deliveries = world.deliveries("hook", |_| true).await;
    assert!(is_delivered(&deliveries[0]), "{deliveries:#?}");
}

#[tokio::test]
async fn a_new_service_keeps_to_the_time_of_the_next_try_and_to_the_order() {
    let receiver = Receiver::start().await;
    receiver.next([Reply::Answer("503 Service Unavailable", "Retry-After: 600\r\n".to_owned())]);
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let running = world.start();
    world.raise(1).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    running.stop().await;

    let running = world.start();
    world.raise(2).await;
    world.deliveries("hook", |all| all.len() == 2).await;
    world.walk(599, &running);
    // Another channel's alert shows that the loop has been round since.
    let other = Receiver::start().await;
    world.change(|settings| settings.channels.push(webhook("other", &other.url(), None)));
    world.raise(3).await;
    other.wait_for(1).await;
    assert_eq!(receiver.requests().len(), 1);
    world.walk(1, &running);
    let deliveries = world.deliveries("hook", |all| all.len() == 3 && all.iter().all(is_delivered)).await;
    let keys: Vec<_> = deliveries.iter().map(|delivery| delivery.key()).collect();
    let sent: Vec<_> = receiver.requests()[1..].iter().map(|request| request.key().to_owned()).collect();
    assert_eq!(sent, keys);
    running.stop().await;
}
