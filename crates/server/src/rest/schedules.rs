//! Pipelines that are run by the clock.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use etlplus_api::ScheduleList;

use crate::app::App;
use crate::wire;

/// `GET /api/schedules`.
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ScheduleList> {
    Json(ScheduleList { schedules: app.jobs.schedules().into_iter().map(wire::schedule).collect() })
}
