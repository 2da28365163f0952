//! One job: submit it, look at it, cancel, pause, resume or retry it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use etlplus_api as api;
use etlplus_core::access::{Action, Principal};
use etlplus_core::ids::JobId;
use etlplus_core::job::{JobDefinition, JobPolicy};
use etlplus_core::pipeline::{TIMEOUT_MAX, TIMEOUT_MIN};
use etlplus_core::ports::{IdempotencyKey, JobRecord, LogQuery, LogRange};
use etlplus_core::{LogLevel, duration};
use etlplus_jobs::{CommandError, QueueFull, Submission, SubmitError, Submitted};
use sha2::{Digest, Sha256};

use super::JobOf;
use crate::access::Caller;
use crate::app::{App, check_folder};
use crate::body::{self, Fields};
use crate::problem::{Refusal, item};
use crate::wire;

/// Tells a submit that is sent again from a second one (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key: it is kept with its job.
const KEY_CHARS_MAX: usize = 200;
const ILLEGAL_MOVE: &str = "illegal_move";
/// Log lines that come with a job: as many as the live view keeps.
const RECENT_LOGS_MAX: NonZeroUsize = NonZeroUsize::new(etlplus_monitor::RECENT_LOGS_MAX).expect("it is not zero");

/// `POST /api/jobs`.
pub(super) async fn submit(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Refusal> {
    let key = idempotency_key(request.headers())?;
    let mut fields = body::fields(request).await?;
    let body = read(&mut fields);
    fields.finish()?;
    if body.definition.is_some() {
        // Whoever hands in a pipeline can read and write any file of the server's user.
        caller.require(Action::Author)?;
    }
    let idempotency = key.map(|key| IdempotencyKey { key: owned(&caller, &key), digest: digest(&body) });
    let timeout = body.timeout.as_ref().and_then(length);
    let api::SubmitJob { pipeline, definition, folder, parameters, as_of, log_level, priority, not_before, .. } = body;
    let (pipeline, folder) = origin(&app, pipeline, definition, folder).await?;
    let definition = JobDefinition {
        pipeline,
        folder,
        parameters,
        as_of: as_of.unwrap_or_else(|| app.clock.now()),
        log_level: log_level.map_or(LogLevel::Info, wire::core_level),
    };
    let submission = Submission { definition, priority, timeout, not_before, idempotency, scheduled_for: None };
    let Submitted { record, is_new } = app.jobs.submit(submission).await.map_err(not_submitted)?;
    let address = format!("/api/jobs/{}/status", record.header.id);
    let address = HeaderValue::try_from(address).map_err(|_| Refusal::internal())?;
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, address)], Json(of_store(&app, &record, Vec::new()))).into_response())
}

fn read(fields: &mut Fields) -> api::SubmitJob {
    let priority_remedy =
        format!("give a whole number from {} to {}", JobPolicy::PRIORITY_MIN, JobPolicy::PRIORITY_MAX);
    let timeout_remedy = format!(
        "give seconds, or a text such as \"25m\": {} to {}",
        duration::show(TIMEOUT_MIN),
        duration::show(TIMEOUT_MAX)
    );
    let parameters: Option<BTreeMap<String, String>> =
        fields.optional("parameters", "give an object with a text for each parameter");
    let body = api::SubmitJob {
        pipeline: fields.optional("pipeline", "give the name of a pipeline that is kept"),
        definition: fields.optional("definition", "give a pipeline file's text"),
        folder: fields.optional("folder", "give an absolute path on the server"),
        parameters: parameters.unwrap_or_default(),
        as_of: fields.optional("asOf", "give a time such as 2026-01-31T00:00:00Z"),
        log_level: fields.optional("logLevel", "give DEBUG, INFO, WARN or ERROR"),
        priority: fields.optional("priority", &priority_remedy),
        timeout: fields.optional("timeout", &timeout_remedy),
        not_before: fields.optional("notBefore", "give a time such as 2026-01-31T00:00:00Z"),
    };
    let urgency = JobPolicy::PRIORITY_MIN..=JobPolicy::PRIORITY_MAX;
    if body.priority.is_some_and(|priority| !urgency.contains(&priority)) {
        fields.fault("priority", "is too low or too high", priority_remedy);
    }
    if body.timeout.as_ref().is_some_and(|timeout| length(timeout).is_none()) {
        fields.fault("timeout", "is no duration, or too short or too long", timeout_remedy);
    }
    body
}

/// How long an attempt may take; `None` for what is no duration in range.
fn length(span: &api::Span) -> Option<Duration> {
    let time = match span {
        api::Span::Seconds(seconds) => Duration::try_from_secs_f64(*seconds).ok()?,
        api::Span::Text(text) => duration::parse(text)?,
    };
    (TIMEOUT_MIN..=TIMEOUT_MAX).contains(&time).then_some(time)
}

/// The header `Idempotency-Key`, where it is given.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let Some(value) = given.next() else { return Ok(None) };
    let is_fit = (1..=KEY_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if is_fit && given.next().is_none() => Ok(Some(key.to_owned())),
        _ => {
            let detail = "Idempotency-Key is no key";
            let remedy = format!("give it once, with 1 to {KEY_CHARS_MAX} visible ASCII characters, such as a UUID");
            Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", detail, remedy))
        }
    }
}

/// The key as it is kept: two clients that choose the same one do not meet, nor does any meet the schedules' keys, which
/// begin with neither a token's id nor this word.
fn owned(caller: &Principal, key: &str) -> String {
    match caller.token() {
        Some(token) => format!("{token}/{key}"),
        None => format!("local/{key}"),
    }
}

/// What tells one body from another, whatever the order of its keys and its white space.
fn digest(body: &api::SubmitJob) -> String {
    let text = serde_json::to_vec(body).expect("a body has only texts as keys");
    Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn not_submitted(error: SubmitError) -> Refusal {
    match error {
        SubmitError::Mistakes(mistakes) => Refusal::pipeline_invalid(mistakes),
        SubmitError::Arguments(errors) => Refusal::arguments_invalid(errors),
        SubmitError::OutOfRange(message) => Refusal::unfit(vec![item("", message, "give a value in range")]),
        SubmitError::QueueFull(full) => queue_full(full),
        SubmitError::KeyReused { job, .. } => {
            let detail = format!("the idempotency key was used for another submit, which made job {job}");
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", detail, "use a new key for a new job")
        }
        SubmitError::Unavailable(error) => error.into(),
        SubmitError::Refused(reason) => refused(&reason),
        SubmitError::Stopped => Refusal::stopping(),
    }
}

fn queue_full(QueueFull { waiting }: QueueFull) -> Refusal {
    let detail = format!("{waiting} jobs wait already");
    Refusal::unavailable("queue_full", detail, "try again when some of them have ended, or raise jobs.max_queued_jobs")
}

/// The text of the job's pipeline and the folder of its paths.
async fn origin(
    app: &App,
    pipeline: Option<String>,
    definition: Option<String>,
    folder: Option<String>,
) -> Result<(String, PathBuf), Refusal> {
    match (pipeline, definition, folder) {
        (Some(name), None, None) => match app.pipelines.pipeline(name.clone()).await? {
            Some(stored) => Ok((stored.definition, stored.folder)),
            None => {
                let message = format!("{name:.100?} is not the name of a pipeline that is kept");
                let remedy = "look for its name in /api/pipelines, or put it there";
                Err(Refusal::unfit(vec![item("pipeline", message, remedy)]))
            }
        },
        (None, Some(definition), Some(folder)) => {
            let folder = check_folder(&folder)?.to_owned();
            Ok((definition, folder))
        }
        (Some(_), None, Some(_)) => {
            Err(Refusal::unfit(vec![item("folder", "belongs to the pipeline that is kept", "leave it out")]))
        }
        (None, Some(_), None) => {
            let remedy = "give the folder on the server at which the pipeline's relative paths start";
            Err(Refusal::unfit(vec![item("folder", "is missing", remedy)]))
        }
        (Some(_), Some(_), _) => {
            Err(Refusal::unfit(vec![item("definition", "comes beside a pipeline's name", "give one of the two")]))
        }
        (None, None, _) => {
            let remedy = "give the name of a pipeline that is kept, or a definition with its folder";
            Err(Refusal::unfit(vec![item("pipeline", "is missing", remedy)]))
        }
    }
}

/// `GET /api/jobs/{id}/status`.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
) -> Result<Json<api::JobMonitoringData>, Refusal> {
    let shown = if let Ok(Some(live)) = app.live.job(job).await {
        let lines = live.recent_logs.iter().filter_map(|line| wire::log_message(&line.fact)).collect();
        // How it is treated and what it is made from only the store knows: without it, the rest is told.
        let record = app.history.job(job).await.ok().flatten();
        let policy = record.map(|record| wire::policy(&record.policy));
        api::JobMonitoringData { policy, ..wire::of_live(&live, lines, app.clock.now()) }
    } else {
        let record = find(&app, job).await?;
        let query = LogQuery { job, min_level: LogLevel::Debug, range: LogRange::Last, limit: RECENT_LOGS_MAX };
        let lines = app.history.log(query).await?;
        let lines = lines.iter().map(|line| wire::log_row(&record.header, line).message).collect();
        of_store(&app, &record, lines)
    };
    let origin = app.history.definition(job).await.ok().flatten().map(wire::origin);
    Ok(Json(api::JobMonitoringData { origin, ..shown }))
}

/// `POST /api/jobs/{id}/cancel`.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    ordered(&app, app.jobs.cancel(job).await, "job_ended")
}

/// `POST /api/jobs/{id}/pause`.
pub(super) async fn pause(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    ordered(&app, app.jobs.pause(job).await, ILLEGAL_MOVE)
}

/// `POST /api/jobs/{id}/resume`.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    ordered(&app, app.jobs.resume(job).await, ILLEGAL_MOVE)
}

/// `POST /api/jobs/{id}/retry`.
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    ordered(&app, app.jobs.retry(job).await, ILLEGAL_MOVE)
}

/// The answer to an order; `illegal` is the code where the job is not one for which it means anything.
fn ordered(app: &App, result: Result<JobRecord, CommandError>, illegal: &str) -> Result<Response, Refusal> {
    let record = result.map_err(|error| match error {
        CommandError::Unknown => Refusal::job_not_found(),
        CommandError::Illegal(reason) => {
            Refusal::new(StatusCode::CONFLICT, illegal, reason.to_string(), "look at its status")
        }
        CommandError::QueueFull(full) => queue_full(full),
        CommandError::PausedFull { paused, max } => {
            let detail = format!("{paused} jobs are paused already, and no more than {max} may be");
            let remedy = "resume or cancel one of them first, or raise jobs.max_concurrent_jobs";
            Refusal::new(StatusCode::CONFLICT, "too_many_paused", detail, remedy)
        }
        CommandError::Unavailable(error) => error.into(),
        CommandError::Refused(reason) => refused(&reason),
        CommandError::Stopped => Refusal::stopping(),
    })?;
    Ok((StatusCode::ACCEPTED, Json(of_store(app, &record, Vec::new()))).into_response())
}

/// What the store refuses is a defect, of which the log says more than a client should hear.
fn refused(reason: &str) -> Refusal {
    tracing::error!(reason, "the store refuses a command");
    Refusal::internal()
}

pub(super) async fn find(app: &App, job: JobId) -> Result<JobRecord, Refusal> {
    app.history.job(job).await?.ok_or_else(Refusal::job_not_found)
}

fn of_store(app: &App, record: &JobRecord, lines: Vec<api::JobLogMessage>) -> api::JobMonitoringData {
    wire::of_record(record, None, lines, app.clock.now())
}
