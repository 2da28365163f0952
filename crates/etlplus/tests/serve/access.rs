//! Who may do what, with a real server that asks.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http::{Answer, get, request};
use crate::server::{Server, job_of, orders};
use crate::support::Folder;

/// A server that asks everybody who they are, and its first token.
pub(crate) fn start(folder: &Folder) -> (Server, String) {
    Server::start_asking(folder, &["--config", "etlplus.yaml"])
}

fn folder() -> Folder {
    Folder::with_orders(orders(10, 0)).file("etlplus.yaml", "access: { required: true }\n")
}

fn with(server: &Server, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    request(server, method, path, &[&format!("authorization: Bearer {token}")], body)
}

fn create(server: &Server, admin: &str, name: &str, role: &str) -> (String, String) {
    let made = with(server, admin, "POST", "/api/tokens", Some(&json!({"name": name, "role": role}))).expect(201);
    let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("{key}: {made:#}")).to_owned();
    (text("id"), text("token"))
}

#[test]
fn the_first_token_is_shown_once_and_never_again() {
    let folder = folder();
    let (server, token) = start(&folder);
    get(&server, "/api/monitor/jobs").problem(401, "not_authenticated");
    with(&server, &token, "GET", "/api/monitor/jobs", None).expect(200);
    let list = with(&server, &token, "GET", "/api/tokens", None).expect(200);
    assert!(!list.to_string().contains(&token), "{list:#}");
    let database = std::fs::read(folder.path("data/etlplus.db")).expect("the store");
    let wal = std::fs::read(folder.path("data/etlplus.db-wal")).unwrap_or_default();
    for bytes in [database, wal] {
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "the store keeps a hash alone");
    }
    assert!(server.terminate().success());
    let again = std::fs::File::create(folder.path("again.log")).expect("it can be made");
    let server = Server::start_logging_to(&folder, &["--config", "etlplus.yaml"], again);
    assert!(!folder.read("again.log").contains("etlp_"), "{}", folder.read("again.log"));
    with(&server, &token, "GET", "/api/monitor/jobs", None).expect(200);
}

#[tokio::test]
async fn roles_do_what_they_may_and_no_more() {
    let folder = folder();
    let (server, admin) = start(&folder);
    let (_, viewer) = create(&server, &admin, "dashboard", "viewer");
    let (_, operator) = create(&server, &admin, "night shift", "operator");
    let inline = serde_json::to_value(job_of(&folder, "orders.yaml")).expect("JSON");
    let kept = json!({"pipeline": "orders"});
    let put = json!({"definition": folder.read("orders.yaml"), "folder": folder.path("").to_string_lossy()});
    with(&server, &operator, "PUT", "/api/pipelines/orders", Some(&put)).problem(403, "forbidden");
    with(&server, &admin, "PUT", "/api/pipelines/orders", Some(&put)).expect(200);
    with(&server, &viewer, "POST", "/api/jobs", Some(&kept)).problem(403, "forbidden");
    with(&server, &operator, "POST", "/api/jobs", Some(&kept)).expect(202);
    let refused = with(&server, &operator, "POST", "/api/jobs", Some(&inline)).problem(403, "forbidden");
    assert!(refused.to_string().contains("admin"), "it says which role is needed: {refused:#}");
    with(&server, &admin, "POST", "/api/jobs", Some(&inline)).expect(202);
    with(&server, &viewer, "GET", "/api/monitor/jobs", None).expect(200);
    with(&server, &operator, "POST", "/api/monitor/config", Some(&json!({}))).problem(403, "forbidden");
    with(&server, "etlp_nonsense", "GET", "/api/monitor/jobs", None).problem(401, "token_unknown");
    let in_url = get(&server, &format!("/api/monitor/jobs?token={admin}"));
    assert!(matches!(in_url.status, 400 | 401), "{in_url:?}");
}

#[tokio::test]
async fn a_revoked_token_closes_what_it_had_open_within_five_seconds() {
    let folder = folder();
    let (server, admin) = start(&folder);
    let (id, viewer) = create(&server, &admin, "dashboard", "viewer");
    let open = |token: String| {
        let url = format!("ws://127.0.0.1:{}/ws", server.port());
        async move {
            let mut request = url.into_client_request().expect("a request");
            let value = format!("Bearer {token}").parse().expect("a value");
            request.headers_mut().insert("authorization", value);
            tokio_tungstenite::connect_async(request).await
        }
    };
    let (mut revoked, _) = open(viewer.clone()).await.expect("it may watch");
    let (mut stays, _) = open(admin.clone()).await.expect("it may watch");
    with(&server, &admin, "DELETE", &format!("/api/tokens/{id}"), None);
    let begun = Instant::now();
    let code = loop {
        match tokio::time::timeout(Duration::from_secs(30), revoked.next()).await.expect("it is closed") {
            Some(Ok(Message::Close(Some(frame)))) => break u16::from(frame.code),
            Some(Ok(_)) => {}
            other => panic!("closed without a word: {other:?}"),
        }
    };
    assert_eq!(code, 4500);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(open(viewer.clone()).await.is_err(), "nor may it come back");
    with(&server, &viewer, "GET", "/api/monitor/jobs", None).problem(401, "token_revoked");
    // The control: another's connection goes on.
    stays.send(Message::text(r#"{"type":"ping","id":"still there"}"#)).await.expect("it takes it");
    loop {
        match stays.next().await.expect("it goes on").expect("it goes on") {
            Message::Text(text) if text.contains("still there") => break,
            _ => {}
        }
    }
}

#[test]
fn the_command_line_makes_lists_and_revokes_tokens() {
    let folder = folder();
    let (server, admin) = start(&folder);
    let run = |arguments: &[&str]| {
        let mut command = server.command(&folder, arguments);
        crate::support::Ran::from(command.env("ETLPLUS_TOKEN", &admin).output().expect("it starts"))
    };
    let made = run(&["token", "create", "grafana", "--role", "viewer"]).exits(0);
    let token = made.stdout.trim().to_owned();
    assert!(token.starts_with("etlp_"), "{made:#?}");
    assert!(run(&["token", "list"]).exits(0).stdout.contains("grafana"));
    with(&server, &token, "GET", "/api/monitor/jobs", None).expect(200);
    run(&["token", "revoke", "grafana"]).exits(0);
    with(&server, &token, "GET", "/api/monitor/jobs", None).problem(401, "token_revoked");
    let without = server.run(&folder, &["jobs"]);
    assert_eq!(without.code, Some(1), "{without:#?}");
    assert!(without.stderr.contains("not_authenticated") && without.stderr.contains("ETLPLUS_TOKEN"), "{without:#?}");
}

#[test]
fn a_lost_token_is_replaced_while_the_server_is_down() {
    let folder = folder();
    let (server, _lost) = start(&folder);
    assert!(server.terminate().success());
    let made = folder.run(&["token", "create", "rescue", "--role", "admin", "--data", "data"]).exits(0);
    let token = made.stdout.trim().to_owned();
    let log = std::fs::File::create(folder.path("again.log")).expect("it can be made");
    let server = Server::start_logging_to(&folder, &["--config", "etlplus.yaml"], log);
    with(&server, &token, "GET", "/api/tokens", None).expect(200);
}

#[test]
fn nobody_takes_the_asking_away_from_a_running_server() {
    let folder = folder();
    let (server, admin) = start(&folder);
    let open = json!({"access": {"required": false}});
    let problem = with(&server, &admin, "POST", "/api/monitor/config", Some(&open)).problem(422, "settings_invalid");
    assert_eq!(problem["errors"][0]["key"], "access.required", "{problem:#}");
    assert!(server.terminate().success());
    let log = std::fs::File::create(folder.path("again.log")).expect("it can be made");
    let server = Server::start_logging_to(&folder, &["--config", "etlplus.yaml"], log);
    get(&server, "/api/monitor/jobs").problem(401, "not_authenticated");
}

#[test]
fn a_server_on_all_addresses_asks_for_tokens_and_prints_an_address_to_go_to() {
    let folder = Folder::new();
    let (server, admin) = Server::start_asking(&folder, &["--listen", "0.0.0.0:0"]);
    assert!(server.address.starts_with("http://127.0.0.1:"), "{}", server.address);
    get(&server, "/api/monitor/jobs").problem(401, "not_authenticated");
    with(&server, &admin, "GET", "/api/monitor/jobs", None).expect(200);
}
