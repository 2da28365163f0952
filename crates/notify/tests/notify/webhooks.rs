//! Webhooks: what is sent, and how each kind of failure is taken.

use std::time::Duration;

use etlplus_core::ports::{AlertChannels, AlertRule, AlertStatus, Alerts, Clock, Delivery, DeliveryState};
use etlplus_core::settings::NotificationSettings;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::support::http::{Receiver, Reply, status};
use crate::support::jobs::job_id;
use crate::support::{World, is_delivered, reason, settings, webhook};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A world with one webhook, `hook`, to the receiver.
async fn world(receiver: &Receiver) -> World {
    World::new(settings(vec![webhook("hook", &receiver.url(), None)])).await
}

#[tokio::test]
async fn a_failed_job_is_told_with_a_signature_and_its_next_success_too() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), Some(&secret))])).await;
    let running = world.start();
    world.fail_job(1, "orders", "disk_full", &["no space left", "giving up"]).await;
    receiver.wait_for(1).await;
    world.complete_job(2, "orders").await;
    let requests = receiver.wait_for(2).await;

    let webhook = Webhook::new(SECRET).unwrap();
    for request in &requests {
        webhook.verify(&request.body, &request.headers).unwrap();
        let mut other = request.body.clone();
        other[20] ^= 1;
        assert!(webhook.verify(&other, &request.headers).is_err(), "the control");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.line, "POST /alerts?token=hidden HTTP/1.1");
    }
    let [firing, resolved] = [&requests[0], &requests[1]].map(|request| request.json());
    assert_eq!((&firing["type"], &resolved["type"]), (&json!("alert.firing"), &json!("alert.resolved")));
    assert_eq!(firing["data"]["fingerprint"], resolved["data"]["fingerprint"]);
    assert_eq!(firing["data"]["labels"], json!({"pipeline": "orders"}));
    let job = json!({"id": job_id(1).to_string(), "attempt": 1, "failureCode": "disk_full",
        "statusPath": format!("/api/jobs/{}/status", job_id(1))});
    assert_eq!(firing["data"]["job"], job);
    assert_eq!(firing["data"]["remedy"], "mend it");
    assert_eq!(firing["data"]["logLines"][1]["message"], "giving up");
    let message = firing["data"]["message"].as_str().unwrap();
    assert!(message.contains("pipeline orders failed at attempt 1: disk_full happened"), "{message}");

    let deliveries = world.deliveries("hook", |all| all.len() == 2 && all.iter().all(is_delivered)).await;
    let keys: Vec<_> = deliveries.iter().map(|delivery| delivery.key()).collect();
    assert_eq!(requests.iter().map(|request| request.key().to_owned()).collect::<Vec<_>>(), keys);
    assert_ne!(keys[0], keys[1]);
    assert!(world.store().firing().await.unwrap().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let running = world.start();
    world.raise(1).await;
    let request = receiver.wait_for(1).await.remove(0);
    assert!(request.headers.get("webhook-signature").is_none());
    assert_eq!(request.header("webhook-timestamp"), world.clock.now().timestamp().to_string());
    running.stop().await;
}

/// What a failed try says, and that the next one comes under the same key.
async fn failed_and_tried_again(reply: Reply, said: &[&str]) {
    let receiver = Receiver::start().await;
    receiver.next([reply]);
    let world = world(&receiver).await;
    let running = world.start();
    world.raise(1).await;
    let waiting = world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let error = waiting[0].tries[0].error.as_deref().expect("it failed");
    for part in said.iter().chain(&["127.0.0.1"]) {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
    assert!(!error.contains("hidden") && !error.contains("/alerts"), "a part of the address is shown: {error}");
    assert!(
        matches!(waiting[0].state, DeliveryState::Waiting { due } if due <= world.clock.now() + Duration::from_secs(5))
    );
    let state = running.channel("hook", |state| state.last_error.as_deref() == Some(error)).await;
    assert!(state.is_up, "one failure breaks no channel");
    world.walk(5, &running);
    let delivered = world.deliveries("hook", |all| is_delivered(&all[0])).await;
    assert_eq!(delivered[0].tries_made, 2);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].key(), requests[1].key());
    assert_eq!(requests[0].body, requests[1].body);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_of_500_is_tried_again() {
    failed_and_tried_again(status("500 Internal Server Error"), &["500", "because", "receiver's log"]).await;
}

#[tokio::test]
async fn a_connection_cut_after_the_request_is_tried_again_under_the_same_key() {
    failed_and_tried_again(Reply::Cut, &["gave no answer"]).await;
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up_after_ten_seconds() {
    failed_and_tried_again(Reply::Hang, &["did not answer within 10 seconds"]).await;
}

#[tokio::test]
async fn a_refused_login_is_tried_again_and_says_what_to_look_at() {
    failed_and_tried_again(status("401 Unauthorized"), &["401", "see whether url and secret are the receiver's"]).await;
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let private = Receiver::start().await;
    let location = format!("Location: {}\r\n", private.url());
    failed_and_tried_again(Reply::Answer("302 Found", location), &["302", "redirects are not followed"]).await;
    assert_eq!(private.requests().len(), 0);
}

#[tokio::test]
async fn an_answer_without_end_is_read_no_further_than_its_limit() {
    let receiver = Receiver::start().await;
    receiver.next([Reply::Flood]);
    let world = world(&receiver).await;
    let running = world.start();
    world.raise(1).await;
    let waiting = world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let error = waiting[0].tries[0].error.as_deref().unwrap();
    assert!(error.contains("500 Internal Server Error (xxxx") && error.len() < 400, "{error}");
    // What lies in the buffers of the two sockets is more than what was read.
    assert!(receiver.flooded_bytes() < 16 << 20, "{} bytes were taken", receiver.flooded_bytes());
    running.stop().await;
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let receiver = Receiver::start().await;
    receiver.next([Reply::Answer("429 Too Many Requests", "Retry-After: 120\r\n".to_owned())]);
    let world = world(&receiver).await;
    let running = world.start();
    world.raise(1).await;
    let waiting = world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let due = world.clock.now() + Duration::from_secs(120);
    assert_eq!(waiting[0].state, DeliveryState::Waiting { due });
    world.walk(119, &running);
    // A test send goes through the same loop, so that once it is there the loop has looked at the walked clock.
    running.handle.send_test("hook".to_owned()).await.unwrap();
    assert_eq!(receiver.requests().len(), 2);
    world.raise(2).await;
    world.deliveries("hook", |all| all.len() == 2).await;
    world.walk(1, &running);
    let requests = receiver.wait_for(4).await;
    assert_eq!(requests[1].json()["type"], "alert.test");
    running.stop().await;
}

#[tokio::test]
async fn a_refused_message_holds_up_no_other_and_is_given_up_after_its_retries() {
    let receiver = Receiver::start().await;
    receiver.next([status("422 Unprocessable Content")]);
    let world = world(&receiver).await;
    world.change(|settings| settings.retry_attempts = 2);
    let running = world.start();
    world.raise(1).await;
    world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    world.raise(2).await;
    let both = world.deliveries("hook", |all| all.len() == 2 && is_delivered(&all[1])).await;
    assert!(matches!(both[0].state, DeliveryState::Waiting { .. }));
    receiver.always(Some(status("400 Bad Request")));
    for tries in 2..=3 {
        world.walk(20, &running);
        world.deliveries("hook", |all| all[0].tries_made == tries).await;
    }
    let failed = world.deliveries("hook", |all| reason(&all[0]).is_some()).await;
    let reason = reason(&failed[0]).unwrap();
    assert!(
        reason.contains("400 Bad Request (because)") && reason.contains("see what the receiver expects"),
        "{reason}"
    );
    assert_eq!((failed[0].tries_made, failed[0].tries.len()), (3, 3));
    let state = running.channel("hook", |state| state.waiting == Some(0)).await;
    assert!(state.is_up, "one that it does not want says nothing of the others");
    assert_eq!(state.last_error.as_deref(), Some(reason));
    assert_eq!(world.alerts(AlertRule::ChannelBroken).await.len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_refuses_everything_is_told_of_and_loses_three_alerts() {
    let receiver = Receiver::start().await;
    receiver.always(Some(status("400 Bad Request")));
    let backup = Receiver::start().await;
    let channels = vec![webhook("hook", &receiver.url(), None), webhook("backup", &backup.url(), None)];
    let world = World::new(settings(channels)).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    for number in 0..5 {
        world.raise(number).await;
    }
    let state = running.channel("hook", |state| !state.is_up && state.waiting == Some(2)).await;
    assert!(state.last_error.is_some_and(|error| error.contains("400 Bad Request (because)")));
    let all = world.deliveries("hook", |all| all.len() == 5).await;
    let lost = |all: &[Delivery]| all.iter().filter(|delivery| reason(delivery).is_some()).count();
    assert_eq!(lost(&all), 3);
    let told = world.deliveries("backup", |all| all.len() == 6 && all.iter().all(is_delivered)).await;
    let broken = world.alerts(AlertRule::ChannelBroken).await;
    assert_eq!(broken.iter().map(|record| record.alert.status).collect::<Vec<_>>(), [AlertStatus::Firing]);
    assert!(broken[0].alert.message.contains("400 Bad Request"), "{}", broken[0].alert.message);
    assert!(told.iter().any(|delivery| delivery.alert == broken[0].position));

    // It is asked again, and another refusal mends nothing.
    for (seconds, requests) in [(30, 4), (60, 5)] {
        world.walk(seconds, &running);
        receiver.wait_for(requests).await;
        world
            .deliveries("hook", |all| all.iter().map(|delivery| delivery.tries_made).sum::<u32>() == requests as u32)
            .await;
    }
    assert!(!running.channel("hook", |_| true).await.is_up);
    assert_eq!(world.alerts(AlertRule::ChannelBroken).await.len(), 1);
    receiver.always(None);
    world.walk(120, &running);
    let all = world.deliveries("hook", |all| all.iter().filter(|delivery| is_delivered(delivery)).count() == 2).await;
    assert_eq!(lost(&all), 3);
    running.channel("hook", |state| state.is_up && state.last_error.is_none()).await;
    world.deliveries("backup", |all| all.len() == 7 && all.iter().all(is_delivered)).await;
    let broken = world.alerts(AlertRule::ChannelBroken).await;
    assert_eq!(broken[1].alert.status, AlertStatus::Resolved);
    running.stop().await;
}

#[tokio::test]
async fn a_private_address_is_not_called_until_the_settings_allow_it_and_then_at_once() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let spellings = ["127.0.0.1", "2130706433", "0177.0.0.1", "127.1", "localhost", "[::ffff:127.0.0.1]"];
    let channels = spellings
        .iter()
        .zip(0..)
        .map(|(host, number)| webhook(&format!("hook{number}"), &format!("http://{host}:{port}/"), None));
    let world =
        World::new(NotificationSettings { channels: channels.collect(), ..NotificationSettings::default() }).await;
    let running = world.start();
    world.raise(1).await;
    for number in 0..spellings.len() {
        let name = format!("hook{number}");
        let waiting = world.deliveries(&name, |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
        let error = waiting[0].tries[0].error.as_deref().unwrap();
        assert!(error.contains("allowed_private_hosts"), "{error}");
    }
    assert_eq!(receiver.requests().len(), 0);
    world.change(|settings| settings.allowed_private_hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned()]);
    receiver.wait_for(spellings.len()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_fails_the_channel_and_is_read_anew_at_each_try() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url(), Some(&secret))])).await;
    let running = world.start();
    world.raise(1).await;
    let waiting = world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let error = waiting[0].tries[0].error.as_deref().unwrap();
    assert!(error.contains("secret}: No such file") && error.contains("let the server read"), "{error}");
    std::fs::write(&secret, "whsec_no base64: hush").unwrap();
    world.walk(5, &running);
    let waiting = world.deliveries("hook", |all| all[0].tries_made == 2).await;
    let error = waiting[0].tries[1].error.as_deref().unwrap();
    assert!(error.contains("is no secret of a webhook") && !error.contains("hush"), "{error}");
    assert_eq!(receiver.requests().len(), 0);
    std::fs::write(&secret, SECRET).unwrap();
    world.walk(10, &running);
    let request = receiver.wait_for(1).await.remove(0);
    let signature = Webhook::new(SECRET).unwrap().sign(request.key(), world.clock.now().timestamp(), &request.body);
    assert_eq!(request.header("webhook-signature"), signature.unwrap());
    assert_eq!(request.json()["data"]["status"], json!(AlertStatus::Firing));
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_does_not_encrypt_gets_nothing_over_https() {
    let receiver = Receiver::start().await;
    let world = World::new(settings(vec![webhook("hook", &receiver.url().replace("http:", "https:"), None)])).await;
    let running = world.start();
    world.raise(1).await;
    let waiting = world.deliveries("hook", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    let error = waiting[0].tries[0].error.as_deref().unwrap();
    assert!(error.contains("cannot be reached (tls"), "{error}");
    assert_eq!(receiver.requests().len(), 0);
    running.stop().await;
}
