//! Other programs that hold a lock, and disks and files that refuse.

use std::process::Command;
use std::sync::Arc;

use etlplus_connectors::target::{self, Load};
use etlplus_core::FailureKind;
use etlplus_core::pipeline::LoadMode;
use etlplus_core::ports::Control;

use crate::children::{Told, folder, on, tell};
use crate::database::{connect, execute, one, place, run};
use crate::modes::batch;
use crate::support::{job_from, job_into, load, read, sqlite_place, sqlite_table};

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_elsewhere_is_waited_for_and_then_told_of() {
    let (_folder, file) = place();
    let first = job_into(sqlite_place(&file, "t"), LoadMode::Append);
    load(&first, &[batch(&[(1, "a")])], None).await.expect("it is loaded");
    let mut other = connect(&file).await;
    run(&mut other, "BEGIN IMMEDIATE").await.expect("nobody else writes");
    let job = job_into(sqlite_place(&file, "t"), LoadMode::Append);
    let failure = load(&job, &[batch(&[(2, "b")])], None).await.expect_err("another holds the lock");
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Transient, "database_locked"));
    assert!(failure.message.contains("data.db") && failure.message.contains("10 seconds"), "{failure}");
    assert_eq!(target::of(&job).state().await.expect("it can be read").loaded, None);

    // The control: the same job, and a lock that is given back while it waits.
    let waiting = tokio::spawn(async move { load(&job, &[batch(&[(2, "b")])], None).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    run(&mut other, "ROLLBACK").await.expect("it holds the lock");
    waiting.await.expect("it ends").expect("nobody else writes any more");
    assert_eq!(one(&file, "SELECT group_concat(id) FROM t").await, "1,2");
}

/// A reader keeps a commit from a file without a write-ahead log.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_waited_for_at_the_commit_alone() {
    let (_folder, file) = place();
    load(&job_into(sqlite_place(&file, "t"), LoadMode::Append), &[batch(&[(1, "a")])], None)
        .await
        .expect("it is loaded");
    let mut reader = connect(&file).await;
    run(&mut reader, "BEGIN; SELECT * FROM t").await.expect("it can be read");
    let job = job_into(sqlite_place(&file, "t"), LoadMode::Append);
    let target = target::of(&job);
    let schema = batch(&[]).schema();
    let mut loader = target
        .start(Load { schema, control: Arc::new(Control::default()) })
        .await
        .expect("readers are in nobody's way");
    // More than is kept in memory: pages that cannot be written yet do not make the load wait each time.
    let text = "x".repeat(1000);
    let started = std::time::Instant::now();
    for first in 0..50 {
        let rows: Vec<_> = (0..1000).map(|row| (first * 1000 + row, text.as_str())).collect();
        loader.write(batch(&rows)).await.expect("it is taken");
    }
    let ready = loader.finish(None).await.expect("it is written");
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "it waited for the reader");
    let committing = tokio::spawn(ready.commit());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!committing.is_finished(), "the reader is in the way");
    run(&mut reader, "COMMIT").await.expect("it reads");
    committing.await.expect("it ends").expect("nobody reads any more");
    assert_eq!(one(&file, "SELECT count(*) FROM t").await, "50001");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_file_stays_what_it_was() {
    for mode in ["wal", "delete"] {
        let (_folder, file) = place();
        execute(&file, &format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER, name TEXT)")).await;
        load(&job_into(sqlite_place(&file, "t"), LoadMode::Append), &[batch(&[(1, "a")])], None)
            .await
            .expect("it fits");
        assert_eq!(one(&file, "PRAGMA journal_mode").await, mode);
        let (read, _) = read(&job_from(&sqlite_table(&file, "t", Vec::new())), None).await.expect("it can be read");
        assert_eq!(read.num_rows(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_is_left_alone() {
    let (folder, file) = place();
    std::fs::write(&file, "id,name\n".repeat(500)).expect("there is room");
    let job = job_into(sqlite_place(&file, "t"), LoadMode::Replace);
    let failure = load(&job, &[batch(&[(1, "a")])], None).await.expect_err("it is a text");
    assert_eq!(failure.code, "not_a_database");
    assert_eq!(target::of(&job).state().await.expect_err("it is a text").code, "not_a_database");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "id,name\n".repeat(500));
    let job = job_into(sqlite_place(folder.path(), "t"), LoadMode::Replace);
    assert_eq!(load(&job, &[batch(&[(1, "a")])], None).await.expect_err("a folder").code, "is_a_directory");
}

/// Loads more than the disk takes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process of its own"]
async fn loads_until_a_write_fails() {
    let Some(folder) = folder() else { return };
    let file = folder.join("data.db");
    let job = job_into(sqlite_place(&file, "t"), LoadMode::Replace);
    let text = "x".repeat(1000);
    let batches: Vec<_> = (0..100)
        .map(|first| batch(&(0..1000).map(|row| (first * 1000 + row, text.as_str())).collect::<Vec<_>>()))
        .collect();
    let failure = load(&job, &batches, None).await.expect_err("the disk is too small");
    tell("failed", &format!("{} {failure}", failure.code));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_leaves_the_old() {
    let (folder, file) = place();
    load(&job_into(sqlite_place(&file, "t"), LoadMode::Append), &[batch(&[(1, "a")])], None)
        .await
        .expect("it is loaded");
    // No file may grow beyond 16,384 blocks (of 512 or 1,024 bytes); a write beyond fails with EFBIG.
    let mut shell = Command::new("sh");
    let limited = r#"trap "" XFSZ; ulimit -f 16384; exec "$0" "$@""#;
    shell.args(["-c", limited]).arg(std::env::current_exe().expect("this program has a path"));
    let mut told = Told::by(on(shell, "locks::loads_until_a_write_fails", folder.path()));
    let words: Vec<_> = told.by_ref().collect();
    assert!(told.child.wait().expect("it was a child").success(), "{words:?}");
    let failed = &words.iter().find(|(word, _)| word == "failed").expect("it tells").1;
    assert!(failed.starts_with("io_error") || failed.starts_with("disk_full"), "{failed}");
    assert_eq!(one(&file, "SELECT group_concat(id || name) FROM t").await, "1a");
    assert_eq!(one(&file, "PRAGMA integrity_check").await, "ok");
}
