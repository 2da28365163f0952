//! All jobs, filtered, page by page.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use chrono::{DateTime, Utc};
use etlplus_api::{JobList, JobMonitoringData, JobStatus, JobType};
use etlplus_core::ports::JobQuery;

use crate::app::App;
use crate::problem::Refusal;
use crate::query::Parameters;
use crate::wire;

/// Jobs of a page where no number is asked for.
const JOBS_DEFAULT: NonZeroUsize = NonZeroUsize::new(50).expect("it is not zero");
/// The most jobs of a page.
const JOBS_MAX: NonZeroUsize = NonZeroUsize::new(500).expect("it is not zero");
/// Characters of a text that is looked for.
const TEXT_CHARS_MAX: usize = 200;

/// `GET /api/monitor/jobs`.
pub(super) async fn jobs(State(app): State<Arc<App>>, request: Request) -> Result<Json<JobList>, Refusal> {
    let mut query = read(Parameters::of(request.uri())?)?;
    let limit = query.limit.get();
    // One more tells whether there is another page.
    query.limit = query.limit.saturating_add(1);
    let mut records = app.history.jobs(query).await?;
    let has_more = records.len() > limit;
    records.truncate(limit);
    let active = records.iter().filter(|record| !record.state.status().is_terminal());
    let active: Vec<_> = active.map(|record| record.header.id).collect();
    let readings = match active.is_empty() {
        true => Some(HashMap::new()),
        // Without the live view the last that was recorded has to do.
        false => app.live.readings(active).await.ok(),
    };
    let now = app.clock.now();
    let next_cursor = records.last().filter(|_| has_more).map(|record| record.header.id.to_string());
    let shown = records.iter().map(|record| {
        let reading = readings.as_ref().and_then(|readings| readings.get(&record.header.id));
        let live = readings.is_some() && !record.state.status().is_terminal();
        JobMonitoringData { live, ..wire::of_record(record, reading, Vec::new(), now) }
    });
    Ok(Json(JobList { jobs: shown.collect(), next_cursor }))
}

fn read(mut parameters: Parameters) -> Result<JobQuery, Refusal> {
    let status = |text: &str| JobStatus::ALL.into_iter().find(|status| status.as_str() == text).map(wire::core_status);
    let job_type = |text: &str| JobType::ALL.into_iter().find(|kind| kind.as_str() == text).map(wire::core_type);
    let time = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    let text = |text: &str| (text.chars().count() <= TEXT_CHARS_MAX && !text.contains('\0')).then(|| text.to_owned());
    let text_remedy = format!("give at most {TEXT_CHARS_MAX} characters");
    let time_remedy = "give a time such as 2026-01-31T00:00:00Z";
    let statuses = "give PENDING, RUNNING, PAUSED, COMPLETED, FAILED or CANCELLED";
    let query = JobQuery {
        statuses: parameters.list("status", statuses, status),
        pipeline: parameters.one("pipeline", &text_remedy, text),
        job_type: parameters.one("type", "give FULL_ETL, EXTRACT, TRANSFORM or LOAD", job_type),
        tag: parameters.one("tag", &text_remedy, text),
        from: parameters.one("from", time_remedy, time),
        until: parameters.one("until", time_remedy, time),
        text: parameters.one("q", &text_remedy, text),
        before: parameters.one("cursor", "give nextCursor of the page before", |text| text.parse().ok()),
        limit: parameters.number("limit", NonZeroUsize::MIN, JOBS_MAX).unwrap_or(JOBS_DEFAULT),
    };
    parameters.finish()?;
    Ok(query)
}
