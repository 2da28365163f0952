//! What holds for every request, whoever sends it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Server, bearer, eventually};

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_others_do_not() {
    let mut server = Server::guarded_with(json!({"server": {"requests_per_second": 5}})).await;
    let first = server.headers.clone();
    let (other, _) = server.token("other", etlplus_core::access::Role::Viewer, None).await;
    let begun = Instant::now();
    let refused = loop {
        let answer = server.get("/api/me").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never too often");
    };
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    server.headers = bearer(&other);
    assert_eq!(server.get("/api/me").await.status, 200, "another token is another client");
    server.headers = first;
    // What has to come through does.
    assert_eq!(server.get("/livez").await.status, 200);
    server.post("/api/jobs/0198f7a0-0000-7000-8000-000000000001/cancel", "").await.problem(404, "job_not_found");
    eventually("the client may ask again", async || server.get("/api/me").await.status == 200).await;
}

#[tokio::test]
async fn another_rate_holds_at_once() {
    let server = Server::with(json!({"server": {"requests_per_second": 1}})).await;
    let change = |rate: u32| json!({"server": {"requests_per_second": rate}}).to_string();
    assert_eq!(server.post("/api/monitor/config", &change(10_000)).await.status, 200);
    for _ in 0..50 {
        assert_eq!(server.get("/api/me").await.status, 200);
    }
}

#[tokio::test]
async fn names_of_the_settings_are_its_own() {
    let server = Server::with(json!({"server": {"allowed_hosts": ["etl.example.com"]}})).await;
    let get = async |host: &str, origin: &str| {
        let head = format!("GET /api/me HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{origin}\r\n");
        server.send(&head).await
    };
    assert_eq!(get("etl.example.com", "").await.status, 200);
    assert_eq!(get("ETL.example.com.:8443", "").await.status, 200);
    assert_eq!(get("etl.example.com", "origin: https://etl.example.com\r\n").await.status, 200);
    get("example.com", "").await.problem(403, "foreign_host");
    get("x.etl.example.com", "").await.problem(403, "foreign_host");
    get("etl.example.com", "origin: https://example.com\r\n").await.problem(403, "foreign_origin");
}

#[tokio::test]
async fn a_request_is_known_by_its_id() {
    let server = Server::start().await;
    let given = server.get_with("/livez", "x-request-id: deploy-7_a.b\r\n").await;
    assert_eq!(given.header("x-request-id"), Some("deploy-7_a.b"));
    for unfit in ["", "a b", "a\tb", "<script>", "\u{e9}", &"x".repeat(65)] {
        let answer = server.get_with("/livez", &format!("x-request-id: {unfit}\r\n")).await;
        let id = answer.header("x-request-id").unwrap();
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id} for {unfit:?}");
    }
    let refused = server.get("/nowhere").await;
    assert!(refused.header("x-request-id").is_some() && refused.header("permissions-policy").is_some());
}

#[tokio::test]
async fn headers_are_few_and_short() {
    let server = Server::start().await;
    let status = async |headers: &str| {
        server.status_of(&format!("GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")).await
    };
    let many = |count: usize| (0..count).map(|number| format!("x-{number}: a\r\n")).collect::<String>();
    assert_eq!(status(&many(90)).await, 200);
    assert_eq!(status(&many(101)).await, 431);
    assert_eq!(status(&format!("x-long: {}\r\n", "a".repeat(32 << 10))).await, 200);
    assert_eq!(status(&format!("x-long: {}\r\n", "a".repeat(200 << 10))).await, 431);
    assert_eq!(status("x-name: caf\u{e9} \u{1f600}\r\n").await, 200);
    assert_eq!(status("x-na\u{e9}me: a\r\n").await, 400);
    assert_eq!(status("x-name: a\0b\r\n").await, 400);
    // Where an address may be said, bytes that are no text are nobody's.
    server.get_with("/api/me", "authorization: Bearer caf\u{e9}\r\n").await.problem(401, "token_unknown");
    assert_eq!(server.get_with("/livez", "cookie: etlplus_token=\u{e9}\r\n").await.status, 200);
    server.get_with("/livez", "origin: http://caf\u{e9}\r\n").await.problem(403, "foreign_origin");
}

#[tokio::test]
async fn json_is_only_so_deep() {
    let server = Server::start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [130, 100_000] {
        let body = format!("{{\"name\": {}}}", deep(depth));
        let status = server.post("/api/tokens", &body).await.status;
        assert!(status == 400 || status == 422, "{status} for {depth}");
        let status = server.post("/api/monitor/config", &format!("{{\"server\": {}}}", deep(depth))).await.status;
        assert!(status == 400 || status == 422, "{status} for {depth}");
    }
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_token_in_an_address_is_refused_wherever_it_is_sent() {
    let server = Server::start().await;
    server.get("/api/monitor/jobs?token=x").await.problem(400, "token_in_url");
    server.get("/?access_token=x").await.problem(400, "token_in_url");
    server.get("/api/monitor/jobs?%74oken=x").await.problem(400, "token_in_url");
}
