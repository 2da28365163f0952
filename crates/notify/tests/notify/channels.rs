//! Channels as people see them: tests, states, changes of the settings, and metrics.

use etlplus_core::ports::{AlertChannels, AlertRule, AlertStatus, DeliveryState, TestSendError};
use etlplus_core::settings::{ChannelKind, ChannelSettings};
use tokio::task::JoinSet;

use crate::support::http::{Receiver, Reply, status};
use crate::support::{World, is_delivered, reason, settings, until, webhook};

#[tokio::test]
async fn a_test_is_sent_at_once_and_says_how_it_went() {
    let receiver = Receiver::start().await;
    let log = ChannelSettings { name: "log".to_owned(), kind: ChannelKind::Log };
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None), log])).await;
    let running = world.start();
    let test = |name: &str| running.handle.send_test(name.to_owned());
    test("hook").await.unwrap();
    test("log").await.unwrap();
    let sent = receiver.wait_for(1).await.remove(0);
    assert_eq!(
        (&sent.json()["type"], &sent.json()["data"]["labels"]["channel"]),
        (&"alert.test".into(), &"hook".into())
    );
    assert_eq!(test("hok").await, Err(TestSendError::Unknown("hok".to_owned())));
    receiver.next([status("403 Forbidden")]);
    let Err(TestSendError::Failed(why)) = test("hook").await else { panic!("403 is a failure") };
    assert!(why.contains("403 Forbidden"), "{why}");
    assert_ne!(receiver.requests()[0].key(), receiver.requests()[1].key());
    assert_eq!(world.alerts(AlertRule::Test).await.len(), 0, "a test is no alert to keep");
    let handle = running.handle.clone();
    running.stop().await;
    assert_eq!(handle.send_test("hook".to_owned()).await, Err(TestSendError::Stopped));
}

#[tokio::test]
async fn tests_of_a_channel_that_hangs_hold_up_no_delivery() {
    let (hangs, works) = (Receiver::start().await, Receiver::start().await);
    hangs.always(Some(Reply::Hang));
    let world =
        World::new(settings(vec![webhook("hangs", &hangs.url(), None), webhook("works", &works.url(), None)])).await;
    let running = world.start();
    let mut tests = JoinSet::new();
    for _ in 0..30 {
        let handle = running.handle.clone();
        tests.spawn(async move { handle.send_test("hangs".to_owned()).await });
    }
    hangs.wait_for(4).await;
    world.raise(1).await;
    works.wait_for(1).await;
    world.deliveries("works", |all| all.first().is_some_and(is_delivered)).await;
    // The delivery by the channel itself is under way, too.
    let sent: Vec<_> = hangs.wait_for(5).await.iter().map(|request| request.json()["type"].clone()).collect();
    assert_eq!(sent, ["alert.test", "alert.test", "alert.test", "alert.test", "alert.firing"]);
    assert!(tests.try_join_next().is_none(), "no test has ended before");
    running.stop().await;
}

#[tokio::test]
async fn a_test_that_gets_through_ends_the_pause_of_a_broken_channel() {
    let receiver = Receiver::start().await;
    receiver.always(Some(status("503 Service Unavailable")));
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    world.raise(1).await;
    running.channel("hook", |state| !state.is_up && state.waiting == Some(1)).await;
    receiver.always(None);
    running.handle.send_test("hook".to_owned()).await.unwrap();
    world.deliveries("hook", |all| is_delivered(&all[0])).await;
    let state = running.channel("hook", |state| state.is_up).await;
    assert_eq!((state.kind, state.retry_at, state.last_error), ("webhook", None, None));
    running.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_taken_out_gets_no_more_tries() {
    let receiver = Receiver::start().await;
    receiver.always(Some(status("503 Service Unavailable")));
    let backup = Receiver::start().await;
    let channels = vec![webhook("hook", &receiver.url(), None), webhook("backup", &backup.url(), None)];
    let world = World::new(settings(channels)).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    world.raise(1).await;
    running.channel("hook", |state| !state.is_up).await;
    world.raise(2).await;
    world.deliveries("hook", |all| all.len() == 2).await;
    let tried = receiver.requests().len();
    world.change(|settings| settings.channels.retain(|channel| channel.name != "hook"));
    let ended = world.deliveries("hook", |all| all.iter().all(|delivery| reason(delivery).is_some())).await;
    assert!(ended.iter().all(|delivery| reason(delivery) == Some("the channel was removed")), "{ended:#?}");
    world.walk(3600, &running);
    world.raise(3).await;
    world.deliveries("backup", |all| all.iter().filter(|delivery| is_delivered(delivery)).count() == 5).await;
    assert_eq!(receiver.requests().len(), tried);
    assert_eq!(running.handle.channels().await.len(), 1);
    let broken: Vec<_> = world.alerts(AlertRule::ChannelBroken).await;
    assert_eq!(broken[1].alert.message, "channel hook was removed");
    running.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_changed_is_tried_at_once_as_it_is_now() {
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    old.always(Some(status("503 Service Unavailable")));
    let world = World::new(settings(vec![webhook("hook", &old.url(), None)])).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    world.raise(1).await;
    running.channel("hook", |state| !state.is_up).await;
    let url = new.url();
    world.change(|settings| settings.channels = vec![webhook("hook", &url, None)]);
    let deliveries = world.deliveries("hook", |all| is_delivered(&all[0])).await;
    assert_eq!(old.requests()[0].key(), new.requests()[0].key());
    assert_eq!(deliveries[0].tries_made, 2);
    running.stop().await;
}

#[tokio::test]
async fn alerts_that_are_switched_off_are_not_sent_and_what_waits_is_kept() {
    let receiver = Receiver::start().await;
    receiver.next([status("503 Service Unavailable")]);
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await;
    let running = world.start();
    world.fail_job(1, "orders", "disk_full", &[]).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;

    world.change(|settings| settings.enabled = false);
    // A test is for whoever sets a channel up. It shows that the loop has been round with the settings, then with the time.
    running.handle.send_test("hook".to_owned()).await.unwrap();
    world.walk(3600, &running);
    world.raise(2).await;
    world.fail_job(2, "customers", "disk_full", &[]).await;
    world.complete_job(3, "orders").await;
    let alerts = until(|| async {
        let alerts = world.alerts(AlertRule::JobFailed).await;
        if alerts.len() == 2 { Ok(alerts) } else { Err(format!("{alerts:#?}")) }
    })
    .await;
    assert_eq!(
        (alerts[1].alert.status, &alerts[1].alert.labels["pipeline"]),
        (AlertStatus::Resolved, &"orders".to_owned())
    );
    running.handle.send_test("hook".to_owned()).await.unwrap();
    assert_eq!(receiver.requests().len(), 3);

    world.change(|settings| settings.job_failure_alerts = false);
    world.change(|settings| settings.enabled = true);
    world.deliveries("hook", |all| is_delivered(&all[0])).await;
    world.fail_job(4, "orders", "disk_full", &[]).await;
    world.raise(3).await;
    world.deliveries("hook", |all| all.last().is_some_and(|last| all.len() > 1 && is_delivered(last))).await;
    let rules: Vec<_> = receiver.requests().iter().map(|request| request.json()["data"]["rule"].clone()).collect();
    assert_eq!(rules[..4], ["job_failed", "test", "test", "job_failed"]);
    assert_eq!(receiver.requests().last().unwrap().json()["data"]["labels"]["folder"], "/data/3");
    assert_eq!(world.alerts(AlertRule::JobFailed).await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_log_channel_takes_everything() {
    let log = ChannelSettings { name: "log".to_owned(), kind: ChannelKind::Log };
    let world = World::new(settings(vec![log])).await;
    let running = world.start();
    world.fail_job(1, "orders\nforged", "disk_full", &["last words"]).await;
    let deliveries = world.deliveries("log", |all| all.first().is_some_and(is_delivered)).await;
    assert!(matches!(deliveries[0].state, DeliveryState::Delivered { .. }));
    assert_eq!(running.channel("log", |state| state.waiting == Some(0)).await.kind, "log");
    running.stop().await;
}

#[tokio::test]
async fn metrics_tell_what_was_delivered_what_failed_and_what_waits() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().unwrap();
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("counted", &receiver.url(), None)])).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    world.raise(1).await;
    world.deliveries("counted", |all| all.first().is_some_and(is_delivered)).await;
    receiver.always(Some(status("503 Service Unavailable")));
    world.raise(2).await;
    running.channel("counted", |state| !state.is_up && state.waiting == Some(1)).await;
    let text = metrics.render();
    for line in [
        "etlplus_alerts_delivered_total{channel=\"counted\"} 1",
        "etlplus_alert_delivery_failures_total{channel=\"counted\"} 1",
        "etlplus_alert_deliveries_waiting{channel=\"counted\"} 1",
        "etlplus_alert_channel_open{channel=\"counted\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    running.stop().await;
}
