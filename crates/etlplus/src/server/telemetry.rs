//! Metrics for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use etlplus_core::Failure;
use metrics::Unit::{self, Bytes, Count, Seconds};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use procfs::process::Process;

/// How often histograms are emptied into their buckets: what they hold until then grows.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Seconds of what takes a disk or a network: from a tenth of a millisecond to ten seconds.
const SHORT_BUCKETS: [f64; 11] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0];
/// Seconds of jobs: from a blink to a day.
const JOB_BUCKETS: [f64; 12] = [0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];

/// What is measured, by name, kind, unit and meaning. Each is said by the crate that knows it.
const DESCRIBED: &[(&str, Kind, Unit, &str)] = &[
    ("etlplus_jobs_submitted_total", Kind::Counter, Count, "Jobs that were accepted"),
    ("etlplus_jobs_ended_total", Kind::Counter, Count, "Jobs that ended, by status"),
    ("etlplus_jobs_running", Kind::Gauge, Count, "Jobs that run"),
    ("etlplus_jobs_waiting", Kind::Gauge, Count, "Jobs that wait"),
    ("etlplus_job_duration_seconds", Kind::Histogram, Seconds, "Time that jobs' last attempts took, by status"),
    ("etlplus_attempts_started_total", Kind::Counter, Count, "Attempts that began"),
    ("etlplus_retries_total", Kind::Counter, Count, "Further attempts of jobs: by policy, by hand, or after a restart"),
    ("etlplus_records_total", Kind::Counter, Count, "Rows that were checked, by outcome, counted when an attempt ends"),
    ("etlplus_retention_removed_total", Kind::Counter, Count, "Rows and files that retention removed, by kind"),
    ("etlplus_connections", Kind::Gauge, Count, "Connections of the live channel, by kind"),
    ("etlplus_connections_closed_total", Kind::Counter, Count, "Connections that the server closed, by close code"),
    ("etlplus_frames_sent_total", Kind::Counter, Count, "Frames that were handed to connections"),
    ("etlplus_bytes_sent_total", Kind::Counter, Bytes, "Bytes that connections took"),
    (
        "etlplus_samples_conflated_total",
        Kind::Counter,
        Count,
        "Readings that a newer one replaced before they were sent",
    ),
    ("etlplus_live_lag_facts", Kind::Gauge, Count, "Facts that the slowest connection is behind"),
    ("etlplus_http_requests_total", Kind::Counter, Count, "Requests, by method, route and status"),
    ("etlplus_http_request_seconds", Kind::Histogram, Seconds, "Time until the head of a response, by route"),
    ("etlplus_build_info", Kind::Gauge, Count, "1, with the version"),
    (
        "process_cpu_seconds_total",
        Kind::Counter,
        Seconds,
        "Whole seconds of processor time of the server, its runners left out",
    ),
    ("process_resident_memory_bytes", Kind::Gauge, Bytes, "Memory of the server, its runners left out"),
    ("process_open_fds", Kind::Gauge, Count, "Open files and sockets"),
    ("process_start_time_seconds", Kind::Gauge, Seconds, "When the server started, since 1970"),
];

enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What was measured so far.
#[derive(Clone)]
pub(super) struct Telemetry {
    handle: PrometheusHandle,
    started_at: f64,
}

impl Telemetry {
    /// Begins to measure.
    ///
    /// # Errors
    /// Where the process measures already.
    pub(super) fn start(started_at: chrono::DateTime<chrono::Utc>) -> Result<Self, Failure> {
        let failed = |error| Failure::bug(format!("metrics cannot be gathered: {error}"));
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("etlplus_job_duration_seconds".to_owned()), &JOB_BUCKETS)
            .map_err(failed)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SHORT_BUCKETS)
            .map_err(failed)?
            .install_recorder()
            .map_err(failed)?;
        for (name, kind, unit, meaning) in DESCRIBED {
            match kind {
                Kind::Counter => describe_counter!(*name, *unit, *meaning),
                Kind::Gauge => describe_gauge!(*name, *unit, *meaning),
                Kind::Histogram => describe_histogram!(*name, *unit, *meaning),
            }
        }
        gauge!("etlplus_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self { handle, started_at: started_at.timestamp_millis() as f64 / 1000.0 })
    }

    /// Empties histograms into their buckets, again and again.
    pub(super) async fn upkeep(self) {
        let mut beats = tokio::time::interval(UPKEEP_EVERY);
        loop {
            beats.tick().await;
            self.handle.run_upkeep();
        }
    }

    /// What makes the text that Prometheus reads.
    pub(super) fn text(self) -> Arc<dyn Fn() -> String + Send + Sync> {
        Arc::new(move || {
            self.read_process();
            self.handle.render()
        })
    }

    /// Where the kernel does not say, the last reading stays.
    fn read_process(&self) {
        gauge!("process_start_time_seconds").set(self.started_at);
        let Ok(process) = Process::myself() else { return };
        if let Ok(stat) = process.stat() {
            counter!("process_cpu_seconds_total").absolute((stat.utime + stat.stime) / procfs::ticks_per_second());
            gauge!("process_resident_memory_bytes").set((stat.rss * procfs::page_size()) as f64);
        }
        if let Ok(files) = process.fd_count() {
            gauge!("process_open_fds").set(files as f64);
        }
    }
}
