//! Jobs, and the pipelines that they are made from.

use etlplus_api::{
    JobEvents, JobList, JobMonitoringData, LogPage, MetricsSeries, PipelineInfo, PipelineList, PutPipeline,
    RejectsPage, ScheduleList,
};
use reqwest::Method;

use crate::client::Client;
use crate::error::Error;
use crate::query::{JobQuery, LogQuery, given};

impl Client {
    /// All about the job `id`.
    ///
    /// # Errors
    /// As all routes.
    pub async fn job(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "status"], &Vec::new())).await
    }

    /// Asks the job `id` to stop, and gives what it is like now: `stopping`, or already cancelled.
    ///
    /// # Errors
    /// As all routes; a problem with status 409 where the job has ended.
    pub async fn cancel(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs", id, "cancel"], &Vec::new())).await
    }

    /// Asks the job `id` to pause, and gives what it is like now.
    ///
    /// # Errors
    /// As all routes; a problem with status 409 where it does not run.
    pub async fn pause(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs", id, "pause"], &Vec::new())).await
    }

    /// Lets the paused job `id` go on, and gives what it is like now.
    ///
    /// # Errors
    /// As all routes; a problem with status 409 where it is not paused.
    pub async fn resume(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs", id, "resume"], &Vec::new())).await
    }

    /// Makes a new attempt of the job `id`, which has failed or was cancelled, and gives what it is like now.
    ///
    /// # Errors
    /// As all routes; a problem with status 409 where it cannot be tried again.
    pub async fn retry(&self, id: &str) -> Result<JobMonitoringData, Error> {
        self.answer(self.request(Method::POST, &["api", "jobs", id, "retry"], &Vec::new())).await
    }

    /// What happened to the job `id`, and its attempts.
    ///
    /// # Errors
    /// As all routes.
    pub async fn events(&self, id: &str) -> Result<JobEvents, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "events"], &Vec::new())).await
    }

    /// A page of the jobs that `query` asks for, the latest made first.
    ///
    /// # Errors
    /// As all routes.
    pub async fn jobs(&self, query: &JobQuery) -> Result<JobList, Error> {
        self.answer(self.request(Method::GET, &["api", "monitor", "jobs"], &query.pairs())).await
    }

    /// A page of the log of the job `id`.
    ///
    /// # Errors
    /// As all routes.
    pub async fn logs(&self, id: &str, query: &LogQuery) -> Result<LogPage, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "logs"], &query.pairs())).await
    }

    /// A page of the rejected rows of the job `id`: those after `after` (`nextAfter` of the page before), at most `limit`.
    ///
    /// # Errors
    /// As all routes.
    pub async fn rejects(&self, id: &str, after: Option<u64>, limit: Option<u32>) -> Result<RejectsPage, Error> {
        let query =
            given([("after", after.map(|after| after.to_string())), ("limit", limit.map(|limit| limit.to_string()))]);
        self.answer(self.request(Method::GET, &["api", "jobs", id, "rejects"], &query)).await
    }

    /// The readings of the job `id` over time.
    ///
    /// # Errors
    /// As all routes.
    pub async fn metrics(&self, id: &str) -> Result<MetricsSeries, Error> {
        self.answer(self.request(Method::GET, &["api", "jobs", id, "metrics"], &Vec::new())).await
    }

    /// The pipelines that the server keeps.
    ///
    /// # Errors
    /// As all routes.
    pub async fn pipelines(&self) -> Result<PipelineList, Error> {
        self.answer(self.request(Method::GET, &["api", "pipelines"], &Vec::new())).await
    }

    /// Keeps `pipeline` under `name`, in place of the one that was there.
    ///
    /// # Errors
    /// As all routes; a problem with `errors` lists the mistakes of the pipeline.
    pub async fn put_pipeline(&self, name: &str, pipeline: &PutPipeline) -> Result<PipelineInfo, Error> {
        self.answer(self.request(Method::PUT, &["api", "pipelines", name], &Vec::new()).json(pipeline)).await
    }
    /// When the pipelines that the server keeps run by themselves.
    ///
    /// # Errors
    /// As all routes.
    pub async fn schedules(&self) -> Result<ScheduleList, Error> {
        self.answer(self.request(Method::GET, &["api", "schedules"], &Vec::new())).await
    }
}
