//! What operators ask a server for: jobs that are held, alerts, settings, connections, health.

mod support;

use etlplus_api::{AlertRule, AlertStatus, ConnectionMessage, Filter, HealthStatus, JobStatus};
use etlplus_client::AlertQuery;
use serde_json::{Value, json};
use support::{Server, job, problem};

/// Gives `answer` with `status` to the next request, which must be `line`; gives what it brought.
async fn serve(server: &Server, line: &str, status: &str, answer: &Value) -> (Value, Option<String>) {
    let request = server.request().await;
    assert_eq!(request.line, line);
    let sent = if request.body.is_empty() { Value::Null } else { request.body.parse().expect("JSON") };
    let if_match = request.headers.get("if-match").cloned();
    let body = if answer.is_null() { String::new() } else { answer.to_string() };
    request.answer(status, "application/json", &body).await;
    (sent, if_match)
}

#[tokio::test]
async fn jobs_are_paused_resumed_and_tried_again() {
    let server = Server::bind().await;
    let client = server.client();
    let running = job("j1", "RUNNING");
    let paused = job("j1", "PAUSED");
    let (answer, _) =
        tokio::join!(client.pause("j1"), serve(&server, "POST /api/jobs/j1/pause", "202 Accepted", &paused));
    assert_eq!(answer.expect("asked").status, JobStatus::Paused);
    let (answer, _) =
        tokio::join!(client.resume("j1"), serve(&server, "POST /api/jobs/j1/resume", "202 Accepted", &running));
    assert_eq!(answer.expect("asked").status, JobStatus::Running);
    let (answer, _) =
        tokio::join!(client.retry("j1"), serve(&server, "POST /api/jobs/j1/retry", "202 Accepted", &running));
    assert_eq!(answer.expect("asked").status, JobStatus::Running);

    let events = json!({
        "jobId": "j1", "events": [],
        "attempts": [{
            "attempt": 1, "startTime": "2026-01-01T00:00:00Z", "endTime": null, "outcome": null, "failure": null,
        }],
    });
    let (answer, _) = tokio::join!(client.events("j1"), serve(&server, "GET /api/jobs/j1/events", "200 OK", &events));
    assert_eq!(answer.expect("told").attempts[0].attempt, 1);

    let schedules = json!({ "schedules": [{
        "pipeline": "orders", "cron": "0 6 * * *", "timezone": "Europe/Vienna", "catchUp": "latest",
        "overlap": "queue", "nextAt": null, "lastAt": null,
    }] });
    let (answer, _) = tokio::join!(client.schedules(), serve(&server, "GET /api/schedules", "200 OK", &schedules));
    assert_eq!(answer.expect("listed").schedules[0].cron, "0 6 * * *");
}

#[tokio::test]
async fn alerts_are_listed_and_channels_are_tried() {
    let server = Server::bind().await;
    let client = server.client();
    let query = AlertQuery {
        rule: Some(AlertRule::JobFailed),
        status: Some(AlertStatus::Firing),
        job: Some("j1".to_owned()),
        only_active: true,
        ..AlertQuery::default()
    };
    let line = "GET /api/alerts?rule=job_failed&status=firing&jobId=j1&active=true";
    let answer = json!({ "alerts": [], "nextCursor": "c" });
    let (list, _) = tokio::join!(client.alerts(&query), serve(&server, line, "200 OK", &answer));
    assert_eq!(list.expect("listed").next_cursor.as_deref(), Some("c"));

    let answer = json!({ "channels": [{
        "name": "ops", "kind": "webhook", "up": false, "waiting": 3, "retryAt": null, "lastError": "refused",
    }] });
    let (list, _) =
        tokio::join!(client.alert_channels(), serve(&server, "GET /api/alerts/channels", "200 OK", &answer));
    assert_eq!(list.expect("listed").channels[0].waiting, Some(3));

    let line = "POST /api/alerts/channels/o%2Fps/test";
    let (sent, _) = tokio::join!(client.test_channel("o/ps"), serve(&server, line, "204 No Content", &Value::Null));
    sent.expect("the channel took it");
    let refusal = problem(502, "channel_failed");
    let (sent, _) = tokio::join!(client.test_channel("o/ps"), serve(&server, line, "502 Bad Gateway", &refusal));
    assert_eq!(sent.expect_err("it did not").code(), "channel_failed");
}

#[tokio::test]
async fn settings_are_changed_for_the_version_that_was_read() {
    let server = Server::bind().await;
    let client = server.client();
    let change = json!({ "monitoring": { "websocket": { "max_connections": 5, "port": null } } });
    let refusal = problem(412, "settings_changed");
    for (version, header) in [(Some(7), Some("\"7\"")), (None, None)] {
        let line = "POST /api/monitor/config";
        let (answer, (sent, if_match)) = tokio::join!(
            client.change_config(&change, version),
            serve(&server, line, "412 Precondition Failed", &refusal)
        );
        assert_eq!(answer.expect_err("it is refused").code(), "settings_changed");
        assert_eq!((sent, if_match.as_deref()), (change.clone(), header));
    }
}

#[tokio::test]
async fn connections_are_listed_filtered_spoken_to_and_closed() {
    let server = Server::bind().await;
    let client = server.client();
    let list = json!({ "connections": [], "maxConnections": 9 });
    let (answer, _) =
        tokio::join!(client.connections(), serve(&server, "GET /api/monitor/connections", "200 OK", &list));
    assert_eq!(answer.expect("listed").max_connections, 9);

    let line = "PUT /api/monitor/connections/c1/filters";
    let filters = client.set_connection_filters("c1", Filter::new());
    let (answer, (sent, _)) = tokio::join!(filters, serve(&server, line, "204 No Content", &Value::Null));
    answer.expect("done");
    assert_eq!(sent, json!({ "filters": [] }));

    let line = "POST /api/monitor/connections/c1/messages";
    let message = ConnectionMessage { title: "t".to_owned(), message: "m".to_owned(), severity: None };
    let (answer, (sent, _)) =
        tokio::join!(client.send_to_connection("c1", &message), serve(&server, line, "204 No Content", &Value::Null));
    answer.expect("done");
    assert_eq!(sent, json!({ "title": "t", "message": "m" }));

    let line = "DELETE /api/monitor/connections/c1";
    let (answer, _) = tokio::join!(client.close_connection("c1"), serve(&server, line, "204 No Content", &Value::Null));
    answer.expect("done");
}

#[tokio::test]
async fn health_tells_what_does_not_work() {
    let server = Server::bind().await;
    let client = server.client();
    let health = json!({
        "status": "degraded", "version": "0.1.0", "startedAt": "2026-01-01T00:00:00Z", "uptimeSeconds": 5,
        "checks": [{ "name": "store", "status": "degraded", "detail": "the disk is full", "remedy": "make room" }],
        "jobs": null, "connections": 0, "alertChannels": { "up": 0, "down": 0 },
    });
    let (answer, _) = tokio::join!(client.health(), serve(&server, "GET /api/health", "200 OK", &health));
    let health = answer.expect("told");
    assert_eq!((health.status, health.checks[0].name.as_str()), (HealthStatus::Degraded, "store"));

    let me = json!({ "kind": "local", "name": "local", "role": "admin", "tokenId": null, "expiresAt": null });
    let (answer, _) = tokio::join!(client.me(), serve(&server, "GET /api/me", "200 OK", &me));
    assert_eq!(answer.expect("told").name, "local");
    let ticket = json!({ "ticket": "t1", "expiresAt": "2026-01-01T00:00:30Z" });
    let (answer, _) = tokio::join!(client.ticket(), serve(&server, "POST /api/tickets", "201 Created", &ticket));
    assert_eq!(answer.expect("given").ticket, "t1");
}
