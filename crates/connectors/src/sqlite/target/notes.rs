//! What loads note about themselves, in the database that they load into.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use etlplus_core::Failure;
use etlplus_core::pipeline::{Interval, JobSpec, TableName};
use sqlx::Row;

use crate::sqlite::database::{Database, arguments};
use crate::sqlite::table::Table;
use crate::target::{INTERVALS_KEPT_DAYS, NotedInterval, TargetState, changed_meanwhile, ensure_next, noted, reached};

const LOADS: &str = "etlplus_loads";
const INTERVALS: &str = "etlplus_intervals";
/// Tables that no load may have as its target.
pub(super) const TABLES: [&str; 2] = [LOADS, INTERVALS];

const CREATE_LOADS: &str = "CREATE TABLE IF NOT EXISTS main.etlplus_loads (\
    job_id TEXT NOT NULL PRIMARY KEY, pipeline TEXT NOT NULL, target TEXT NOT NULL, rows INTEGER NOT NULL, \
    cursor TEXT, loaded_at TEXT NOT NULL) STRICT";
const CREATE_INTERVALS: &str = "CREATE TABLE IF NOT EXISTS main.etlplus_intervals (\
    job_id TEXT NOT NULL PRIMARY KEY, pipeline TEXT NOT NULL, target TEXT NOT NULL, \
    after_cursor TEXT, up_to_cursor TEXT, fixed_at TEXT NOT NULL) STRICT";

/// What earlier loads noted; the columns are somebody else's to find.
pub(super) async fn read(database: &mut Database, job: &JobSpec, table: &TableName) -> Result<TargetState, Failure> {
    let mut state = TargetState::default();
    if Table::find(database, "main", LOADS).await?.is_some() {
        state.loaded = loaded(database, job).await?;
        state.cursor = cursor(database, job, table).await?;
    }
    state.interval = fixed_interval(database, job).await?;
    Ok(state)
}

/// What this very job was going to read.
async fn fixed_interval(database: &mut Database, job: &JobSpec) -> Result<Option<NotedInterval>, Failure> {
    if Table::find(database, "main", INTERVALS).await?.is_none() {
        return Ok(None);
    }
    let sql = "SELECT after_cursor, up_to_cursor FROM main.etlplus_intervals WHERE job_id = ?1";
    let rows = database.fetch(sql, arguments![job.id().to_string()]).await?;
    let interval = rows.first().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    interval.transpose().map_err(unreadable)
}

/// How far loads of the pipeline into the table have got; the table of loads has to be there. Cursors only grow, so that the
/// last is the greatest.
async fn cursor(database: &mut Database, job: &JobSpec, table: &TableName) -> Result<Option<String>, Failure> {
    let sql = "SELECT cursor FROM main.etlplus_loads WHERE pipeline = ?1 AND target = ?2 COLLATE NOCASE \
               AND cursor IS NOT NULL ORDER BY rowid DESC LIMIT 1";
    let rows = database.fetch(sql, arguments![job.pipeline().name.as_str(), table.table.as_str()]).await?;
    rows.first().map(|row| row.try_get(0)).transpose().map_err(unreadable)
}

fn unreadable(error: sqlx::Error) -> Failure {
    Failure::bug(format!("a note of a load: {error}"))
}

/// The rows that this very job has loaded; the table of loads has to be there.
async fn loaded(database: &mut Database, job: &JobSpec) -> Result<Option<u64>, Failure> {
    let sql = "SELECT rows FROM main.etlplus_loads WHERE job_id = ?1";
    let rows = database.fetch(sql, arguments![job.id().to_string()]).await?;
    let rows = rows.first().map(|row| row.try_get::<i64, _>(0)).transpose().map_err(unreadable)?;
    Ok(rows.map(i64::unsigned_abs))
}

/// Notes what the job is going to read, at once, and forgets the intervals of jobs that were given up.
pub(super) async fn fix_interval(
    database: &mut Database,
    job: &JobSpec,
    table: &TableName,
    interval: &Interval,
) -> Result<(), Failure> {
    let (after, up_to) = noted(interval);
    let now = Utc::now();
    database.execute("BEGIN IMMEDIATE", arguments![]).await?;
    database.execute(CREATE_INTERVALS, arguments![]).await?;
    let values =
        arguments![job.id().to_string(), job.pipeline().name.as_str(), table.table.as_str(), after, up_to, text(now)];
    database.execute("INSERT INTO main.etlplus_intervals VALUES (?, ?, ?, ?, ?, ?)", values).await?;
    let oldest = text(now - TimeDelta::days(INTERVALS_KEPT_DAYS.into()));
    database.execute("DELETE FROM main.etlplus_intervals WHERE fixed_at < ?1", arguments![oldest]).await?;
    database.execute("COMMIT", arguments![]).await.map(drop)
}

/// How many loads the table has had; one that comes later makes them more.
pub(super) async fn count(database: &mut Database, table: &TableName) -> Result<i64, Failure> {
    if Table::find(database, "main", LOADS).await?.is_none() {
        return Ok(0);
    }
    let sql = "SELECT count(*) FROM main.etlplus_loads WHERE target = ?1 COLLATE NOCASE";
    let rows = database.fetch(sql, arguments![table.table.as_str()]).await?;
    let count = rows.first().map(|row| row.try_get(0)).transpose().map_err(unreadable)?;
    Ok(count.unwrap_or(0))
}

/// Makes the table of loads, and refuses a job that has loaded, whose rows another job has loaded, or that has read the rows of
/// the table when it had had `seen` loads and another one came since. Part of the load's transaction.
pub(super) async fn prepare(
    database: &mut Database,
    job: &JobSpec,
    table: &TableName,
    seen: Option<i64>,
) -> Result<(), Failure> {
    database.execute(CREATE_LOADS, arguments![]).await?;
    if let Some(rows) = loaded(database, job).await? {
        return Err(Failure::bug(format!("job {} has loaded its {rows} rows before", job.id())));
    }
    let fixed = fixed_interval(database, job).await?;
    ensure_next(fixed.as_ref(), cursor(database, job, table).await?.as_deref())?;
    match seen {
        Some(seen) if count(database, table).await? != seen => {
            Err(changed_meanwhile(&format!("{table} of {}", database.path().display())))
        }
        _ => Ok(()),
    }
}

/// Notes the load, which has no use for its interval any more. Part of the load's transaction.
pub(super) async fn write(
    database: &mut Database,
    job: &JobSpec,
    table: &TableName,
    rows: u64,
    cursor: Option<String>,
) -> Result<(), Failure> {
    let id = job.id().to_string();
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let pipeline = job.pipeline().name.as_str();
    let cursor = reached(fixed_interval(database, job).await?, cursor);
    let values = arguments![id.as_str(), pipeline, table.table.as_str(), rows, cursor, text(Utc::now())];
    database.execute("INSERT INTO main.etlplus_loads VALUES (?, ?, ?, ?, ?, ?)", values).await?;
    if Table::find(database, "main", INTERVALS).await?.is_some() {
        database.execute("DELETE FROM main.etlplus_intervals WHERE job_id = ?1", arguments![id]).await?;
    }
    Ok(())
}

/// A moment; the order of the texts is that of time.
fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}
