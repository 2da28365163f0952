//! Who watches.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use etlplus_api::ConnectionList;

use crate::app::App;
use crate::problem::Refusal;

/// `GET /api/monitor/connections`.
pub(super) async fn connections(State(app): State<Arc<App>>) -> Result<Json<ConnectionList>, Refusal> {
    let connections = app.live.connections().await.map_err(|_| Refusal::live_down())?;
    Ok(Json(ConnectionList { connections, max_connections: app.live.max_connections() as u64 }))
}
