//! What is wrong with a request is told as a problem.

use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::support::{DEADLINE, Server};

const JOB: &str = "0198f7a0-0000-7000-8000-000000000001";

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = Server::start().await;
    for id in [JOB, "x", "%00", "%ff", "a%2Fb", "..%2f..%2fetc", &"a".repeat(10_000), "%F0%9F%92%A9", "-1"] {
        for resource in ["status", "logs", "metrics", "rejects"] {
            server.get(&format!("/api/jobs/{id}/{resource}")).await.problem(404, "job_not_found");
        }
        server.post(&format!("/api/jobs/{id}/cancel"), "").await.problem(404, "job_not_found");
    }
    for path in ["/api", "/nothing", "/api/jobs/a/b/status", "/api/jobs/%2e%2e/", "/app.js/", "//"] {
        server.get(path).await.problem(404, "not_found");
    }
    server.get("/api/pipelines/nothing").await.problem(404, "pipeline_not_found");
    // An address so long is refused before anybody reads it.
    let long = server.get(&format!("/api/jobs/{}/status", "a".repeat(1 << 20))).await;
    assert!([414, 431].contains(&long.status), "{long:?}");
    let headers = format!("x-long: {}\r\n", "a".repeat(1 << 20));
    assert_eq!(server.get_with("/livez", &headers).await.status, 431);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start().await;
    for (method, path, allowed) in [
        ("DELETE", "/api/jobs", "POST"),
        ("PUT", "/api/monitor/config", "GET,HEAD,POST"),
        ("OPTIONS", "/api/jobs", "POST"),
        ("POST", "/livez", "GET,HEAD"),
    ] {
        let answer = server.send(&request(method, path, "content-length: 0\r\n", "")).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_body_has_to_be_json_of_the_right_shape() {
    let server = Server::start().await;
    for kind in ["", "content-type: text/plain\r\n", "content-type: application/x-www-form-urlencoded\r\n"] {
        let headers = format!("{kind}content-length: 2\r\n");
        for path in ["/api/jobs", "/api/pipelines/validate", "/api/pipelines/preview", "/api/monitor/config"] {
            server.send(&request("POST", path, &headers, "{}")).await.problem(415, "unsupported_media_type");
        }
        server.send(&request("PUT", "/api/pipelines/a", &headers, "{}")).await.problem(415, "unsupported_media_type");
    }
    let problem = server.post("/api/jobs", "{\n  \"pipeline\": ,").await.problem(400, "bad_json");
    assert_eq!((&problem["errors"][0]["line"], &problem["errors"][0]["column"]), (&json!(2), &json!(15)), "{problem}");
    server.post("/api/jobs", "").await.problem(400, "bad_json");
    server.post("/api/jobs", &"[".repeat(100_000)).await.problem(422, "bad_body");
    server.post("/api/jobs", &format!("{{\"a\":{}", "[".repeat(100_000))).await.problem(400, "bad_json");
    for (body, keys) in [
        ("[]", vec![""]),
        ("\"text\"", vec![""]),
        ("{}", vec!["pipeline"]),
        (r#"{"pipeline": 5}"#, vec!["pipeline"]),
        (
            r#"{"pipeline": "a", "parameters": {"x": 1}, "asOf": "soon", "logLevel": "LOUD", "more": 1}"#,
            vec!["parameters", "asOf", "logLevel", "more"],
        ),
        (r#"{"pipeline": "nobody"}"#, vec!["pipeline"]),
        (r#"{"pipeline": "a", "definition": "b"}"#, vec!["definition"]),
        (r#"{"definition": "a"}"#, vec!["folder"]),
        (r#"{"definition": "a", "folder": "not/absolute"}"#, vec!["folder"]),
    ] {
        let problem = server.post("/api/jobs", body).await.problem(422, "bad_body");
        let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["key"]).collect();
        assert_eq!(named, keys, "{body}: {problem}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_slow_is_refused() {
    let server = Server::start().await;
    let json = "content-type: application/json\r\n";
    let told = request("POST", "/api/jobs", &format!("{json}content-length: 5000000\r\n"), "");
    server.send(&told).await.problem(413, "body_too_large");
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let chunked = format!("{json}transfer-encoding: chunked\r\n");
    server.send(&request("POST", "/api/jobs", &chunked, &chunk.repeat(5))).await.problem(413, "body_too_large");
    let begun = std::time::Instant::now();
    server
        .send(&request("POST", "/api/jobs", &format!("{json}content-length: 9\r\n"), "{"))
        .await
        .problem(408, "body_too_slow");
    assert!(begun.elapsed().as_secs() >= 9);
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let server = Server::start().await;
    let port = server.address.port();
    for host in ["example.com", "localhost.example.com", "10.0.0.1", ""] {
        let get = format!("GET /api/monitor/jobs HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        server.send(&get).await.problem(403, "foreign_host");
    }
    server.send("GET /livez HTTP/1.0\r\n\r\n").await.problem(403, "foreign_host");
    for host in
        [format!("127.0.0.1:{port}"), format!("localhost:{port}"), "[::1]:80".to_owned(), "app.localhost".to_owned()]
    {
        let get = format!("GET /livez HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(server.send(&get).await.text(), "ok", "{host}");
    }
    server.get_with("/api/events", "origin: http://example.com\r\n").await.problem(403, "foreign_origin");
    let cancel = request("POST", &format!("/api/jobs/{JOB}/cancel"), "origin: null\r\ncontent-length: 0\r\n", "");
    server.send(&cancel).await.problem(403, "foreign_origin");
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_asked_again() {
    let server = Server::start().await;
    let job = server.running("orders");
    crate::support::eventually("the live view has the job", async || {
        server.get(&format!("/api/jobs/{job}/status")).await.json()["live"] == true
    })
    .await;
    server.store.set_away(true);
    for path in [format!("/api/jobs/{job}/logs"), "/api/monitor/jobs".to_owned(), "/api/pipelines".to_owned()] {
        let answer = server.get(&path).await;
        answer.problem(503, "store_unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    // What the live view knows is shown all the same.
    assert_eq!(server.get(&format!("/api/jobs/{job}/status")).await.json()["status"], "RUNNING");
}

#[tokio::test]
async fn every_answer_keeps_a_browser_in_its_place() {
    let server = Server::start().await;
    for path in ["/", "/app.js", "/style.css", "/livez", "/api/monitor/jobs", "/nothing"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
    let page = server.get("/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        !page.text().contains("<script>") && !page.text().contains("onclick"),
        "the policy forbids scripts in the page"
    );
    assert!(!server.get("/app.js").await.text().contains("innerHTML"));
}

#[tokio::test]
async fn the_server_ends_while_a_request_is_on_its_way() {
    let server = Server::start().await;
    let head =
        "POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let mut stream = server.begin(head).await;
    let idle = server.begin("").await;
    server.lifecycle.shutdown.cancel();
    let mut answer = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    tokio::time::timeout(DEADLINE, server.task).await.unwrap().unwrap().unwrap();
    drop(idle);
}
