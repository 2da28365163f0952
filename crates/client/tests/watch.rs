//! The live channel, through every break of the connection.

mod support;

use std::time::{Duration, Instant};

use etlplus_api::{Filter, FilterClause, Frame, ServerMessage};
use etlplus_client::{Error, Event, Watch};
use serde_json::json;
use support::{Server, Socket, connection_ack, frame, notification, problem, progress, snapshot, soon};
use tokio::io::AsyncWriteExt;

/// Seconds; longer than a test takes, so that silence plays no part.
const HEARTBEAT: u64 = 60;

async fn next(watch: &mut Watch) -> Event {
    soon(watch.next()).await.expect("the watch goes on").expect("no error")
}

/// The error that ends the watch, and that it ends it.
async fn error(watch: &mut Watch) -> Error {
    loop {
        match soon(watch.next()).await.expect("the watch goes on") {
            Ok(Event::Connected(_)) => {}
            Ok(event) => panic!("no error: {event:?}"),
            Err(error) => {
                assert_eq!(soon(watch.next()).await, None);
                return error;
            }
        }
    }
}

#[track_caller]
fn assert_snapshot(event: &Event, ids: &[&str]) {
    let Event::Snapshot(Frame { message: ServerMessage::Snapshot(snapshot), .. }) = event else { panic!("{event:?}") };
    let jobs: Vec<&str> = snapshot.jobs.iter().map(|job| job.job_id.as_str()).collect();
    assert_eq!(jobs, ids);
}

#[track_caller]
fn assert_progress(event: &Event, rows: u64) {
    let Event::Update(Frame { message: ServerMessage::JobProgressUpdate(update), .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(update.records_processed, rows);
}

#[track_caller]
fn assert_disconnected(event: &Event, why: &str) -> Duration {
    let Event::Disconnected { reason, retry_in } = event else { panic!("{event:?}") };
    assert!(reason.contains(why), "{reason}");
    *retry_in
}

/// A new connection of `watch`, which has seen a snapshot of `id`.
async fn connected(server: &Server, watch: &mut Watch, id: &str) -> Socket {
    let mut socket = server.greeted(HEARTBEAT).await;
    socket.send(snapshot(&[id])).await;
    assert!(matches!(next(watch).await, Event::Connected(ack) if ack.connection_id == "c1"));
    assert_snapshot(&next(watch).await, &[id]);
    socket
}

fn one_job(id: &str) -> Filter {
    vec![FilterClause { job_ids: Some(vec![id.to_owned()]), ..FilterClause::default() }]
}

#[tokio::test]
async fn a_snapshot_comes_first_then_what_happens() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    let mut socket = connected(&server, &mut watch, "j1").await;
    socket.ping("are you there?").await;
    socket.send(frame("heartbeat", json!({}))).await;
    socket.send(frame("news", json!({ "of": "a later version" }))).await;
    socket.send(progress("j1", 10)).await;
    assert_progress(&next(&mut watch).await, 10);
    drop(watch);
    socket.ends().await;
}

#[tokio::test]
async fn notices_come_through_before_and_after_the_snapshot() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    let mut socket = server.greeted(HEARTBEAT).await;
    for frame in [notification("early"), snapshot(&["j1"]), notification("late")] {
        socket.send(frame).await;
    }
    let title = |event: Event| match event {
        Event::Update(Frame { message: ServerMessage::SystemNotification(notice), .. }) => notice.title,
        event => panic!("{event:?}"),
    };
    assert!(matches!(next(&mut watch).await, Event::Connected(_)));
    assert_eq!(title(next(&mut watch).await), "early");
    assert_snapshot(&next(&mut watch).await, &["j1"]);
    assert_eq!(title(next(&mut watch).await), "late");
}

#[tokio::test]
async fn nothing_comes_through_before_the_filter_holds() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(one_job("j2"));
    let mut socket = server.greeted(HEARTBEAT).await;
    let asked = socket.receive().await;
    assert_eq!(asked, json!({ "type": "set_filters", "id": "filter", "data": { "filters": [{ "jobIds": ["j2"] }] } }));
    let mut part = snapshot(&["j0"]);
    part["data"]["more"] = json!(true);
    socket.send(part).await;
    socket.send(snapshot(&["j1", "j2"])).await;
    socket.send(progress("j1", 1)).await;
    let mut ack = frame("ack", json!({}));
    ack["id"] = json!("filter");
    socket.send(ack).await;
    socket.send(progress("j2", 2)).await;
    socket.send(snapshot(&["j2"])).await;
    socket.send(progress("j2", 3)).await;
    assert!(matches!(next(&mut watch).await, Event::Connected(_)));
    assert_snapshot(&next(&mut watch).await, &["j2"]);
    assert_progress(&next(&mut watch).await, 3);
}

#[tokio::test]
async fn the_parts_of_a_snapshot_are_one_event() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    let part = |id: &str| {
        let mut part = snapshot(&[id]);
        part["data"]["more"] = json!(true);
        part
    };
    // A connection that breaks within a snapshot leaves nothing of it behind.
    let mut socket = server.greeted(HEARTBEAT).await;
    socket.send(part("j0")).await;
    socket.ping("the part was read").await;
    socket.cut();
    assert!(matches!(next(&mut watch).await, Event::Connected(_)));
    assert_disconnected(&next(&mut watch).await, "cannot reach");

    let mut socket = server.greeted(HEARTBEAT).await;
    for frame in [part("j1"), part("j2"), snapshot(&["j3"]), progress("j3", 10)] {
        socket.send(frame).await;
    }
    assert!(matches!(next(&mut watch).await, Event::Connected(_)));
    let event = next(&mut watch).await;
    assert_snapshot(&event, &["j1", "j2", "j3"]);
    let Event::Snapshot(Frame { message: ServerMessage::Snapshot(whole), .. }) = event else { unreachable!() };
    assert!(!whole.more, "nothing is left to come");
    assert_progress(&next(&mut watch).await, 10);

    // A server that fell behind its log sends another one, which replaces the first.
    for frame in [part("j4"), snapshot(&["j5"])] {
        socket.send(frame).await;
    }
    assert_snapshot(&next(&mut watch).await, &["j4", "j5"]);
}

#[tokio::test]
async fn a_filter_that_is_refused_is_an_error() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(one_job("j2"));
    let mut socket = server.greeted(HEARTBEAT).await;
    socket.receive().await;
    let mut refusal = frame("error_message", json!({ "code": "bad_filter", "message": "too many", "remedy": "fewer" }));
    refusal["id"] = json!("filter");
    socket.send(refusal).await;
    let error = error(&mut watch).await;
    assert_eq!((error.code(), error.to_string().as_str(), error.remedy()), ("bad_filter", "too many", "fewer"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_with_a_new_snapshot() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    connected(&server, &mut watch, "j1").await.cut();
    assert_disconnected(&next(&mut watch).await, "cannot reach the server at http://127.0.0.1");

    // Half a frame, then nothing: text of 100 bytes that never come.
    let mut socket = connected(&server, &mut watch, "j1").await;
    socket.0.get_mut().write_all(b"\x81\x64{\"type\":").await.expect("the client reads");
    socket.cut();
    assert_disconnected(&next(&mut watch).await, "cannot reach");

    connected(&server, &mut watch, "j2").await;
}

#[tokio::test]
async fn close_codes_that_invite_to_come_again_are_followed() {
    for (code, reason) in [(1001, "the server shuts down"), (4008, "too slow"), (4499, "later"), (1000, "bye")] {
        let server = Server::bind().await;
        let mut watch = server.client().watch(Filter::new());
        connected(&server, &mut watch, "j1").await.close(code, reason).await;
        assert_disconnected(&next(&mut watch).await, &format!("{reason} (code {code})"));
        connected(&server, &mut watch, "j2").await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let server = Server::bind().await;
    let address = server.address();
    let mut watch = server.client().watch(Filter::new());
    connected(&server, &mut watch, "j1").await.cut();
    drop(server);
    assert_disconnected(&next(&mut watch).await, "cannot reach");
    let retry_in = assert_disconnected(&next(&mut watch).await, "refused");
    assert!(retry_in <= Duration::from_millis(500), "{retry_in:?}");

    let server = Server::bind_at(address).await;
    let mut socket = server.greeted(HEARTBEAT).await;
    socket.send(snapshot(&[])).await;
    loop {
        match next(&mut watch).await {
            Event::Disconnected { .. } => {}
            Event::Connected(_) => break,
            event => panic!("{event:?}"),
        }
    }
    assert_snapshot(&next(&mut watch).await, &[]);
}

#[tokio::test]
async fn close_codes_that_forbid_to_come_again_are_obeyed() {
    for (code, reason) in [(4500, "bad token"), (4501, "too many bad messages"), (4999, "never")] {
        let server = Server::bind().await;
        let mut watch = server.client().watch(Filter::new());
        server.greeted(HEARTBEAT).await.close(code, reason).await;
        let error = error(&mut watch).await;
        assert_eq!(error.code(), "live_channel_closed");
        assert!(error.to_string().ends_with(&format!("{reason} (code {code})")), "{error}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_error_and_one_that_has_to_wait_is_not() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    let mut request = server.request().await;
    let body = problem(503, "too_many_connections").to_string();
    let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\r\n";
    request.write(&(head.to_owned() + &body)).await;
    let retry_in = assert_disconnected(&next(&mut watch).await, "too_many_connections in detail");
    assert!(retry_in >= Duration::from_secs(1), "{retry_in:?}");
    let asked = Instant::now();

    let mut request = server.request().await;
    assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
    let body = problem(403, "forbidden").to_string();
    request.write(&("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n".to_owned() + &body)).await;
    let error = error(&mut watch).await;
    assert_eq!((error.code(), error.remedy()), ("forbidden", "the remedy of forbidden"));
}

#[tokio::test]
async fn what_another_program_says_is_an_error() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    server.request().await.answer("200 OK", "text/html", "<html>").await;
    assert_eq!(error(&mut watch).await.code(), "answer_not_understood");

    for first in [snapshot(&[]), frame("connection_ack", json!({})), json!({ "hello": "world" })] {
        let mut watch = server.client().watch(Filter::new());
        server.socket().await.send(first).await;
        assert_eq!(error(&mut watch).await.code(), "answer_not_understood");
    }

    let mut watch = server.client().watch(Filter::new());
    let mut socket = server.socket().await;
    socket.send(connection_ack(HEARTBEAT)).await;
    // A frame that claims to be larger than what is read.
    let mut head = vec![0x81, 127];
    head.extend((65_u64 << 20).to_be_bytes());
    socket.0.get_mut().write_all(&head).await.expect("the client reads");
    let error = error(&mut watch).await;
    assert_eq!(error.code(), "answer_not_understood");
    assert!(error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_dead_and_one_that_pings_is_not() {
    let server = Server::bind().await;
    let mut watch = server.client().watch(Filter::new());
    let mut socket = server.greeted(1).await;
    socket.send(snapshot(&[])).await;
    assert!(matches!(next(&mut watch).await, Event::Connected(_)));
    assert_snapshot(&next(&mut watch).await, &[]);
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_secs(1), watch.next()).await;
        assert!(waited.is_err(), "a server that pings is there: {waited:?}");
        socket.ping("").await;
    }
    let silent_since = Instant::now();
    assert_disconnected(&next(&mut watch).await, "silent");
    let silence = silent_since.elapsed();
    assert!((2.4..3.5).contains(&silence.as_secs_f64()), "{silence:?}");
    // The connection itself was whole: it is the client who hangs up.
    socket.ends().await;
}
