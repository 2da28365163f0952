//! Clients that say by a message who they are.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use etlplus_core::access::Role;
use serde_json::json;

use crate::support::ws::Client;
use crate::support::{Server, eventually};

fn auth(token: &str) -> String {
    json!({"type": "auth", "id": "a", "data": {"token": token}}).to_string()
}

async fn nobody(server: &Server, path: &str) -> Client {
    server.connect_at(server.address, path, "").await.expect("who one is can be said later")
}

#[tokio::test]
async fn the_first_message_says_who_it_is_and_nothing_is_told_before() {
    let server = Server::guarded().await;
    let (viewer, _) = server.token("wall screen", Role::Viewer, None).await;
    let mut client = nobody(&server, "/ws").await;
    server.running("orders");
    assert_eq!(server.get("/api/monitor/connections").await.json()["connections"], json!([]), "nobody watches yet");
    client.say(auth(&viewer)).await;
    let ack = client.frame().await;
    assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &json!("a")), "the first frame: {ack}");
    assert_eq!(client.frame().await["type"], "connection_ack");
    assert_eq!(client.snapshot().await.0["data"]["jobs"][0]["pipeline"], "orders");
    let row = server.get("/api/monitor/connections").await.json()["connections"][0].clone();
    assert_eq!(row["principal"], "token wall screen");
    // Together with what it wants to be told.
    let mut client = nobody(&server, "/api/ws?start=subscribe").await;
    client.say(auth(&viewer)).await;
    client.say(r#"{"type": "subscribe", "id": "s", "data": {"filters": [{"pipelines": ["people"]}]}}"#).await;
    assert_eq!(
        (client.frame().await["id"].clone(), client.frame().await["type"].clone()),
        (json!("a"), json!("connection_ack"))
    );
    assert_eq!(client.frame().await["id"], "s");
    assert_eq!(client.snapshot().await.0["data"]["jobs"], json!([]));
}

#[tokio::test]
async fn a_wrong_token_is_told_and_then_the_connection_is_closed() {
    let server = Server::guarded().await;
    let soon = Utc::now() + TimeDelta::seconds(30);
    let (expired, _) = server.token("expired", Role::Admin, Some(soon)).await;
    let (revoked, id) = server.token("revoked", Role::Admin, None).await;
    server.delete(&format!("/api/tokens/{id}")).await;
    server.clock.leap(Duration::from_secs(31));
    for (text, code, close) in [
        (auth("etlp_no"), "token_unknown", 4500),
        (auth(&revoked), "token_revoked", 4500),
        (auth(&expired), "token_expired", 4005),
        (r#"{"type": "set_filters", "data": {"filters": []}}"#.to_owned(), "not_authenticated", 4501),
        (r#"{"type": "ping"}"#.to_owned(), "not_authenticated", 4501),
        ("nonsense".to_owned(), "not_authenticated", 4501),
    ] {
        let mut client = nobody(&server, "/ws").await;
        client.say(text.clone()).await;
        let error = client.frame().await;
        assert_eq!((&error["type"], &error["data"]["code"]), (&json!("error_message"), &json!(code)), "{text}");
        assert_eq!(u16::from(client.closed().await.code), close, "{text}");
    }
    // Seven more, and nobody learns any more what is wrong with a token, here or at the login.
    for _ in 0..7 {
        let mut client = nobody(&server, "/ws").await;
        client.say(auth("etlp_no")).await;
        assert_eq!(client.frame().await["data"]["code"], "token_unknown");
    }
    let mut client = nobody(&server, "/ws").await;
    client.say(auth(&expired)).await;
    assert_eq!(client.frame().await["data"]["code"], "too_many_logins");
    assert_eq!(u16::from(client.closed().await.code), 4005);
    server.post("/api/login", r#"{"token": "etlp_no"}"#).await.problem(429, "too_many_logins");
    // Whoever asks with a wrong word, or without a WebSocket, is refused as before.
    let wrong = server.connect_at(server.address, "/ws", "authorization: Bearer etlp_no\r\n").await;
    assert_eq!(wrong.err(), Some(401));
}

#[tokio::test]
async fn another_token_takes_the_place_of_one_that_ends() {
    let server = Server::guarded().await;
    let soon = Utc::now() + TimeDelta::seconds(30);
    let (first, _) = server.token("first hour", Role::Operator, Some(soon)).await;
    let (next, next_id) = server.token("next hour", Role::Admin, None).await;
    let (lesser, _) = server.token("lesser", Role::Viewer, None).await;
    let mut client = nobody(&server, "/ws").await;
    client.say(auth(&first)).await;
    client.find(|frame| frame["type"] == "snapshot").await;
    for (token, code) in [("etlp_no", "token_unknown"), (lesser.as_str(), "forbidden")] {
        client.say(auth(token)).await;
        let error = client.frame().await;
        assert_eq!((&error["data"]["code"], &error["id"]), (&json!(code), &json!("a")), "the connection goes on");
    }
    client.say(auth(&next)).await;
    assert_eq!(client.frame().await["type"], "ack");
    let principal = async || server.get("/api/monitor/connections").await.json()["connections"][0]["principal"].clone();
    assert_eq!(principal().await, "token next hour");
    server.clock.leap(Duration::from_secs(31));
    // A connection with the old token ends with the next look at who may stay; this one is looked at as well.
    let mut other = server.connect().await;
    other.find(|frame| frame["type"] == "snapshot").await;
    tokio::time::sleep(Duration::from_millis(2200)).await;
    assert_eq!(client.until_pong().await, [] as [serde_json::Value; 0], "it outlives its first token");
    server.delete(&format!("/api/tokens/{next_id}")).await;
    assert_eq!(u16::from(client.closed().await.code), 4500, "and not its next one");
}

#[tokio::test]
async fn where_nobody_is_asked_a_token_takes_nothing_away() {
    let server = Server::start().await;
    let (viewer, _) = server.token("viewer", Role::Viewer, None).await;
    let (mut client, _) = server.watch().await;
    client.say(auth(&viewer)).await;
    assert_eq!(client.frame().await["type"], "ack");
    let row = server.get("/api/monitor/connections").await.json()["connections"][0].clone();
    assert_eq!(row["principal"], "local");
}

#[tokio::test]
async fn who_says_nothing_in_time_is_closed_and_so_many_may_wait() {
    let server = Server::guarded_with(json!({"server": {"requests_per_second": 100_000}})).await;
    let begun = Instant::now();
    let mut silent = nobody(&server, "/ws").await;
    let mut greeted = server.connect_at(server.address, "/ws?start=subscribe", &server.headers).await.unwrap();
    assert_eq!(greeted.frame().await["type"], "connection_ack");
    assert_eq!(greeted.until_pong().await, [] as [serde_json::Value; 0], "no snapshot before it is asked for");
    let mut waiting = Vec::new();
    for _ in 1..64 {
        waiting.push(nobody(&server, "/ws").await);
    }
    assert_eq!(server.connect_at(server.address, "/ws", "").await.err(), Some(503), "one too many");
    let known = server.connect().await;
    drop(known);
    let (late, unasked) = tokio::join!(silent.closed(), greeted.closed());
    assert_eq!((u16::from(late.code), late.reason.as_str()), (4501, "no auth in time"));
    assert_eq!((u16::from(unasked.code), unasked.reason.as_str()), (4501, "no subscribe in time"));
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    eventually("they leave nothing behind", async || server.connect_at(server.address, "/ws", "").await.is_ok()).await;
    let wrong = server.connect_at(server.address, "/ws?start=now", &server.headers).await;
    assert_eq!(wrong.err(), Some(422));
}

#[tokio::test]
async fn who_has_not_said_who_it_is_goes_with_the_server() {
    let server = Server::guarded().await;
    let mut client = nobody(&server, "/ws").await;
    server.lifecycle.shutdown.cancel();
    assert_eq!(u16::from(client.closed().await.code), 1001);
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), server.task)
        .await
        .expect("not after the time for auth")
        .unwrap()
        .unwrap();
}
