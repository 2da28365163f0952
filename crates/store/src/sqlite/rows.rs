//! Rows and what they mean, in both directions.

use chrono::{DateTime, SecondsFormat, Utc};
use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::job::{JobHeader, JobType};
use etlplus_core::log::{LogLevel, LogLine};
use etlplus_core::ports::JobRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

pub(super) fn job_id(row: &SqliteRow) -> sqlx::Result<JobId> {
    row.try_get::<&str, _>("id")?.parse().map_err(undecodable)
}

/// A job's header. The row has the columns `id`, `pipeline`, `job_type`, `tags` and `submitted_at`.
pub(super) fn header(row: &SqliteRow) -> sqlx::Result<JobHeader> {
    Ok(JobHeader {
        id: job_id(row)?,
        pipeline: row.try_get("pipeline")?,
        job_type: job_type(row.try_get("job_type")?)?,
        tags: json(row.try_get("tags")?)?,
        submitted_at: time(row.try_get("submitted_at")?),
    })
}

/// A job. The row has the columns of its header, and `policy`, `state` and `report`.
pub(super) fn job(row: &SqliteRow) -> sqlx::Result<JobRecord> {
    let report: Option<&str> = row.try_get("report")?;
    Ok(JobRecord {
        header: header(row)?.into(),
        policy: json(row.try_get("policy")?)?,
        state: json(row.try_get("state")?)?,
        report: report.map(json).transpose()?,
    })
}

/// A log line. The row has the columns `line`, `at`, `level`, `step`, `message` and `fields`.
pub(super) fn line(row: &SqliteRow) -> sqlx::Result<LogLine> {
    let level: i64 = row.try_get("level")?;
    let level = LogLevel::ALL.into_iter().find(|known| level_number(*known) == level);
    Ok(LogLine {
        line: row.try_get("line")?,
        at: time(row.try_get("at")?),
        level: level.ok_or_else(|| undecodable("no such level"))?,
        step: row.try_get("step")?,
        message: row.try_get("message")?,
        fields: row.try_get::<Option<&str>, _>("fields")?.map(json).transpose()?.unwrap_or_default(),
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

/// A value as JSON.
///
/// # Errors
/// It has none, such as a path that is not UTF-8. The error reaches no further than the request that brought the value.
pub(super) fn to_json(value: &(impl Serialize + ?Sized)) -> sqlx::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| sqlx::Error::Encode(format!("a change cannot be written as JSON: {error}").into()))
}

pub(super) fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
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

/// A time as those in JSON are, without the Z: as text it sorts like the time that it stands for.
pub(super) fn sortable_text(at: DateTime<Utc>) -> String {
    let mut text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    text.pop();
    text
}
