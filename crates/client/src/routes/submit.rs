//! Submitting a job, as often as it takes to be answered.

use etlplus_api::{JobMonitoringData, SubmitJob};
use reqwest::Method;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;

/// The header by which a server knows a submit that it has seen before.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// How often a job is submitted at most. The waits between come to about two seconds, in which a server restarts.
const TRIES_MAX: u32 = 5;

impl Client {
    /// Submits a job. Once this gives an answer, the job is recorded and will run, once. What is sent again because no answer
    /// came carries the same key, by which the server knows that it is the same job.
    ///
    /// # Errors
    /// As all routes, after some tries where waiting may help; a problem with `errors` lists the mistakes of the pipeline.
    /// Where it fails with [`Error::Unreachable`], the job may have been accepted all the same.
    pub async fn submit(&self, job: &SubmitJob) -> Result<JobMonitoringData, Error> {
        self.submit_with_key(job, &Uuid::now_v7().to_string()).await
    }

    /// As [`Client::submit`], with a key of the caller's own: whoever submits with it again, in another process and later,
    /// gets the job that is there already.
    ///
    /// # Errors
    /// As [`Client::submit`]; a problem where the key stands for another job.
    pub async fn submit_with_key(&self, job: &SubmitJob, key: &str) -> Result<JobMonitoringData, Error> {
        let mut backoff = Backoff::default();
        let mut tries = 1;
        loop {
            let request = self.request(Method::POST, &["api", "jobs"], &Vec::new()).header(IDEMPOTENCY_KEY, key);
            match self.answer(request.json(job)).await {
                Err(error) if error.is_transient() && tries < TRIES_MAX => {
                    tokio::time::sleep(backoff.next_wait()).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }
}
