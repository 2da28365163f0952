//! Requests that are soon answered, or should be.

mod support;

use std::net::TcpListener;

use etlplus_api::{JobStatus, LogLevel, PutPipeline, SubmitJob};
use etlplus_client::{Client, Error, JobQuery, LogQuery};
use serde_json::{Value, json};
use support::{Server, job, log_row, metrics, problem};

/// Gives `answer` to the next request, which must be `line` with `body`.
async fn serve(server: &Server, line: &str, body: Value, answer: Value) {
    let request = server.request().await;
    assert_eq!(request.line, line);
    assert_eq!(request.headers["accept"], "application/json");
    let sent: Value = if request.body.is_empty() { Value::Null } else { request.body.parse().expect("JSON") };
    assert_eq!(sent, body, "{line}");
    request.answer("200 OK", "application/json", &answer.to_string()).await;
}

#[tokio::test]
async fn jobs_are_submitted_looked_at_and_cancelled() {
    let server = Server::bind().await;
    let client = server.client();

    let submit = SubmitJob {
        definition: Some("name: a".to_owned()),
        folder: Some("/data".to_owned()),
        log_level: Some(LogLevel::Warn),
        ..SubmitJob::default()
    };
    let body = json!({ "definition": "name: a", "folder": "/data", "parameters": {}, "logLevel": "WARN" });
    let (submitted, ()) =
        tokio::join!(client.submit(&submit), serve(&server, "POST /api/jobs", body, job("j1", "PENDING")));
    assert_eq!(submitted.expect("accepted").job_id, "j1");

    let (status, ()) =
        tokio::join!(client.job("j1"), serve(&server, "GET /api/jobs/j1/status", Value::Null, job("j1", "RUNNING")));
    assert_eq!(status.expect("found").status, JobStatus::Running);

    let (cancelled, ()) = tokio::join!(
        client.cancel("j1"),
        serve(&server, "POST /api/jobs/j1/cancel", Value::Null, job("j1", "CANCELLED"))
    );
    assert_eq!(cancelled.expect("asked").status, JobStatus::Cancelled);
}

#[tokio::test]
async fn lists_and_pages_are_asked_for_by_what_was_given() {
    let server = Server::bind().await;
    let client = server.client();

    let query = JobQuery {
        statuses: vec![JobStatus::Failed, JobStatus::Cancelled],
        tag: Some("a&b".to_owned()),
        limit: Some(5),
        ..JobQuery::default()
    };
    let line = "GET /api/monitor/jobs?status=FAILED%2CCANCELLED&tag=a%26b&limit=5";
    let answer = json!({ "jobs": [job("j1", "FAILED")], "nextCursor": "c" });
    let (jobs, ()) = tokio::join!(client.jobs(&query), serve(&server, line, Value::Null, answer));
    assert_eq!(jobs.expect("listed").next_cursor.as_deref(), Some("c"));

    let query = LogQuery { level: Some(LogLevel::Error), tail: Some(3), ..LogQuery::default() };
    let line = "GET /api/jobs/j1/logs?level=ERROR&tail=3";
    let answer = json!({ "lines": [log_row(4)], "nextAfter": 4 });
    let (page, ()) = tokio::join!(client.logs("j1", &query), serve(&server, line, Value::Null, answer));
    assert_eq!(page.expect("a page").lines[0].message.message, "line 4 ü");

    let line = "GET /api/jobs/j1/rejects?after=2&limit=10";
    let answer = json!({ "jobId": "j1", "recordsFailed": 3, "summary": [], "rows": [], "nextAfter": null });
    let (page, ()) = tokio::join!(client.rejects("j1", Some(2), Some(10)), serve(&server, line, Value::Null, answer));
    assert_eq!(page.expect("a page").records_failed, 3);

    let answer = json!({ "jobId": "j1", "metrics": metrics(), "samples": [] });
    let (series, ()) =
        tokio::join!(client.metrics("j1"), serve(&server, "GET /api/jobs/j1/metrics", Value::Null, answer));
    assert_eq!(series.expect("a series").samples, []);
}

#[tokio::test]
async fn pipelines_are_kept_and_listed() {
    let server = Server::bind().await;
    let client = server.client();
    let info = json!({
        "name": "a", "version": 2, "updatedAt": "2026-01-01T00:00:00Z", "folder": "/data", "description": null, "tags": [],
    });

    let pipeline = PutPipeline { definition: "name: a".to_owned(), folder: "/data".to_owned() };
    let body = json!({ "definition": "name: a", "folder": "/data" });
    let (kept, ()) =
        tokio::join!(client.put_pipeline("a", &pipeline), serve(&server, "PUT /api/pipelines/a", body, info.clone()));
    assert_eq!(kept.expect("kept").version, 2);

    let answer = json!({ "pipelines": [info] });
    let (list, ()) = tokio::join!(client.pipelines(), serve(&server, "GET /api/pipelines", Value::Null, answer));
    assert_eq!(list.expect("listed").pipelines[0].name, "a");
}

#[tokio::test]
async fn a_problem_is_kept_as_the_server_said_it() {
    let server = Server::bind().await;
    let mut said = problem(422, "pipeline_invalid");
    said["errors"] = json!([{ "key": "schema", "line": 3, "column": 5, "message": "m", "remedy": "r" }]);
    let refuse = async { server.request().await.refuse("422 Unprocessable Content", &said).await };
    let (client, job) = (server.client(), SubmitJob::default());
    let (answer, ()) = tokio::join!(client.submit(&job), refuse);
    let error = answer.expect_err("it is refused");
    assert_eq!((error.code(), error.remedy()), ("pipeline_invalid", "the remedy of pipeline_invalid"));
    assert_eq!(error.to_string(), "pipeline_invalid in detail");
    assert!(!error.is_transient());
    let Error::Problem(problem) = error else { panic!("{error:?}") };
    assert_eq!(serde_json::to_value(problem).expect("JSON"), said);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_remedy() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it is bound")
    };
    let client = Client::new(&format!("http://{address}/")).expect("the address is fine");
    let error = client.job("j1").await.expect_err("nobody is there");
    assert_eq!(error.code(), "server_unreachable");
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot reach the server at http://{address}: ")), "{text}");
    assert!(text.contains("refused"), "{text}");
    assert!(error.remedy().contains("`etlplus serve`"));
}

#[tokio::test]
async fn what_another_program_answers_is_not_taken_for_an_answer() {
    let server = Server::bind().await;
    let client = server.client();
    for (status, body, reason, is_transient) in [
        ("200 OK", "<html>", "expected value", false),
        ("200 OK", "{\"jobId\":\"j1\"}", "missing field", false),
        ("404 Not Found", "<html>", "404 Not Found without a problem", false),
        ("302 Found", "", "302 Found without a problem", false),
        ("502 Bad Gateway", "<html>", "502 Bad Gateway without a problem", true),
        ("429 Too Many Requests", "slowly", "429 Too Many Requests without a problem", true),
    ] {
        let answer = async { server.request().await.answer(status, "text/html", body).await };
        let (result, ()) = tokio::join!(client.job("j1"), answer);
        let error = result.expect_err(status);
        assert_eq!((error.code(), error.is_transient()), ("answer_not_understood", is_transient), "{status}");
        let text = error.to_string();
        assert!(text.contains("/api/jobs/j1/status") && text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let server = Server::bind().await;
    let cut = async {
        let mut request = server.request().await;
        request.begin("application/json").await;
        request.part("{\"jobId\":").await;
        request.cut();
    };
    let client = server.client();
    let (result, ()) = tokio::join!(client.job("j1"), cut);
    assert_eq!(result.expect_err("it broke off").code(), "server_unreachable");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = Server::bind().await;
    let client = server.client();
    let flood = async {
        let mut request = server.request().await;
        request.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await;
        let spaces = " ".repeat(1 << 20);
        for sent_mebibytes in 0..1_000 {
            if request.write_until_hung_up(&spaces).await {
                return sent_mebibytes;
            }
        }
        panic!("the client reads on and on");
    };
    let (result, sent_mebibytes) = tokio::join!(client.job("j1"), flood);
    let error = result.expect_err("it is too large");
    assert!(error.to_string().contains("larger than 64 MiB"), "{error}");
    assert!((64..200).contains(&sent_mebibytes), "{sent_mebibytes}");
}
