//! One job: submit it, look at it, cancel it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use etlplus_api as api;
use etlplus_core::LogLevel;
use etlplus_core::ids::JobId;
use etlplus_core::job::{IllegalMove, JobDefinition};
use etlplus_core::ports::{JobRecord, LogQuery, LogRange};
use etlplus_jobs::{CommandError, SubmitError};

use super::JobOf;
use crate::app::{App, check_folder};
use crate::body;
use crate::problem::{Refusal, item};
use crate::wire;

/// Log lines that come with a job: as many as the live view keeps.
const RECENT_LOGS_MAX: NonZeroUsize = NonZeroUsize::new(etlplus_monitor::RECENT_LOGS_MAX).expect("it is not zero");

/// `POST /api/jobs`.
pub(super) async fn submit(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let mut fields = body::fields(request).await?;
    let pipeline: Option<String> = fields.optional("pipeline", "give the name of a pipeline that is kept");
    let definition: Option<String> = fields.optional("definition", "give a pipeline file's text");
    let folder: Option<String> = fields.optional("folder", "give an absolute path on the server");
    let parameters: Option<BTreeMap<String, String>> =
        fields.optional("parameters", "give an object with a text for each parameter");
    let as_of: Option<DateTime<Utc>> = fields.optional("asOf", "give a time such as 2026-01-31T00:00:00Z");
    let log_level: Option<api::LogLevel> = fields.optional("logLevel", "give DEBUG, INFO, WARN or ERROR");
    fields.finish()?;
    let (pipeline, folder) = origin(&app, pipeline, definition, folder).await?;
    let definition = JobDefinition {
        pipeline,
        folder,
        parameters: parameters.unwrap_or_default(),
        as_of: as_of.unwrap_or_else(|| app.clock.now()),
        log_level: log_level.map_or(LogLevel::Info, wire::core_level),
    };
    let record = app.jobs.submit(definition).await.map_err(|error| match error {
        SubmitError::Mistakes(mistakes) => Refusal::pipeline_invalid(mistakes),
        SubmitError::Arguments(errors) => Refusal::arguments_invalid(errors),
        SubmitError::QueueFull { waiting } => {
            let detail = format!("{waiting} jobs wait already");
            Refusal::unavailable("queue_full", detail, "try again when some of them have ended")
        }
        SubmitError::Unavailable(error) => error.into(),
        SubmitError::Refused(reason) => refused(&reason),
        SubmitError::Stopped => Refusal::stopping(),
    })?;
    let address = format!("/api/jobs/{}/status", record.header.id);
    let address = HeaderValue::try_from(address).map_err(|_| Refusal::internal())?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, address)], Json(of_store(&app, &record, Vec::new()))).into_response())
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
    if let Ok(Some(live)) = app.live.job(job).await {
        let lines = live.recent_logs.iter().filter_map(|line| wire::log_message(&line.fact)).collect();
        return Ok(Json(wire::of_live(&live, lines, app.clock.now())));
    }
    let record = find(&app, job).await?;
    let query = LogQuery { job, min_level: LogLevel::Debug, range: LogRange::Last, limit: RECENT_LOGS_MAX };
    let lines = app.history.log(query).await?;
    let lines = lines.iter().map(|line| wire::log_row(&record.header, line).message).collect();
    Ok(Json(of_store(&app, &record, lines)))
}

/// `POST /api/jobs/{id}/cancel`.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Response, Refusal> {
    body::nothing(request).await?;
    let record = app.jobs.cancel(job).await.map_err(|error| match error {
        CommandError::Unknown => Refusal::job_not_found(),
        CommandError::Illegal(illegal) => not_now(&illegal),
        CommandError::Unavailable(error) => error.into(),
        CommandError::Refused(reason) => refused(&reason),
        CommandError::Stopped => Refusal::stopping(),
    })?;
    Ok((StatusCode::ACCEPTED, Json(of_store(&app, &record, Vec::new()))).into_response())
}

/// What the store refuses is a defect, of which the log says more than a client should hear.
fn refused(reason: &str) -> Refusal {
    tracing::error!(reason, "the store refuses a command");
    Refusal::internal()
}

/// A job can be cancelled until it has ended.
fn not_now(illegal: &IllegalMove) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "job_ended", illegal.to_string(), "look at its status")
}

pub(super) async fn find(app: &App, job: JobId) -> Result<JobRecord, Refusal> {
    app.history.job(job).await?.ok_or_else(Refusal::job_not_found)
}

fn of_store(app: &App, record: &JobRecord, lines: Vec<api::JobLogMessage>) -> api::JobMonitoringData {
    wire::of_record(record, None, lines, app.clock.now())
}
