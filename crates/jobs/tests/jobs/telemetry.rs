//! What the manager counts, as Prometheus reads it.

use metrics_exporter_prometheus::PrometheusBuilder;

use etlplus_core::job::JobStatus;

use crate::support::{Server, eventually, job, job_of};

#[tokio::test]
async fn jobs_attempts_rows_and_retries_are_counted() {
    // The recorder of this thread, on which all of the test's tasks run.
    let recorder = PrometheusBuilder::new().build_recorder();
    let prometheus = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let flaky = managing.accept(job_of("flaky", "retry: { attempts: 2, delay: 1ms }", "fails_before_2")).await;
    facts.until_status(flaky, JobStatus::Completed).await;
    let wrong = managing.accept(job("mistaken")).await;
    facts.until_status(wrong, JobStatus::Failed).await;
    let running = managing.accept(job("waits")).await;
    facts.until_status(running, JobStatus::Running).await;
    managing.accept(job("complete")).await;
    let is_told = |line: &str| prometheus.render().lines().any(|told| told == line);
    eventually("the gauges are set", async || is_told("etlplus_jobs_running 1") && is_told("etlplus_jobs_waiting 1"))
        .await;
    for line in [
        "etlplus_jobs_submitted_total 4",
        "etlplus_attempts_started_total 4",
        "etlplus_retries_total 1",
        "etlplus_jobs_ended_total{status=\"completed\"} 1",
        "etlplus_jobs_ended_total{status=\"failed\"} 1",
        // Three attempts ended, each with four good rows and a bad one.
        "etlplus_records_total{outcome=\"successful\"} 12",
        "etlplus_records_total{outcome=\"failed\"} 3",
        "etlplus_job_duration_seconds_count{status=\"completed\"} 1",
    ] {
        assert!(is_told(line), "{line} is not in\n{}", prometheus.render());
    }
}
