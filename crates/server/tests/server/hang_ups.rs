//! Clients that go away while what they asked for is under way.

use etlplus_core::access::Role;
use etlplus_core::ports::{Pipelines, Tokens};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::support::{DEADLINE, Server, bearer, eventually};

/// Sends a request whose change is recorded and not answered by the store, and goes away: the server has let go of the
/// request when this ends. From then on the store answers.
async fn go_away(server: &Server, request: &str, is_recorded: impl AsyncFnMut() -> bool) {
    server.store.hold_answers(true);
    let mut stream = server.begin(request).await;
    eventually("it is recorded", is_recorded).await;
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("the server lets go in time").unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "", "the client went too late");
    server.store.hold_answers(false);
}

#[tokio::test]
async fn a_token_is_revoked_whether_or_not_its_revoker_waits() {
    let server = Server::guarded().await;
    let (text, id) = server.token("stolen", Role::Admin, None).await;
    let request = format!("DELETE /api/tokens/{id} HTTP/1.1\r\nhost: localhost\r\n{}\r\n", server.headers);
    let is_recorded = async || {
        let tokens = server.store.tokens().await.unwrap();
        tokens.iter().any(|token| token.id == id && token.revoked_at.is_some())
    };
    go_away(&server, &request, is_recorded).await;
    let get = format!("GET /api/tokens HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n", bearer(&text));
    eventually("the token is refused", async || server.send(&get).await.status == 401).await;
    server.send(&get).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn a_schedule_is_followed_whether_or_not_its_author_waits() {
    let server = Server::start().await;
    let pipeline = "name: orders\nsource: {csv: {path: in.csv}}\nschema:\n  id: int64\n\
                    target: {csv: {path: out.csv}}\nschedule: {cron: \"0 3 * * *\"}\n";
    let body = json!({"definition": pipeline, "folder": "/data"}).to_string();
    let head = "PUT /api/pipelines/orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let is_recorded = async || server.store.pipeline("orders".to_owned()).await.unwrap().is_some();
    go_away(&server, &request, is_recorded).await;
    eventually("the schedule is followed", async || {
        server.get("/api/schedules").await.json()["schedules"][0]["pipeline"] == "orders"
    })
    .await;
}
