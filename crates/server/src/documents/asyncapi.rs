//! The AsyncAPI 3.0 document of the live channel.

use etlplus_api as api;
use etlplus_api::{CloseCode, SUBPROTOCOL};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::info;
use super::schemas::Schemas;
use crate::access::COOKIE;
use crate::rest::SchemaOf;

const DESCRIPTION: &str = "What happens to jobs, the moment it does. A client that sends nothing is told everything: first \
    a snapshot of all active jobs, then every change of it. One that comes back goes on where it was. docs/protocol.md says it with examples.";

/// What a message of the server is, which says what stands in its envelope beside `type`, `timestamp` and `data`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Recorded: it has a place in the log.
    Fact,
    /// As it is at a place in the log.
    Placed,
    /// A fact, or a word for one connection.
    MaybeFact,
    /// A reading, or a word about the connection.
    Plain,
    /// It answers a message, and brings its `id` back.
    Answer,
}

struct Message {
    name: &'static str,
    kind: Kind,
    summary: &'static str,
    /// Of `data`; `None` where that is empty.
    data: Option<SchemaOf>,
}

fn message(name: &'static str, kind: Kind, summary: &'static str, data: Option<SchemaOf>) -> Message {
    Message { name, kind, summary, data }
}

/// What the server says.
fn of_server() -> Vec<Message> {
    fn of<T: schemars::JsonSchema>() -> Option<SchemaOf> {
        Some(SchemaGenerator::subschema_for::<T>)
    }
    vec![
        message("connection_ack", Kind::Plain, "The first message", of::<api::ConnectionAck>()),
        message("snapshot", Kind::Placed, "All active jobs at one moment, or a part of them", of::<api::Snapshot>()),
        message("job_status_update", Kind::Fact, "A job moved", of::<api::JobStatusUpdate>()),
        message("job_progress_update", Kind::Plain, "How far a running job is", of::<api::JobProgressUpdate>()),
        message("job_metrics_update", Kind::Plain, "What a running job takes", of::<api::JobMetricsUpdate>()),
        message("job_log_message", Kind::Fact, "A job said something", of::<api::JobLogMessage>()),
        message(
            "system_notification",
            Kind::MaybeFact,
            "Something that people should know of",
            of::<api::SystemNotification>(),
        ),
        message("bookmark", Kind::Placed, "All facts up to here that pass the filter were sent", of::<api::Bookmark>()),
        message("gap", Kind::Placed, "Facts cannot be told; a snapshot takes their place", of::<api::Gap>()),
        message("ack", Kind::Answer, "What was asked for holds now", None),
        message("pong", Kind::Answer, "The answer to a ping", None),
        message("heartbeat", Kind::Plain, "The connection lives", None),
        message("error_message", Kind::Answer, "A message could not be followed", of::<api::ErrorMessage>()),
    ]
}

/// What a client says.
fn of_client() -> Vec<Message> {
    vec![
        message(
            "auth",
            Kind::Answer,
            "Says who the client is, at first or anew; answered by ack",
            Some(SchemaGenerator::subschema_for::<api::Auth>),
        ),
        message(
            "subscribe",
            Kind::Answer,
            "Replaces the connection's filter and goes on after a place; answered by ack, facts and a bookmark, or by \
             ack and a snapshot",
            Some(SchemaGenerator::subschema_for::<api::Subscribe>),
        ),
        message(
            "set_filters",
            Kind::Answer,
            "Replaces the connection's filter; answered by ack and a snapshot",
            Some(SchemaGenerator::subschema_for::<api::SetFilters>),
        ),
        message("ping", Kind::Answer, "Answered by pong", None),
    ]
}

/// The AsyncAPI 3.0 document of the live channel.
pub fn asyncapi_document() -> Value {
    let mut schemas = Schemas::of_asyncapi();
    let mut messages = Map::new();
    let (server, client) = (of_server(), of_client());
    for one in &server {
        let data = one.data.map_or_else(nothing, |data| schemas.sent(data));
        messages.insert(one.name.to_owned(), shown(one, data));
    }
    for one in &client {
        let data = one.data.map_or_else(nothing, |data| schemas.taken(data));
        messages.insert(one.name.to_owned(), shown(one, data));
    }
    let of_both = || server.iter().chain(&client);
    json!({
        "asyncapi": "3.0.0",
        "info": info("ETL Plus: the live channel", DESCRIPTION),
        "defaultContentType": "application/json",
        "servers": {
            "websocket": {
                "host": "127.0.0.1:8080", "protocol": "ws",
                "description": "The server's own address; also monitoring.websocket.port, where that is set",
                "security": security(),
            },
            "http": {"host": "127.0.0.1:8080", "protocol": "http", "security": security()},
        },
        "channels": {
            "live": {
                "address": "/ws",
                "title": "The live channel",
                "description": format!("A WebSocket of the subprotocol {SUBPROTOCOL}. /api/ws is the same."),
                "servers": [{"$ref": "#/servers/websocket"}],
                "messages": referred(of_both()),
                "bindings": {"ws": {"method": "GET", "query": query(), "bindingVersion": "0.1.0"}},
                "x-close-codes": close_codes(),
            },
            "events": {
                "address": "/api/events",
                "title": "The live channel as server-sent events",
                "description": "The same messages, one way: event is the type, id the place, data the message. \
                    The parameters are one clause of a filter; openapi.json has them.",
                "servers": [{"$ref": "#/servers/http"}],
                "messages": referred(server.iter()),
            },
        },
        "operations": {
            "tell": operation("send", "live", "Tells what happens", server.iter().filter(|one| !is_answer(one))),
            "tellByEvents": operation("send", "events", "Tells the same", server.iter().filter(|one| !is_answer(one))),
            "authenticate": asked("auth", "Takes the client for the holder of the token", &["ack", "error_message"]),
            "subscribe": asked("subscribe", "Tells what the client missed, and goes on", &["ack", "error_message"]),
            "setFilters": asked("set_filters", "Gives the connection another filter", &["ack", "error_message"]),
            "ping": asked("ping", "Answers", &["pong", "error_message"]),
        },
        "components": {
            "messages": messages,
            "schemas": schemas.finish(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of /api/tokens"},
                "cookie": {"type": "httpApiKey", "in": "cookie", "name": COOKIE, "description": "For the page"},
                "ticket": {
                    "type": "httpApiKey", "in": "query", "name": "ticket",
                    "description": "A ticket of /api/tickets, good for one use, for browsers that cannot send a header",
                },
            },
        },
    })
}

fn is_answer(message: &Message) -> bool {
    message.kind == Kind::Answer
}

fn security() -> Value {
    let name = |name| json!({"$ref": format!("#/components/securitySchemes/{name}")});
    json!([name("token"), name("cookie"), name("ticket")])
}

fn query() -> Value {
    let start = json!({
        "const": "subscribe",
        "description": "Nothing is told before the client has sent subscribe",
    });
    json!({"type": "object", "properties": {"ticket": {"type": "string"}, "start": start}})
}

fn nothing() -> Value {
    json!({"type": "object"})
}

/// A message with its envelope.
fn shown(message: &Message, data: Value) -> Value {
    let Message { name, kind, summary, .. } = message;
    let mut properties = json!({"type": {"const": name}, "data": data});
    let mut required = vec!["type"];
    let is_of_client = matches!(*name, "auth" | "subscribe" | "set_filters" | "ping");
    if !is_of_client {
        required.extend(["timestamp", "data"]);
        properties["timestamp"] = json!({"type": "string", "format": "date-time"});
    } else if message.data.is_some() {
        required.push("data");
    }
    if matches!(kind, Kind::Fact | Kind::Placed | Kind::MaybeFact) {
        properties["epoch"] = json!({"type": "string", "format": "uuid", "description": "The log's life"});
        properties["offset"] = json!({"type": "integer", "minimum": 0, "description": "The place in the log"});
    }
    if matches!(kind, Kind::Fact | Kind::Placed) {
        required.extend(["epoch", "offset"]);
    }
    if *kind == Kind::Answer {
        properties["id"] = json!({"type": "string", "maxLength": 200, "description": "The client's own; comes back"});
    }
    let payload = json!({"type": "object", "required": required, "properties": properties});
    json!({"name": name, "title": name, "summary": summary, "payload": payload})
}

fn referred<'a>(messages: impl Iterator<Item = &'a Message>) -> Map<String, Value> {
    let reference = |name: &str| json!({"$ref": format!("#/components/messages/{name}")});
    messages.map(|message| (message.name.to_owned(), reference(message.name))).collect()
}

fn operation<'a>(action: &str, channel: &str, summary: &str, messages: impl Iterator<Item = &'a Message>) -> Value {
    let names = messages.map(|message| message.name);
    let messages: Vec<_> = names.map(|name| in_channel(channel, name)).collect();
    json!({
        "action": action, "channel": {"$ref": format!("#/channels/{channel}")}, "summary": summary,
        "messages": messages,
    })
}

/// What a client asks for, and by what it is answered.
fn asked(name: &str, summary: &str, answers: &[&str]) -> Value {
    let channel = json!({"$ref": "#/channels/live"});
    let answers: Vec<_> = answers.iter().map(|answer| in_channel("live", answer)).collect();
    json!({
        "action": "receive", "channel": channel, "summary": summary, "messages": [in_channel("live", name)],
        "reply": {"channel": channel, "messages": answers},
    })
}

fn in_channel(channel: &str, name: &str) -> Value {
    json!({"$ref": format!("#/channels/{channel}/messages/{name}")})
}

fn close_codes() -> Vec<Value> {
    let code = |code: CloseCode| {
        let number = code.get();
        // The server invites to come back by the range of the code.
        let connect_again = number == CloseCode::GoingAway.get() || (4000..4500).contains(&number);
        json!({"code": number, "reason": code.reason(), "connectAgain": connect_again})
    };
    CloseCode::ALL.into_iter().map(code).collect()
}
