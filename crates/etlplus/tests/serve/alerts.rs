//! Alerts on their way out: a real server, real failures, a receiver that does not always take them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName};

use crate::http::{get, post, request};
use crate::receiver::{Manner, Received, Receiver};
use crate::server::{DEADLINE, Server, job_of, orders, wait_for_end};
use crate::support::{Folder, ORDERS};

/// A key of 24 bytes, as receivers of webhooks are given one.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A folder whose pipeline `orders` works, and whose pipeline `broken` fails for want of its file.
fn folder(settings: &str) -> Folder {
    let broken = ORDERS.replace("name: orders", "name: broken").replace("path: orders.csv", "path: gone.csv");
    Folder::with_orders(orders(10, 0)).file("broken.yaml", broken).file("etlplus.yaml", settings)
}

/// Settings with the webhook `hook` at `url`, tried again after some milliseconds.
fn settings(url: &str) -> String {
    format!(
        "monitoring:
  notifications:
    retry_attempts: 3
    retry_delay: 20ms
    resource_alerts: false
    allowed_private_hosts: [127.0.0.1]
    channels:
      hook: {{ type: webhook, url: \"{url}\", secret: \"${{HOOK_SECRET}}\" }}
"
    )
}

fn start(folder: &Folder) -> Server {
    Server::start_with(folder, &["--config", "etlplus.yaml"], &[("HOOK_SECRET", SECRET)])
}

/// The alerts that are recorded, each with what became of it, once they are as wanted.
fn alerts(server: &Server, what: &str, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let list = get(server, "/api/alerts?limit=500").expect(200);
        let alerts = list["alerts"].as_array().expect("a list").clone();
        if is_there(&alerts) {
            return alerts;
        }
        assert!(Instant::now() < deadline, "alerts never were {what}: {list:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_delivered(alert: &Value) -> bool {
    alert["deliveries"]
        .as_array()
        .is_some_and(|all| !all.is_empty() && all.iter().all(|one| one["state"] == "delivered"))
}

/// The keys that were received, each with how often.
fn by_key(received: &[Received]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in received {
        *counts.entry(one.key().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_failed_job_is_told_with_its_reason_and_its_next_success_resolves_it() {
    let receiver = Receiver::start(Manner::Answer(204));
    let folder = folder(&settings(&receiver.url()));
    let server = start(&folder);
    let client = server.client();

    let failed = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &failed.job_id).await;
    let first = &receiver.wait_for("an alert", |all| !all.is_empty())[0];
    let message = first.json();
    assert_eq!(message["type"], "alert.firing", "{message:#}");
    let text = message.to_string();
    for part in ["broken", failed.job_id.as_str(), "pipeline_invalid", "gone.csv"] {
        assert!(text.contains(part), "{part} is missing: {message:#}");
    }
    // The last log lines say where it was.
    assert!(text.contains("attempt 1"), "{message:#}");

    let webhook = standardwebhooks::Webhook::new(SECRET).expect("the secret is one");
    let mut headers = HeaderMap::new();
    for (name, value) in &first.headers {
        let name = HeaderName::try_from(name.as_str()).expect("a header");
        headers.insert(name, value.parse().expect("a value"));
    }
    webhook.verify(first.body.as_bytes(), &headers).expect("the signature is right");
    let forged = first.body.replace("broken", "proken");
    webhook.verify(forged.as_bytes(), &headers).expect_err("another text has another signature");

    std::fs::copy(folder.path("orders.csv"), folder.path("gone.csv")).expect("the file comes back");
    let mended = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &mended.job_id).await;
    let all = receiver.wait_for("that it is resolved", |all| all.len() == 2);
    assert_eq!(all[1].json()["type"], "alert.resolved", "{:#}", all[1].json());
    assert_ne!(all[0].key(), all[1].key());
}

#[tokio::test]
async fn a_channel_that_fails_is_tried_again_kept_and_comes_back_with_nothing_missing() {
    let receiver = Receiver::start(Manner::Answer(500));
    let folder = folder(&settings(&receiver.url()));
    let server = start(&folder);
    let client = server.client();
    for _ in 0..5 {
        let failed = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
        wait_for_end(&client, &failed.job_id).await;
    }
    // The fault fires: more tries than there are retries, and the channel is told to be down.
    receiver.wait_for("several tries", |all| all.len() >= 4);
    let broken = |alert: &Value| alert["rule"] == "channel_broken" && alert["status"] == "firing";
    alerts(&server, "told to be broken", |all| all.iter().any(broken));
    let channels = get(&server, "/api/alerts/channels").expect(200);
    assert_eq!(channels["channels"][0]["up"], false, "{channels:#}");
    assert!(channels.to_string().contains("500"), "the reason is told: {channels:#}");

    receiver.set(Manner::Answer(204));
    // A test send is a try: it does not have to wait for the breaker's pause.
    request(&server, "POST", "/api/alerts/channels/hook/test", &[], Some(&json!({}))).expect(200);
    let failures = |all: &[Value]| all.iter().filter(|alert| alert["rule"] == "job_failed").count();
    let all = alerts(&server, "delivered", |all| {
        let mut of_jobs = all.iter().filter(|alert| alert["rule"] == "job_failed");
        failures(all) == 5 && of_jobs.all(is_delivered)
    });
    let tries = all.iter().filter(|alert| alert["rule"] == "job_failed").map(|alert| &alert["deliveries"][0]["tries"]);
    assert!(tries.into_iter().any(|tries| tries.as_array().is_some_and(|tries| tries.len() > 1)), "each try is kept");
}

#[tokio::test]
async fn a_receiver_that_cuts_after_it_has_read_gets_the_same_key_again() {
    let receiver = Receiver::start(Manner::Cut);
    let folder = folder(&settings(&receiver.url()));
    let server = start(&folder);
    let client = server.client();
    let failed = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &failed.job_id).await;
    receiver.wait_for("it twice", |all| all.len() >= 2);
    receiver.set(Manner::Answer(200));
    alerts(&server, "delivered", |all| {
        all.iter().filter(|alert| alert["rule"] == "job_failed").all(is_delivered) && !all.is_empty()
    });
    let failures = receiver.received().into_iter().filter(|one| one.json().to_string().contains("job_failed"));
    let keys = by_key(&failures.collect::<Vec<_>>());
    assert_eq!(keys.len(), 1, "one event has one key: {keys:?}");
}

/// 200 failures, and a server that is killed again and again between sending and recording that it sent.
#[tokio::test]
async fn no_alert_is_missing_when_the_server_is_killed_between_send_and_mark() {
    const JOBS: usize = 200;
    let receiver = Receiver::start(Manner::Answer(200));
    let folder = folder(&settings(&receiver.url()));
    let mut server = start(&folder);
    let mut submitted = Vec::new();
    let mut kills = 0;
    let mut killed_at = 0;
    for number in 0..JOBS {
        let client = server.client();
        let job = client.submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted");
        submitted.push(job.job_id);
        if number % 40 == 39 {
            // As soon as another message arrived: its delivery is recorded only after the answer.
            let arrived = receiver.wait_for("another message", |all| all.len() > killed_at).len();
            server.kill();
            kills += 1;
            killed_at = arrived.max(receiver.received().len());
            server = start(&folder);
        }
    }
    assert_eq!(kills, 5, "the fault fired");
    let client = server.client();
    for id in &submitted {
        wait_for_end(&client, id).await;
    }
    let about = |one: &Received| one.json()["data"]["job"]["id"].as_str().map(str::to_owned);
    let received = receiver.wait_for("all of them", |all| {
        let jobs: std::collections::BTreeSet<_> = all.iter().filter_map(about).collect();
        submitted.iter().all(|id| jobs.contains(id))
    });
    // A message that came twice came under one key, and no two events share one.
    let mut keys_of_jobs: BTreeMap<String, std::collections::BTreeSet<String>> = BTreeMap::new();
    for one in &received {
        if let Some(job) = about(one) {
            keys_of_jobs.entry(job).or_default().insert(one.key().to_owned());
        }
    }
    for (job, keys) in keys_of_jobs {
        assert_eq!(keys.len(), 1, "job {job} was told under {keys:?}");
    }
}

#[test]
fn a_webhook_to_a_private_address_is_refused_in_any_spelling() {
    let folder = folder("monitoring: {}\n");
    let server = start(&folder);
    for url in [
        "http://127.0.0.1/hook",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost:9/",
        "http://LOCALHOST./",
        "http://169.254.169.254/latest/meta-data",
        "ftp://example.com/",
        "http://user:pass@example.com/",
    ] {
        let change = json!({"monitoring": {"notifications": {"channels": {"bad": {"type": "webhook", "url": url}}}}});
        let answer = post(&server, "/api/monitor/config", &change);
        if answer.status == 422 {
            answer.problem(422, "settings_invalid");
        } else {
            // A name is only known to be private once it is resolved: it is refused when it is used.
            answer.expect(200);
            let sent = request(&server, "POST", "/api/alerts/channels/bad/test", &[], Some(&json!({})));
            sent.problem(502, "channel_failed");
            let remove = json!({"monitoring": {"notifications": {"channels": {"bad": null}}}});
            post(&server, "/api/monitor/config", &remove).expect(200);
        }
    }
}

#[test]
fn a_secret_that_is_missing_is_told_before_the_first_alert() {
    let folder = folder(&settings("http://127.0.0.1:9/hook"));
    let log = std::fs::File::create(folder.path("server.log")).expect("it can be made");
    let _server = Server::start_logging_to(&folder, &["--config", "etlplus.yaml"], log);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let said = folder.read("server.log");
        if said.contains("no alert can leave by this channel") && said.contains("${HOOK_SECRET}") {
            break;
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
