//! Alerts that were raised, and the channels by which they leave.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use etlplus_api::{AlertList, ChannelList, TestSent};
use etlplus_core::ids::Offset;
use etlplus_core::ports::{AlertQuery, AlertRule, AlertStatus, TestSendError};

use super::segment;
use crate::app::App;
use crate::body;
use crate::problem::Refusal;
use crate::query::Parameters;
use crate::wire;

/// Alerts of a page where no number is asked for.
const ALERTS_DEFAULT: NonZeroUsize = NonZeroUsize::new(50).expect("it is not zero");
/// The most alerts of a page.
const ALERTS_MAX: NonZeroUsize = NonZeroUsize::new(500).expect("it is not zero");

/// `GET /api/alerts`.
pub(super) async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Json<AlertList>, Refusal> {
    let mut query = read(Parameters::of(request.uri())?)?;
    let limit = query.limit.get();
    // One more tells whether there is another page.
    query.limit = query.limit.saturating_add(1);
    let mut records = app.alerts.alerts(query).await?;
    let has_more = records.len() > limit;
    records.truncate(limit);
    let last = records.last().filter(|_| has_more);
    let next_cursor = last.map(|record| record.position.offset.get().to_string());
    Ok(Json(AlertList { alerts: records.iter().map(wire::alert_entry).collect(), next_cursor }))
}

fn read(mut parameters: Parameters) -> Result<AlertQuery, Refusal> {
    let rule = |text: &str| AlertRule::ALL.into_iter().find(|rule| rule.as_str() == text);
    let statuses = [AlertStatus::Firing, AlertStatus::Resolved];
    let status = |text: &str| statuses.into_iter().find(|status| status.as_str() == text);
    let rules = format!("give one of {}", AlertRule::ALL.map(AlertRule::as_str).join(", "));
    let cursor_remedy = "give nextCursor of the page before";
    // The store's places are what fits its integers.
    let cursor = |text: &str| text.parse().ok().filter(|place| *place <= i64::MAX as u64).map(Offset::from_number);
    let query = AlertQuery {
        rule: parameters.one("rule", &rules, rule),
        status: parameters.one("status", "give firing or resolved", status),
        job: parameters.one("jobId", "give the id of a job, which is a UUID", |text| text.parse().ok()),
        only_active: parameters.one("active", "give true or false", |text| text.parse().ok()).unwrap_or(false),
        before: parameters.one("cursor", cursor_remedy, cursor),
        limit: parameters.number("limit", NonZeroUsize::MIN, ALERTS_MAX).unwrap_or(ALERTS_DEFAULT),
    };
    parameters.finish()?;
    Ok(query)
}

/// `GET /api/alerts/channels`.
pub(super) async fn channels(State(app): State<Arc<App>>) -> Json<ChannelList> {
    let channels = app.channels.channels().await;
    Json(ChannelList { channels: channels.into_iter().map(wire::channel).collect() })
}

/// The channel's name of an address.
pub(super) struct ChannelOf(String);

impl<S: Send + Sync> FromRequestParts<S> for ChannelOf {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        segment(parts, state).await.map(Self).ok_or_else(channel_not_found)
    }
}

fn channel_not_found() -> Refusal {
    let (detail, remedy) = ("there is no channel with this name", "look for its name in /api/alerts/channels");
    Refusal::new(StatusCode::NOT_FOUND, "channel_not_found", detail, remedy)
}

/// `POST /api/alerts/channels/{name}/test`.
pub(super) async fn test(
    State(app): State<Arc<App>>,
    ChannelOf(name): ChannelOf,
    request: Request,
) -> Result<Json<TestSent>, Refusal> {
    body::nothing(request).await?;
    app.channels.send_test(name.clone()).await.map_err(|error| match error {
        TestSendError::Unknown(_) => channel_not_found(),
        TestSendError::Failed(reason) => {
            let remedy = "look at the receiver, and at the channel in the settings";
            Refusal::new(StatusCode::BAD_GATEWAY, "channel_failed", reason, remedy)
        }
        TestSendError::Stopped => Refusal::stopping(),
    })?;
    Ok(Json(TestSent { channel: name, sent_at: app.clock.now() }))
}
