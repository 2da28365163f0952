//! Bodies of requests: JSON within limits of size and time, every fault named.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use etlplus_api::ProblemItem;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::problem::{Refusal, item};

/// The largest body: a pipeline of one MiB in JSON, where each of its characters may be escaped.
pub(crate) const BODY_BYTES_MAX: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// A JSON object, whose keys are taken one after the other; what is left is unknown.
#[derive(Debug)]
pub(crate) struct Fields {
    raw: BTreeMap<String, Box<RawValue>>,
    errors: Vec<ProblemItem>,
    known: Vec<&'static str>,
}

/// Reads the body of a request as one JSON object.
///
/// # Errors
/// 415 for another media type, 413 and 408 for one that is too large or too slow, 400 for what is no JSON, 422 for what is
/// no object.
pub(crate) async fn fields(request: Request) -> Result<Fields, Refusal> {
    require_json(request.headers())?;
    let bytes = read(request).await?;
    parse(&bytes)
}

/// Reads the body of a request as the text of one JSON object, for whoever knows its keys.
///
/// # Errors
/// As [`fields`].
pub(crate) async fn text(request: Request) -> Result<String, Refusal> {
    require_json(request.headers())?;
    let bytes = read(request).await?;
    parse(&bytes)?;
    String::from_utf8(bytes.into())
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "bad_json", "the body is no UTF-8", "send one JSON object"))
}

/// Reads a body that says nothing: none at all, or an empty object.
pub(crate) async fn nothing(request: Request) -> Result<(), Refusal> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        require_json(request.headers())?;
    }
    let bytes = read(request).await?;
    if bytes.is_empty() { Ok(()) } else { parse(&bytes)?.finish() }
}

/// A foreign page can send a form or plain text without asking; JSON it cannot send before a preflight, which is never
/// granted.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let remedy = "send JSON with Content-Type: application/json";
    let detail = match given {
        "" => "the body's media type is not given".to_owned(),
        _ => format!("a body of {:?} is not read", given.chars().take(60).collect::<String>()),
    };
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail, remedy))
}

async fn read(request: Request) -> Result<Bytes, Refusal> {
    // What is left of the body would be read to the end to use the connection again.
    let close = |refusal: Refusal| refusal.with_header(header::CONNECTION, HeaderValue::from_static("close"));
    let too_large = || {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        close(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail, "send less"))
    };
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let body: Limited<Body> = Limited::new(request.into_body(), BODY_BYTES_MAX);
    match tokio::time::timeout(BODY_WAIT, body.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            let detail = "the body did not arrive whole";
            Err(close(Refusal::new(StatusCode::BAD_REQUEST, "body_incomplete", detail, "send it again")))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_WAIT.as_secs());
            Err(close(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail, "send it faster")))
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Fields, Refusal> {
    let raw = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Refusal::unfit(vec![item("", "the body is no JSON object", "send an object")]),
        Category::Syntax | Category::Eof | Category::Io => {
            let detail = format!("the body is no JSON: {error}");
            let place = ProblemItem {
                line: Some(error.line() as u64),
                column: Some(error.column() as u64),
                ..item("", error.to_string(), "mend it there")
            };
            let remedy = "send one JSON object";
            Refusal::new(StatusCode::BAD_REQUEST, "bad_json", detail, remedy).with_errors(vec![place])
        }
    })?;
    Ok(Fields { raw, errors: Vec::new(), known: Vec::new() })
}

impl Fields {
    /// The value of a key that may be left out or be `null`.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, key: &'static str, remedy: &str) -> Option<T> {
        self.known.push(key);
        let raw = self.raw.remove(key).filter(|raw| raw.get() != "null")?;
        match serde_json::from_str(raw.get()) {
            Ok(value) => Some(value),
            Err(error) => {
                // Its place is one within the value, which nobody could find.
                let error = error.to_string();
                let message = error.split(" at line ").next().unwrap_or("does not fit").to_owned();
                self.fault(key, message, remedy);
                None
            }
        }
    }

    /// The value of a key that has to be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, key: &'static str, remedy: &str) -> Option<T> {
        let is_given = self.raw.get(key).is_some_and(|raw| raw.get() != "null");
        if !is_given {
            self.known.push(key);
            self.fault(key, "is missing", remedy);
        }
        self.optional(key, remedy)
    }

    pub(crate) fn fault(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(item(key, message, remedy));
    }

    /// Like [`Fields::fault`], unless something is wrong with the key already.
    pub(crate) fn fault_once(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        if !self.errors.iter().any(|error| error.key == key) {
            self.fault(key, message, remedy);
        }
    }

    /// Nothing more is known.
    ///
    /// # Errors
    /// Where any value was wrong or any key is unknown, each by its name.
    pub(crate) fn finish(mut self) -> Result<(), Refusal> {
        self.refuse_unknown();
        if self.errors.is_empty() { Ok(()) } else { Err(Refusal::unfit(self.errors)) }
    }

    fn refuse_unknown(&mut self) {
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        for key in std::mem::take(&mut self.raw).into_keys() {
            let shown: String = key.chars().take(60).collect();
            self.fault(&shown, "is no key here", format!("there are: {known}"));
        }
    }
}
