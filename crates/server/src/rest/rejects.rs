//! Rows that a job rejected.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use etlplus_api::RejectsPage;

use super::JobOf;
use super::jobs::find;
use super::reject_file::{self, Rows};
use crate::app::App;
use crate::problem::Refusal;
use crate::query::Parameters;
use crate::wire;

/// Rows of a page where no number is asked for.
const ROWS_DEFAULT: usize = 100;
/// The most rows of a page.
const ROWS_MAX: usize = 1000;

/// `GET /api/jobs/{id}/rejects`.
pub(super) async fn rejects(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Json<RejectsPage>, Refusal> {
    let mut parameters = Parameters::of(request.uri())?;
    let after = parameters.number("after", 0, u64::MAX).unwrap_or(0);
    let limit = parameters.number("limit", 1, ROWS_MAX).unwrap_or(ROWS_DEFAULT);
    parameters.finish()?;
    let job_id = job.to_string();
    if let Ok(Some(live)) = app.live.job(job).await
        && let Some(reading) = live.reading
    {
        let (records_failed, summary) = (reading.sample.progress.records_failed, wire::summaries(&reading.rejects));
        return Ok(Json(RejectsPage { job_id, records_failed, summary, rows: Vec::new(), next_after: None }));
    }
    let record = find(&app, job).await?;
    let records_failed = wire::of_state(&record.state).map_or(0, |metrics| metrics.records_failed);
    let report = record.report.unwrap_or_default();
    let Rows { rows, next_after } = match report.reject_file.filter(|_| record.state.status().is_terminal()) {
        Some(path) => {
            let read = tokio::task::spawn_blocking(move || reject_file::read(&path, after, limit));
            read.await.map_err(|_| Refusal::internal())??
        }
        None => Rows { rows: Vec::new(), next_after: None },
    };
    Ok(Json(RejectsPage { job_id, records_failed, summary: wire::summaries(&report.rejects), rows, next_after }))
}
