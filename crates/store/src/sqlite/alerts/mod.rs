//! Alerts, and what becomes of them on their way to people.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::ids::Epoch;
use etlplus_core::ports::{
    AlertQuery, AlertRecord, Alerts, Answer, Delivery, DeliveryState, DeliveryTry, LogPosition, Rules, StoreUnavailable,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::head::Head;
use super::requests::Request;
use super::{Store, read, rows};

mod advance;
mod deliveries;
mod retention;

pub use advance::FIRING_MAX;
pub(super) use deliveries::Settled;
pub use retention::ALERTS_MAX;

impl Alerts for Store {
    fn advance(&self, rules: Rules, limit: NonZeroUsize) -> Answer<'_, Result<usize, StoreUnavailable>> {
        Box::pin(self.ask((rules, limit), Request::Advance))
    }

    fn firing(&self) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        read(async move {
            let mut transaction = self.readers.begin().await?;
            let epoch = Head::read(&mut transaction).await?.position.epoch;
            let mut alerts = firing(&mut transaction, epoch, NonZeroUsize::MAX).await?;
            deliveries::add(&mut transaction, &mut alerts).await?;
            transaction.commit().await?;
            Ok(alerts)
        })
    }

    fn alerts(&self, query: AlertQuery) -> Answer<'_, Result<Vec<AlertRecord>, StoreUnavailable>> {
        read(async move {
            let mut transaction = self.readers.begin().await?;
            let epoch = Head::read(&mut transaction).await?.position.epoch;
            let rows = alerts_statement(query).build().fetch_all(&mut *transaction).await?;
            let mut alerts = rows.iter().map(|row| alert(row, epoch)).collect::<sqlx::Result<Vec<_>>>()?;
            deliveries::add(&mut transaction, &mut alerts).await?;
            transaction.commit().await?;
            Ok(alerts)
        })
    }

    fn waiting(&self, channel: String, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Delivery>, StoreUnavailable>> {
        read(async move {
            let mut transaction = self.readers.begin().await?;
            let epoch = Head::read(&mut transaction).await?.position.epoch;
            let select = "SELECT alert, channel, state, at, reason, tries, tries_made FROM deliveries \
                          WHERE state = 'waiting' AND channel = ?1 ORDER BY alert LIMIT ?2";
            let select = sqlx::query(select).bind(channel).bind(rows::integer(limit.get()));
            let rows = select.fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            rows.iter().map(|row| deliveries::delivery(row, epoch)).collect()
        })
    }

    fn waiting_counts(&self) -> Answer<'_, Result<BTreeMap<String, u64>, StoreUnavailable>> {
        read(async move {
            let select = "SELECT channel, count(*) AS number FROM deliveries WHERE state = 'waiting' GROUP BY channel";
            let rows = sqlx::query(select).fetch_all(&self.readers).await?;
            rows.iter().map(|row| Ok((row.try_get("channel")?, row.try_get("number")?))).collect()
        })
    }

    fn settle_delivery(
        &self,
        alert: LogPosition,
        channel: String,
        attempt: Option<DeliveryTry>,
        state: DeliveryState,
    ) -> Answer<'_, Result<(), StoreUnavailable>> {
        Box::pin(self.ask(Settled { alert, channel, attempt, state }, Request::SettleDelivery))
    }
}

/// The alerts that are firing, at most `limit`, the last recorded, in the order in which they were recorded, without their
/// deliveries.
async fn firing(
    connection: &mut SqliteConnection,
    epoch: Epoch,
    limit: NonZeroUsize,
) -> sqlx::Result<Vec<AlertRecord>> {
    let select = "SELECT offset, body FROM firing_alerts JOIN alerts ON alerts.offset = firing_alerts.alert \
                  ORDER BY firing_alerts.alert DESC LIMIT ?1";
    let rows = sqlx::query(select).bind(rows::integer(limit.get())).fetch_all(connection).await?;
    rows.iter().rev().map(|row| alert(row, epoch)).collect()
}

fn alerts_statement(query: AlertQuery) -> QueryBuilder<Sqlite> {
    let AlertQuery { rule, status, job, only_active, before, limit } = query;
    let mut sql = QueryBuilder::new("SELECT offset, body FROM alerts WHERE TRUE");
    if let Some(rule) = rule {
        sql.push(" AND rule = ").push_bind(rule.as_str());
    }
    if let Some(status) = status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(job) = job {
        sql.push(" AND job = ").push_bind(job.to_string());
    }
    if only_active {
        sql.push(" AND offset IN (SELECT alert FROM firing_alerts)");
    }
    if let Some(before) = before {
        sql.push(" AND offset < ").push_bind(rows::integer(before.get()));
    }
    sql.push(" ORDER BY offset DESC LIMIT ").push_bind(rows::integer(limit.get()));
    sql
}

/// An alert without its deliveries. The row has the columns `offset` and `body`.
fn alert(row: &SqliteRow, epoch: Epoch) -> sqlx::Result<AlertRecord> {
    Ok(AlertRecord {
        position: LogPosition { epoch, offset: rows::offset(row)? },
        alert: Arc::new(rows::json(row.try_get("body")?)?),
        deliveries: Vec::new(),
    })
}
