//! A database that is taken away under the store that writes to it.

use std::fs;
use std::path::{Path, PathBuf};

use etlplus_core::ids::JobId;
use etlplus_core::ports::{History, Ledger, LedgerError};
use etlplus_store::{FatalError, Opened, Store};
use tempfile::TempDir;
use tokio::time::{Duration, sleep, timeout};

use crate::children::submit;

const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
const FILES: [&str; 3] = ["etlplus.db", "etlplus.db-wal", "etlplus.db-shm"];

/// A store that has recorded a job.
async fn recording() -> (TempDir, Opened, JobId) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    let (job, change) = submit();
    let place = opened.store.record(vec![change]).await.expect("the database is in its place");
    assert_eq!((place.offset.get(), opened.bus.position()), (1, place));
    (folder, opened, job)
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join(FILES[0])
}

/// Records once more, which is refused and told to nobody, and gives the job and how the writer ended.
async fn ends(opened: &mut Opened) -> (JobId, FatalError) {
    let before = opened.bus.position();
    let (job, change) = submit();
    let refused = opened.store.record(vec![change]).await.expect_err("it would be lost");
    let LedgerError::Unavailable(reason) = &refused else { panic!("{refused}") };
    let failed = timeout(DEADLINE, opened.writer.failed()).await.expect("the writer ends");
    assert_eq!((&failed.message, &failed.remedy), (&reason.message, &reason.remedy));
    assert_eq!(opened.bus.position(), before, "nothing was told");
    let closed = opened.store.record(vec![]).await.expect_err("the writer has ended");
    assert!(closed.to_string().contains("the store is closed"), "{closed}");
    (job, failed)
}

fn assert_says(failed: &FatalError, database: &Path, what: &str) {
    let database = database.display();
    assert_eq!(failed.message, format!("the database {database} was {what} while the server ran"));
    assert!(failed.remedy.contains(&format!("{database}-wal")) && failed.remedy.contains("start the server again"));
}

/// Waits until this process has no file below `folder` open: SQLite's threads close theirs after the store is dropped.
async fn all_closed(folder: &Path) {
    let is_open = || {
        let open = fs::read_dir("/proc/self/fd").expect("this is Linux").filter_map(Result::ok);
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|file| file.starts_with(folder))
    };
    let closed = async {
        while is_open() {
            sleep(POLL).await;
        }
    };
    timeout(DEADLINE, closed).await.expect("the store is dropped");
}

#[tokio::test]
async fn a_database_that_is_deleted_ends_the_store_and_is_read_until_then() {
    let (folder, mut opened, job) = recording().await;
    for file in FILES {
        fs::remove_file(folder.path().join(file)).expect("it is there");
    }
    // More at once than one connection can read: each has had the file open since the start.
    let read = || async { opened.store.job(job).await.expect("the file is still open").is_some() };
    assert_eq!(tokio::join!(read(), read(), read(), read()), (true, true, true, true));
    let (_, failed) = ends(&mut opened).await;
    assert_says(&failed, &database(&folder), "deleted or moved away");
    for file in FILES {
        assert!(!folder.path().join(file).exists(), "{file} was made anew");
    }
}

#[tokio::test]
async fn a_database_that_was_moved_away_goes_on_once_it_is_back() {
    let (folder, mut opened, job) = recording().await;
    let place = opened.bus.position();
    let away = folder.path().join("away");
    fs::rename(database(&folder), &away).expect("it is there");
    let (refused, failed) = ends(&mut opened).await;
    assert_says(&failed, &database(&folder), "deleted or moved away");
    drop(opened);
    all_closed(folder.path()).await;

    fs::rename(&away, database(&folder)).expect("it is there");
    let opened = Store::open(folder.path()).await.expect("the database is whole");
    assert_eq!(opened.bus.position(), place);
    assert!(opened.store.job(job).await.expect("the store answers").is_some(), "it was acknowledged");
    assert!(opened.store.job(refused).await.expect("the store answers").is_none(), "it was refused");
}

#[tokio::test]
async fn a_database_that_is_replaced_ends_the_store_and_the_other_one_is_left_alone() {
    let (folder, mut opened, _) = recording().await;
    let (other_folder, other, other_job) = recording().await;
    other.writer.close().await.expect("nothing is wrong");
    fs::rename(database(&other_folder), database(&folder)).expect("they are on one disk");
    let put = fs::read(database(&folder)).expect("it is there");
    let (_, failed) = ends(&mut opened).await;
    assert_says(&failed, &database(&folder), "replaced by another file");
    drop(opened);
    all_closed(folder.path()).await;
    assert!(fs::read(database(&folder)).expect("it is there") == put, "the other file was written to");

    // What the remedy says.
    fs::remove_file(folder.path().join(FILES[1])).expect("the log of the first one is there");
    let opened = Store::open(folder.path()).await.expect("the other database is whole");
    assert!(opened.store.job(other_job).await.expect("the store answers").is_some());
}

#[tokio::test]
async fn a_database_that_is_deleted_while_nothing_is_recorded_is_told_at_the_end() {
    let (folder, opened, _) = recording().await;
    fs::remove_file(database(&folder)).expect("it is there");
    let failed = opened.writer.close().await.expect_err("what was recorded is lost");
    assert_says(&failed, &database(&folder), "deleted or moved away");
}
