//! A disk that refuses a write.

use std::process::Command;

use etlplus_core::LogLine;
use etlplus_core::ids::AttemptNumber;
use etlplus_core::ports::{Change, History, Ledger, LedgerError};
use etlplus_core::{LogLevel, ids::JobId};
use etlplus_store::Store;
use tokio::time::{Duration, timeout};

use crate::children::{Told, folder, now, on, submit, tell};

const DEADLINE: Duration = Duration::from_secs(30);

fn lines(job: JobId) -> Change {
    let line = |line| LogLine::new(line, now(), LogLevel::Info, "x".repeat(1000));
    Change::Log { job, attempt: AttemptNumber::FIRST, lines: (1..=50).map(line).collect(), spool_bytes: 1 }
}

/// Records lines until a write fails, and tells how the store ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn records_until_a_write_fails() {
    let Some(folder) = folder() else { return };
    let mut opened = Store::open(&folder).await.expect("the folder is free");
    let (job, change) = submit();
    let mut place = opened.store.record(vec![change]).await.expect("the first write fits");
    let refused = loop {
        match opened.store.record(vec![lines(job)]).await {
            Ok(next) => place = next,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, LedgerError::Unavailable(_)));
    assert!(opened.store.recording_fault().is_some_and(|fault| fault.message.contains("disk I/O error")));
    assert_eq!(opened.bus.position(), place, "what was not recorded is not told");
    tell("recorded", &place.offset.to_string());
    tell("refused", &refused.to_string());
    let failed = timeout(DEADLINE, opened.writer.failed()).await.expect("the writer ends");
    tell("failed", &failed.to_string());
    let after = opened.store.record(vec![]).await.expect_err("nothing can be recorded any more");
    tell("after", &after.to_string());
    assert_eq!(opened.writer.close().await, Err(failed), "the reason stays");
}

#[tokio::test]
async fn a_write_that_fails_ends_the_store_and_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // No file may grow beyond 2,048 blocks (of 512 or 1,024 bytes); a write beyond fails with EFBIG.
    let mut shell = Command::new("sh");
    let limited = r#"trap "" XFSZ; ulimit -f 2048; exec "$0" "$@""#;
    shell.args(["-c", limited]).arg(std::env::current_exe().expect("this program has a path"));
    let mut told = Told::by(on(shell, "disk::records_until_a_write_fails", folder.path()));
    let words: Vec<_> = told.by_ref().collect();
    assert!(told.child.wait().expect("it was a child").success(), "{words:?}");
    let text = |word: &str| &words.iter().find(|(told, _)| told == word).expect("it was told").1;
    assert!(text("refused").contains("disk I/O error"), "{}", text("refused"));
    assert!(text("failed").contains("disk I/O error") && text("failed").contains("start the server again"));
    assert!(text("after").contains("the store is closed"), "{}", text("after"));

    let opened = Store::open(folder.path()).await.expect("the database is whole");
    let recorded: u64 = text("recorded").parse().expect("an offset");
    assert!(recorded > 50, "the fault came too early to show anything");
    assert_eq!(opened.bus.position().offset.get(), recorded);
    let (job, change) = submit();
    opened.store.record(vec![change]).await.expect("nothing limits it");
    assert!(opened.store.job(job).await.expect("the store answers").is_some());
}
