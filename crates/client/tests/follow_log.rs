//! A job's log as it grows, through every break of the connection.

mod support;

use etlplus_api::LogLevel;
use etlplus_client::{LogEvent, LogFollow};
use support::{Request, Server, log_row, problem, soon};

const EVENT_STREAM: &str = "text/event-stream";

fn line(offset: u64) -> String {
    format!("event: job_log_message\nid: {offset}\ndata: {}\n\n", log_row(offset))
}

/// The next request for the log, which must ask for what comes after `after`; its answer is begun.
async fn stream(server: &Server, after: u64) -> Request {
    let mut request = server.request().await;
    assert_eq!(request.line, format!("GET /api/jobs/j1/logs?after={after}"));
    assert_eq!(request.headers["accept"], EVENT_STREAM);
    assert_eq!(request.headers["last-event-id"], after.to_string());
    request.begin(EVENT_STREAM).await;
    request
}

async fn next(follow: &mut LogFollow) -> Option<LogEvent> {
    soon(follow.next()).await.map(|event| event.expect("no error"))
}

#[track_caller]
fn offset(event: Option<LogEvent>) -> u64 {
    match event {
        Some(LogEvent::Line(row)) => row.offset,
        other => panic!("no line: {other:?}"),
    }
}

#[track_caller]
fn assert_disconnected(event: Option<LogEvent>) {
    assert!(matches!(event, Some(LogEvent::Disconnected { .. })), "{event:?}");
}

#[tokio::test]
async fn lines_come_as_they_are_said_until_the_end() {
    let server = Server::bind().await;
    let mut follow = server.client().follow_log("j1", 0, None);
    let mut request = stream(&server, 0).await;
    for at in [3, 4, 9] {
        request.part(": keep-alive\n\n").await;
        request.part(&line(at)).await;
        assert_eq!(offset(next(&mut follow).await), at);
    }
    request.part("event: news\ndata: of a later version\n\n").await;
    request.part("event: end\ndata: {}\n\n").await;
    assert_eq!(next(&mut follow).await, None);
}

#[tokio::test]
async fn a_level_is_asked_for() {
    let server = Server::bind().await;
    let _follow = server.client().follow_log("j1", 5, Some(LogLevel::Warn));
    assert_eq!(server.request().await.line, "GET /api/jobs/j1/logs?after=5&level=WARN");
}

/// The connection is cut at every byte of a line; the line comes once in the end, and so do those around it.
#[tokio::test]
async fn no_line_is_lost_or_doubled_where_the_connection_is_cut() {
    let text = line(2);
    let cuts = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
    // Each waits a moment before it connects again, so they do it side by side.
    futures::future::join_all(cuts.map(|at| cut_within(&text, at))).await;
}

async fn cut_within(text: &str, cut_at: usize) {
    let server = Server::bind().await;
    let mut follow = server.client().follow_log("j1", 0, None);
    let mut request = stream(&server, 0).await;
    request.part(&line(1)).await;
    assert_eq!(offset(next(&mut follow).await), 1);
    if cut_at > 0 {
        request.part(&text[..cut_at]).await;
    }
    let is_whole = cut_at == text.len();
    if is_whole {
        assert_eq!(offset(next(&mut follow).await), 2);
    }
    request.cut();
    assert_disconnected(next(&mut follow).await);

    let mut request = stream(&server, if is_whole { 2 } else { 1 }).await;
    // A server that does not know where to go on says everything again.
    request.part(&format!("{}{text}{}event: end\ndata: {{}}\n\n", line(1), line(3))).await;
    if !is_whole {
        assert_eq!(offset(next(&mut follow).await), 2, "cut at {cut_at}");
    }
    assert_eq!(offset(next(&mut follow).await), 3, "cut at {cut_at}");
    assert_eq!(next(&mut follow).await, None, "cut at {cut_at}");
}

#[tokio::test]
async fn an_answer_that_ends_without_saying_so_is_taken_up_again() {
    let server = Server::bind().await;
    let mut follow = server.client().follow_log("j1", 0, None);
    let mut request = stream(&server, 0).await;
    request.part(&line(1)).await;
    request.write("0\r\n\r\n").await;
    assert_eq!(offset(next(&mut follow).await), 1);
    assert_disconnected(next(&mut follow).await);
    stream(&server, 1).await.part("event: end\ndata: {}\n\n").await;
    assert_eq!(next(&mut follow).await, None);
}

#[tokio::test]
async fn a_server_that_starts_again_is_waited_for() {
    let server = Server::bind().await;
    let mut follow = server.client().follow_log("j1", 0, None);
    server.request().await.refuse("503 Service Unavailable", &problem(503, "starting")).await;
    let event = next(&mut follow).await;
    assert!(
        matches!(&event, Some(LogEvent::Disconnected { reason, .. }) if reason == "starting in detail"),
        "{event:?}"
    );

    let address = server.address();
    drop(server);
    assert_disconnected(next(&mut follow).await);
    let server = Server::bind_at(address).await;
    // Tries that fell between the two servers may still be in the queue.
    let mut request = stream(&server, 0).await;
    request.part(&line(1)).await;
    loop {
        match next(&mut follow).await {
            Some(LogEvent::Disconnected { .. }) => {}
            event => break assert_eq!(offset(event), 1),
        }
    }
}

#[tokio::test]
async fn what_waiting_cannot_mend_is_an_error_and_the_end() {
    let server = Server::bind().await;
    let long = format!("data: {}", "x".repeat(2 << 20));
    let cases: [(&str, &str, &str, &str, &str); 5] = [
        (
            "404 Not Found",
            "application/problem+json",
            &problem(404, "job_not_found").to_string(),
            "job_not_found",
            "in detail",
        ),
        ("200 OK", "text/html", "<html>", "answer_not_understood", "text/html"),
        ("200 OK", EVENT_STREAM, "event: job_log_message\ndata: {}\n\n", "answer_not_understood", "missing field"),
        ("200 OK", EVENT_STREAM, &long, "answer_not_understood", "longer than 1 MiB"),
        ("401 Unauthorized", "text/plain", "no", "answer_not_understood", "401 Unauthorized"),
    ];
    for (status, kind, body, code, reason) in cases {
        let mut follow = server.client().follow_log("j1", 0, None);
        let answer = async { server.request().await.answer(status, kind, body).await };
        let (event, ()) = tokio::join!(soon(follow.next()), answer);
        let error = event.expect("an error").expect_err(code);
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(soon(follow.next()).await, None);
    }
}

#[tokio::test]
async fn a_client_that_stops_following_hangs_up() {
    let server = Server::bind().await;
    let follow = server.client().follow_log("j1", 0, None);
    let mut request = stream(&server, 0).await;
    drop(follow);
    let comment = ": keep-alive\n\n".repeat(10_000);
    while !request.write_until_hung_up(&comment).await {}
}
