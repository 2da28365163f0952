//! Logs over REST.

use etlplus_core::log::LogLevel;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::support::http::events;
use crate::support::{DEADLINE, Server};

fn texts(page: &Value) -> Vec<&str> {
    page["lines"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_page_goes_on_after_the_one_before() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..1500).map(|number| number.to_string()));
    server.say(job, LogLevel::Error, ["bad".to_owned()]);
    let address = format!("/api/jobs/{job}/logs");
    let first = server.get(&address).await.json();
    assert_eq!((texts(&first).len(), texts(&first)[999]), (1000, "999"));
    let second = server.get(&format!("{address}?after={}", first["nextAfter"])).await.json();
    assert_eq!((texts(&second).len(), texts(&second)[500]), (501, "bad"));
    let end = server.get(&format!("{address}?after={}", second["nextAfter"])).await.json();
    assert_eq!(end, json!({"lines": [], "nextAfter": null}));
    assert_eq!(texts(&server.get(&format!("{address}?level=WARN")).await.json()), ["bad"]);
    assert_eq!(texts(&server.get(&format!("{address}?tail=2")).await.json()), ["1499", "bad"]);
    assert_eq!(texts(&server.get(&format!("{address}?limit=1500")).await.json()).len(), 1500);
    for bad in ["after=x", "limit=0", "limit=10001", "level=LOUD", "tail=0", "tail=1&after=1", "from=1"] {
        server.get(&format!("{address}?{bad}")).await.problem(422, "bad_parameter");
    }
}

#[tokio::test]
async fn a_log_is_searched_page_by_page() {
    let server = Server::start().await;
    let job = server.running("orders");
    // More lines than one look takes.
    server.say(job, LogLevel::Info, (0..950).map(|number| format!("checked row {number}")));
    server.say(job, LogLevel::Error, ["The disk is full".to_owned()]);
    let address = format!("/api/jobs/{job}/logs");
    let found = async |query: &str| server.get(&format!("{address}?{query}")).await.json();
    let page = found("q=DISK").await;
    assert_eq!(page, json!({"lines": [], "nextAfter": null}), "a capital letter is meant");
    let page = found("q=the%20DISK&level=ERROR").await;
    assert_eq!(texts(&page).len(), 0);
    let page = found("q=the%20disk&level=ERROR").await;
    assert_eq!((texts(&page), &page["nextAfter"]), (vec!["The disk is full"], &Value::Null));
    assert_eq!(page["lines"][0]["step"], Value::Null);
    let first = found("regex=row%20%5Cd7%24&limit=4").await;
    assert_eq!(texts(&first), ["checked row 17", "checked row 27", "checked row 37", "checked row 47"]);
    let rest = found(&format!("regex=row%20%5Cd7%24&after={}", first["nextAfter"])).await;
    assert_eq!((texts(&rest).len(), &rest["nextAfter"]), (5, &Value::Null));
    assert_eq!(texts(&found("q=row&attempt=2").await).len(), 0);
    assert_eq!(texts(&found("q=row&since=2100-01-01T00:00:00Z").await).len(), 0);
    assert_eq!(texts(&found("until=2100-01-01T00:00:00Z&limit=10000").await).len(), 951);
    assert_eq!(texts(&found("step=commit").await).len(), 0);

    // A download and a log that is followed are searched as well.
    let download = server.get_with(&format!("{address}?q=row%2094"), "accept: application/x-ndjson\r\n").await;
    assert_eq!(download.text().lines().count(), 11);
    let head = format!("GET {address}?q=row%2094 HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    let mut stream = server.begin(&head).await;
    server.say(job, LogLevel::Info, ["not this".to_owned(), "row 94 again".to_owned()]);
    server.complete(job);
    let events = events(&mut stream, |name, _| name == "end").await;
    assert_eq!((events.len(), &events[11].2["message"]), (13, &json!("row 94 again")));
}

#[tokio::test]
async fn a_search_that_cannot_be_says_why() {
    let server = Server::start().await;
    let address = format!("/api/jobs/{}/logs", server.running("orders"));
    for (bad, part) in [
        ("regex=(", "unclosed group"),
        ("regex=(%3F%3Dx)", "look-around"),
        ("regex=%5Cw%7B900%7D%7B900%7D", "size limit"),
        ("q=", "is empty"),
        ("q=a&regex=b", "comes beside q"),
        ("q=a&q=b", "more than once"),
        ("q=a&tail=3", "comes beside a search"),
        ("attempt=0", "attempt"),
        ("since=yesterday", "such as 2026"),
    ] {
        let answer = server.get(&format!("{address}?{bad}")).await;
        let text = answer.text();
        assert!(text.contains(part), "{bad}: {text}");
        answer.problem(422, "bad_parameter");
    }
    let long = "x".repeat(1_001);
    server.get(&format!("{address}?q={long}")).await.problem(422, "bad_parameter");
}

#[tokio::test]
async fn a_download_has_every_line() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, (0..1700).map(|number| format!("line {number}")));
    let answer = server.get_with(&format!("/api/jobs/{job}/logs"), "accept: application/x-ndjson\r\n").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = answer.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1700);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!((&line["message"], &line["offset"]), (&json!(format!("line {number}")), &json!(number + 3)));
    }
}

#[tokio::test]
async fn a_download_breaks_off_where_the_store_goes_away() {
    let server = Server::start().await;
    let job = server.running("orders");
    // More than sockets and buffers take, so that the store is still needed when it goes.
    server.say(job, LogLevel::Info, (0..40_000).map(|_| "x".repeat(400)));
    let head = format!("GET /api/jobs/{job}/logs HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n");
    let mut stream = server.begin(&head).await;
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    server.store.set_away(true);
    let mut rest = Vec::new();
    let _reset = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a client must see that it is not all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_to_the_end_of_its_job() {
    let server = Server::start().await;
    let job = server.running("orders");
    server.say(job, LogLevel::Info, ["before".to_owned()]);
    let head = format!("GET /api/jobs/{job}/logs HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n");
    let mut stream = server.begin(&format!("{head}\r\n")).await;
    let first = events(&mut stream, |_, _| true).await;
    assert_eq!((&first[0].0[..], &first[0].2["message"]), ("job_log_message", &json!("before")));
    server.say(server.running("other"), LogLevel::Info, ["of another job".to_owned()]);
    for number in 0..700 {
        server.say(job, LogLevel::Info, [number.to_string()]);
    }
    server.complete(job);
    let rest = events(&mut stream, |name, _| name == "end").await;
    assert_eq!(rest.len(), 701);
    for (number, (_, id, row)) in rest[..700].iter().enumerate() {
        assert_eq!((&row["message"], id), (&json!(number.to_string()), &row["offset"].to_string()));
    }
    // Who was broken off goes on where it was.
    let mut stream = server.begin(&format!("{head}last-event-id: {}\r\n\r\n", rest[698].1)).await;
    let resumed = events(&mut stream, |name, _| name == "end").await;
    assert_eq!((resumed.len(), &resumed[0]), (2, &rest[699]));
}
