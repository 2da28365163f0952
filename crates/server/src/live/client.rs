//! What a client says, checked.

use std::time::Duration;

use etlplus_api::{ErrorMessage, Frame, ServerMessage};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bounds::{BAD_MESSAGES_MAX, MESSAGE_ID_CHARS_MAX, MESSAGES_BURST, MESSAGES_PER_SECOND};
use super::filter::{Fault, Filter};

/// A message that can be followed.
#[derive(Debug)]
pub(super) enum Request {
    SetFilters(Filter),
    Ping,
}

/// What came of a client's text: the request or what is wrong with it, and the `id` that goes with the answer.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) request: Result<Request, ErrorMessage>,
    pub(super) id: Option<String>,
}

/// Understands a client's text.
pub(super) fn hear(text: &str) -> Heard {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let request = Err(bad("bad_json", format!("the message is no JSON: {error}"), "send one JSON object"));
            return Heard { request, id: None };
        }
    };
    let Value::Object(envelope) = value else {
        let request = Err(bad("bad_message", "the message is no object", "send {\"type\": ..., \"data\": ...}"));
        return Heard { request, id: None };
    };
    let id = envelope.get("id").and_then(Value::as_str).map(str::to_owned);
    match id.as_ref().is_some_and(|id| id.chars().count() > MESSAGE_ID_CHARS_MAX) {
        true => {
            let remedy = format!("give at most {MESSAGE_ID_CHARS_MAX} characters");
            Heard { request: Err(bad("bad_message", "id is too long", remedy)), id: None }
        }
        false => Heard { request: read(&envelope), id },
    }
}

fn read(envelope: &Map<String, Value>) -> Result<Request, ErrorMessage> {
    let known = ["type", "data", "id", "timestamp"];
    if let Some(key) = envelope.keys().find(|key| !known.contains(&key.as_str())) {
        let key: String = key.chars().take(60).collect();
        return Err(bad("bad_message", format!("{key} is no key of a message"), "give type, data and id"));
    }
    if envelope.get("id").is_some_and(|id| !id.is_string() && !id.is_null()) {
        return Err(bad("bad_message", "id is no text", "give a text, which comes back with the answer"));
    }
    let empty = Map::new();
    let data = match envelope.get("data") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(data)) => data,
        Some(_) => return Err(bad("bad_message", "data is no object", "give an object")),
    };
    match envelope.get("type").and_then(Value::as_str) {
        Some("ping") => Ok(Request::Ping),
        Some("set_filters") => set_filters(data).map_err(|Fault { key, message, remedy }| ErrorMessage {
            code: "bad_filter".to_owned(),
            message: format!("{key} {message}"),
            remedy,
        }),
        Some(other) => {
            let other: String = other.chars().take(60).collect();
            Err(bad("unknown_type", format!("type {other:?} is not known"), "send set_filters or ping"))
        }
        None => Err(bad("bad_message", "type is no text", "send set_filters or ping")),
    }
}

fn set_filters(data: &Map<String, Value>) -> Result<Request, Fault> {
    if let Some(key) = data.keys().find(|key| *key != "filters") {
        let key: String = key.chars().take(60).collect();
        let message = "is no key of set_filters".to_owned();
        return Err(Fault { key, message, remedy: "give filters".to_owned() });
    }
    Filter::read(data.get("filters").unwrap_or(&Value::Null)).map(Request::SetFilters)
}

pub(super) fn bad(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> ErrorMessage {
    ErrorMessage { code: code.to_owned(), message: message.into(), remedy: remedy.into() }
}

/// The frame of an answer.
pub(super) fn answer(message: ServerMessage, now: chrono::DateTime<chrono::Utc>, id: Option<String>) -> Frame {
    Frame { message, timestamp: now, position: None, id }
}

/// How much of a client's patience with the server is left: its rate of messages, and those that meant nothing.
#[derive(Debug)]
pub(super) struct Manners {
    tokens: f64,
    filled_at: Instant,
    bad: u32,
}

impl Manners {
    pub(super) fn new() -> Self {
        Self { tokens: MESSAGES_BURST, filled_at: Instant::now(), bad: 0 }
    }

    /// Counts a message. Gives whether it came within the rate.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        let passed: Duration = now - self.filled_at;
        self.filled_at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * MESSAGES_PER_SECOND).min(MESSAGES_BURST);
        let is_within = self.tokens >= 1.0;
        if is_within {
            self.tokens -= 1.0;
        }
        is_within
    }

    /// Counts a message that meant nothing. Gives whether it was one too many.
    pub(super) fn count_bad(&mut self) -> bool {
        self.bad += 1;
        self.bad >= BAD_MESSAGES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let job = "0198f7a0-0000-7000-8000-000000000001";
        for (text, code, named) in [
            ("{", "bad_json", "line 1 column 1"),
            ("[]", "bad_message", "no object"),
            (r#"{"type": 1}"#, "bad_message", "type"),
            (r#"{"type": "shout"}"#, "unknown_type", "shout"),
            (r#"{"type": "ping", "extra": 1}"#, "bad_message", "extra"),
            (r#"{"type": "ping", "id": 1}"#, "bad_message", "id"),
            (r#"{"type": "set_filters"}"#, "bad_filter", "filters"),
            (r#"{"type": "set_filters", "data": {"filters": {}}}"#, "bad_filter", "filters is no list"),
            (r#"{"type": "set_filters", "data": {"filter": []}}"#, "bad_filter", "filter is no key"),
            (r#"{"type": "set_filters", "data": {"filters": [{"jobIds": ["x"]}]}}"#, "bad_filter", "filters[0].jobIds"),
            (r#"{"type": "set_filters", "data": {"filters": [{}, {"job": []}]}}"#, "bad_filter", "filters[1].job"),
            (r#"{"type": "set_filters", "data": {"filters": [{"types": ["ack"]}]}}"#, "bad_filter", "filters[0].types"),
            (r#"{"type": "set_filters", "data": {"filters": [{"minLevel": "LOUD"}]}}"#, "bad_filter", "minLevel"),
            (r#"{"type": "set_filters", "data": {"filters": [{"statuses": "RUNNING"}]}}"#, "bad_filter", "statuses"),
        ] {
            let error = hear(text).request.expect_err(text);
            assert_eq!(error.code, code, "{text}");
            assert!(error.message.contains(named) && !error.remedy.is_empty(), "{text}: {error:?}");
        }
        let good = format!(r#"{{"type": "set_filters", "id": "a", "data": {{"filters": [{{"jobIds": ["{job}"]}}]}}}}"#);
        let heard = hear(&good);
        assert!(matches!(heard.request, Ok(Request::SetFilters(_))) && heard.id.as_deref() == Some("a"));
    }

    #[test]
    fn counts_of_a_filter_are_limited() {
        let clauses = vec!["{}"; 33].join(",");
        let error = hear(&format!(r#"{{"type": "set_filters", "data": {{"filters": [{clauses}]}}}}"#));
        assert!(error.request.expect_err("33 clauses").message.contains("33 clauses"));
        let values = vec![r#""a""#; 1001].join(",");
        let error =
            hear(&format!(r#"{{"type": "set_filters", "data": {{"filters": [{{"pipelines": [{values}]}}]}}}}"#));
        assert!(error.request.expect_err("1001 values").message.contains("1001 values"));
    }
}
