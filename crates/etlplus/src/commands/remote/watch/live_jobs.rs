//! What is known of the jobs that are watched: a plain fold over the frames of the live channel.

use std::collections::BTreeMap;

use etlplus_api::{
    Frame, JobMetricsUpdate, JobMonitoringData, JobProgressUpdate, JobStatusUpdate, ServerMessage, Snapshot,
};

/// What a frame changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The job with this id is new here, or its status has changed.
    Moved(String),
    /// The job with this id was active, and is no longer: it has ended while nobody watched.
    Gone(String),
}

/// The active jobs, and those that have ended and were not yet told.
#[derive(Debug, Default)]
pub(super) struct LiveJobs(BTreeMap<String, JobMonitoringData>);

impl LiveJobs {
    /// The jobs, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &JobMonitoringData> {
        self.0.values()
    }

    /// The job with this id.
    pub(super) fn get(&self, id: &str) -> Option<&JobMonitoringData> {
        self.0.get(id)
    }

    /// Takes what REST said of a job.
    pub(super) fn put(&mut self, job: JobMonitoringData) {
        self.0.insert(job.job_id.clone(), job);
    }

    /// Forgets a job.
    pub(super) fn forget(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Takes what a frame says.
    pub(super) fn apply(&mut self, frame: &Frame) -> Vec<News> {
        match &frame.message {
            ServerMessage::Snapshot(snapshot) => self.replace(snapshot),
            ServerMessage::JobStatusUpdate(update) => self.status(update).into_iter().collect(),
            ServerMessage::JobProgressUpdate(update) => self.progress(update),
            ServerMessage::JobMetricsUpdate(update) => self.metrics(update),
            _ => Vec::new(),
        }
    }

    fn replace(&mut self, snapshot: &Snapshot) -> Vec<News> {
        let now: BTreeMap<_, _> = snapshot.jobs.iter().map(|job| (job.job_id.clone(), job.clone())).collect();
        let gone = self.0.keys().filter(|id| !now.contains_key(*id)).map(|id| News::Gone(id.clone()));
        let moved = now.values().filter(|job| self.0.get(&job.job_id).is_none_or(|before| has_moved(before, job)));
        let news = gone.chain(moved.map(|job| News::Moved(job.job_id.clone()))).collect();
        // Those that are gone stay known until somebody has said how they ended.
        self.0.extend(now);
        news
    }

    fn status(&mut self, update: &JobStatusUpdate) -> Option<News> {
        let before = self.0.get(&update.job_id);
        let job = moved(before, update);
        let is_news = before.is_none_or(|before| has_moved(before, &job));
        self.put(job);
        is_news.then(|| News::Moved(update.job_id.clone()))
    }

    fn progress(&mut self, update: &JobProgressUpdate) -> Vec<News> {
        if let Some(job) = self.0.get_mut(&update.job_id).filter(|job| job.attempt == update.attempt) {
            job.progress_percent = update.progress_percent;
            job.current_step.clone_from(&update.current_step);
            job.eta = update.eta;
            job.metrics.records_processed = update.records_processed;
            job.metrics.records_successful = update.records_successful;
            job.metrics.records_failed = update.records_failed;
            job.rejects.clone_from(&update.rejects);
        }
        Vec::new()
    }

    fn metrics(&mut self, update: &JobMetricsUpdate) -> Vec<News> {
        if let Some(job) = self.0.get_mut(&update.job_id).filter(|job| job.attempt == update.attempt) {
            job.metrics = update.metrics.clone();
            job.execution_time = update.metrics.execution_time;
        }
        Vec::new()
    }
}

fn has_moved(before: &JobMonitoringData, now: &JobMonitoringData) -> bool {
    (before.status, before.stopping, before.attempt, before.retry_at)
        != (now.status, now.stopping, now.attempt, now.retry_at)
}

/// A job after a change of its status. What the update does not say stays, as long as it is about the same attempt.
fn moved(before: Option<&JobMonitoringData>, update: &JobStatusUpdate) -> JobMonitoringData {
    let before = before.filter(|before| before.attempt == update.attempt);
    let metrics = update.metrics.clone().or_else(|| before.map(|before| before.metrics.clone())).unwrap_or_default();
    JobMonitoringData {
        job_id: update.job_id.clone(),
        pipeline: update.pipeline.clone(),
        job_type: update.job_type,
        tags: update.tags.clone(),
        status: update.status,
        attempt: update.attempt,
        stopping: update.stopping,
        progress_percent: update.progress_percent,
        current_step: update.current_step.clone(),
        eta: None,
        submitted_at: update.submitted_at,
        start_time: update.start_time,
        end_time: update.end_time,
        retry_at: update.retry_at,
        execution_time: metrics.execution_time,
        metrics,
        error_message: update.error_message.clone(),
        failure: update.failure.clone(),
        rejects: before.map(|before| before.rejects.clone()).unwrap_or_default(),
        target: None,
        recent_logs: Vec::new(),
        live: true,
        not_before: before.and_then(|before| before.not_before),
        policy: before.and_then(|before| before.policy.clone()),
        origin: before.and_then(|before| before.origin.clone()),
    }
}

#[cfg(test)]
mod tests {
    use etlplus_api::{JobMetrics, JobStatus, JobType};

    use super::*;
    use crate::output::jobs::examples::{at, job};

    fn frame(message: ServerMessage) -> Frame {
        Frame { message, timestamp: at(9), position: None, id: None }
    }

    fn snapshot(jobs: &[(&str, JobStatus)]) -> Frame {
        let jobs =
            jobs.iter().map(|(id, status)| JobMonitoringData { job_id: (*id).to_owned(), status: *status, ..job() });
        frame(ServerMessage::Snapshot(Snapshot { jobs: jobs.collect(), more: false }))
    }

    fn status(id: &str, status: JobStatus, attempt: u32, metrics: Option<JobMetrics>) -> Frame {
        frame(ServerMessage::JobStatusUpdate(JobStatusUpdate {
            job_id: id.to_owned(),
            pipeline: "orders".to_owned(),
            job_type: JobType::FullEtl,
            tags: Vec::new(),
            status,
            previous_status: None,
            cause: "start".to_owned(),
            attempt,
            stopping: false,
            progress_percent: None,
            current_step: "Prepare".to_owned(),
            error_message: None,
            failure: None,
            retry_at: None,
            submitted_at: at(0),
            start_time: None,
            end_time: None,
            metrics,
        }))
    }

    fn progress(id: &str, attempt: u32, rows: u64) -> Frame {
        frame(ServerMessage::JobProgressUpdate(JobProgressUpdate {
            job_id: id.to_owned(),
            pipeline: "orders".to_owned(),
            attempt,
            progress_percent: Some(75.0),
            current_step: "Load".to_owned(),
            eta: Some(1),
            records_processed: rows,
            records_successful: rows,
            records_failed: 0,
            rejects: Vec::new(),
        }))
    }

    fn moved(id: &str) -> News {
        News::Moved(id.to_owned())
    }

    #[test]
    fn a_snapshot_replaces_what_was_known() {
        let mut jobs = LiveJobs::default();
        let first = snapshot(&[("a", JobStatus::Running), ("b", JobStatus::Pending), ("c", JobStatus::Running)]);
        assert_eq!(jobs.apply(&first), [moved("a"), moved("b"), moved("c")]);
        assert_eq!(jobs.apply(&first), [], "nothing has changed");
        let second = snapshot(&[("b", JobStatus::Running), ("c", JobStatus::Running), ("d", JobStatus::Pending)]);
        assert_eq!(jobs.apply(&second), [News::Gone("a".to_owned()), moved("b"), moved("d")]);
        assert!(jobs.get("a").is_some(), "nobody has said yet how it ended");
        jobs.forget("a");
        assert_eq!(jobs.apply(&second), []);
    }

    #[test]
    fn a_change_of_status_is_news_once() {
        let mut jobs = LiveJobs::default();
        assert_eq!(jobs.apply(&status("a", JobStatus::Pending, 1, None)), [moved("a")]);
        assert_eq!(jobs.apply(&status("a", JobStatus::Pending, 1, None)), []);
        assert_eq!(jobs.apply(&status("a", JobStatus::Running, 1, None)), [moved("a")]);
        assert_eq!(jobs.apply(&status("a", JobStatus::Running, 2, None)), [moved("a")]);
    }

    #[test]
    fn readings_are_those_of_the_current_attempt() {
        let mut jobs = LiveJobs::default();
        let rows = |jobs: &LiveJobs| jobs.get("a").map(|job| job.metrics.records_processed);
        jobs.apply(&status("a", JobStatus::Running, 1, None));
        assert_eq!(jobs.apply(&progress("a", 1, 70)), []);
        assert_eq!(rows(&jobs), Some(70));
        jobs.apply(&status("a", JobStatus::Paused, 1, None));
        assert_eq!(rows(&jobs), Some(70), "a change that brings no counts leaves them");
        jobs.apply(&status("a", JobStatus::Running, 2, None));
        assert_eq!(rows(&jobs), Some(0), "another attempt begins anew");
        jobs.apply(&progress("a", 1, 99));
        assert_eq!(rows(&jobs), Some(0), "a late reading of the attempt before");
        let last = JobMetrics { records_processed: 100, execution_time: Some(5), ..JobMetrics::default() };
        jobs.apply(&status("a", JobStatus::Completed, 2, Some(last)));
        assert_eq!((rows(&jobs), jobs.get("a").and_then(|job| job.execution_time)), (Some(100), Some(5)));
        jobs.apply(&progress("unknown", 1, 5));
        assert_eq!(jobs.iter().count(), 1);
    }
}
