//! How the server itself is.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use serde_json::Value;

use crate::http::{get, request};
use crate::server::{Server, is_running, job_of, orders, wait_for};
use crate::support::Folder;

#[test]
fn it_says_that_it_is_ready_and_what_of() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    assert_eq!(get(&server, "/livez").status, 200);
    assert_eq!(get(&server, "/readyz").expect(200)["ready"], true);
    let health = get(&server, "/api/health").expect(200);
    assert_eq!(health["status"], "ok", "{health:#}");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    for name in ["store", "live"] {
        let checks = health["checks"].as_array().expect("checks");
        assert!(
            checks.iter().any(|check| check["name"].as_str().is_some_and(|found| found.contains(name))),
            "{health:#}"
        );
    }
}

/// While it drains it says so, and ends with exit code 0.
#[tokio::test]
async fn a_server_that_ends_says_that_it_is_not_ready_any_more() {
    let folder = Folder::with_orders(orders(3_000_000, 0));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &job, is_running).await;
    // A job that stands still takes its time to end, in which the server can be asked.
    let port: u16 = server.port().parse().expect("a port");
    let asking = std::thread::spawn(move || {
        let mut said = Vec::new();
        while let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            use std::io::{Read, Write};
            let _ = socket.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let mut answer = String::new();
            let _ = socket.read_to_string(&mut answer);
            if let Some(status) = answer.split(' ').nth(1) {
                said.push((status.to_owned(), answer.contains("\"ready\":false")));
            }
        }
        said
    });
    assert!(server.terminate().success());
    let said = asking.join().expect("it asked to the end");
    assert!(said.iter().any(|(status, draining)| status == "503" && *draining), "{said:?}");
}

#[test]
fn the_service_manager_is_told_when_it_is_ready_lives_and_ends() {
    let folder = Folder::new();
    let path = folder.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be made");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket takes a timeout");
    let path = path.to_str().expect("UTF-8");
    let server = Server::start_with(&folder, &[], &[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "200000")]);
    let next = || {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).expect("it says something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    while !next().contains("READY=1") {}
    let mut beats = 0;
    while beats < 3 {
        beats += usize::from(next().contains("WATCHDOG=1"));
    }
    assert!(server.terminate().success());
    while !next().contains("STOPPING=1") {}
}

#[test]
fn its_log_can_be_json_in_a_file_with_the_requests_id() {
    let folder = Folder::new().file("etlplus.yaml", "log: { format: json, file: logs/etlplus.log, level: debug }\n");
    let server = Server::start(&folder, &["--config", "etlplus.yaml"]);
    let answer = request(&server, "GET", "/api/monitor/jobs", &["x-request-id: trace-me-7"], None);
    assert_eq!(answer.header("x-request-id"), Some("trace-me-7"));
    assert!(server.terminate().success());
    let files: Vec<_> = std::fs::read_dir(folder.path("logs")).expect("a folder").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(files[0].path()).expect("it is readable");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert!(lines.iter().any(|line| line.to_string().contains("trace-me-7")), "{text}");
}
