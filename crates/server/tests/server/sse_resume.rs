//! Event streams that go on where another one broke off.

use etlplus_core::log::LogLevel;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;
use crate::support::http::events;

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

type Event = (String, String, Value);

fn places(events: &[Event]) -> Vec<u64> {
    events.iter().filter_map(|(_, _, frame)| frame["offset"].as_u64()).collect()
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen() {
    let server = Server::start().await;
    let mut stream = server.begin(&request("/api/events", "")).await;
    let first = events(&mut stream, |name, _| name == "snapshot").await;
    let (seen, epoch) = (first[1].1.clone(), first[1].2["epoch"].as_str().unwrap().to_owned());
    assert_eq!(seen, format!("{epoch}:0"));
    let job = server.running("orders");
    server.say(job, LogLevel::Warn, (0..50).map(|line| line.to_string()));
    let told = events(&mut stream, |_, frame| frame["offset"] == 52).await;
    drop(stream);
    server.say(job, LogLevel::Info, ["between".to_owned()]);
    let last = &told.last().unwrap().1;
    // A browser asks again with the address that it began with, which names an older place.
    let path = format!("/api/events?since={seen}");
    let mut stream = server.begin(&request(&path, &format!("last-event-id: {last}\r\n"))).await;
    let resumed = events(&mut stream, |name, _| name == "bookmark").await;
    assert_eq!((resumed[0].0.as_str(), places(&resumed)), ("connection_ack", vec![53, 53]), "{resumed:?}");
    assert_eq!(resumed[2].1, format!("{epoch}:53"), "one can go on from a bookmark");
    // With curl the address alone says it; the filter stands beside.
    let path = format!("/api/events?since={seen}&minLevel=WARN&type=job_log_message&tag=nightly");
    let mut stream = server.begin(&request(&path, "last-event-id: what\r\n")).await;
    let resumed = events(&mut stream, |name, _| name == "bookmark").await;
    assert_eq!(places(&resumed), (3..=52).chain([53]).collect::<Vec<_>>());
    let sent = |events: &[Event]| events.iter().filter(|(name, ..)| name == "job_log_message").cloned().collect();
    let (again, before): (Vec<Event>, Vec<Event>) = (sent(&resumed), sent(&told));
    assert_eq!(again, before);
    server.complete(job);
    server.say(job, LogLevel::Warn, ["live".to_owned()]);
    assert_eq!(events(&mut stream, |_, _| true).await[0].2["data"]["message"], "live");
}

#[tokio::test]
async fn a_stream_that_cannot_go_on_says_so_and_begins_anew() {
    let server = Server::start().await;
    let epoch = server.store.position().epoch;
    for (place, reason) in [(format!("{}:0", Uuid::now_v7()), "other_epoch"), (format!("{epoch}:7"), "in_future")] {
        for (path, header) in
            [(format!("/api/events?since={place}"), ""), ("/api/events".to_owned(), "last-event-id: ")]
        {
            let header = if header.is_empty() { String::new() } else { format!("{header}{place}\r\n") };
            let mut stream = server.begin(&request(&path, &header)).await;
            let begun = events(&mut stream, |name, _| name == "snapshot").await;
            let names: Vec<_> = begun.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(names, ["connection_ack", "gap", "snapshot"]);
            assert_eq!((&begun[1].2["data"]["reason"], begun[1].1.as_str()), (&json!(reason), ""), "no place to go on");
            assert!(!begun[2].1.is_empty());
        }
    }
    for wrong in ["7", "x:7", &format!("{epoch}:x"), &format!("{epoch}")] {
        let problem = server.get(&format!("/api/events?since={wrong}")).await.problem(422, "bad_parameter");
        assert_eq!(problem["errors"][0]["key"], "since", "{problem}");
    }
}
