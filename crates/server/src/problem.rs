//! Why a request is refused (RFC 9457).

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etlplus_api::{Problem, ProblemItem};
use etlplus_core::Mistake;
use etlplus_core::pipeline::ArgumentError;
use etlplus_core::ports::StoreUnavailable;

/// The media type of a problem.
const PROBLEM_TYPE: &str = "application/problem+json";
/// Seconds after which it makes sense to ask again.
pub(crate) const RETRY_AFTER_SECONDS: u16 = 5;

/// A problem, and the headers that go with it.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: Problem,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let problem = Problem {
            code: code.to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            remedy: remedy.into(),
            errors: Vec::new(),
        };
        Self(Box::new(Parts { problem, status, headers: Vec::new() }))
    }

    pub(crate) fn with_errors(mut self, errors: Vec<ProblemItem>) -> Self {
        self.0.problem.errors = errors;
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// It may go well later.
    pub(crate) fn unavailable(code: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail, remedy)
            .with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into())
    }

    /// It goes well after a while. `wait` is how long to wait.
    pub(crate) fn too_fast(
        code: &str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
        wait: std::time::Duration,
    ) -> Self {
        // In whole seconds, and never early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail, remedy)
            .with_header(header::RETRY_AFTER, seconds.max(1).into())
    }

    /// The whole response of HTTP, for a connection on which nobody reads requests.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let Parts { problem, status, headers } = *self.0;
        let body = serde_json::to_vec(&problem).expect("a problem has only text keys");
        let mut bytes =
            format!("HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {}\r\n", body.len())
                .into_bytes();
        for (name, value) in &headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }

    pub(crate) fn job_not_found() -> Self {
        let remedy = "look for its id in /api/monitor/jobs";
        Self::new(StatusCode::NOT_FOUND, "job_not_found", "there is no job with this id", remedy)
    }

    pub(crate) fn pipeline_not_found() -> Self {
        let remedy = "look for its name in /api/pipelines, or put it there";
        Self::new(StatusCode::NOT_FOUND, "pipeline_not_found", "no pipeline is kept under this name", remedy)
    }

    pub(crate) fn live_down() -> Self {
        let detail = "the live view is down";
        Self::unavailable("live_unavailable", detail, "try again; /api/monitor/jobs tells what was recorded")
    }

    pub(crate) fn too_many_connections(max: usize) -> Self {
        let detail = format!("the live channel has its most connections, {max}");
        Self::unavailable("too_many_connections", detail, "close others, or raise websocket.max_connections")
    }

    pub(crate) fn stopping() -> Self {
        Self::unavailable("shutting_down", "the server shuts down", "try again once it is back")
    }

    pub(crate) fn websocket_disabled() -> Self {
        let remedy = "set monitoring.websocket.enabled, or read /api/events";
        Self::unavailable("websocket_disabled", "WebSockets are switched off", remedy)
    }

    pub(crate) fn connection_not_found() -> Self {
        let remedy = "look for its id in /api/monitor/connections";
        Self::new(StatusCode::NOT_FOUND, "connection_not_found", "there is no connection with this id", remedy)
    }

    pub(crate) fn token_not_found() -> Self {
        let remedy = "look for its id in /api/tokens";
        Self::new(StatusCode::NOT_FOUND, "token_not_found", "there is no token with this id", remedy)
    }

    pub(crate) fn internal() -> Self {
        let remedy = "please report it with the request and the version";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "this is a defect of ETL Plus", remedy)
    }

    /// Values of the body that do not fit, each with its key.
    pub(crate) fn unfit(errors: Vec<ProblemItem>) -> Self {
        Self::of_items("bad_body", "in the body", errors)
    }

    /// Parameters that do not fit, each with its name.
    pub(crate) fn bad_parameters(errors: Vec<ProblemItem>) -> Self {
        Self::of_items("bad_parameter", "in the parameters", errors)
    }

    /// Mistakes of a pipeline, each with its place.
    pub(crate) fn pipeline_invalid(mistakes: Vec<Mistake>) -> Self {
        Self::of_mistakes("pipeline_invalid", "in the pipeline", mistakes)
    }

    /// Mistakes of a change of settings, each with its place in the body.
    pub(crate) fn settings_invalid(mistakes: Vec<Mistake>) -> Self {
        Self::of_mistakes("settings_invalid", "in the settings", mistakes)
    }

    fn of_mistakes(code: &str, place: &str, mistakes: Vec<Mistake>) -> Self {
        let errors = mistakes.into_iter().map(|mistake| ProblemItem {
            line: Some(mistake.position.line as u64),
            column: Some(mistake.position.column as u64),
            ..item(mistake.key, mistake.message, mistake.remedy)
        });
        Self::of_items(code, place, errors.collect())
    }

    /// Values of a pipeline's parameters that do not fit.
    pub(crate) fn arguments_invalid(errors: Vec<ArgumentError>) -> Self {
        let errors = errors.into_iter();
        let errors = errors.map(|error| item(format!("parameters.{}", error.name), error.message, error.remedy));
        Self::of_items("parameters_invalid", "in the pipeline's parameters", errors.collect())
    }

    fn of_items(code: &str, place: &str, errors: Vec<ProblemItem>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.key, one.message).trim().to_owned(),
            several => format!("{} things are wrong {place}", several.len()),
        };
        let remedy = match errors.as_slice() {
            [one] => one.remedy.clone(),
            _ => "see errors".to_owned(),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail, remedy).with_errors(errors)
    }
}

/// One of the things that are wrong.
pub(crate) fn item(key: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> ProblemItem {
    ProblemItem { key: key.into(), line: None, column: None, message: message.into(), remedy: remedy.into() }
}

impl From<StoreUnavailable> for Refusal {
    fn from(error: StoreUnavailable) -> Self {
        Self::unavailable("store_unavailable", format!("the store cannot be used: {}", error.message), error.remedy)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Parts { problem, status, headers } = *self.0;
        let mut response = (status, Json(problem)).into_response();
        let kind = HeaderValue::from_static(PROBLEM_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(headers);
        response
    }
}
