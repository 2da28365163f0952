//! What operators do to jobs.

use std::time::Duration;

use etlplus_api::JobStatus;
use serde_json::{Value, json};

use crate::http::{get, post, request};
use crate::server::{Server, is_running, job_of, orders, talkative, wait_for, wait_for_end};
use crate::support::{Folder, ORDERS};

/// Enough rows that a job can be met while it runs.
const MANY: u64 = 3_000_000;

#[tokio::test]
async fn a_paused_job_stands_still_and_goes_on_without_losing_a_row() {
    let folder = Folder::with_orders(orders(MANY, 7));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    wait_for(&client, &job, |job| is_running(job) && job.metrics.records_processed > 0).await;
    post(&server, &format!("/api/jobs/{job}/pause"), &json!({})).expect(202);
    wait_for(&client, &job, |job| job.status == JobStatus::Paused).await;
    // Rows that were on their way when it was paused are still counted; then nothing moves.
    let mut stood_still = 0;
    let mut last = 0;
    while stood_still < 50 {
        let rows = wait_for(&client, &job, |job| job.status == JobStatus::Paused).await.metrics.records_processed;
        stood_still = if rows == last { stood_still + 1 } else { 0 };
        last = rows;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(last < MANY, "it was paused before its end");
    let logs = get(&server, &format!("/api/jobs/{job}/logs?limit=10000")).expect(200);
    assert!(!logs["lines"].as_array().expect("lines").is_empty());
    assert!(!folder.path("out/orders.csv").exists(), "nothing is loaded meanwhile");
    post(&server, &format!("/api/jobs/{job}/resume"), &json!({})).expect(202);
    let ended = wait_for_end(&client, &job).await;
    assert_eq!(ended.status, JobStatus::Completed, "{ended:#?}");
    assert_eq!((ended.metrics.records_successful, ended.metrics.records_failed), (MANY, 7));
    assert_eq!(ended.attempt, 1, "it went on, rather than beginning anew");
    post(&server, &format!("/api/jobs/{job}/pause"), &json!({})).problem(409, "illegal_move");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_ended_and_one_with_time_is_not() {
    let slow = ORDERS.replace("name: orders\n", "name: slow\ntimeout: 300ms\n");
    let folder = Folder::with_orders(orders(MANY, 0)).file("slow.yaml", slow);
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let late = client.submit(&job_of(&folder, "slow.yaml")).await.expect("it is accepted").job_id;
    let late = wait_for_end(&client, &late).await;
    assert_eq!(late.status, JobStatus::Failed, "{late:#?}");
    assert_eq!(late.failure.expect("a reason").code, "job_timeout");
    assert!(!folder.path("out/orders.csv").exists(), "its target is as it was");
    let in_time = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    assert_eq!(wait_for_end(&client, &in_time).await.status, JobStatus::Completed);
    let alerts = get(&server, "/api/alerts").expect(200);
    assert!(alerts.to_string().contains("job_timed_out"), "{alerts:#}");
}

#[tokio::test]
async fn a_submit_that_is_sent_again_is_the_same_job() {
    let folder = Folder::with_orders(orders(10, 0));
    let server = Server::start(&folder, &[]);
    let body = serde_json::to_value(job_of(&folder, "orders.yaml")).expect("JSON");
    let submit = |key: &str, body: &Value| {
        request(&server, "POST", "/api/jobs", &[&format!("idempotency-key: {key}")], Some(body))
    };
    let first = submit("a", &body).expect(202);
    let again = submit("a", &body).expect(200);
    assert_eq!(first["jobId"], again["jobId"]);
    let other = submit("b", &body).expect(202);
    assert_ne!(first["jobId"], other["jobId"]);
    let mut changed = body.clone();
    changed["logLevel"] = json!("DEBUG");
    submit("a", &changed).problem(422, "key_reused");
    let jobs = get(&server, "/api/monitor/jobs").expect(200);
    assert_eq!(jobs["jobs"].as_array().expect("jobs").len(), 2);
}

#[tokio::test]
async fn an_urgent_job_overtakes_and_a_pipeline_keeps_to_its_concurrency() {
    let one = ORDERS.replace("name: orders\n", "name: one\nconcurrency: 1\n");
    let folder = Folder::with_orders(orders(MANY, 0)).file("one.yaml", one);
    let server = Server::start(&folder, &["--max-concurrent-jobs", "1"]);
    let client = server.client();
    let running = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &running, is_running).await;
    let mut job = job_of(&folder, "orders.yaml");
    let patient = client.submit(&job).await.expect("it is accepted").job_id;
    job.priority = Some(50);
    let urgent = client.submit(&job).await.expect("it is accepted").job_id;
    wait_for(&client, &urgent, |job| job.status != JobStatus::Pending).await;
    assert_eq!(client.job(&patient).await.expect("it answers").status, JobStatus::Pending, "the urgent one was first");
    for id in [&running, &patient, &urgent] {
        let _ = client.cancel(id).await;
        wait_for_end(&client, id).await;
    }
    // More places, taken at once; the pipeline's own limit stays.
    post(&server, "/api/monitor/config", &json!({"jobs": {"max_concurrent_jobs": 4}})).expect(200);
    let first = client.submit(&job_of(&folder, "one.yaml")).await.expect("it is accepted").job_id;
    let second = client.submit(&job_of(&folder, "one.yaml")).await.expect("it is accepted").job_id;
    let beside = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &first, is_running).await;
    wait_for(&client, &beside, is_running).await;
    assert_eq!(client.job(&second).await.expect("it answers").status, JobStatus::Pending);
    for id in [&first, &second, &beside] {
        let _ = client.cancel(id).await;
        wait_for_end(&client, id).await;
    }
}

#[tokio::test]
async fn a_job_is_tried_again_by_hand_with_its_attempts_kept() {
    let broken = ORDERS.replace("path: orders.csv", "path: late.csv");
    let folder = Folder::with_orders(orders(10, 0)).file("late.yaml", broken);
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "late.yaml")).await.expect("it is accepted").job_id;
    assert_eq!(wait_for_end(&client, &job).await.status, JobStatus::Failed);
    std::fs::copy(folder.path("orders.csv"), folder.path("late.csv")).expect("the file comes");
    post(&server, &format!("/api/jobs/{job}/retry"), &json!({})).expect(202);
    let ended = wait_for(&client, &job, |job| job.attempt == 2 && job.status.is_terminal()).await;
    assert_eq!(ended.status, JobStatus::Completed);
    let events = get(&server, &format!("/api/jobs/{job}/events")).expect(200);
    let attempts = events["attempts"].as_array().expect("attempts");
    let codes: Vec<_> = attempts.iter().map(|attempt| attempt["failure"]["code"].as_str()).collect();
    assert_eq!(codes, [Some("pipeline_invalid"), None], "{events:#}");
}

#[tokio::test]
async fn a_schedule_makes_jobs_of_a_pipeline_that_is_kept() {
    let every_minute = ORDERS.to_owned() + "schedule: { cron: \"* * * * *\", timezone: Europe/Berlin }\n";
    let folder = Folder::with_orders(orders(10, 0)).file("minutely.yaml", &every_minute);
    let server = Server::start(&folder, &[]);
    let put = |text: &str| {
        let body = json!({"definition": text, "folder": folder.path("").to_string_lossy()});
        request(&server, "PUT", "/api/pipelines/orders", &[], Some(&body))
    };
    put(&every_minute.replace("* * * * *", "0 0 30 2 *")).problem(422, "pipeline_invalid");
    put(&every_minute).expect(200);
    // The first time is at most a minute away.
    let deadline = std::time::Instant::now() + Duration::from_secs(90);
    let next = loop {
        let schedules = get(&server, "/api/schedules").expect(200);
        if let Some(next) = schedules["schedules"][0]["nextAt"].as_str() {
            break next.to_owned();
        }
        assert!(std::time::Instant::now() < deadline, "no time was told: {schedules:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(next.ends_with(":00Z"), "{next}");
    loop {
        let jobs = get(&server, "/api/monitor/jobs").expect(200);
        if let Some(job) = jobs["jobs"].as_array().expect("jobs").first() {
            assert_eq!(job["pipeline"], "orders");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no job was made");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let schedules = get(&server, "/api/schedules").expect(200);
    assert!(schedules["schedules"][0]["lastAt"].is_string(), "{schedules:#}");
}
