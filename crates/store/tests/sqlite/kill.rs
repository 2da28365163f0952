//! A process that is killed while it records.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;

use etlplus_core::ids::{JobId, Offset};
use etlplus_core::ports::{History, Ledger, LogPosition};
use etlplus_store::Store;
use tokio::task::JoinSet;

use crate::children::{Told, folder, on, submit, tell, this_program};

const CALLERS: usize = 16;
const ACKNOWLEDGED: usize = 500;

/// Records jobs without an end and tells each that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn records_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let opened = Store::open(&folder).await.expect("the folder is free");
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let store = opened.store.clone();
        callers.spawn(async move {
            loop {
                let (job, change) = submit();
                let place = store.record(vec![change]).await.expect("the store works");
                tell("recorded", &format!("{job} {}", place.offset));
            }
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut acknowledged = BTreeMap::new();
    // The second life goes on from what the first left without closing.
    for life in 1..=2 {
        let command = on(this_program(), "kill::records_until_it_is_killed", folder.path());
        let mut told = Told::by(command);
        let mut note = |(word, text): (String, String)| {
            assert_eq!(word, "recorded");
            let (job, offset) = text.split_once(' ').expect("a job and an offset");
            let (job, offset) = (job.parse::<JobId>().expect("an id"), offset.parse::<u64>().expect("an offset"));
            acknowledged.insert(offset, job);
        };
        told.by_ref().take(ACKNOWLEDGED).for_each(&mut note);
        told.child.kill().expect("it runs");
        // What was told until the kill counts too.
        told.by_ref().for_each(&mut note);
        assert_eq!(told.child.wait().expect("it was a child").signal(), Some(9), "it was killed while it recorded");
        assert!(acknowledged.len() >= life * ACKNOWLEDGED);
    }
    let wal = std::fs::metadata(folder.path().join("etlplus.db-wal")).expect("nobody closed the database");
    assert!(wal.len() > 0);

    let opened = Store::open(folder.path()).await.expect("the database is whole");
    let place = LogPosition { offset: Offset::START, ..opened.bus.position() };
    let facts = opened.store.facts_after(place, NonZeroUsize::MAX).await.expect("the log is whole");
    for (index, recorded) in facts.iter().enumerate() {
        assert_eq!(recorded.offset.get(), index as u64 + 1);
    }
    assert_eq!(facts.len() as u64, opened.bus.position().offset.get());
    for (offset, job) in acknowledged {
        assert!(opened.store.job(job).await.expect("the store answers").is_some(), "job {job} is lost");
        let index = usize::try_from(offset - 1).expect("small");
        assert_eq!(facts[index].fact.job().id, job);
    }
    opened.writer.close().await.expect("nothing is wrong");
    assert!(!folder.path().join("etlplus.db-wal").exists(), "closing leaves nothing in the write-ahead log");
}
