//! What a connection wants to see, checked.

use std::collections::BTreeSet;
use std::str::FromStr;

use etlplus_api::{FilterClause, LogLevel, MessageType};
use etlplus_core::ids::JobId;
use etlplus_core::job::{JobHeader, JobStatus};
use etlplus_core::ports::Fact;
use serde_json::Value;

use super::bounds::{FILTER_CLAUSES_MAX, FILTER_VALUES_MAX};
use crate::wire;

/// OR-ed clauses; without one, everything. Equal filters are equal values, whatever the order of their lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    clauses: Vec<Clause>,
}

/// What every list that is given lets through. An empty list lets nothing through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Clause {
    jobs: Option<BTreeSet<JobId>>,
    pipelines: Option<BTreeSet<String>>,
    tags: Option<BTreeSet<String>>,
    types: Option<BTreeSet<MessageType>>,
    statuses: Option<BTreeSet<JobStatus>>,
    min_level: Option<LogLevel>,
}

/// What a filter is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The job that it is about.
    pub(super) job: Option<JobId>,
    /// The pipeline that it is about.
    pub(super) pipeline: Option<&'a str>,
    /// The tags of the job that it is about.
    pub(super) tags: &'a [String],
    /// The job's status after the message; `None` where it has ended and is forgotten, or where there is none.
    pub(super) status: Option<JobStatus>,
    pub(super) kind: MessageType,
    /// Of a log line.
    pub(super) level: Option<LogLevel>,
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl<'a> Subject<'a> {
    /// A message about a job.
    pub(super) fn of(
        job: &'a JobHeader,
        status: Option<JobStatus>,
        kind: MessageType,
        level: Option<LogLevel>,
    ) -> Self {
        Self { job: Some(job.id), pipeline: Some(&job.pipeline), tags: &job.tags, status, kind, level }
    }

    /// A fact. `status` is the job's, where the fact is a log line: it does not say it by itself.
    pub(super) fn of_fact(fact: &'a Fact, status: Option<JobStatus>) -> Self {
        match fact {
            Fact::Job { job, fact } => Self::of(job, Some(fact.state.status()), MessageType::JobStatusUpdate, None),
            Fact::Log { job, line, .. } => {
                Self::of(job, status, MessageType::JobLogMessage, Some(wire::level(line.level)))
            }
            Fact::Alert(alert) => {
                let pipeline = alert.labels.get("pipeline").map(String::as_str);
                Self { job: alert.job, pipeline, ..Self::NOTICE }
            }
            Fact::Settings(_) => Self::NOTICE,
        }
    }

    /// A notice that is about no job.
    const NOTICE: Self =
        Self { job: None, pipeline: None, tags: &[], status: None, kind: MessageType::SystemNotification, level: None };
}

impl Filter {
    /// Whether the message reaches the connection.
    pub(super) fn lets_through(&self, subject: Subject<'_>) -> bool {
        self.clauses.is_empty() || self.clauses.iter().any(|clause| clause.lets_through(subject))
    }

    /// Whether a snapshot shows the job: whether any message about it, as it is, could come.
    pub(super) fn shows(&self, job: &JobHeader, status: JobStatus) -> bool {
        let is_shown = |clause: &Clause| {
            clause.is_about(Subject::of(job, Some(status), MessageType::JobStatusUpdate, None))
                && clause.types.as_ref().is_none_or(|types| !types.is_empty())
        };
        self.clauses.is_empty() || self.clauses.iter().any(is_shown)
    }

    /// The jobs to which the filter keeps; `None` where it can let any job through.
    pub(super) fn jobs(&self) -> Option<BTreeSet<JobId>> {
        if self.clauses.is_empty() {
            return None;
        }
        let lists: Option<Vec<_>> = self.clauses.iter().map(|clause| clause.jobs.as_ref()).collect();
        Some(lists?.into_iter().flatten().copied().collect())
    }

    /// Whether it depends on the status of jobs, which a log line does not say by itself.
    pub(super) fn asks_for_statuses(&self) -> bool {
        self.clauses.iter().any(|clause| clause.statuses.is_some())
    }

    /// As a client gives it.
    pub(super) fn to_wire(&self) -> Vec<FilterClause> {
        self.clauses.iter().map(Clause::to_wire).collect()
    }

    /// Reads the value of `filters`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn read(value: &Value) -> Result<Self, Fault> {
        let Some(list) = value.as_array() else {
            return Err(fault("filters", "is no list", "give a list of clauses; an empty one shows everything"));
        };
        if list.len() > FILTER_CLAUSES_MAX {
            let message = format!("has {} clauses", list.len());
            return Err(fault("filters", message, format!("give at most {FILTER_CLAUSES_MAX}")));
        }
        let read = |(index, clause)| Clause::read(clause, &format!("filters[{index}]"));
        let clauses = list.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { clauses })
    }

    /// One clause of the parameters of a query: each has comma-separated values.
    ///
    /// # Errors
    /// The first thing that is wrong, by its parameter.
    pub(super) fn of_query(parameters: &[(String, String)]) -> Result<Self, Fault> {
        let mut clause = Clause::default();
        for (name, text) in parameters {
            let key = match name.as_str() {
                // They open the stream and say where it begins, and nothing of what is on it.
                "ticket" | "since" => continue,
                "jobId" => "jobIds",
                "pipeline" => "pipelines",
                "tag" => "tags",
                "type" => "types",
                "status" => "statuses",
                "minLevel" => "minLevel",
                _ => {
                    let remedy = "give jobId, pipeline, tag, type, status, minLevel or since";
                    return Err(fault(name, "is no parameter of the stream", remedy));
                }
            };
            let values: Vec<&str> = text.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
            clause.take(key, &values, name)?;
        }
        let is_empty = clause == Clause::default();
        Ok(Self { clauses: if is_empty { Vec::new() } else { vec![clause] } })
    }
}

impl Clause {
    fn lets_through(&self, subject: Subject<'_>) -> bool {
        let is_loud_enough = match (self.min_level, subject.level) {
            (Some(least), Some(level)) => level >= least,
            _ => true,
        };
        is_loud_enough
            && self.types.as_ref().is_none_or(|types| types.contains(&subject.kind))
            && self.is_about(subject)
    }

    /// What is about no job, no pipeline or nothing with a status or tags is none of those that a list names.
    fn is_about(&self, Subject { job, pipeline, tags, status, .. }: Subject<'_>) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| job.is_some_and(|job| jobs.contains(&job)))
            && self.pipelines.as_ref().is_none_or(|all| pipeline.is_some_and(|pipeline| all.contains(pipeline)))
            && self.tags.as_ref().is_none_or(|wanted| tags.iter().any(|tag| wanted.contains(tag)))
            && self.statuses.as_ref().is_none_or(|statuses| status.is_some_and(|status| statuses.contains(&status)))
    }

    fn read(value: &Value, at: &str) -> Result<Self, Fault> {
        let Some(keys) = value.as_object() else {
            return Err(fault(at, "is no object", "give an object such as {\"pipelines\": [\"orders\"]}"));
        };
        let mut clause = Self::default();
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            let place = format!("{at}.{key}");
            let is_text = |value: &Value| value.as_str().is_some();
            let values: Vec<&str> = match value {
                Value::Array(list) if key != "minLevel" && list.iter().all(is_text) => {
                    list.iter().filter_map(Value::as_str).collect()
                }
                Value::String(text) if key == "minLevel" => vec![text],
                _ if key == "minLevel" => return Err(fault(&place, "is no text", remedy_of(key))),
                _ => return Err(fault(&place, "is no list of texts", remedy_of(key))),
            };
            clause.take(key, &values, &place)?;
        }
        Ok(clause)
    }

    /// Adds the values of one key; `place` names it in faults.
    fn take(&mut self, key: &str, values: &[&str], place: &str) -> Result<(), Fault> {
        if values.len() > FILTER_VALUES_MAX {
            let message = format!("has {} values", values.len());
            return Err(fault(place, message, format!("give at most {FILTER_VALUES_MAX}")));
        }
        match key {
            "jobIds" => self.jobs = Some(all(key, values, place, |text| JobId::from_str(text).ok())?),
            "pipelines" => self.pipelines = Some(all(key, values, place, |text| Some(text.to_owned()))?),
            "tags" => self.tags = Some(all(key, values, place, |text| Some(text.to_owned()))?),
            "types" => {
                let kind = |text: &str| MessageType::ALL.into_iter().find(|kind| kind.as_str() == text);
                self.types = Some(all(key, values, place, kind)?);
            }
            "statuses" => {
                let all_statuses = etlplus_api::JobStatus::ALL;
                let status = |text: &str| all_statuses.into_iter().find(|status| status.as_str() == text);
                self.statuses = Some(all(key, values, place, |text| status(text).map(wire::core_status))?);
            }
            "minLevel" => {
                let level = |text: &str| LogLevel::ALL.into_iter().find(|level| level.as_str() == text);
                let levels: BTreeSet<LogLevel> = all(key, values, place, level)?;
                self.min_level = levels.first().copied();
                if levels.len() != 1 {
                    return Err(fault(place, "is not one level", remedy_of(key)));
                }
            }
            _ => return Err(fault(place, "is no key of a clause", remedy_of(key))),
        }
        Ok(())
    }

    fn to_wire(&self) -> FilterClause {
        let Self { jobs, pipelines, tags, types, statuses, min_level } = self;
        FilterClause {
            job_ids: jobs.as_ref().map(|jobs| jobs.iter().map(ToString::to_string).collect()),
            pipelines: pipelines.as_ref().map(|pipelines| pipelines.iter().cloned().collect()),
            tags: tags.as_ref().map(|tags| tags.iter().cloned().collect()),
            types: types.as_ref().map(|types| types.iter().copied().collect()),
            statuses: statuses.as_ref().map(|statuses| statuses.iter().copied().map(wire::status).collect()),
            min_level: *min_level,
        }
    }
}

/// Every value as `read` understands it.
fn all<T: Ord>(
    key: &str,
    values: &[&str],
    place: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<BTreeSet<T>, Fault> {
    let one = |text: &&str| {
        let shown: String = text.chars().take(60).collect();
        read(text).ok_or_else(|| fault(place, format!("does not take {shown:?}"), remedy_of(key)))
    };
    values.iter().map(one).collect()
}

/// What a key takes.
fn remedy_of(key: &str) -> &'static str {
    match key {
        "jobIds" => "give ids of jobs, which are UUIDs",
        "pipelines" => "give names of pipelines",
        "tags" => "give tags of jobs",
        "types" => {
            "give job_status_update, job_progress_update, job_metrics_update, job_log_message or system_notification"
        }
        "statuses" => "give PENDING, RUNNING, PAUSED, COMPLETED, FAILED or CANCELLED",
        "minLevel" => "give DEBUG, INFO, WARN or ERROR",
        _ => "give jobIds, pipelines, tags, types, statuses or minLevel",
    }
}

fn fault(key: &str, message: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault { key: key.to_owned(), message: message.into(), remedy: remedy.into() }
}
