//! What the tables refuse costs the others of its batch nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use etlplus_core::ids::AttemptNumber;
use etlplus_core::ports::{Change, History, Ledger, LedgerError, Pipelines};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::Store;

use crate::children::{now, submit};

#[tokio::test]
async fn a_request_that_is_refused_for_good_leaves_its_batch_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let store = &opened.store;
    let ((job, first), (last_job, last)) = (submit(), submit());
    let line = LogLine::new(0, now(), LogLevel::Info, "said".to_owned());
    let said = Change::Log { job, attempt: AttemptNumber::FIRST, lines: vec![line], spool_bytes: 9 };
    let (unwritable_job, mut unwritable) = submit();
    if let Change::Submit(new) = &mut unwritable {
        new.definition.folder = OsStr::from_bytes(b"/srv/\xff").into();
    }
    // On this one thread all requests are in the queue before the writer takes any, and so are one batch.
    let (first, refused, unwritable, pipeline, last) = tokio::join!(
        store.record(vec![first]),
        store.record(vec![said]),
        store.record(vec![unwritable]),
        store.put_pipeline("orders".to_owned(), "text".to_owned(), "/srv".into(), now()),
        store.record(vec![last]),
    );
    let Err(LedgerError::Refused(reason)) = &refused else { panic!("{refused:?}") };
    assert_eq!(reason, "SQLite says \"CHECK constraint failed: line >= 1\" (code 275)");
    let Err(LedgerError::Refused(reason)) = &unwritable else { panic!("{unwritable:?}") };
    assert!(reason.contains("JSON") && reason.contains("UTF-8"), "{reason}");

    // The refused requests took no offsets, and what was written around them is on disk.
    assert_eq!(first.expect("the job is new").offset.get(), 1);
    assert_eq!(last.expect("the job is new").offset.get(), 2);
    assert_eq!(pipeline.expect("it is new").version, 1);
    opened.writer.close().await.expect("nothing is wrong");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    for (job, is_there) in [(job, true), (unwritable_job, false), (last_job, true)] {
        assert_eq!(opened.store.job(job).await.expect("the store answers").is_some(), is_there);
    }
    assert!(opened.store.pipeline("orders".to_owned()).await.expect("the store answers").is_some());
}
