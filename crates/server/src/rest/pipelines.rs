//! Pipelines that are kept, and the check and preview of those that are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use etlplus_api::{PipelineInfo, PipelineList, Previewed, Validated};
use etlplus_core::job::JobDefinition;
use etlplus_core::pipeline::{self, Pipeline};
use etlplus_core::ports::StoreUnavailable;
use etlplus_core::{Failure, FailureKind, LogLevel, Mistake};
use etlplus_jobs::InspectError;

use axum::http::StatusCode;

use super::PipelineOf;
use crate::app::{App, check_folder};
use crate::body::{self, Fields};
use crate::problem::{Refusal, item};
use crate::wire;

/// Rows of each stage of a preview where no number is asked for.
const PREVIEW_ROWS_DEFAULT: u16 = 10;
/// The most rows of each stage of a preview.
const PREVIEW_ROWS_MAX: u16 = 1000;

/// `GET /api/pipelines`.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<PipelineList>, Refusal> {
    let stored = app.pipelines.pipelines().await?;
    let infos = blocking(move || {
        let info = |stored| wire::info(stored, pipeline::parse(&stored.definition).ok().as_ref());
        stored.iter().map(info).collect()
    });
    Ok(Json(PipelineList { pipelines: infos.await? }))
}

/// `GET /api/pipelines/{name}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    PipelineOf(name): PipelineOf,
) -> Result<Json<PipelineInfo>, Refusal> {
    let stored = app.pipelines.pipeline(name).await?.ok_or_else(Refusal::pipeline_not_found)?;
    let info = blocking(move || {
        let info = wire::info(&stored, pipeline::parse(&stored.definition).ok().as_ref());
        PipelineInfo { definition: Some(stored.definition), ..info }
    });
    Ok(Json(info.await?))
}

/// `PUT /api/pipelines/{name}`.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    PipelineOf(name): PipelineOf,
    request: Request,
) -> Result<Json<PipelineInfo>, Refusal> {
    let mut fields = body::fields(request).await?;
    let (definition, folder) = text_and_folder(&mut fields);
    fields.finish()?;
    let folder = check_folder(&folder)?.to_owned();
    let parsed = parse(&definition).await?.map_err(Refusal::pipeline_invalid)?;
    if parsed.name != name {
        let message = format!("{} is not the name in the address", parsed.name);
        let remedy = format!("put it to /api/pipelines/{}", parsed.name);
        return Err(Refusal::unfit(vec![item("definition", message, remedy)]));
    }
    let own = app.clone();
    let put = async move {
        let stored = own.pipelines.put_pipeline(name, definition, folder, own.clock.now()).await?;
        own.jobs.pipelines_changed();
        Ok::<_, StoreUnavailable>(stored)
    };
    let stored = app.to_the_end(put).await??;
    let info = wire::info(&stored, Some(&parsed));
    Ok(Json(PipelineInfo { definition: Some(stored.definition), ..info }))
}

/// `POST /api/pipelines/validate`.
pub(super) async fn validate(State(app): State<Arc<App>>, request: Request) -> Result<Json<Validated>, Refusal> {
    let mut fields = body::fields(request).await?;
    let (definition, folder) = text_and_folder(&mut fields);
    let parameters = parameters(&mut fields);
    fields.finish()?;
    check_folder(&folder)?;
    let found = |mistakes: Vec<Mistake>, missing_parameters: Vec<String>| {
        let valid = mistakes.is_empty() && missing_parameters.is_empty();
        let mistakes = mistakes.into_iter().map(wire::mistake).collect();
        Ok(Json(Validated { valid, mistakes, missing_parameters }))
    };
    let parsed = match parse(&definition).await? {
        Ok(parsed) => parsed,
        Err(mistakes) => return found(mistakes, Vec::new()),
    };
    let is_missing = |name: &str| !parameters.contains_key(name);
    let required = parsed.parameters.iter().filter(|parameter| parameter.default.is_none());
    let missing: Vec<_> = required.map(|parameter| parameter.name.clone()).filter(|name| is_missing(name)).collect();
    if !missing.is_empty() {
        return found(Vec::new(), missing);
    }
    match app.jobs.validate(job(&app, definition, folder, parameters)).await {
        Ok(mistakes) | Err(InspectError::Mistakes(mistakes)) => found(mistakes, Vec::new()),
        Err(error) => Err(refused(error)),
    }
}

/// `POST /api/pipelines/preview`.
pub(super) async fn preview(State(app): State<Arc<App>>, request: Request) -> Result<Json<Previewed>, Refusal> {
    let mut fields = body::fields(request).await?;
    let (definition, folder) = text_and_folder(&mut fields);
    let parameters = parameters(&mut fields);
    let rows_remedy = format!("give 1 to {PREVIEW_ROWS_MAX}");
    let rows: u16 = fields.optional("rows", &rows_remedy).unwrap_or(PREVIEW_ROWS_DEFAULT);
    if !(1..=PREVIEW_ROWS_MAX).contains(&rows) {
        fields.fault("rows", format!("{rows} are too few or too many"), rows_remedy);
    }
    fields.finish()?;
    check_folder(&folder)?;
    let stages = app.jobs.preview(job(&app, definition, folder, parameters), rows).await.map_err(refused)?;
    Ok(Json(Previewed { stages: stages.into_iter().map(wire::stage).collect() }))
}

fn text_and_folder(fields: &mut Fields) -> (String, String) {
    let definition = fields.required("definition", "give a pipeline file's text").unwrap_or_default();
    let folder = fields.required("folder", "give an absolute path on the server").unwrap_or_default();
    (definition, folder)
}

fn parameters(fields: &mut Fields) -> BTreeMap<String, String> {
    fields.optional("parameters", "give an object with a text for each parameter").unwrap_or_default()
}

fn job(app: &App, pipeline: String, folder: String, parameters: BTreeMap<String, String>) -> JobDefinition {
    let (folder, as_of) = (folder.into(), app.clock.now());
    JobDefinition { pipeline, folder, parameters, as_of, log_level: LogLevel::Info }
}

/// A hostile file is bounded, but takes its time: it does not take it from other requests.
async fn parse(definition: &str) -> Result<Result<Pipeline, Vec<Mistake>>, Refusal> {
    let definition = definition.to_owned();
    blocking(move || pipeline::parse(&definition)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::internal())
}

fn refused(error: InspectError) -> Refusal {
    match error {
        InspectError::Mistakes(mistakes) => Refusal::pipeline_invalid(mistakes),
        InspectError::Arguments(errors) => Refusal::arguments_invalid(errors),
        InspectError::Failed(failure) => failed(failure),
        InspectError::Busy => {
            let detail = "too many pipelines are looked at already";
            Refusal::unavailable("inspect_busy", detail, "try again in some seconds")
        }
    }
}

fn failed(Failure { kind, code, message, remedy }: Failure) -> Refusal {
    match kind {
        FailureKind::UserMistake | FailureKind::BadData | FailureKind::Limit => {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &code, message, remedy)
        }
        FailureKind::Transient => Refusal::unavailable(&code, message, remedy),
        FailureKind::Bug => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, &code, message, remedy),
    }
}
