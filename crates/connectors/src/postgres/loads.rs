//! What was loaded: a row for each job in `etlplus_loads`, written in the transaction that puts its rows in place, and the
//! interval of an incremental load in `etlplus_intervals`, written before its first row is read. Both are in the target's
//! schema.

use etlplus_core::Failure;
use etlplus_core::pipeline::{Interval, JobSpec};
use sqlx::Row;

use super::catalog::{self, Place};
use super::connect::Session;
use super::literal;
use super::target::Job;
use crate::target::{self, INTERVALS_KEPT_DAYS, NotedInterval, changed_meanwhile};

const LOADS: &str = "etlplus_loads";
const INTERVALS: &str = "etlplus_intervals";

/// What earlier loads noted.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) loaded: Option<u64>,
    pub(super) cursor: Option<String>,
    pub(super) interval: Option<NotedInterval>,
}

/// Makes the two tables where they are missing.
pub(super) async fn ensure_tables(session: &mut Session, place: &Place) -> Result<(), Failure> {
    let (loads, intervals) = (place.beside(LOADS), place.beside(INTERVALS));
    if catalog::table(session, &loads).await?.is_some() && catalog::table(session, &intervals).await?.is_some() {
        return Ok(());
    }
    // Two sessions that make a table at the same time trip over one another, IF NOT EXISTS or not.
    let made = session
        .run(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('etlplus_loads', 0)); \
             CREATE TABLE IF NOT EXISTS {} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id text NOT NULL UNIQUE, \
               pipeline text NOT NULL, target text NOT NULL, rows bigint NOT NULL, cursor text, \
               loaded_at timestamptz NOT NULL DEFAULT clock_timestamp()); \
             CREATE TABLE IF NOT EXISTS {} (job_id text PRIMARY KEY, after text, up_to text, \
               fixed_at timestamptz NOT NULL DEFAULT clock_timestamp()); \
             COMMIT",
            loads.sql(),
            intervals.sql()
        ))
        .await;
    made.map(drop).map_err(|failure| Failure {
        remedy: format!(
            "{}; the user needs the right to create tables in the schema {:?}",
            failure.remedy, place.schema
        ),
        ..failure
    })
}

/// What is noted about the job and its pipeline's earlier loads of the same table; nothing where there are no notes yet.
pub(super) async fn noted(session: &mut Session, job: &JobSpec, place: &Place) -> Result<Noted, Failure> {
    let (loads, intervals) = (place.beside(LOADS), place.beside(INTERVALS));
    let id = job.id().to_string();
    let mut noted = Noted::default();
    if catalog::table(session, &loads).await?.is_some() {
        noted.loaded = loaded(session, &id, place).await?;
        noted.cursor = cursor(session, &job.pipeline().name, place).await?;
    }
    if catalog::table(session, &intervals).await?.is_some() {
        noted.interval = fixed_interval(session, &id, place).await?;
    }
    Ok(noted)
}

/// How far loads of the pipeline into the table have got. The table of loads has to be there.
async fn cursor(session: &mut Session, pipeline: &str, place: &Place) -> Result<Option<String>, Failure> {
    let sql = format!(
        "SELECT cursor FROM {} WHERE pipeline = $1 AND target = $2 AND cursor IS NOT NULL ORDER BY id DESC LIMIT 1",
        place.beside(LOADS).sql()
    );
    let row = session.row(&sql, &[Some(pipeline), Some(&place.to_string())]).await?;
    row.map(|row| row.try_get(0)).transpose().map_err(|error| session.failure(&error))
}

/// What the job was going to read. The table of intervals has to be there.
async fn fixed_interval(session: &mut Session, job: &str, place: &Place) -> Result<Option<NotedInterval>, Failure> {
    let sql = format!("SELECT after, up_to FROM {} WHERE job_id = $1", place.beside(INTERVALS).sql());
    let row = session.row(&sql, &[Some(job)]).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose().map_err(|error| session.failure(&error))
}

/// The number of the last load of the table, 0 where there is none. Those of later loads are greater.
pub(super) async fn last(session: &mut Session, place: &Place) -> Result<i64, Failure> {
    let loads = place.beside(LOADS);
    if catalog::table(session, &loads).await?.is_none() {
        return Ok(0);
    }
    let sql = format!("SELECT coalesce(max(id), 0) FROM {} WHERE target = $1", loads.sql());
    let row = session.row(&sql, &[Some(&place.to_string())]).await?;
    let last = row.map(|row| row.try_get(0)).transpose().map_err(|error| session.failure(&error))?;
    Ok(last.unwrap_or(0))
}

/// Refuses a job whose rows another one has loaded meanwhile, or that has compared its rows with those of the table before
/// another one added some; what it was going to read. Both tables have to be there.
pub(super) async fn ensure_next(session: &mut Session, job: &Job) -> Result<Option<NotedInterval>, Failure> {
    let fixed = fixed_interval(session, &job.id, &job.place).await?;
    target::ensure_next(fixed.as_ref(), cursor(session, &job.pipeline, &job.place).await?.as_deref())?;
    if let Some(seen) = job.seen
        && last(session, &job.place).await? != seen
    {
        return Err(changed_meanwhile(&job.place.to_string()));
    }
    Ok(fixed)
}

/// Lets no other load of the table be noted until the transaction ends. No lock is waited for after this one, so that two
/// loads cannot wait for each other.
pub(super) async fn lock(session: &mut Session, place: &Place) -> Result<(), Failure> {
    let name = literal(&format!("{LOADS} {}", place.sql()));
    session.run(&format!("SELECT pg_advisory_xact_lock(hashtextextended({name}, 0))")).await.map(drop)
}

/// The rows that the job loaded, if it did. The table of loads has to be there.
pub(super) async fn loaded(session: &mut Session, job: &str, place: &Place) -> Result<Option<u64>, Failure> {
    let sql = format!("SELECT rows FROM {} WHERE job_id = $1", place.beside(LOADS).sql());
    let row = session.row(&sql, &[Some(job)]).await?;
    let rows = row.map(|row| row.try_get::<i64, _>(0)).transpose().map_err(|error| session.failure(&error))?;
    Ok(rows.map(i64::unsigned_abs))
}

/// Notes a load at the end of the transaction that puts its rows in place, unless another one came first.
pub(super) async fn note(session: &mut Session, job: &Job, rows: u64, cursor: Option<String>) -> Result<(), Failure> {
    lock(session, &job.place).await?;
    let fixed = ensure_next(session, job).await?;
    let cursor = target::reached(fixed, cursor);
    let loads = job.place.beside(LOADS).sql();
    let sql =
        format!("INSERT INTO {loads} (job_id, pipeline, target, rows, cursor) VALUES ($1, $2, $3, $4::bigint, $5)");
    let (target, rows) = (job.place.to_string(), rows.to_string());
    session.rows(&sql, &[Some(&job.id), Some(&job.pipeline), Some(&target), Some(&rows), cursor.as_deref()]).await?;
    // It was kept for further attempts, and there will be none.
    let sql = format!("DELETE FROM {} WHERE job_id = $1", job.place.beside(INTERVALS).sql());
    session.rows(&sql, &[Some(&job.id)]).await?;
    Ok(())
}

/// Notes the interval of a job, at once, and forgets those of jobs that were given up.
pub(super) async fn fix_interval(
    session: &mut Session,
    job: &str,
    place: &Place,
    interval: &Interval,
) -> Result<(), Failure> {
    let sql = format!("INSERT INTO {} (job_id, after, up_to) VALUES ($1, $2, $3)", place.beside(INTERVALS).sql());
    let (after, up_to) = target::noted(interval);
    session.rows(&sql, &[Some(job), after.as_deref(), up_to.as_deref()]).await?;
    let sql = format!(
        "DELETE FROM {} WHERE fixed_at < clock_timestamp() - make_interval(days => {INTERVALS_KEPT_DAYS})",
        place.beside(INTERVALS).sql()
    );
    session.run(&sql).await?;
    Ok(())
}
