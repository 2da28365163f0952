//! Jobs over REST.

use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::JobInput;
use etlplus_core::log::LogLevel;
use etlplus_core::ports::{AttemptReport, Change, TargetReport};
use etlplus_core::reject::{BrokenRule, Reject, RejectSummary};
use serde_json::{Value, json};

use crate::support::{Server, eventually, progress, reading};

const PIPELINE: &str = "name: orders\nparameters:\n  day: {type: date}\nsource: {csv: {path: in.csv}}\n\
                        schema:\n  id: int64\ntarget: {csv: {path: out.csv}}\n";

#[tokio::test]
async fn a_job_is_submitted_looked_at_and_cancelled() {
    let server = Server::start().await;
    let body = json!({"definition": PIPELINE, "folder": "/data", "parameters": {"day": "2026-01-31"}}).to_string();
    let answer = server.post("/api/jobs", &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let accepted = answer.json();
    assert_eq!((&accepted["status"], &accepted["pipeline"]), (&json!("PENDING"), &json!("orders")));
    let address = answer.header("location").unwrap().to_owned();
    assert_eq!(address, format!("/api/jobs/{}/status", accepted["jobId"].as_str().unwrap()));
    let shown = server.get(&address).await.json();
    assert_eq!((&shown["currentStep"], &shown["jobType"]), (&json!("Queued"), &json!("LOAD")));
    let cancel = address.replace("status", "cancel");
    let cancelled = server.post(&cancel, "{}").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (202, &json!("CANCELLED")));
    server.post(&cancel, "").await.problem(409, "job_ended");
    eventually("the job has left the live view", async || server.get(&address).await.json()["status"] == "CANCELLED")
        .await;
    let ended = server.get(&address).await.json();
    assert_eq!(
        (&ended["live"], &ended["startTime"], &ended["executionTime"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_job_is_named() {
    let server = Server::start().await;
    let wrong = json!({"definition": "name: orders\nsource: {}\n", "folder": "/"}).to_string();
    let problem = server.post("/api/jobs", &wrong).await.problem(422, "pipeline_invalid");
    let first = &problem["errors"][0];
    assert!(first["line"].is_u64() && first["column"].is_u64() && first["remedy"].is_string(), "{problem}");
    let missing = json!({"definition": PIPELINE, "folder": "/"}).to_string();
    let problem = server.post("/api/jobs", &missing).await.problem(422, "parameters_invalid");
    assert_eq!(problem["errors"][0]["key"], "parameters.day");
    let good = json!({"definition": PIPELINE, "folder": "/", "parameters": {"day": "2026-01-31"}}).to_string();
    for _ in 0..5 {
        assert_eq!(server.post("/api/jobs", &good).await.status, 202);
    }
    server.post("/api/jobs", &good).await.problem(503, "queue_full");
}

#[tokio::test]
async fn a_running_job_is_shown_live_with_its_logs() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["hello".to_owned()]);
    server.read(job, 4500).await;
    let address = format!("/api/jobs/{job}/status");
    eventually("the reading is there", async || server.get(&address).await.json()["eta"] == 1500).await;
    let shown = server.get(&address).await.json();
    assert_eq!((&shown["live"], &shown["progressPercent"]), (&json!(true), &json!(45.0)));
    assert_eq!(shown["recentLogs"][0]["message"], "hello");
    assert_eq!(shown["metrics"]["recordsSuccessful"], 4500);
    let list = server.get("/api/monitor/jobs").await.json();
    assert_eq!((&list["jobs"][0]["progressPercent"], &list["jobs"][0]["recentLogs"]), (&json!(45.0), &json!([])));
    let metrics = server.get(&format!("/api/jobs/{job}/metrics")).await.json();
    assert_eq!(metrics["metrics"]["processingRate"], 150.5);
}

#[tokio::test]
async fn a_paused_job_is_listed_with_what_it_has_done() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.read(job, 4500).await;
    let shown = async || server.get("/api/monitor/jobs").await.json()["jobs"][0].clone();
    eventually("the reading is there", async || shown().await["eta"] == 1500).await;
    server.step(job, JobInput::Pause);
    let shown = shown().await;
    assert_eq!((&shown["status"], &shown["currentStep"]), (&json!("PAUSED"), &json!("Paused")));
    assert_eq!((&shown["live"], &shown["progressPercent"]), (&json!(true), &json!(45.0)));
    assert_eq!(shown["metrics"]["recordsSuccessful"], 4500);
}

#[tokio::test]
async fn readings_over_time_come_from_the_store() {
    let server = Server::start().await;
    let job = server.running("orders");
    for rows in 1..=3 {
        server.store.apply(vec![Change::Sample(reading(job, rows).sample)]);
    }
    server.complete(job);
    let series = server.get(&format!("/api/jobs/{job}/metrics?limit=2")).await.json();
    let rows: Vec<_> =
        series["samples"].as_array().unwrap().iter().map(|one| &one["metrics"]["recordsProcessed"]).collect();
    assert_eq!(rows, [&json!(2), &json!(3)]);
    assert_eq!(series["metrics"]["recordsProcessed"], 1000);
    server.get(&format!("/api/jobs/{job}/metrics?limit=0")).await.problem(422, "bad_parameter");
}

#[tokio::test]
async fn jobs_are_listed_by_filters_page_by_page() {
    let server = Server::start().await;
    let mut ids: Vec<String> = Vec::new();
    for number in 0..5 {
        let job = server.running(if number % 2 == 0 { "orders" } else { "people" });
        if number < 2 {
            server.complete(job);
        }
        ids.insert(0, job.to_string());
    }
    let listed = async |query: &str| {
        let list = server.get(&format!("/api/monitor/jobs?{query}")).await.json();
        let jobs: Vec<String> =
            list["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect();
        (jobs, list["nextCursor"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("").await, (ids.clone(), None));
    assert_eq!(listed("status=COMPLETED").await.0, ids[3..]);
    assert_eq!(listed("status=COMPLETED,RUNNING").await.0, ids);
    assert_eq!(listed("status=COMPLETED&status=RUNNING").await.0, ids);
    assert_eq!(listed("pipeline=people&status=RUNNING&type=LOAD&tag=nightly&q=eop").await.0, ids[1..2]);
    assert_eq!(listed("until=2020-01-01T00:00:00Z").await.0, [] as [String; 0]);
    let (first, cursor) = listed("limit=2").await;
    let (second, cursor) = listed(&format!("limit=2&cursor={}", cursor.unwrap())).await;
    let (third, end) = listed(&format!("limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!((first, second, third, end), (ids[..2].to_vec(), ids[2..4].to_vec(), ids[4..].to_vec(), None));
    let bad = "status=DONE&type=x&from=yesterday&until=1&cursor=7&limit=501&limits=1&q=a&q=b";
    let problem = server.get(&format!("/api/monitor/jobs?{bad}")).await.problem(422, "bad_parameter");
    let keys: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["status", "type", "from", "until", "q", "cursor", "limit", "limits"]);
}

#[tokio::test]
async fn rejected_rows_are_read_from_the_jobs_file() {
    let server = Server::start().await;
    let job = server.running("orders");
    let file = tempfile::NamedTempFile::new().unwrap();
    let broken =
        BrokenRule { field: Some("id".to_owned()), rule: "min".to_owned(), value: None, message: "too low".to_owned() };
    let row = |row: u64| Reject {
        file: "in.csv".to_owned(),
        line: Some(row + 1),
        row,
        offset: Some(row * 10),
        errors: vec![broken.clone()],
        header: None,
        raw: format!("{row}"),
        raw_hex: None,
        raw_truncated: false,
    };
    let lines: String = (1..=5).map(|number| serde_json::to_string(&row(number)).unwrap() + "\n").collect();
    std::fs::write(file.path(), lines).unwrap();
    let summary = RejectSummary { field: Some("id".to_owned()), rule: "min".to_owned(), rows: 5, samples: Vec::new() };
    let mut live = reading(job, 10);
    live.rejects = vec![summary.clone()].into();
    live.sample.progress.records_failed = 4;
    server.readings.send(live).await.unwrap();
    let address = format!("/api/jobs/{job}/rejects");
    eventually("the summary is live", async || server.get(&address).await.json()["recordsFailed"] == 4).await;
    let page = server.get(&address).await.json();
    assert_eq!((&page["summary"][0]["rows"], &page["rows"]), (&json!(5), &json!([])));
    let target = TargetReport { location: "/out.csv".into(), rows: 10, bytes: Some(99) };
    let report =
        AttemptReport { target: Some(target), rejects: vec![summary], reject_file: Some(file.path().to_owned()) };
    let completed = JobInput::Completed { attempt: AttemptNumber::FIRST, progress: progress(10) };
    server.step_with(job, completed, Some(report));
    eventually("the job has ended", async || server.get(&address).await.json()["rows"] != json!([])).await;
    let page = server.get(&format!("{address}?after=1&limit=2")).await.json();
    let rows: Vec<_> = page["rows"].as_array().unwrap().iter().map(|row| &row["row"]).collect();
    assert_eq!((rows, &page["nextAfter"]), (vec![&json!(2), &json!(3)], &json!(3)));
    assert_eq!(server.get(&format!("{address}?after=3")).await.json()["nextAfter"], Value::Null);
    let shown = server.get(&format!("/api/jobs/{job}/status")).await.json();
    assert_eq!((&shown["target"]["bytes"], &shown["rejects"][0]["rule"]), (&json!(99), &json!("min")));
    let path = file.path().to_owned();
    file.close().unwrap();
    let problem = server.get(&address).await.problem(410, "reject_file_gone");
    assert!(problem["detail"].as_str().unwrap().contains(path.to_str().unwrap()));
}
