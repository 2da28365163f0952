//! A method for each route of REST.

use etlplus_api::{
    JobList, JobMonitoringData, LogPage, MetricsSeries, PipelineInfo, PipelineList, PutPipeline, RejectsPage, SubmitJob,
};
use reqwest::Method;

use crate::client::Client;
use crate::error::Error;
use crate::query::{JobQuery, LogQuery, given};

/// All of them fail with [`Error::Problem`] where the server says no, [`Error::Unreachable`] where it does not answer in
/// time, and [`Error::NotUnderstood`] where something else answers.
impl Client {
    /// Submits a job. Once this gives an answer, the job is recorded and will run. Where it fails with
    /// [`Error::Unreachable`], the job may have been accepted all the same.
    ///
    /// # Errors
    /// See above; a problem with `errors` lists the mistakes of the pipeline.
    pub async fn submit(&self, job: &SubmitJob) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs"], &Vec::new()).json(job)).await
    }

    /// All about the job `id`.
    ///
    /// # Errors
    /// See above.
    pub async fn job(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "status"], &Vec::new())).await
    }

    /// Asks the job `id` to stop, and gives what it is like now: `stopping`, or already cancelled.
    ///
    /// # Errors
    /// See above; a problem with status 409 where the job has ended.
    pub async fn cancel(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs", id, "cancel"], &Vec::new())).await
    }

    /// A page of the jobs that `query` asks for, the latest made first.
    ///
    /// # Errors
    /// See above.
    pub async fn jobs(&self, query: &JobQuery) -> Result<JobList, Error> {
        self.answer(self.request(Method::GET, &["api", "monitor", "jobs"], &query.pairs())).await
    }

    /// A page of the log of the job `id`.
    ///
    /// # Errors
    /// See above.
    pub async fn logs(&self, id: &str, query: &LogQuery) -> Result<LogPage, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "logs"], &query.pairs())).await
    }

    /// A page of the rejected rows of the job `id`: those after `after` (`nextAfter` of the page before), at most `limit`.
    ///
    /// # Errors
    /// See above.
    pub async fn rejects(&self, id: &str, after: Option<u64>, limit: Option<u32>) -> Result<RejectsPage, Error> {
        let query =
            given([("after", after.map(|after| after.to_string())), ("limit", limit.map(|limit| limit.to_string()))]);
        self.answer(self.request(Method::GET, &["api", "jobs", id, "rejects"], &query)).await
    }

    /// The readings of the job `id` over time.
    ///
    /// # Errors
    /// See above.
    pub async fn metrics(&self, id: &str) -> Result<MetricsSeries, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "metrics"], &Vec::new())).await
    }

    /// The pipelines that the server keeps.
    ///
    /// # Errors
    /// See above.
    pub async fn pipelines(&self) -> Result<PipelineList, Error> {
        self.answer(self.request(Method::GET, &["api", "pipelines"], &Vec::new())).await
    }

    /// Keeps `pipeline` under `name`, in place of the one that was there.
    ///
    /// # Errors
    /// See above; a problem with `errors` lists the mistakes of the pipeline.
    pub async fn put_pipeline(&self, name: &str, pipeline: &PutPipeline) -> Result<PipelineInfo, Error> {
        self.answer(self.request(Method::PUT, &["api", "pipelines", name], &Vec::new()).json(pipeline)).await
    }
}
