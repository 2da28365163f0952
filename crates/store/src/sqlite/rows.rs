//! Rows and what they mean, in both directions.

use chrono::{DateTime, Utc};
use etlplus_core::ids::{AttemptNumber, Epoch, JobId, Offset};
use etlplus_core::job::{JobHeader, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::{JobRecord, LogPosition};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// The place of the last fact.
pub(super) async fn position(connection: &mut SqliteConnection) -> sqlx::Result<LogPosition> {
    let row = sqlx::query("SELECT epoch, last_offset FROM meta").fetch_one(connection).await?;
    let epoch = row.try_get::<&str, _>("epoch")?.parse().map_err(undecodable)?;
    Ok(LogPosition { epoch: Epoch::from_uuid(epoch), offset: Offset::from_number(row.try_get("last_offset")?) })
}

/// A job's header. The row has the columns `id`, `pipeline`, `job_type`, `tags` and `submitted_at`.
pub(super) fn header(row: &SqliteRow) -> sqlx::Result<JobHeader> {
    Ok(JobHeader {
        id: row.try_get::<&str, _>("id")?.parse::<JobId>().map_err(undecodable)?,
        pipeline: row.try_get("pipeline")?,
        job_type: job_type(row.try_get("job_type")?)?,
        tags: json(row.try_get("tags")?)?,
        submitted_at: time(row.try_get("submitted_at")?),
    })
}

/// A job. The row has the columns of its header, and `state` and `report`.
pub(super) fn job(row: &SqliteRow) -> sqlx::Result<JobRecord> {
    let report: Option<&str> = row.try_get("report")?;
    Ok(JobRecord {
        header: header(row)?.into(),
        state: json(row.try_get("state")?)?,
        report: report.map(json).transpose()?,
    })
}

/// A log line. The row has the columns `line`, `at`, `level` and `message`.
pub(super) fn line(row: &SqliteRow) -> sqlx::Result<LogLine> {
    let level: i64 = row.try_get("level")?;
    let level = LogLevel::ALL.into_iter().find(|known| level_number(*known) == level);
    Ok(LogLine {
        line: row.try_get("line")?,
        at: time(row.try_get("at")?),
        level: level.ok_or_else(|| undecodable("no such level"))?,
        message: row.try_get("message")?,
    })
}

pub(super) fn offset(row: &SqliteRow) -> sqlx::Result<Offset> {
    row.try_get("offset").map(Offset::from_number)
}

pub(super) fn attempt(row: &SqliteRow) -> sqlx::Result<AttemptNumber> {
    AttemptNumber::from_number(row.try_get("attempt")?).ok_or_else(|| undecodable("no such attempt"))
}

fn job_type(word: &str) -> sqlx::Result<JobType> {
    let known = [JobType::FullEtl, JobType::Extract, JobType::Transform, JobType::Load];
    known.into_iter().find(|known| known.as_str() == word).ok_or_else(|| undecodable("no such kind of job"))
}

pub(super) fn json<T: DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(undecodable)
}

fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// The level as the table has it, in the levels' order.
pub(super) fn level_number(level: LogLevel) -> i64 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Info => 1,
        LogLevel::Warn => 2,
        LogLevel::Error => 3,
    }
}

/// A number as SQLite holds it. Nothing that is counted here comes near the end of its range.
pub(super) fn integer(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Nanoseconds since 1970. Times beyond the years 1677 to 2262 become the nearest of them, which no clock shows and every
/// comparison can do with.
pub(super) fn nanos(at: DateTime<Utc>) -> i64 {
    let nearest = if at < DateTime::UNIX_EPOCH { i64::MIN } else { i64::MAX };
    at.timestamp_nanos_opt().unwrap_or(nearest)
}

pub(super) fn time(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}
