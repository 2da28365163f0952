//! What people ask of jobs: submitted once under a key, held, resumed, tried again; and what is told of it after.

use etlplus_core::access::Role;
use etlplus_core::failure::{Failure, FailureKind};
use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::JobInput;
use etlplus_core::ports::History;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::{Server, bearer, eventually, progress};

const PIPELINE: &str = "name: orders\nsource: {csv: {path: in.csv}}\nschema:\n  id: int64\n\
                        target: {csv: {path: out.csv}}\n";

impl Server {
    /// Submits `body` with these headers, whole lines.
    async fn submit_with(&self, headers: &str, body: &Value) -> Answer {
        let (body, own) = (body.to_string(), &self.headers);
        let head = "POST /api/jobs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
        let length = body.len();
        self.send(&format!("{head}\r\ncontent-length: {length}\r\n{own}{headers}\r\n{body}")).await
    }

    async fn keep_orders(&self) {
        let body = json!({"definition": PIPELINE, "folder": "/data"}).to_string();
        assert_eq!(self.put("/api/pipelines/orders", &body).await.status, 200);
    }
}

#[tokio::test]
async fn the_same_submit_under_the_same_key_is_one_job() {
    let server = Server::start().await;
    server.keep_orders().await;
    let body = json!({"pipeline": "orders", "priority": 5});
    let first = server.submit_with("idempotency-key: k-1\r\n", &body).await;
    assert_eq!(first.status, 202, "{}", first.text());
    // Neither the order of keys nor what says nothing makes it another one.
    let again = json!({"logLevel": null, "priority": 5, "pipeline": "orders"});
    let again = server.submit_with("idempotency-key: k-1\r\n", &again).await;
    assert_eq!((again.status, &again.json()["jobId"]), (200, &first.json()["jobId"]), "{}", again.text());
    assert_eq!(again.header("location"), first.header("location"));
    let other = server.submit_with("idempotency-key: k-1\r\n", &json!({"pipeline": "orders"})).await;
    let problem = other.problem(422, "key_reused");
    assert!(problem["detail"].as_str().unwrap().contains(first.json()["jobId"].as_str().unwrap()), "{problem}");
    assert_eq!(server.submit_with("idempotency-key: k-2\r\n", &body).await.status, 202);
    let long = format!("idempotency-key: {}\r\n", "k".repeat(201));
    for wrong in
        ["idempotency-key: \r\n", "idempotency-key: a b\r\n", "idempotency-key: a\r\nidempotency-key: a\r\n", &long]
    {
        server.submit_with(wrong, &body).await.problem(400, "bad_idempotency_key");
    }
    assert_eq!(server.get("/api/monitor/jobs").await.json()["jobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_submit_that_is_sent_again_has_its_job_whatever_became_of_its_pipeline_and_of_the_queue() {
    let server = Server::start().await;
    server.keep_orders().await;
    let body = json!({"pipeline": "orders"});
    let first = server.submit_with("idempotency-key: k\r\n", &body).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let changed = PIPELINE.replace("source:", "parameters:\n  day: {type: date}\nsource:");
    let changed = json!({"definition": changed, "folder": "/data"}).to_string();
    assert_eq!(server.put("/api/pipelines/orders", &changed).await.status, 200);
    server.submit_with("", &body).await.problem(422, "parameters_invalid");
    let own = json!({"definition": PIPELINE, "folder": "/data"});
    for _ in 1..5 {
        assert_eq!(server.submit_with("", &own).await.status, 202);
    }
    server.submit_with("idempotency-key: new\r\n", &own).await.problem(503, "queue_full");
    let again = server.submit_with("idempotency-key: k\r\n", &body).await;
    assert_eq!((again.status, &again.json()["jobId"]), (200, &first.json()["jobId"]), "{}", again.text());
    assert_eq!(again.header("location"), first.header("location"));
    server.submit_with("idempotency-key: k\r\n", &own).await.problem(422, "key_reused");
}

#[tokio::test]
async fn no_clients_key_is_one_of_a_schedule() {
    let server = Server::start().await;
    server.keep_orders().await;
    let key = "schedule:orders:2026-03-01T11:00:00+00:00";
    let answer = server.submit_with(&format!("idempotency-key: {key}\r\n"), &json!({"pipeline": "orders"})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let kept = async |key: String| server.store.by_idempotency_key(key).await.unwrap().is_some();
    assert!(!kept(key.to_owned()).await);
    assert!(kept(format!("local/{key}")).await);
}

#[tokio::test]
async fn keys_of_two_clients_do_not_meet() {
    let server = Server::guarded().await;
    server.keep_orders().await;
    let (one, _) = server.token("one", Role::Operator, None).await;
    let (two, _) = server.token("two", Role::Operator, None).await;
    let body = json!({"pipeline": "orders"});
    let submit = async |token: &str| {
        let head = format!("POST /api/jobs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}", bearer(token));
        let body = body.to_string();
        let kind =
            format!("content-type: application/json\r\ncontent-length: {}\r\nidempotency-key: 1\r\n", body.len());
        server.send(&format!("{head}{kind}\r\n{body}")).await
    };
    let (first, second) = (submit(&one).await, submit(&two).await);
    assert_eq!((first.status, second.status), (202, 202), "{}", second.text());
    assert_ne!(first.json()["jobId"], second.json()["jobId"]);
    assert_eq!(submit(&one).await.status, 200);
}

#[tokio::test]
async fn only_who_may_author_hands_in_a_definition() {
    let mut server = Server::guarded().await;
    server.keep_orders().await;
    let (operator, _) = server.token("ops", Role::Operator, None).await;
    server.headers = bearer(&operator);
    let own = json!({"definition": PIPELINE, "folder": "/data"});
    let problem = server.submit_with("", &own).await.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("admin"), "{problem}");
    assert_eq!(server.submit_with("", &json!({"pipeline": "orders"})).await.status, 202);
}

#[tokio::test]
async fn a_submit_says_how_the_job_is_treated() {
    let server = Server::start().await;
    server.keep_orders().await;
    let body = json!({"pipeline": "orders", "priority": -7, "timeout": "25m", "notBefore": "2999-01-31T00:00:00Z",
        "asOf": "2026-01-31T00:00:00Z"});
    let answer = server.submit_with("", &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let shown = server.get(answer.header("location").unwrap()).await.json();
    assert_eq!((&shown["policy"]["priority"], &shown["policy"]["timeout"]), (&json!(-7), &json!(1500.0)), "{shown}");
    assert_eq!(shown["notBefore"], "2999-01-31T00:00:00Z");
    assert_eq!(shown["origin"], json!({"parameters": {}, "asOf": "2026-01-31T00:00:00Z", "folder": "/data"}));
    let list = server.get("/api/monitor/jobs").await.json();
    assert_eq!(list["jobs"][0]["policy"]["maxAttempts"], 1);
    assert!(list["jobs"][0].get("origin").is_none(), "{list}");
    let wrong = json!({"pipeline": "orders", "priority": 101, "timeout": "soon", "notBefore": "tomorrow"});
    let problem = server.submit_with("", &wrong).await.problem(422, "bad_body");
    let mut keys: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["notBefore", "priority", "timeout"]);
    for timeout in [json!(0), json!(-1), json!(1e300), json!("400d"), json!("1ms"), json!(true), json!("90")] {
        server.submit_with("", &json!({"pipeline": "orders", "timeout": timeout})).await.problem(422, "bad_body");
    }
}

#[tokio::test]
async fn an_order_that_does_not_fit_is_refused() {
    let server = Server::start().await;
    server.keep_orders().await;
    let job = server.submit_with("", &json!({"pipeline": "orders"})).await.json()["jobId"].as_str().unwrap().to_owned();
    for order in ["pause", "resume", "retry"] {
        let problem = server.post(&format!("/api/jobs/{job}/{order}"), "").await.problem(409, "illegal_move");
        assert!(problem["detail"].as_str().unwrap().contains("PENDING"), "{problem}");
    }
    assert_eq!(server.post(&format!("/api/jobs/{job}/cancel"), "").await.status, 202);
    let again = server.post(&format!("/api/jobs/{job}/retry"), "").await;
    assert_eq!((again.status, &again.json()["status"], &again.json()["attempt"]), (202, &json!("PENDING"), &json!(2)));
    let unknown = "01a20f25-34ac-7066-bc4c-d8fe16c6de97";
    for order in ["cancel", "pause", "resume", "retry"] {
        server.post(&format!("/api/jobs/{unknown}/{order}"), "").await.problem(404, "job_not_found");
        server.post(&format!("/api/jobs/{job}/{order}"), r#"{"why": 1}"#).await.problem(422, "bad_body");
    }
}

#[tokio::test]
async fn the_moves_of_a_job_tell_its_attempts() {
    let server = Server::start().await;
    let job = server.running("orders");
    let failure = Failure {
        kind: FailureKind::Transient,
        code: "source_unavailable".to_owned(),
        message: "the disk does not answer".to_owned(),
        remedy: "wait".to_owned(),
    };
    let (first, second) = (AttemptNumber::FIRST, AttemptNumber::FIRST.next());
    let retry_at = Some(chrono::Utc::now());
    server.step(job, JobInput::Failed { attempt: first, failure, progress: None, retry_at });
    server.step(job, JobInput::Start { attempt: second });
    server.step(job, JobInput::Pause);
    let address = format!("/api/jobs/{job}/events");
    let told = server.get(&address).await.json();
    let causes: Vec<_> = told["events"].as_array().unwrap().iter().map(|one| one["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["submit", "start", "failed", "start", "pause"]);
    let failed = &told["events"][2];
    assert_eq!((&failed["status"], &failed["previousStatus"]), (&json!("PENDING"), &json!("RUNNING")));
    assert!(failed["retryAt"].is_string() && failed["failure"]["code"] == "source_unavailable", "{failed}");
    let attempts = told["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["outcome"]), (2, &json!("failed")), "{told}");
    assert!(attempts[0]["endTime"].is_string() && attempts[0]["failure"]["kind"] == "transient");
    assert_eq!((&attempts[1]["outcome"], &attempts[1]["endTime"]), (&Value::Null, &Value::Null), "it is only held");
    server.step(job, JobInput::Resume);
    server.step(job, JobInput::Completed { attempt: second, progress: progress(5) });
    let told = server.get(&address).await.json();
    assert_eq!((&told["attempts"][1]["outcome"], &told["attempts"][1]["failure"]), (&json!("completed"), &Value::Null));
    let last = server.get(&format!("{address}?limit=2")).await.json();
    assert_eq!((last["events"].as_array().unwrap().len(), last["attempts"].as_array().unwrap().len()), (2, 0));
    server.get(&format!("{address}?limit=0")).await.problem(422, "bad_parameter");
    server.get("/api/jobs/7/events").await.problem(404, "job_not_found");
}

#[tokio::test]
async fn schedules_are_listed() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/schedules").await.json(), json!({"schedules": []}));
    let scheduled = format!("{PIPELINE}schedule: {{cron: \"0 3 * * *\", timezone: Europe/Berlin}}\n");
    let body = json!({"definition": scheduled, "folder": "/data"}).to_string();
    let put = server.put("/api/pipelines/orders", &body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    eventually("the schedule is followed", async || {
        let list = server.get("/api/schedules").await.json();
        list["schedules"][0]["pipeline"] == "orders" && list["schedules"][0]["nextAt"].is_string()
    })
    .await;
    let shown = server.get("/api/schedules").await.json()["schedules"][0].clone();
    assert_eq!((&shown["cron"], &shown["timezone"]), (&json!("0 3 * * *"), &json!("Europe/Berlin")), "{shown}");
}
