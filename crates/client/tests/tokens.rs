//! The token: where it goes, where it never goes, and what happens when the server does not take it.

mod support;

use std::time::Duration;

use etlplus_api::Filter;
use etlplus_client::{Client, Error, Event, LogEvent};
use serde_json::json;
use support::{Request, Server, connection_ack, job, problem, soon};

const TOKEN: &str = "etlp_0123456789abcdefSECRET";
/// Whoever has ended makes no calls any more; one that was made is there by now.
const SECOND_TRY: Duration = Duration::from_millis(200);

fn client(server: &Server) -> Client {
    server.client().with_token(TOKEN).expect("the token is fine")
}

#[track_caller]
fn assert_carries_token(request: &Request) {
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(!request.line.contains("SECRET"), "{}", request.line);
}

#[tokio::test]
async fn requests_streams_and_websockets_carry_the_token_in_a_header_and_nowhere_else() {
    let server = Server::bind().await;
    let client = client(&server);
    assert!(!format!("{client:?}").contains("SECRET"));

    let answer = async {
        let request = server.request().await;
        assert_carries_token(&request);
        request.answer("200 OK", "application/json", &job("j1", "RUNNING").to_string()).await;
    };
    let (found, ()) = tokio::join!(client.job("j1"), answer);
    found.expect("found");

    let mut follow = client.follow_log("j1", 0, None);
    let mut request = server.request().await;
    assert_carries_token(&request);
    request.begin("text/event-stream").await;
    request.part("event: end\ndata: {}\n\n").await;
    assert_eq!(soon(follow.next()).await, None);

    let mut watch = client.watch(Filter::new());
    let mut seen = None;
    let mut socket = server
        .socket_seen(|upgrade| {
            seen = Some((upgrade.headers().get("authorization").cloned(), upgrade.uri().to_string()));
        })
        .await;
    let (header, uri) = seen.expect("it asked");
    assert_eq!(header.expect("it says who it is"), format!("Bearer {TOKEN}"));
    assert_eq!(uri, "/ws");
    socket.send(connection_ack(60)).await;
    assert!(matches!(soon(watch.next()).await, Some(Ok(Event::Connected(_)))));
}

#[tokio::test]
async fn without_a_token_nothing_is_said_about_who_asks() {
    let server = Server::bind().await;
    let client = server.client();
    let answer = async {
        let request = server.request().await;
        assert!(!request.headers.contains_key("authorization"), "{:?}", request.headers);
        request.answer("200 OK", "application/json", &job("j1", "RUNNING").to_string()).await;
    };
    let (found, ()) = tokio::join!(client.job("j1"), answer);
    found.expect("found");
}

#[tokio::test]
async fn a_token_that_is_refused_is_an_error_at_once_and_for_good() {
    for (status, number, code) in [("401 Unauthorized", 401, "token_revoked"), ("403 Forbidden", 403, "not_allowed")] {
        let server = Server::bind().await;
        let client = client(&server);
        let refuse = async || server.request().await.refuse(status, &problem(number, code)).await;
        let check = |error: Error| {
            assert_eq!((error.code(), error.remedy()), (code, format!("the remedy of {code}").as_str()));
            assert!(!error.is_transient());
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        };

        let submit = etlplus_api::SubmitJob::default();
        let (answer, ()) = tokio::join!(client.submit(&submit), refuse());
        check(answer.expect_err("it is refused"));

        let mut follow = client.follow_log("j1", 0, None);
        let (event, ()) = tokio::join!(soon(follow.next()), refuse());
        check(event.expect("an event").expect_err("it is refused"));

        let mut watch = client.watch(Filter::new());
        let (event, ()) = tokio::join!(soon(watch.next()), refuse());
        check(event.expect("an event").expect_err("it is refused"));
        assert_eq!(soon(watch.next()).await, None);
        assert!(!server.is_called_within(SECOND_TRY).await, "none of them comes again");
    }
}

#[tokio::test]
async fn a_channel_that_is_closed_because_of_the_token_is_not_opened_again() {
    for (code, reason) in [(4005, "the token holds no more"), (4500, "the token is not known"), (4503, "closed")] {
        let server = Server::bind().await;
        let mut watch = client(&server).watch(Filter::new());
        server.greeted(60).await.close(code, reason).await;
        assert!(matches!(soon(watch.next()).await, Some(Ok(Event::Connected(_)))));
        let error = soon(watch.next()).await.expect("an event").expect_err("it is closed for good");
        assert!(error.to_string().ends_with(&format!("{reason} (code {code})")), "{error}");
        assert_eq!(error.remedy().contains("etlplus token create"), code != 4503, "{}", error.remedy());
        assert_eq!(soon(watch.next()).await, None);
        assert!(!server.is_called_within(SECOND_TRY).await, "{code}");
    }
}

#[tokio::test]
async fn a_followed_log_ends_when_its_token_is_revoked() {
    let server = Server::bind().await;
    let mut follow = client(&server).follow_log("j1", 0, None);
    let mut request = server.request().await;
    request.begin("text/event-stream").await;
    request.cut();
    let event = soon(follow.next()).await.expect("an event").expect("it may be mended");
    assert!(matches!(event, LogEvent::Disconnected { .. }), "{event:?}");
    let refuse = async { server.request().await.refuse("401 Unauthorized", &problem(401, "token_revoked")).await };
    let (event, ()) = tokio::join!(soon(follow.next()), refuse);
    assert_eq!(event.expect("an event").expect_err("it is refused").code(), "token_revoked");
    assert_eq!(soon(follow.next()).await, None);
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let server = Server::bind().await;
    let client = client(&server);
    let info = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "ci", "role": "operator",
        "createdAt": "2026-01-01T00:00:00Z", "expiresAt": null, "revokedAt": null,
    });
    let serve = async |line: &str, status: &str, body: String| {
        let request = server.request().await;
        assert_eq!(request.line, line);
        let sent = request.body.clone();
        request.answer(status, "application/json", &body).await;
        sent
    };
    let mut created = info.clone();
    created["token"] = json!("etlp_new");
    let new = etlplus_api::CreateToken { name: "ci".to_owned(), role: etlplus_api::Role::Operator, expires_at: None };
    let (made, sent) =
        tokio::join!(client.create_token(&new), serve("POST /api/tokens", "201 Created", created.to_string()));
    assert_eq!(made.expect("made").token, "etlp_new");
    assert_eq!(sent, r#"{"name":"ci","role":"operator"}"#);

    let list = json!({ "tokens": [info] }).to_string();
    let (list, _) = tokio::join!(client.tokens(), serve("GET /api/tokens", "200 OK", list));
    let id = list.expect("listed").tokens[0].id.clone();
    let line = format!("DELETE /api/tokens/{id}");
    let (revoked, _) = tokio::join!(client.revoke_token(&id), serve(&line, "200 OK", info.to_string()));
    assert_eq!(revoked.expect("revoked").name, "ci");
}
