//! Facts, as they are told.

use std::sync::Arc;

use etlplus_bus::Subscription;
use etlplus_core::ids::JobId;
use etlplus_core::job::JobStatus;
use etlplus_core::ports::{Alert, Fact, Recorded};

use super::DEADLINE;

/// All facts, as they are told.
pub(crate) struct Facts {
    subscription: Subscription,
    pub(crate) seen: Vec<Arc<Recorded>>,
}

impl Facts {
    pub(crate) fn of(subscription: Subscription) -> Self {
        Self { subscription, seen: Vec::new() }
    }

    /// Reads on until a fact makes `is_it` true.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Recorded) -> bool) {
        let reading = async {
            loop {
                let facts = self.subscription.next().await.expect("facts are not lost");
                let has_come = facts.iter().any(|fact| is_it(fact));
                self.seen.extend(facts);
                if has_come {
                    return;
                }
            }
        };
        let result = tokio::time::timeout(DEADLINE, reading).await;
        assert!(result.is_ok(), "it never came; the moves were {:?}", self.moves());
    }

    /// Reads on until the job has been in that state.
    pub(crate) async fn until_status(&mut self, job: JobId, status: JobStatus) {
        self.until_times(job, status, 1).await;
    }

    /// Reads on until the job has come to that state so often.
    pub(crate) async fn until_times(&mut self, job: JobId, status: JobStatus, times: usize) {
        let is_it = |recorded: &Recorded| matches!(&recorded.fact, Fact::Job { job: header, fact } if header.id == job && fact.state.status() == status);
        while self.statuses(job).iter().filter(|seen| **seen == status).count() < times {
            self.until(is_it).await;
        }
    }

    /// Reads on until the job has said that.
    pub(crate) async fn until_line(&mut self, job: JobId, said: &str) {
        if !self.lines(job).iter().any(|line| line == said) {
            self.until(|recorded| matches!(&recorded.fact, Fact::Log { job: header, line, .. } if header.id == job && line.message == said)).await;
        }
    }

    /// Each job's moves, by id and status.
    pub(crate) fn moves(&self) -> Vec<(JobId, JobStatus)> {
        let of = |recorded: &Arc<Recorded>| match &recorded.fact {
            Fact::Job { job, fact } => Some((job.id, fact.state.status())),
            Fact::Log { .. } | Fact::Alert(_) | Fact::Settings(_) => None,
        };
        self.seen.iter().filter_map(of).collect()
    }

    pub(crate) fn statuses(&self, job: JobId) -> Vec<JobStatus> {
        self.moves().into_iter().filter(|(id, _)| *id == job).map(|(_, status)| status).collect()
    }

    /// The jobs in the order in which they came to `status`.
    pub(crate) fn order_of(&self, status: JobStatus) -> Vec<JobId> {
        self.moves().into_iter().filter(|(_, moved_to)| *moved_to == status).map(|(id, _)| id).collect()
    }

    /// The messages of a job's log lines, in order.
    pub(crate) fn lines(&self, job: JobId) -> Vec<String> {
        let of = |recorded: &Arc<Recorded>| match &recorded.fact {
            Fact::Log { job: header, line, .. } if header.id == job => Some(line.message.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(of).collect()
    }

    /// The alerts, in order.
    pub(crate) fn alerts(&self) -> Vec<Arc<Alert>> {
        let of = |recorded: &Arc<Recorded>| match &recorded.fact {
            Fact::Alert(alert) => Some(alert.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(of).collect()
    }
}
