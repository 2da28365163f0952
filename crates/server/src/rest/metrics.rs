//! A job's readings over time.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use etlplus_api::{MetricsSample, MetricsSeries};

use super::JobOf;
use super::jobs::find;
use crate::app::App;
use crate::problem::Refusal;
use crate::query::Parameters;
use crate::wire;

/// Readings of a page where none are asked for: some minutes of one each second.
const SAMPLES_DEFAULT: NonZeroUsize = NonZeroUsize::new(500).expect("it is not zero");
/// The most readings of a page.
const SAMPLES_MAX: NonZeroUsize = NonZeroUsize::new(5000).expect("it is not zero");

/// `GET /api/jobs/{id}/metrics`.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    request: Request,
) -> Result<Json<MetricsSeries>, Refusal> {
    let mut parameters = Parameters::of(request.uri())?;
    let limit = parameters.number("limit", NonZeroUsize::MIN, SAMPLES_MAX).unwrap_or(SAMPLES_DEFAULT);
    parameters.finish()?;
    let record = find(&app, job).await?;
    let samples = app.history.samples(job, limit).await?;
    let reading = app.live.job(job).await.ok().flatten().and_then(|live| live.reading);
    // Of earlier attempts the beginning is not kept.
    let started_at = |attempt| {
        let is_current = attempt == record.state.attempt();
        is_current.then(|| wire::started_at(&record.state)).flatten()
    };
    let of = |sample: &etlplus_core::ports::Sample| wire::of_sample(sample, started_at(sample.attempt));
    let newest = match (reading, wire::of_state(&record.state)) {
        (_, Some(ended)) => ended,
        (Some(reading), None) => of(&reading.sample),
        (None, None) => samples.last().map(of).unwrap_or_default(),
    };
    let samples = samples.iter().map(|sample| MetricsSample {
        timestamp: sample.at,
        attempt: sample.attempt.get(),
        progress_percent: sample.progress.percent(),
        metrics: of(sample),
    });
    Ok(Json(MetricsSeries { job_id: job.to_string(), metrics: newest, samples: samples.collect() }))
}
