//! Every route with everybody who may come, from the server's own table.

use axum::http::Method;
use chrono::{TimeDelta, Utc};
use etlplus_core::access::{Action, Principal, Role, TokenId, allows};
use etlplus_server::route_table;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

use crate::support::{Server, bearer};

/// Who comes, how they say it, and whom the server should take them for; `None` for somebody whose word is wrong.
struct Visitor {
    name: &'static str,
    headers: String,
    principal: Option<Principal>,
}

fn token(role: Role) -> Option<Principal> {
    Some(Principal::Token { id: TokenId::from_uuid(Uuid::nil()), name: String::new(), role })
}

async fn server() -> Server {
    // The walk is faster than anybody may be.
    Server::guarded_with(json!({"server": {"requests_per_second": 100_000}})).await
}

async fn visitors(server: &Server) -> Vec<Visitor> {
    let soon = Utc::now() + TimeDelta::seconds(30);
    let (expired, _) = server.token("expired", Role::Admin, Some(soon)).await;
    server.clock.leap(Duration::from_secs(31));
    let (revoked, id) = server.token("revoked", Role::Admin, None).await;
    assert_eq!(server.delete(&format!("/api/tokens/{id}")).await.status, 200);
    let wrong = format!("etlp_{}", "A".repeat(43));
    let mut visitors = vec![
        Visitor { name: "nobody", headers: String::new(), principal: Some(Principal::Anonymous) },
        Visitor { name: "a wrong token", headers: bearer(&wrong), principal: None },
        Visitor { name: "an expired token", headers: bearer(&expired), principal: None },
        Visitor { name: "a revoked token", headers: bearer(&revoked), principal: None },
        Visitor { name: "a wrong cookie", headers: format!("cookie: a=b; etlplus_token={wrong}\r\n"), principal: None },
        Visitor { name: "another scheme", headers: "authorization: Basic YTpi\r\n".to_owned(), principal: None },
        Visitor { name: "no text", headers: "authorization: Bearer \u{e9}tlp\r\n".to_owned(), principal: None },
    ];
    for role in Role::ALL {
        let (text, _) = server.token(role.as_str(), role, None).await;
        let twice = format!("{}{}", bearer(&text), bearer(&text));
        visitors.push(Visitor { name: "two headers", headers: twice, principal: None });
        let cookie = format!("cookie: etlplus_token={text}\r\n");
        visitors.push(Visitor { name: "a cookie", headers: cookie, principal: token(role) });
        visitors.push(Visitor { name: role.as_str(), headers: bearer(&text), principal: token(role) });
    }
    visitors
}

async fn ask(server: &Server, method: &Method, path: &str, headers: &str) -> u16 {
    let path = path.replace("{id}", &Uuid::nil().to_string()).replace("{name}", "orders");
    let body = if [Method::POST, Method::PUT].contains(method) {
        "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    } else {
        "\r\n"
    };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    server.status_of(&format!("{head}{headers}{body}")).await
}

fn expected(principal: Option<&Principal>, action: Action) -> Option<u16> {
    match principal {
        Some(principal) if allows(principal, action) => None,
        Some(principal) if principal.role().is_some() => Some(403),
        None if allows(&Principal::Anonymous, action) => None,
        _ => Some(401),
    }
}

fn check(status: u16, expected: Option<u16>, what: &str) {
    match expected {
        Some(expected) => assert_eq!(status, expected, "{what}"),
        None => assert!(status != 401 && status != 403 && status < 500 || status == 503, "{what}: {status}"),
    }
}

#[tokio::test]
async fn every_route_lets_exactly_those_through_who_may() {
    let server = server().await;
    let visitors = visitors(&server).await;
    let mut refused = 0;
    for (method, path, action) in route_table() {
        let methods = if method == Method::GET { vec![Method::GET, Method::HEAD] } else { vec![method] };
        for (method, visitor) in methods.iter().flat_map(|method| visitors.iter().map(move |visitor| (method, visitor)))
        {
            let expected = expected(visitor.principal.as_ref(), action);
            refused += usize::from(expected.is_some());
            let status = ask(&server, method, path, &visitor.headers).await;
            check(status, expected, &format!("{method} {path} ({action:?}) by {}", visitor.name));
        }
    }
    assert!(refused > 400, "only {refused} were to be refused");
}

#[tokio::test]
async fn where_nobody_is_asked_a_wrong_word_is_still_refused() {
    let server = Server::with(json!({"server": {"requests_per_second": 100_000}})).await;
    let wrong = bearer("etlp_wrong");
    for (method, path, action) in route_table() {
        check(ask(&server, &method, path, "").await, None, &format!("{method} {path}"));
        let expected = expected(None, action);
        check(ask(&server, &method, path, &wrong).await, expected, &format!("{method} {path} by a wrong token"));
    }
}

#[tokio::test]
async fn a_ticket_opens_the_live_channel_and_nothing_else() {
    let server = server().await;
    let (viewer, _) = server.token("viewer", Role::Viewer, None).await;
    for (method, path, action) in route_table() {
        let ticket = server.ticket(&bearer(&viewer)).await;
        let with_ticket = format!("{path}?ticket={ticket}");
        let what = format!("{method} {path}");
        let takes_tickets = ["/ws", "/api/ws", "/api/events"].contains(&path);
        let expected_of_ticket = expected(if takes_tickets { token(Role::Viewer) } else { None }.as_ref(), action);
        // Somebody else's: the admin's own word does not go together with it.
        let of_another = ask(&server, &method, &with_ticket, &server.headers).await;
        check(of_another, takes_tickets.then_some(401), &format!("{what} with another's ticket"));
        let ticket = server.ticket(&bearer(&viewer)).await;
        let with_ticket = format!("{path}?ticket={ticket}");
        check(ask(&server, &method, &with_ticket, "").await, expected_of_ticket, &format!("{what} with a ticket"));
        let again = ask(&server, &method, &with_ticket, "").await;
        check(again, expected(None, action), &format!("{what} with a ticket that was used"));
    }
}

#[tokio::test]
async fn each_refusal_says_what_is_wrong() {
    let mut server = server().await;
    let soon = Utc::now() + TimeDelta::seconds(30);
    let (expired, _) = server.token("expired", Role::Admin, Some(soon)).await;
    let (revoked, id) = server.token("revoked", Role::Admin, None).await;
    let (viewer, _) = server.token("looker", Role::Viewer, None).await;
    server.delete(&format!("/api/tokens/{id}")).await;
    server.clock.leap(Duration::from_secs(30));
    server.headers = String::new();
    let jobs = "/api/monitor/jobs";
    let nobody = server.get(jobs).await;
    nobody.problem(401, "not_authenticated");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer realm=\"etlplus\""));
    let wrong = server.get_with(jobs, &bearer("etlp_no")).await;
    wrong.problem(401, "token_unknown");
    assert!(wrong.header("www-authenticate").unwrap().contains("invalid_token"));
    let viewers = bearer(&viewer);
    for unreadable in ["authorization: Basic YTpi\r\n", "authorization: Bearer\r\n", &format!("{viewers}{viewers}")] {
        let problem = server.get_with(jobs, unreadable).await.problem(401, "token_unknown");
        assert!(problem["remedy"].as_str().unwrap().contains("Authorization: Bearer TOKEN"), "{problem}");
    }
    server.get_with(jobs, &bearer(&expired)).await.problem(401, "token_expired");
    server.get_with(jobs, &bearer(&revoked)).await.problem(401, "token_revoked");
    let cookie = server.get_with(jobs, &format!("cookie: etlplus_token={revoked}\r\n")).await;
    cookie.problem(401, "token_revoked");
    assert!(cookie.header("set-cookie").unwrap().contains("Max-Age=0"), "the browser forgets it");
    let forbidden = server.get_with("/api/tokens", &bearer(&viewer)).await.problem(403, "forbidden");
    let detail = forbidden["detail"].as_str().unwrap();
    assert!(detail.contains("admin") && detail.contains("looker") && detail.contains("viewer"), "{detail}");
    for parameter in ["token", "access_token"] {
        let address = format!("/api/events?{parameter}={viewer}");
        server.get_with(&address, &bearer(&viewer)).await.problem(400, "token_in_url");
    }
}

#[tokio::test]
async fn a_pipeline_that_comes_along_needs_more_than_one_that_is_kept() {
    let mut server = server().await;
    let (operator, _) = server.token("operator", Role::Operator, None).await;
    server.headers = bearer(&operator);
    let kept = server.post("/api/jobs", r#"{"pipeline": "missing"}"#).await;
    kept.problem(422, "bad_body");
    let brought = server.post("/api/jobs", r#"{"definition": "name: x", "folder": "/"}"#).await;
    let problem = brought.problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("admin"), "{problem}");
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let server = server().await;
    let body = json!({"name": "ci", "role": "operator", "expiresAt": "2999-01-01T00:00:00Z"}).to_string();
    let made = server.post("/api/tokens", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let text = made["token"].as_str().unwrap();
    assert!(text.starts_with("etlp_") && text.len() == 48, "{text}");
    server.post("/api/tokens", &body).await.problem(409, "token_name_taken");
    let me = server.get_with("/api/me", "").await.json();
    assert_eq!((&me["role"], &me["kind"], &me["name"]), (&json!("admin"), &json!("token"), &json!("first")));
    let listed = server.get("/api/tokens").await;
    assert!(!listed.text().contains(text), "the text is told once");
    let listed = listed.json();
    let found = listed["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "ci").unwrap();
    assert_eq!((&found["id"], &found["role"], &found["revokedAt"]), (&made["id"], &json!("operator"), &json!(null)));
    let address = format!("/api/tokens/{}", made["id"].as_str().unwrap());
    assert!(server.delete(&address).await.json()["revokedAt"].is_string());
    assert_eq!(server.delete(&address).await.status, 200, "once more changes nothing");
    server.delete("/api/tokens/what").await.problem(404, "token_not_found");
    for (wrong, key) in [
        (json!({"role": "viewer"}), "name"),
        (json!({"name": " ", "role": "viewer"}), "name"),
        (json!({"name": "a\nb", "role": "viewer"}), "name"),
        (json!({"name": "x".repeat(101), "role": "viewer"}), "name"),
        (json!({"name": "a", "role": "root"}), "role"),
        (json!({"name": "a", "role": "viewer", "expiresAt": "2001-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"name": "a", "role": "viewer", "colour": "red"}), "colour"),
    ] {
        let problem = server.post("/api/tokens", &wrong.to_string()).await.problem(422, "bad_body");
        assert_eq!(problem["errors"][0]["key"], key, "{problem}");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
    }
    server.store.set_away(true);
    server.delete(&address).await.problem(503, "store_unavailable");
}
