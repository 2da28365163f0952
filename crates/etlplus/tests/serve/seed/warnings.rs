//! Warnings that reach somebody before it is too late.

use etlplus_api::JobStatus;
use serde_json::json;

use super::MANY;
use crate::http::{get, post};
use crate::receiver::{Manner, Received, Receiver};
use crate::server::{Server, job_of, orders, wait_for_end};
use crate::support::Folder;

/// Settings that send alerts to `receiver`, with more.
fn telling(receiver: &Receiver, more: &str) -> String {
    let hook = format!("hook: {{ type: webhook, url: \"{}\" }}", receiver.url());
    let hosts = "allowed_private_hosts: [127.0.0.1]";
    format!("monitoring:\n  notifications:\n    {hosts}\n    channels:\n      {hook}\n{more}")
}

fn about<'a>(received: &'a [Received], rule: &str, kind: &str) -> Option<&'a Received> {
    received.iter().find(|one| one.body.contains(&format!("\"{rule}\"")) && one.json()["type"] == kind)
}

#[tokio::test]
async fn a_job_that_runs_long_is_warned_of_while_it_still_runs() {
    let receiver = Receiver::start(Manner::Answer(200));
    let settings =
        telling(&receiver, "    resource_alerts: false\n  job_tracking: { timeout_warning_threshold: 200ms }\n");
    let folder = Folder::with_orders(orders(MANY, 0)).file("etlplus.yaml", settings);
    let server = Server::start(&folder, &["--config", "etlplus.yaml"]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let all = receiver.wait_for("the warning", |all| about(all, "job_timeout_near", "alert.firing").is_some());
    assert!(about(&all, "job_timeout_near", "alert.firing").is_some_and(|one| one.body.contains(&job)), "{all:#?}");
    let shown = get(&server, &format!("/api/jobs/{job}/status")).expect(200);
    assert_eq!(shown["status"], "RUNNING", "a warning comes before the end: {shown:#}");
    assert_eq!(wait_for_end(&client, &job).await.status, JobStatus::Completed);
    receiver.wait_for("that it is over", |all| about(all, "job_timeout_near", "alert.resolved").is_some());
}

#[test]
fn a_resource_that_runs_out_is_told_and_told_to_be_well_again() {
    let receiver = Receiver::start(Manner::Answer(200));
    // No machine that runs tests has 99 % of its memory free, nor all of it in use.
    let settings = telling(&receiver, "    memory_threshold: 1\n    cpu_threshold: 100\n    disk_threshold: 100\n");
    let folder = Folder::new().file("etlplus.yaml", settings);
    let server = Server::start(&folder, &["--config", "etlplus.yaml"]);
    receiver.wait_for("the alert", |all| about(all, "memory", "alert.firing").is_some());
    let change = json!({"monitoring": {"notifications": {"memory_threshold": 100}}});
    post(&server, "/api/monitor/config", &change).expect(200);
    receiver.wait_for("that it is over", |all| about(all, "memory", "alert.resolved").is_some());
}
