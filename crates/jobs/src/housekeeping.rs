//! Forgets what is old, in steps that are too small to be noticed: jobs, log lines and readings in the store, and the jobs'
//! own copies of their reject files.

mod rejects;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use etlplus_core::ports::{RetentionLimits, StoreUnavailable};
use etlplus_core::settings::{Keep, RetentionSettings};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::parts::Parts;
use crate::telemetry;
use rejects::RejectLimits;

/// The time between two looks at what is old.
const EVERY: Duration = Duration::from_secs(60);
/// Rows that one step removes: some milliseconds of the store's time.
const STEP_ROWS: NonZeroUsize = NonZeroUsize::new(500).expect("the number is not zero");
/// The pause between two steps, in which the store serves others.
const STEP_PAUSE: Duration = Duration::from_millis(50);

/// Forgets, at once and then every minute, and when the settings change, until the server ends.
pub(crate) async fn run(context: Arc<Parts>) {
    let shutdown = context.shutdown.clone();
    shutdown.run_until_cancelled_owned(keep(context)).await;
}

async fn keep(context: Arc<Parts>) {
    let mut settings = context.settings.clone();
    loop {
        let pruning = context.clone();
        let _ = spawn_blocking(move || prune_rejects(&pruning)).await;
        if let Err(error) = prune_store(&context).await {
            tracing::warn!(%error, "what is old stays for now");
        }
        if let Ok(Err(_)) = timeout(EVERY, settings.changed()).await {
            // Nobody makes settings any more, and that is no news again at once.
            sleep(EVERY).await;
        }
    }
}

async fn prune_store(context: &Parts) -> Result<(), StoreUnavailable> {
    loop {
        let limits = context.setting(|settings| limits(&settings.retention, context.clock.now()));
        let pruned = context.retention.prune(limits, STEP_ROWS).await?;
        telemetry::removed(&pruned);
        if !pruned.more {
            return Ok(());
        }
        sleep(STEP_PAUSE).await;
    }
}

/// How long an attempt is silent before its lines are sealed, though they are few: it has most likely ended.
const SEAL_AFTER: TimeDelta = TimeDelta::minutes(10);

fn limits(settings: &RetentionSettings, now: DateTime<Utc>) -> RetentionLimits {
    let before = |keep: Keep| {
        let age = TimeDelta::from_std(keep.max_age?).ok()?;
        now.checked_sub_signed(age)
    };
    RetentionLimits {
        jobs_before: before(settings.jobs),
        jobs_max: settings.jobs.max_count,
        lines_before: before(settings.logs),
        lines_max: settings.logs.max_count,
        log_bytes_max: Some(settings.logs_max_bytes),
        job_log_bytes_max: Some(settings.logs_max_bytes_per_job),
        seal_before: now.checked_sub_signed(SEAL_AFTER),
        samples_before: before(settings.samples),
        samples_max: settings.samples.max_count,
    }
}

/// Removes copies of reject files that the settings do not keep. Blocks.
pub(crate) fn prune_rejects(context: &Parts) {
    let now = SystemTime::from(context.clock.now());
    let limits = context.setting(|settings| {
        let RetentionSettings { rejects, rejects_max_bytes: max_bytes, .. } = settings.retention;
        let before = rejects.max_age.and_then(|age| now.checked_sub(age));
        RejectLimits { before, max_count: rejects.max_count, max_bytes }
    });
    telemetry::rejects_removed(rejects::prune(&context.rejects(), &limits));
}
