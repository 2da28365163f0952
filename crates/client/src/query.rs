//! What lists can be asked for.

use chrono::{DateTime, SecondsFormat, Utc};
use etlplus_api::{AlertRule, AlertStatus, JobStatus, JobType, LogLevel};

/// Which jobs to list. What is left out lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// In one of these.
    pub statuses: Vec<JobStatus>,
    /// Of this pipeline.
    pub pipeline: Option<String>,
    /// Of this kind.
    pub job_type: Option<JobType>,
    /// Whose pipeline has this tag.
    pub tag: Option<String>,
    /// Submitted at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Submitted before this time.
    pub until: Option<DateTime<Utc>>,
    /// A text to look for.
    pub text: Option<String>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
}

/// Which lines of a job's log to get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Those after this offset.
    pub after: Option<u64>,
    /// How many at most.
    pub limit: Option<u32>,
    /// At this level or above.
    pub level: Option<LogLevel>,
    /// The last so many; not beside what follows.
    pub tail: Option<u32>,
    /// Whose message holds this text: in any case of ASCII letters, unless it has a capital one.
    pub text: Option<String>,
    /// Whose message matches this regular expression; not beside a text.
    pub regex: Option<String>,
    /// Said in this step.
    pub step: Option<String>,
    /// Of this attempt.
    pub attempt: Option<u32>,
    /// Said at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Said before this time.
    pub until: Option<DateTime<Utc>>,
}

/// Which alerts to list. What is left out lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Raised by this rule.
    pub rule: Option<AlertRule>,
    /// That fire, or are resolved.
    pub status: Option<AlertStatus>,
    /// About this job.
    pub job: Option<String>,
    /// Whose reason still holds.
    pub only_active: bool,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
}

/// Names and values of a query, in the order of the address.
pub(crate) type Pairs = Vec<(&'static str, String)>;

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl JobQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        let statuses: Vec<&str> = self.statuses.iter().map(|status| status.as_str()).collect();
        given([
            ("status", (!statuses.is_empty()).then(|| statuses.join(","))),
            ("pipeline", self.pipeline.clone()),
            ("type", self.job_type.map(|kind| kind.as_str().to_owned())),
            ("tag", self.tag.clone()),
            ("from", self.from.map(time)),
            ("until", self.until.map(time)),
            ("q", self.text.clone()),
            ("cursor", self.cursor.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ])
    }
}

impl LogQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        given([
            ("after", self.after.map(|after| after.to_string())),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("level", self.level.map(|level| level.as_str().to_owned())),
            ("tail", self.tail.map(|tail| tail.to_string())),
            ("q", self.text.clone()),
            ("regex", self.regex.clone()),
            ("step", self.step.clone()),
            ("attempt", self.attempt.map(|attempt| attempt.to_string())),
            ("since", self.since.map(time)),
            ("until", self.until.map(time)),
        ])
    }
}

impl AlertQuery {
    pub(crate) fn pairs(&self) -> Pairs {
        given([
            ("rule", self.rule.map(|rule| rule.as_str().to_owned())),
            ("status", self.status.map(|status| status.as_str().to_owned())),
            ("jobId", self.job.clone()),
            ("active", self.only_active.then(|| "true".to_owned())),
            ("cursor", self.cursor.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ])
    }
}

/// The pairs that have a value.
pub(crate) fn given(pairs: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Pairs {
    pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_asked_for() {
        assert_eq!(JobQuery::default().pairs(), []);
        assert_eq!(LogQuery::default().pairs(), []);
        let query = JobQuery {
            statuses: vec![JobStatus::Running, JobStatus::Failed],
            job_type: Some(JobType::FullEtl),
            from: DateTime::from_timestamp(1_767_225_600, 0),
            text: Some("a b".to_owned()),
            ..JobQuery::default()
        };
        let expected = [
            ("status", "RUNNING,FAILED".to_owned()),
            ("type", "FULL_ETL".to_owned()),
            ("from", "2026-01-01T00:00:00Z".to_owned()),
            ("q", "a b".to_owned()),
        ];
        assert_eq!(query.pairs(), expected);
        let query = LogQuery {
            text: Some("disk full".to_owned()),
            attempt: Some(2),
            since: DateTime::from_timestamp(1_767_225_600, 0),
            ..LogQuery::default()
        };
        let expected =
            [("q", "disk full".to_owned()), ("attempt", "2".to_owned()), ("since", "2026-01-01T00:00:00Z".to_owned())];
        assert_eq!(query.pairs(), expected);
    }
}
