//! Channels that are away: what is kept, in which order it arrives, and what others hear of it.

use std::time::Duration;

use etlplus_core::ports::{AlertRule, AlertStatus, Alerts, Change, ChannelState, Clock, Delivery, DeliveryState};
use etlplus_notify::WAITING_MAX;

use crate::support::http::{Receiver, status};
use crate::support::{ALL, Running, World, is_delivered, reason, settings, until, webhook};

fn due(delivery: &Delivery) -> chrono::DateTime<chrono::Utc> {
    match &delivery.state {
        DeliveryState::Waiting { due } => *due,
        other => panic!("{other:?}"),
    }
}

/// Walks the clock to the next try of the first delivery that waits for `hook`, and waits for its end.
async fn walk_to_next_try(world: &World, running: &Running) -> Delivery {
    let is_waiting = |delivery: &&Delivery| matches!(delivery.state, DeliveryState::Waiting { .. });
    let before = world.deliveries("hook", |all| all.iter().any(|delivery| is_waiting(&delivery))).await;
    let head = before.iter().find(is_waiting).expect("one waits").clone();
    let wait = (due(&head) - world.clock.now()).to_std().unwrap_or_default();
    world.walk(wait.as_secs() + 1, running);
    let tried = |delivery: &Delivery| delivery.alert == head.alert && delivery.tries_made > head.tries_made;
    let after = world.deliveries("hook", |all| all.iter().any(tried)).await;
    after.into_iter().find(|delivery| delivery.alert == head.alert).expect("it is there")
}

#[tokio::test]
async fn what_happens_while_a_receiver_is_away_for_ten_minutes_arrives_in_order_once_it_is_back() {
    let gone = Receiver::start().await;
    let (address, url) = (gone.address, gone.url());
    drop(gone);
    let backup = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &url, None), webhook("backup", &backup.url(), None)])).await;
    let running = world.start();
    let start = world.clock.now();
    world.raise(0).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let mut tries = 1;
    let mut raised = 1;
    while world.clock.now() - start < chrono::TimeDelta::minutes(10) {
        world.raise(raised).await;
        raised += 1;
        let head = walk_to_next_try(&world, &running).await;
        tries += 1;
        assert_eq!(head.tries_made, tries, "the first delivery is the one that is tried");
        assert!(head.tries.last().unwrap().error.as_deref().unwrap().contains("cannot be reached"), "{head:?}");
    }
    // Four tries by the settings, then a probe at each pause of 30, 60, 120, 240 and 300 seconds.
    assert!((6..=9).contains(&tries), "{tries} tries in ten minutes");
    let now = world.clock.now();
    let is_told =
        |state: &ChannelState| state.waiting == Some(raised as u64) && state.retry_at.is_some_and(|at| at > now);
    let state = running.channel("hook", is_told).await;
    assert!(!state.is_up && state.last_error.is_some(), "{state:?}");
    assert!(world.deliveries("hook", |_| true).await[1..].iter().all(|delivery| delivery.tries_made == 0));

    let receiver = Receiver::start_at(address).await;
    world.walk(300, &running);
    let requests = receiver.wait_for(raised).await;
    let delivered = world.deliveries("hook", |all| all.iter().all(is_delivered)).await;
    let keys: Vec<_> = delivered.iter().map(Delivery::key).collect();
    assert_eq!(
        requests.iter().map(|request| request.key().to_owned()).collect::<Vec<_>>(),
        keys,
        "in order, once each"
    );
    running.channel("hook", |state| state.is_up && state.waiting == Some(0) && state.last_error.is_none()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_broken_channel_is_told_by_the_others_once_and_resolved_once() {
    let receiver = Receiver::start().await;
    receiver.always(Some(status("503 Service Unavailable")));
    let backup = Receiver::start().await;
    let channels = vec![webhook("hook", &receiver.url(), None), webhook("backup", &backup.url(), None)];
    let world = World::new(settings(channels)).await;
    let running = world.start();
    world.raise(1).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    for _ in 0..6 {
        walk_to_next_try(&world, &running).await;
    }
    let told = backup.wait_for(2).await;
    let broken = told[1].json();
    assert_eq!(
        (&broken["data"]["rule"], &broken["data"]["labels"]["channel"]),
        (&"channel_broken".into(), &"hook".into())
    );
    let message = broken["data"]["message"].as_str().unwrap();
    assert!(message.contains("503 Service Unavailable") && !message.contains("hidden"), "{message}");

    // A new service finds the channel still broken, and does not say so again.
    running.stop().await;
    let running = world.start();
    for _ in 0..2 {
        walk_to_next_try(&world, &running).await;
    }
    receiver.always(None);
    walk_to_next_try(&world, &running).await;
    let told = backup.wait_for(3).await;
    assert_eq!(
        (&told[2].json()["type"], &told[2].json()["data"]["rule"]),
        (&"alert.resolved".into(), &"channel_broken".into())
    );
    let statuses: Vec<_> =
        world.alerts(AlertRule::ChannelBroken).await.iter().map(|record| record.alert.status).collect();
    assert_eq!(statuses, [AlertStatus::Firing, AlertStatus::Resolved]);
    let about_itself = world.deliveries("hook", |_| true).await;
    assert_eq!(about_itself.len(), 1, "a broken channel is not told of itself: {about_itself:#?}");
    running.stop().await;
}

#[tokio::test]
async fn an_alert_is_kept_for_a_week_and_no_longer() {
    let receiver = Receiver::start().await;
    receiver.always(Some(status("503 Service Unavailable")));
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let running = world.start();
    world.raise(1).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    world.walk(7 * 24 * 3600, &running);
    world.deliveries("hook", |all| all[0].tries_made == 2).await;
    world.raise(2).await;
    world.walk(3600, &running);
    let both = world.deliveries("hook", |all| all.len() == 2 && all[1].tries_made == 1).await;
    assert_eq!(reason(&both[0]), Some("it could not be sent within 7 days"));
    receiver.always(None);
    world.walk(3600, &running);
    world.deliveries("hook", |all| is_delivered(&all[1])).await;
    running.stop().await;
}

#[tokio::test]
async fn the_oldest_of_too_many_alerts_give_way() {
    let gone = Receiver::start().await;
    let url = gone.url();
    drop(gone);
    let world = World::new(settings(vec![webhook("hook", &url, None)])).await;
    let running = world.start();
    let too_many = usize::try_from(WAITING_MAX).unwrap() + 300;
    for start in (0..too_many).step_by(1000) {
        let alerts = (start..(start + 1000).min(too_many)).map(|number| Change::Alert(world.alert(number)));
        world.record(alerts.collect()).await;
    }
    let counted = |wanted| {
        let world = &world;
        until(move || async move {
            let counts = world.store().waiting_counts().await.unwrap();
            if counts.get("hook") == Some(&wanted) { Ok(()) } else { Err(format!("{counts:?}")) }
        })
    };
    let last = world.alerts(AlertRule::Disk).await.pop().unwrap();
    until(|| async {
        let waiting = world.store().waiting("hook".to_owned(), ALL).await.unwrap();
        let is_last = waiting.last().is_some_and(|delivery| delivery.alert == last.position);
        if is_last { Ok(()) } else { Err(format!("{} wait", waiting.len())) }
    })
    .await;
    counted(WAITING_MAX).await;
    let gave_way = world.deliveries("hook", |all| all.len() == too_many).await;
    let failed: Vec<_> = gave_way.iter().filter_map(reason).collect();
    assert_eq!(failed.len(), 300);
    assert!(failed.iter().all(|reason| *reason == "more than 10000 alerts waited for the channel"), "{}", failed[0]);
    running.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_no_alert() {
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let mut alert = world.alert(1);
    alert.at += Duration::from_secs(1800);
    world.record(vec![Change::Alert(alert)]).await;
    let running = world.start();
    receiver.wait_for(1).await;
    running.stop().await;
}
