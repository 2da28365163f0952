//! Space that retention gives back to the disk.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};

use etlplus_core::ids::AttemptNumber;
use etlplus_core::job::{JobFact, JobInput};
use etlplus_core::ports::{Alerts, Change, Consequences, Ledger, Retention, RetentionLimits};
use etlplus_core::{LogLevel, LogLine};
use etlplus_store::{Opened, Store};

use crate::children::{now, submit};
use crate::migrate::without_auto_vacuum;

const LINES: u64 = 12_000;
const STEP: NonZeroUsize = NonZeroUsize::new(1_000).expect("a thousand is not zero");
/// Characters of a line, which is noise: however it is packed, half of them are left.
const LINE_CHARS: u64 = 320;

/// Text that cannot be packed into less than half.
pub(crate) fn noise(seed: u64) -> String {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", (state ^ (state >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    };
    (0..LINE_CHARS / 16).map(|_| word()).collect()
}

/// Records a job with many lines, which ends, and whose facts the rules have seen.
async fn record_much(store: &Store) {
    let (job, change) = submit();
    let Change::Submit(new) = &change else { panic!("a submit") };
    let submitted = JobFact::submitted(new.header.submitted_at, None);
    let cancelled = submitted.state.apply(JobInput::Cancel, now()).expect("it waits");
    let [fact] = cancelled.facts.try_into().expect("one fact");
    let line = |line| LogLine::new(line, now(), LogLevel::Info, noise(line));
    let lines = (1..=LINES).map(line).collect();
    let said = Change::Log { job, attempt: AttemptNumber::FIRST, lines, spool_bytes: 1 };
    store.record(vec![change, said, Change::Move { job, fact, report: None }]).await.expect("the store works");
    let rules = Arc::new(|_: &[_], _: &[_]| Consequences::default());
    while store.advance(rules.clone(), NonZeroUsize::MAX).await.expect("the store works") > 0 {}
}

/// Forgets all jobs that have ended, and says in how many steps.
async fn forget(store: &Store) -> u64 {
    let limits = RetentionLimits { jobs_max: Some(0), ..RetentionLimits::default() };
    for step in 1..1_000 {
        if !store.prune(limits, STEP).await.expect("the store works").more {
            return step;
        }
    }
    panic!("pruning does not come to an end");
}

/// The size of the database, with nothing in its write-ahead log.
async fn closed_bytes(opened: Opened, folder: &Path) -> u64 {
    opened.writer.close().await.expect("nothing is wrong");
    fs::metadata(folder.join("etlplus.db")).expect("it is there").len()
}

#[tokio::test]
async fn what_was_forgotten_takes_no_space_on_the_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let empty = closed_bytes(opened, folder.path()).await;
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    record_much(&opened.store).await;
    let full = closed_bytes(opened, folder.path()).await;
    assert!(full > empty + LINES * LINE_CHARS / 2);
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let steps = forget(&opened.store).await;
    assert!(steps > 2, "it is given back bit by bit: {steps} steps");
    let left = closed_bytes(opened, folder.path()).await;
    assert!(left < empty + (64 << 10), "{left} bytes are left of {full}, and {empty} were there before");
    let opened = Store::open(folder.path()).await.expect("the database is whole");
    opened.store.record(vec![submit().1]).await.expect("the store works");
}

#[tokio::test]
async fn a_log_beyond_its_size_gives_its_space_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    record_much(&opened.store).await;
    let full = closed_bytes(opened, folder.path()).await;
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let limits = RetentionLimits { log_bytes_max: Some(1 << 20), ..RetentionLimits::default() };
    let mut removed = 0;
    loop {
        let pruned = opened.store.prune(limits, STEP).await.expect("the store works");
        removed += pruned.lines;
        if !pruned.more {
            break;
        }
    }
    assert!(0 < removed && removed < LINES, "{removed} lines are gone, and the last stay");
    let left = closed_bytes(opened, folder.path()).await;
    assert!(left < full - (1 << 20) && left < (3 << 20), "{left} bytes are left of {full}");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics here").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_database_that_cannot_give_space_back_says_so_and_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    without_auto_vacuum(folder.path()).await;
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let opened = {
        let _guard = tracing::subscriber::set_default(subscriber);
        Store::open(folder.path()).await.expect("it is migrated")
    };
    let text = String::from_utf8(logged.0.lock().expect("no test panics here").clone()).expect("text");
    assert!(text.contains("cannot give space back") && text.contains("PRAGMA auto_vacuum"), "{text}");
    record_much(&opened.store).await;
    forget(&opened.store).await;
    let first = closed_bytes(opened, folder.path()).await;
    // The space is used again.
    let opened = Store::open(folder.path()).await.expect("the database is whole");
    record_much(&opened.store).await;
    assert!(closed_bytes(opened, folder.path()).await < first + (256 << 10));
}
