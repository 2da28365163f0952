//! What the store tells of its own health.

use etlplus_core::ids::AttemptNumber;
use etlplus_core::ports::{Change, Ledger};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::Store;
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::Connection;

use crate::children::{now, submit};
use crate::open::connect;

/// The value of a series in the text of Prometheus.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().expect("a number")
}

/// On a runtime of one thread, which is this one: the recorder is this thread's alone.
#[test]
fn batches_facts_and_errors_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let opened = Store::open(folder.path()).await.expect("the folder is free");
            let (job, change) = submit();
            let line = |line| LogLine::new(line, now(), LogLevel::Info, "x".repeat(1000));
            let lines = (1..=10).map(line).collect();
            let said = Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes: 1 };
            opened.store.record(vec![change, said]).await.expect("the store works");
            opened.store.record(vec![]).await.expect("the store works");

            let mut other = connect(folder.path()).await;
            sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("nobody writes");
            opened.store.record(vec![submit().1]).await.expect_err("another program holds the database");
            other.close().await.expect("nothing is wrong");
            opened.writer.close().await.expect("nothing is wrong");
        });
    });
    let text = handle.render();
    assert_eq!(value(&text, "etlplus_store_facts_total"), 11.0);
    assert_eq!(value(&text, "etlplus_store_errors_total"), 1.0);
    assert_eq!(value(&text, "etlplus_store_batch_seconds_count"), 2.0);
    assert_eq!(value(&text, "etlplus_store_commit_seconds_count"), 2.0);
    assert_eq!(value(&text, "etlplus_store_queue"), 0.0);
    assert!(value(&text, "etlplus_store_bytes") > 0.0);
    let whole = value(&text, "etlplus_store_batch_seconds_sum");
    let commits = value(&text, "etlplus_store_commit_seconds_sum");
    assert!(0.0 < commits && commits < whole && whole < 30.0, "{commits} of {whole} seconds");
    assert!(text.contains("# HELP etlplus_store_commit_seconds Time of a commit"), "{text}");
}
