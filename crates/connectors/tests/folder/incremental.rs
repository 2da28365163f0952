//! Incremental loads: the cursor moves with its rows, and an interval is loaded once.

use etlplus_connectors::target;
use etlplus_core::Value;
use etlplus_core::pipeline::{Interval, JobSpec};

use crate::support::{ids_in, job_with, load_with_cursor, pipeline_job};

fn job(folder: &std::path::Path, number: u64) -> JobSpec {
    let target = "{ parquet: { folder: out }, mode: append }";
    job_with(folder, number, target, "incremental: { cursor: id }")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_moves_with_its_rows_and_each_attempt_reads_the_same_interval() {
    let folder = tempfile::tempdir().unwrap();
    let first = job(folder.path(), 1);
    assert_eq!(target::of(&first).state().await.unwrap().cursor, None);
    load_with_cursor(&first, 0..10, Some("9")).await.unwrap();

    let interval = Interval { after: Some(Value::Integer(9)), up_to: Some(Value::Integer(19)) };
    let second = job(folder.path(), 2);
    let target = target::of(&second);
    let state = target.state().await.unwrap();
    assert_eq!((state.cursor.as_deref(), &state.interval), (Some("9"), &None));
    target.fix_interval(&interval).await.unwrap();
    // The attempt dies; the next one finds what it was going to read.
    let again = target::of(&second).state().await.unwrap();
    assert_eq!(again.interval, Some((Some("9".to_owned()), Some("19".to_owned()))));
    load_with_cursor(&second, 10..20, Some("19")).await.unwrap();
    // A load that found nothing does not take the cursor back.
    load_with_cursor(&job(folder.path(), 3), 0..0, None).await.unwrap();
    assert_eq!(target::of(&job(folder.path(), 4)).state().await.unwrap().cursor.as_deref(), Some("19"));
    assert_eq!(ids_in(&folder.path().join("out")), (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_that_another_job_has_loaded_is_not_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    load_with_cursor(&job(folder.path(), 1), 0..10, Some("9")).await.unwrap();
    let interval = Interval { after: Some(Value::Integer(9)), up_to: Some(Value::Integer(19)) };
    let failed = job(folder.path(), 2);
    target::of(&failed).fix_interval(&interval).await.unwrap();
    load_with_cursor(&job(folder.path(), 3), 10..20, Some("19")).await.unwrap();
    let failure = load_with_cursor(&failed, 10..20, Some("19")).await.unwrap_err();
    assert_eq!(failure.code, "interval_loaded");
    assert_eq!(ids_in(&folder.path().join("out")), (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_can_be_fixed_before_there_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = job(folder.path(), 1);
    let interval = Interval { after: None, up_to: Some(Value::Integer(9)) };
    target::of(&first).fix_interval(&interval).await.unwrap();
    let state = target::of(&first).state().await.unwrap();
    assert_eq!(state.interval, Some((None, Some("9".to_owned()))));
    load_with_cursor(&first, 0..10, Some("9")).await.unwrap();
    assert_eq!(ids_in(&folder.path().join("out")), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_does_not_go_back() {
    let folder = tempfile::tempdir().unwrap();
    load_with_cursor(&job(folder.path(), 1), 0..10, Some("9")).await.unwrap();
    // The source has lost its last rows.
    let interval = Interval { after: Some(Value::Integer(9)), up_to: Some(Value::Integer(5)) };
    let second = job(folder.path(), 2);
    let target = target::of(&second);
    target.fix_interval(&interval).await.unwrap();
    assert_eq!(target.state().await.unwrap().interval, Some((Some("9".to_owned()), Some("9".to_owned()))));
    load_with_cursor(&second, 0..0, Some("5")).await.unwrap();
    assert_eq!(target::of(&job(folder.path(), 3)).state().await.unwrap().cursor.as_deref(), Some("9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pipeline_of_a_folder_has_a_cursor_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let of = |number, name: &str| {
        let target = "{ parquet: { folder: out }, mode: append }";
        pipeline_job(folder.path(), number, name, target, "incremental: { cursor: id }")
    };
    load_with_cursor(&of(1, "pipe_a"), 100..102, Some("101")).await.unwrap();
    let other = of(2, "pipe_b");
    let target = target::of(&other);
    assert_eq!(target.state().await.unwrap().cursor, None);
    target.fix_interval(&Interval { after: None, up_to: Some(Value::Integer(2)) }).await.unwrap();
    load_with_cursor(&other, 1..3, Some("2")).await.unwrap();
    for (number, name, cursor) in [(3, "pipe_a", "101"), (4, "pipe_b", "2")] {
        assert_eq!(target::of(&of(number, name)).state().await.unwrap().cursor.as_deref(), Some(cursor));
    }
    assert_eq!(ids_in(&folder.path().join("out")), [1, 2, 100, 101]);

    // A load whose pipeline was not noted may have been of any.
    let log = folder.path().join("out/.etlplus/loads.log");
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("\"pipeline\":\"pipe_b\","), "{text}");
    std::fs::write(&log, text.replace("\"pipeline\":\"pipe_b\",", "")).unwrap();
    assert_eq!(target::of(&of(5, "pipe_a")).state().await.unwrap().cursor.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_of_jobs_that_were_given_up_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = [job(folder.path(), 1), job(folder.path(), 2), job(folder.path(), 3)];
    for (job, days) in jobs.iter().zip([31, 29, 0]) {
        let interval = Interval { after: None, up_to: Some(Value::Integer(9)) };
        target::of(job).fix_interval(&interval).await.unwrap();
        let note = folder.path().join(format!("out/.etlplus/intervals/{}.json", job.id()));
        let age = std::time::Duration::from_secs(days * 24 * 60 * 60);
        std::fs::File::options()
            .write(true)
            .open(note)
            .unwrap()
            .set_modified(std::time::SystemTime::now() - age)
            .unwrap();
    }
    for (job, is_kept) in jobs.iter().zip([false, true, true]) {
        assert_eq!(target::of(job).state().await.unwrap().interval.is_some(), is_kept);
    }
}
