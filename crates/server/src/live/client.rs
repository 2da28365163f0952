//! What a client says, checked.

use std::time::Duration;

use etlplus_api::{ErrorMessage, Frame, ServerMessage};
use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::LogPosition;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bounds::{BAD_MESSAGES_MAX, MESSAGE_ID_CHARS_MAX, MESSAGES_BURST, MESSAGES_PER_SECOND};
use super::filter::{Fault, Filter};
use super::handle::Wish;

/// A message that can be followed.
pub(super) enum Request {
    /// The text of a token.
    Auth(String),
    /// `subscribe` and `set_filters`.
    Change(Wish),
    Ping,
}

/// What came of a client's text: the request or what is wrong with it, and the `id` that goes with the answer.
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

/// What the types of messages are, as a remedy.
const KNOWN: &str = "send subscribe, set_filters, auth or ping";

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
        Some("auth") => auth(data),
        Some("set_filters") => set_filters(data).map_err(bad_filter),
        Some("subscribe") => subscribe(data),
        Some(other) => {
            let other: String = other.chars().take(60).collect();
            Err(bad("unknown_type", format!("type {other:?} is not known"), KNOWN))
        }
        None => Err(bad("bad_message", "type is no text", KNOWN)),
    }
}

fn auth(data: &Map<String, Value>) -> Result<Request, ErrorMessage> {
    match (data.get("token").and_then(Value::as_str), data.len()) {
        (Some(token), 1) => Ok(Request::Auth(token.to_owned())),
        // What else is there is not named: it could be a token in the wrong place.
        _ => Err(bad("bad_message", "data of auth is not one text, token", "send {\"token\": ...}")),
    }
}

fn subscribe(data: &Map<String, Value>) -> Result<Request, ErrorMessage> {
    only(data, &["since", "filters"], "subscribe").map_err(bad_filter)?;
    let filter = match data.get("filters") {
        None | Some(Value::Null) => Filter::default(),
        Some(filters) => Filter::read(filters).map_err(bad_filter)?,
    };
    let since = match data.get("since") {
        None | Some(Value::Null) => None,
        Some(since) => Some(place(since).ok_or_else(|| {
            let remedy = "give epoch and offset of the last fact or bookmark, or leave since out";
            bad("bad_position", "since is no {\"epoch\": UUID, \"offset\": number}", remedy)
        })?),
    };
    Ok(Request::Change(Wish { filter, since }))
}

fn place(since: &Value) -> Option<LogPosition> {
    let since = since.as_object().filter(|keys| keys.len() == 2)?;
    let epoch = since.get("epoch")?.as_str()?.parse().ok()?;
    let offset = since.get("offset")?.as_u64()?;
    Some(LogPosition { epoch: Epoch::from_uuid(epoch), offset: Offset::from_number(offset) })
}

fn set_filters(data: &Map<String, Value>) -> Result<Request, Fault> {
    only(data, &["filters"], "set_filters")?;
    let filter = Filter::read(data.get("filters").unwrap_or(&Value::Null))?;
    Ok(Request::Change(Wish { filter, since: None }))
}

fn only(data: &Map<String, Value>, known: &[&str], of: &str) -> Result<(), Fault> {
    let Some(key) = data.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let key: String = key.chars().take(60).collect();
    Err(Fault { key, message: format!("is no key of {of}"), remedy: format!("give {}", known.join(" and ")) })
}

fn bad_filter(Fault { key, message, remedy }: Fault) -> ErrorMessage {
    bad("bad_filter", format!("{key} {message}"), remedy)
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
            (r#"{"type": "set_filters", "data": {"filters": [{"tags": [1]}]}}"#, "bad_filter", "filters[0].tags"),
            (r#"{"type": "subscribe", "data": {"filter": []}}"#, "bad_filter", "filter is no key of subscribe"),
            (r#"{"type": "subscribe", "data": {"filters": [{"tag": []}]}}"#, "bad_filter", "filters[0].tag"),
            (r#"{"type": "subscribe", "data": {"since": 7}}"#, "bad_position", "since"),
            (r#"{"type": "subscribe", "data": {"since": {"epoch": "x", "offset": 7}}}"#, "bad_position", "since"),
            (r#"{"type": "auth", "data": {"toke": "etlp_secret"}}"#, "bad_message", "token"),
        ] {
            let Err(error) = hear(text).request else { panic!("{text}") };
            assert_eq!(error.code, code, "{text}");
            assert!(error.message.contains(named) && !error.remedy.is_empty(), "{text}: {error:?}");
        }
        let good = format!(r#"{{"type": "set_filters", "id": "a", "data": {{"filters": [{{"jobIds": ["{job}"]}}]}}}}"#);
        let heard = hear(&good);
        let filter = Filter::of_query(&[("jobId".to_owned(), job.to_owned())]).unwrap();
        let Ok(Request::Change(wish)) = heard.request else { panic!("{good}") };
        assert_eq!((wish.filter, wish.since, heard.id.as_deref()), (filter, None, Some("a")));
        let good = format!(r#"{{"type": "subscribe", "data": {{"since": {{"epoch": "{job}", "offset": 7}}}}}}"#);
        let Ok(Request::Change(wish)) = hear(&good).request else { panic!("{good}") };
        let since = LogPosition { epoch: Epoch::from_uuid(job.parse().unwrap()), offset: Offset::from_number(7) };
        assert_eq!((wish.filter, wish.since), (Filter::default(), Some(since)));
    }

    #[test]
    fn counts_of_a_filter_are_limited() {
        let clauses = vec!["{}"; 33].join(",");
        let refusal = |text: String| match hear(&text).request {
            Err(error) => error.message,
            Ok(_) => panic!("{text:.80} is taken"),
        };
        let many = refusal(format!(r#"{{"type": "set_filters", "data": {{"filters": [{clauses}]}}}}"#));
        assert!(many.contains("33 clauses"), "{many}");
        let values = vec![r#""a""#; 1001].join(",");
        let many = refusal(format!(r#"{{"type": "subscribe", "data": {{"filters": [{{"tags": [{values}]}}]}}}}"#));
        assert!(many.contains("1001 values"), "{many}");
    }
}
