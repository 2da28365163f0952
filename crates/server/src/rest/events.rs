//! What happened to a job.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use etlplus_api::JobEvents;

use super::JobOf;
use super::jobs::find;
use crate::app::App;
use crate::problem::Refusal;
use crate::query::Parameters;
use crate::wire;

/// Moves where no number is asked for: those of dozens of attempts.
const EVENTS_DEFAULT: NonZeroUsize = NonZeroUsize::new(200).expect("it is not zero");
/// The most moves.
const EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(2000).expect("it is not zero");

/// `GET /api/jobs/{id}/events`.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Json<JobEvents>, Refusal> {
    let mut parameters = Parameters::of(request.uri())?;
    let limit = parameters.number("limit", NonZeroUsize::MIN, EVENTS_MAX).unwrap_or(EVENTS_DEFAULT);
    parameters.finish()?;
    find(&app, job).await?;
    let moves = app.history.moves(job, limit).await?;
    let events = moves.iter().map(|(offset, fact)| wire::event(*offset, fact)).collect();
    let attempts = wire::attempts(moves.iter().map(|(_, fact)| fact));
    Ok(Json(JobEvents { job_id: job.to_string(), events, attempts }))
}
