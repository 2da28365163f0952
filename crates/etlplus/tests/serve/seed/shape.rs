//! The seed's words on the wire: its message, its structures, its endpoints. They are read from the seed itself.

use serde_json::{Value, json};

use super::{MANY, Watcher, is_move, last};
use crate::http::{get, request};
use crate::server::{Server, is_running, job_of, orders, talkative, wait_for, wait_for_end};
use crate::support::{Folder, ORDERS};

fn seed() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/seed.md");
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between two marks of the seed.
fn between<'a>(seed: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = seed.split_once(begin).unwrap_or_else(|| panic!("the seed has no {begin:?}"));
    rest.split_once(end).unwrap_or_else(|| panic!("the seed has no {end:?} after {begin:?}")).0
}

/// The fields of one of the seed's structures, each with its type in C++.
fn fields(seed: &str, name: &str) -> Vec<(String, String)> {
    let lines = between(seed, &format!("struct {name} {{"), "};").lines().filter_map(|line| line.split_once(';'));
    let field = |line: &str| line.trim().rsplit_once(' ').map(|(kind, name)| (name.to_owned(), kind.to_owned()));
    lines.map(|(line, _)| field(line).expect("a field has a type and a name")).collect()
}

/// Whether `value` is JSON for the seed's type `kind`. What is not known is `null`, of any type.
fn is_of(seed: &str, kind: &str, value: &Value) -> bool {
    let statuses = ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"];
    match kind {
        "std::string" => value.is_string(),
        "std::optional<std::string>" => value.is_string() || value.is_null(),
        "int" | "size_t" | "std::chrono::milliseconds" => value.is_number(),
        "double" => value.is_f64() || value.is_u64(),
        "std::chrono::system_clock::time_point" => is_utc(value),
        "JobStatus" => value.as_str().is_some_and(|word| statuses.contains(&word)),
        "JobMetrics" => fields(seed, "JobMetrics").iter().all(|(name, kind)| is_of(seed, kind, &value[name])),
        "std::vector<LogMessage>" => {
            value.as_array().is_some_and(|lines| lines.iter().all(|l| l["message"].is_string()))
        }
        other => panic!("the seed has a type {other:?} that no test knows"),
    }
}

fn is_utc(value: &Value) -> bool {
    let text = value.as_str().unwrap_or("");
    text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

#[track_caller]
fn assert_has_fields(seed: &str, name: &str, value: &Value) {
    for (field, kind) in fields(seed, name) {
        assert!(is_of(seed, &kind, &value[&field]), "{field} is no {kind} in {value:#}");
    }
}

/// Each key of the seed's sample is in `frame`, with the same kind of value; `null` only where `may_be_unknown`.
fn assert_like(sample: &Value, frame: &Value, may_be_unknown: &[&str], path: &str) {
    for (key, wanted) in sample.as_object().expect("the sample is of objects") {
        let (found, path) = (&frame[key], format!("{path}.{key}"));
        match wanted {
            Value::Object(_) => assert_like(wanted, found, may_be_unknown, &path),
            _ if found.is_null() => assert!(may_be_unknown.contains(&key.as_str()), "{path} is not there: {frame:#}"),
            Value::Number(_) => assert!(found.is_number(), "{path} is {found}"),
            _ => assert!(found.is_string(), "{path} is {found}"),
        }
    }
}

#[tokio::test]
async fn the_message_format_is_the_seeds_own() {
    let seed = seed();
    let sample: Value =
        serde_json::from_str(between(&seed, "### WebSocket Message Format\n```json", "```")).expect("the seed's JSON");
    let folder = Folder::with_orders(orders(400_000, 100));
    let server = Server::start(&folder, &[]);
    let mut watcher = Watcher::start(&server).await;
    let job = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let frames = watcher.until(|frame| is_move(frame, &job, "RUNNING")).await;
    let running = last(&frames);
    // A job that has just begun has no rate yet.
    assert_like(&sample, running, &["processingRate"], "");
    for key in ["status", "previousStatus"] {
        assert_eq!(running["data"][key], sample["data"][key]);
    }
    assert_eq!(running["type"], sample["type"]);
    assert!(is_utc(&running["timestamp"]), "{running:#}");
    let frames = watcher.until(|frame| is_move(frame, &job, "COMPLETED")).await;
    assert_like(&sample, last(&frames), &[], "");
    let metrics = &last(&frames)["data"]["metrics"];
    assert_eq!((&metrics["recordsProcessed"], &metrics["recordsFailed"]), (&json!(400_100), &json!(100)));
    // The step says in words what the seed's "batch 3/7" says.
    let steps: Vec<&str> = frames.iter().filter_map(|frame| frame["data"]["currentStep"].as_str()).collect();
    assert!(steps.iter().any(|step| step.contains("rows")), "{steps:?}");
}

#[tokio::test]
async fn a_status_update_has_every_field_of_the_seed() {
    let seed = seed();
    let broken = ORDERS.replace("path: orders.csv", "path: gone.csv");
    let folder = Folder::with_orders(orders(100_000, 0)).file("broken.yaml", broken);
    let server = Server::start(&folder, &[]);
    let mut watcher = Watcher::start(&server).await;
    let update = |frame: &Value| {
        let mut update = frame["data"].clone();
        // The seed's message has the time beside the data.
        update["timestamp"] = frame["timestamp"].clone();
        update
    };
    let job = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let frames = watcher.until(|frame| is_move(frame, &job, "COMPLETED")).await;
    let completed = update(last(&frames));
    assert_has_fields(&seed, "JobStatusUpdate", &completed);
    assert_eq!((&completed["errorMessage"], &completed["previousStatus"]), (&Value::Null, &json!("RUNNING")));
    assert_eq!(completed["progressPercent"], 100.0);

    let job = server.client().submit(&job_of(&folder, "broken.yaml")).await.expect("it is accepted").job_id;
    let frames = watcher.until(|frame| is_move(frame, &job, "FAILED")).await;
    let message = &last(&frames)["data"]["errorMessage"];
    assert!(message.as_str().is_some_and(|text| text.contains("gone.csv")), "{message}");
}

#[tokio::test]
async fn job_monitoring_data_has_every_field_of_the_seed_while_a_job_runs_and_after() {
    let seed = seed();
    let folder = Folder::with_orders(orders(MANY, 0));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&talkative(job_of(&folder, "orders.yaml"))).await.expect("it is accepted").job_id;
    wait_for(&client, &job, |job| {
        is_running(job) && job.metrics.processing_rate.is_some() && job.progress_percent.is_some()
    })
    .await;
    let running = get(&server, &format!("/api/jobs/{job}/status")).expect(200);
    assert_eq!((&running["live"], &running["status"]), (&json!(true), &json!("RUNNING")), "{running:#}");
    assert_has_fields(&seed, "JobMonitoringData", &running);
    assert!(running["recentLogs"].as_array().is_some_and(|lines| !lines.is_empty()), "{running:#}");
    // All active jobs are listed with the same.
    let listed = get(&server, "/api/monitor/jobs?status=PENDING,RUNNING,PAUSED").expect(200);
    assert_eq!(listed["jobs"][0]["jobId"], json!(job));
    wait_for_end(&client, &job).await;
    let ended = get(&server, &format!("/api/jobs/{job}/status")).expect(200);
    assert_eq!(ended["status"], "COMPLETED", "{ended:#}");
    assert_has_fields(&seed, "JobMonitoringData", &ended);
}

#[tokio::test]
async fn each_endpoint_of_the_seed_answers_with_what_it_is_for() {
    let seed = seed();
    let listed = between(&seed, "**New Endpoints**:", "## ");
    let endpoints: Vec<(&str, &str)> =
        listed.lines().filter_map(|line| line.strip_prefix("- `")?.split_once('`')?.0.split_once(' ')).collect();
    assert_eq!(endpoints.len(), 6, "{endpoints:?}");
    let folder = Folder::with_orders(orders(1000, 3));
    let server = Server::start(&folder, &[]);
    let _watcher = Watcher::start(&server).await;
    let client = server.client();
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for_end(&client, &job).await;
    let change = json!({"monitoring": {"job_tracking": {"timeout_warning_threshold": 900}}});
    for (method, path) in endpoints {
        let body = (method == "POST").then_some(&change);
        let answer = request(&server, method, &path.replace("{id}", &job), &[], body).expect(200);
        let is_right = match path.rsplit('/').next().expect("a path has a last part") {
            "status" => answer["jobId"] == json!(job) && answer["metrics"]["recordsFailed"] == 3,
            "logs" => answer["lines"]
                .as_array()
                .is_some_and(|lines| lines.iter().all(|line| line["jobId"] == json!(job)) && !lines.is_empty()),
            "metrics" => answer["metrics"]["recordsProcessed"] == 1003 && answer["samples"].is_array(),
            "jobs" => answer["jobs"][0]["jobId"] == json!(job),
            "config" => answer["monitoring"]["job_tracking"]["timeout_warning_threshold"].as_f64() == Some(900.0),
            "connections" => answer["connections"].as_array().is_some_and(|all| all.len() == 1),
            other => panic!("the seed has an endpoint {other:?} that no test knows"),
        };
        assert!(is_right, "{method} {path}: {answer:#}");
    }
}
