//! Reading of what was recorded.

use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Answer, AttemptReport, LogPosition, Recorded, Sample, StoreUnavailable};
use crate::ids::{AttemptNumber, JobId, Offset};
use crate::job::{JobDefinition, JobFact, JobHeader, JobPolicy, JobState, JobStatus, JobType};
use crate::log::{LogLevel, LogLine, LogPattern};

/// A job as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// What never changes.
    pub header: Arc<JobHeader>,
    /// How it is treated.
    pub policy: JobPolicy,
    /// Where it is.
    pub state: JobState,
    /// What its last ended attempt left, where one left something.
    pub report: Option<AttemptReport>,
}

/// The jobs that have not ended, and the place in the log at which they were so: who goes on from there with the next
/// fact misses nothing and sees nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last fact that the states below hold.
    pub position: LogPosition,
    /// Every job that has not ended, by id.
    pub jobs: Vec<JobRecord>,
}

/// Which jobs are asked for. Empty lists and `None` leave nothing out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobQuery {
    /// In one of these.
    pub statuses: Vec<JobStatus>,
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// Of this kind.
    pub job_type: Option<JobType>,
    /// With this tag.
    pub tag: Option<String>,
    /// Accepted at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Accepted before this time.
    pub until: Option<DateTime<Utc>>,
    /// Whose id, pipeline, tags or failure hold this text, in any case of its ASCII letters.
    pub text: Option<String>,
    /// Made before this job, which is where the last page ended.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: NonZeroUsize,
}

/// A log line with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// The fact's place, which orders the lines of all attempts of a job.
    pub offset: Offset,
    /// Who said it.
    pub attempt: AttemptNumber,
    /// What was said.
    pub line: LogLine,
}

/// How much of an attempt's spool file is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolPosition {
    /// Its first bytes.
    pub bytes: u64,
    /// The number of the last line in them.
    pub line: u64,
}

/// Which lines of a job are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// The job.
    pub job: JobId,
    /// At this level or above.
    pub min_level: LogLevel,
    /// Where in the log.
    pub range: LogRange,
    /// At most so many.
    pub limit: NonZeroUsize,
}

/// Where in a job's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRange {
    /// The first lines after this place.
    After(Offset),
    /// The last lines of all.
    Last,
}

/// Which lines of a job are searched for. `None` leaves nothing out.
#[derive(Debug, Clone)]
pub struct LogSearch {
    /// The job.
    pub job: JobId,
    /// Said by this attempt.
    pub attempt: Option<AttemptNumber>,
    /// At this level or above.
    pub min_level: LogLevel,
    /// Said in this step.
    pub step: Option<String>,
    /// Said at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Said before this time.
    pub until: Option<DateTime<Utc>>,
    /// Whose message holds this.
    pub pattern: Option<LogPattern>,
    /// After this place.
    pub after: Offset,
    /// At most so many.
    pub limit: NonZeroUsize,
}

/// What one search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFound {
    /// The lines, in order.
    pub lines: Vec<StoredLine>,
    /// The place after which the next search goes on; `None` where the log was searched to its end.
    pub next: Option<Offset>,
}

impl LogSearch {
    /// Whether a line is one of those, its place and the limit aside.
    pub fn is_match(&self, stored: &StoredLine) -> bool {
        let line = &stored.line;
        self.is_wanted(stored.attempt, line.level, line.at, line.step.as_deref())
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&line.message))
    }

    /// Whether all that is known of a line beside its message fits.
    pub fn is_wanted(&self, attempt: AttemptNumber, level: LogLevel, at: DateTime<Utc>, step: Option<&str>) -> bool {
        level >= self.min_level
            && self.attempt.is_none_or(|wanted| wanted == attempt)
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.step.as_deref().is_none_or(|wanted| step == Some(wanted))
    }
}

/// Facts that cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The place belongs to another epoch, lies before what is kept, or after the last fact: what happened between it
    /// and now cannot be told one by one.
    #[error(
        "offset {} of epoch {} is not in the log, which holds {} to {} of epoch {}: take a snapshot and go on from there",
        asked.offset, asked.epoch, oldest, newest.offset, newest.epoch
    )]
    Gap {
        /// The place that was asked for.
        asked: LogPosition,
        /// The first offset that can be gone on from.
        oldest: Offset,
        /// The place of the last fact.
        newest: LogPosition,
    },
    /// The store cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Reads what the [`Ledger`](super::Ledger) recorded, and nothing that it has not.
pub trait History: Send + Sync {
    /// Why the last changes that were to be recorded were not, where that was a moment ago and none were since.
    fn recording_fault(&self) -> Option<StoreUnavailable>;

    /// A job, or `None` where there is no such job.
    fn job(&self, job: JobId) -> Answer<'_, Result<Option<JobRecord>, StoreUnavailable>>;

    /// What a job's attempts are made from, or `None` where there is no such job.
    fn definition(&self, job: JobId) -> Answer<'_, Result<Option<JobDefinition>, StoreUnavailable>>;

    /// The job that was accepted under this idempotency key, and the digest of what was submitted then; `None` where no job
    /// that is kept was.
    fn by_idempotency_key(&self, key: String) -> Answer<'_, Result<Option<(JobId, String)>, StoreUnavailable>>;

    /// The jobs that `query` asks for, the latest made first.
    fn jobs(&self, query: JobQuery) -> Answer<'_, Result<Vec<JobRecord>, StoreUnavailable>>;

    /// The jobs that have not ended, and the place of the last fact, both of one moment.
    fn snapshot(&self) -> Answer<'_, Result<Snapshot, StoreUnavailable>>;

    /// The facts after a place, in their order and without holes: at most `limit`; fewer only where the log ends.
    fn facts_after(&self, place: LogPosition, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Recorded>, HistoryError>>;

    /// The moves of a job in their order, each with its place: the last `limit` of them. They tell its attempts. None where
    /// there is no such job.
    fn moves(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<(Offset, JobFact)>, StoreUnavailable>>;

    /// Lines of a job's log, in the order in which they were recorded. None where there is no such job.
    fn log(&self, query: LogQuery) -> Answer<'_, Result<Vec<StoredLine>, StoreUnavailable>>;

    /// Lines of a job's log that `search` asks for, in the order in which they were recorded. One call looks through so much
    /// of the log as takes a moment, and says where the next goes on: it may have found nothing by then. None where there is
    /// no such job.
    fn search(&self, search: LogSearch) -> Answer<'_, Result<LogFound, StoreUnavailable>>;

    /// The last readings of a job, in order: at most `limit`.
    fn samples(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Sample>, StoreUnavailable>>;

    /// How much of an attempt's spool file is recorded as log lines; nothing where none is.
    fn spool_position(&self, job: JobId, attempt: AttemptNumber)
    -> Answer<'_, Result<SpoolPosition, StoreUnavailable>>;
}
