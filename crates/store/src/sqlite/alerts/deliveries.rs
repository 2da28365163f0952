//! Deliveries of alerts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::{AlertRecord, Delivery, DeliveryState, DeliveryTry, LogPosition, TRIES_KEPT};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::batch::Batch;
use super::super::rows;

/// What became of a delivery.
#[derive(Debug)]
pub(in super::super) struct Settled {
    pub(in super::super) alert: LogPosition,
    pub(in super::super) channel: String,
    pub(in super::super) attempt: Option<DeliveryTry>,
    pub(in super::super) state: DeliveryState,
}

impl Batch<'_> {
    pub(in super::super) async fn settle_delivery(&mut self, settled: Settled) -> sqlx::Result<()> {
        let Settled { alert, channel, attempt, state } = settled;
        if alert.epoch != self.head.position.epoch {
            return Ok(());
        }
        let select = "SELECT tries, tries_made FROM deliveries WHERE alert = ?1 AND channel = ?2 AND state = 'waiting'";
        let select = sqlx::query(select).bind(rows::integer(alert.offset.get())).bind(&channel);
        let Some(row) = select.fetch_optional(&mut *self.connection).await? else { return Ok(()) };
        let mut tries: Vec<DeliveryTry> = rows::json(row.try_get("tries")?)?;
        let tries_made = row.try_get::<i64, _>("tries_made")? + i64::from(attempt.is_some());
        tries.extend(attempt);
        let left_out = tries.len().saturating_sub(TRIES_KEPT);
        let (word, at, reason) = parts(&state);
        let update = "UPDATE deliveries SET state = ?3, at = ?4, reason = ?5, tries = ?6, tries_made = ?7 \
                      WHERE alert = ?1 AND channel = ?2";
        sqlx::query(update)
            .bind(rows::integer(alert.offset.get()))
            .bind(channel)
            .bind(word)
            .bind(rows::nanos(at))
            .bind(reason)
            .bind(rows::to_json(&tries[left_out..])?)
            .bind(tries_made)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}

/// Gives each of `alerts` its deliveries, by the channel's name.
pub(super) async fn add(connection: &mut SqliteConnection, alerts: &mut [AlertRecord]) -> sqlx::Result<()> {
    let offsets: Vec<_> = alerts.iter().map(|alert| alert.position.offset).collect();
    let select = "SELECT alert, channel, state, at, reason, tries, tries_made FROM deliveries \
                  WHERE alert IN (SELECT value FROM json_each(?1)) ORDER BY alert, channel";
    let rows = sqlx::query(select).bind(rows::to_json(&offsets)?).fetch_all(connection).await?;
    let mut by_alert: HashMap<Offset, &mut AlertRecord> =
        alerts.iter_mut().map(|alert| (alert.position.offset, alert)).collect();
    for row in &rows {
        let offset = row.try_get("alert").map(Offset::from_number)?;
        if let Some(alert) = by_alert.get_mut(&offset) {
            alert.deliveries.push(delivery(row, alert.position.epoch)?);
        }
    }
    Ok(())
}

pub(super) fn delivery(row: &SqliteRow, epoch: Epoch) -> sqlx::Result<Delivery> {
    let at = rows::time(row.try_get("at")?);
    let state = match row.try_get("state")? {
        "waiting" => DeliveryState::Waiting { due: at },
        "delivered" => DeliveryState::Delivered { at },
        "failed" => DeliveryState::Failed { at, reason: row.try_get("reason")? },
        _ => return Err(rows::undecodable("no such state of a delivery")),
    };
    Ok(Delivery {
        alert: LogPosition { epoch, offset: row.try_get("alert").map(Offset::from_number)? },
        channel: row.try_get("channel")?,
        state,
        tries: rows::json(row.try_get("tries")?)?,
        tries_made: row.try_get("tries_made")?,
    })
}

/// The columns `state`, `at` and `reason`.
fn parts(state: &DeliveryState) -> (&'static str, DateTime<Utc>, Option<&str>) {
    match state {
        DeliveryState::Waiting { due } => ("waiting", *due, None),
        DeliveryState::Delivered { at } => ("delivered", *at, None),
        DeliveryState::Failed { at, reason } => ("failed", *at, Some(reason)),
    }
}
