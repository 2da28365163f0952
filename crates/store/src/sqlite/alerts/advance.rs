//! Rules that read the log of facts. What they read, what follows from it, and how far they came are one transaction.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use etlplus_core::ids::Offset;
use etlplus_core::ports::{Alert, AlertStatus, Fact, Recorded, Rules, StoreUnavailable};

use super::super::batch::{Batch, Refused};
use super::super::{facts, rows};

/// Facts that the rules are shown at once, whatever is asked for. It bounds how long they hold up the writer.
const FACTS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("1,024 is not zero");

/// Firing alerts that the rules are shown, the last recorded: reading them holds up the writer for some tens of
/// milliseconds. Retention forgets those beyond them, so that none fires for ever because no rule sees it.
pub const FIRING_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("4,096 is not zero");

impl Batch<'_> {
    /// Records an alert, which is a fact.
    pub(in super::super) async fn alert(&mut self, alert: Alert) -> sqlx::Result<()> {
        let (offset, fingerprint) = (rows::integer(self.next_offset().get()), alert.fingerprint());
        sqlx::query("INSERT INTO alerts (offset, fingerprint, body) VALUES (?1, ?2, ?3)")
            .bind(offset)
            .bind(&fingerprint)
            .bind(rows::to_json(&alert)?)
            .execute(&mut *self.connection)
            .await?;
        let firing = match alert.status {
            AlertStatus::Firing => {
                let upsert = "INSERT INTO firing_alerts (fingerprint, alert) VALUES (?1, ?2) \
                              ON CONFLICT (fingerprint) DO UPDATE SET alert = excluded.alert";
                sqlx::query(upsert).bind(fingerprint).bind(offset)
            }
            AlertStatus::Resolved => sqlx::query("DELETE FROM firing_alerts WHERE fingerprint = ?1").bind(fingerprint),
        };
        firing.execute(&mut *self.connection).await?;
        self.tell(Fact::Alert(Arc::new(alert)));
        Ok(())
    }

    /// Shows `rules` the next facts, those that were written before in this batch among them.
    pub(in super::super) async fn advance(
        &mut self,
        rules: &Rules,
        limit: NonZeroUsize,
    ) -> Result<usize, Refused<StoreUnavailable>> {
        let cursor = self.head.alerts_cursor;
        let facts = facts::after(self.connection, self.chunks, cursor, limit.min(FACTS_MAX)).await?;
        let Some(last) = facts.last() else { return Ok(0) };
        let firing = super::firing(self.connection, self.head.position.epoch, FIRING_MAX).await?;
        // The rules come from elsewhere. A mistake in them must not take down what records jobs.
        let consequences = catch_unwind(AssertUnwindSafe(|| rules(&facts, &firing)))
            .map_err(|panic| Refused::Unfit(panicked(cursor, &*panic)))?;
        self.head.alerts_cursor = last.offset;
        for (offset, channels) in consequences.deliveries {
            match alert_among(&facts, offset) {
                Some(alert) => self.deliver(offset, alert, &channels).await?,
                None => tracing::error!(%offset, "an alert that was not shown is not delivered: please report it"),
            }
        }
        for alert in consequences.alerts {
            self.alert(alert).await?;
        }
        Ok(facts.len())
    }

    /// Makes deliveries that wait and are due at once: at the alert's own time, since the store reads no clock.
    async fn deliver(&mut self, offset: Offset, alert: &Alert, channels: &[String]) -> sqlx::Result<()> {
        let insert = "INSERT INTO deliveries (alert, channel, state, at) VALUES (?1, ?2, 'waiting', ?3) \
                      ON CONFLICT (alert, channel) DO NOTHING";
        for channel in channels {
            sqlx::query(insert)
                .bind(rows::integer(offset.get()))
                .bind(channel)
                .bind(rows::nanos(alert.at))
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }
}

fn alert_among(facts: &[Recorded], offset: Offset) -> Option<&Alert> {
    let index = facts.binary_search_by_key(&offset, |recorded| recorded.offset).ok()?;
    match &facts[index].fact {
        Fact::Alert(alert) => Some(alert),
        Fact::Job { .. } | Fact::Log { .. } | Fact::Settings(_) => None,
    }
}

fn panicked(cursor: Offset, panic: &(dyn Any + Send)) -> StoreUnavailable {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason");
    StoreUnavailable {
        message: format!("the rules for alerts panicked on facts after offset {cursor}: {text}"),
        remedy: "please report it with the version".to_owned(),
    }
}
