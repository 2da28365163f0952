//! Opening what is there, or what should be.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etlplus_core::ports::{History, Ledger};
use etlplus_store::{OpenError, Opened, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::children::{Told, folder, on, submit, tell, this_program};

pub(crate) async fn connect(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(database(folder)).create_if_missing(true);
    options.connect().await.expect("the database opens")
}

fn database(folder: &Path) -> PathBuf {
    folder.join("etlplus.db")
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

async fn open(folder: &Path) -> Opened {
    Store::open(folder).await.expect("nothing is wrong")
}

/// A folder with a store of 200 jobs, closed in good order.
async fn with_jobs() -> TempDir {
    let folder = temporary();
    let opened = open(folder.path()).await;
    let changes = (0..200).map(|_| submit().1).collect();
    opened.store.record(changes).await.expect("the store works");
    opened.writer.close().await.expect("nothing is wrong");
    folder
}

/// The error of opening, which leaves the database as it is.
async fn refused(folder: &Path) -> OpenError {
    let before = fs::read(database(folder)).expect("it is there");
    let error = Store::open(folder).await.expect_err("it must not be opened");
    assert!(fs::read(database(folder)).expect("it is there") == before, "the file was changed");
    assert!(error.to_string().contains(&*folder.to_string_lossy()), "no place: {error}");
    error
}

#[tokio::test]
async fn the_folder_is_made_for_its_owner_alone() {
    let parent = temporary();
    let folder = parent.path().join("a/b");
    let opened = open(&folder).await;
    let mode = fs::metadata(&folder).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mut other = connect(&folder).await;
    let auto_vacuum: i64 = sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut other).await.expect("it answers");
    assert_eq!(auto_vacuum, 2, "incremental");
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut other).await.expect("it answers");
    assert_eq!(mode, "wal");
    other.close().await.expect("nothing is wrong");
    opened.writer.close().await.expect("nothing is wrong");
}

#[tokio::test]
async fn each_new_store_has_an_epoch_of_its_own() {
    let (one, other) = (temporary(), temporary());
    let (one, other) = (open(one.path()).await, open(other.path()).await);
    assert_ne!(one.bus.position().epoch, other.bus.position().epoch);
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_named_as_that() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    for path in [file.path().to_owned(), file.path().join("below")] {
        let error = Store::open(&path).await.expect_err("it is no folder");
        assert!(matches!(&error, OpenError::Folder { folder, .. } if *folder == path), "{error}");
    }
}

#[tokio::test]
async fn a_database_that_was_cut_is_damaged() {
    let folder = with_jobs().await;
    let whole = fs::read(database(folder.path())).expect("it is there");
    assert!(whole.len() > 16 * 4096);
    let pages = whole.len() / 4096;
    for length in [0, 1, 99, 100, 4096, 4096 * (pages / 2), 4096 * (pages - 1), 4096 * (pages - 1) + 77] {
        fs::write(database(folder.path()), &whole[..length]).expect("there is room");
        let error = refused(folder.path()).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{length} bytes: {error}");
    }
    fs::write(database(folder.path()), whole).expect("there is room");
    open(folder.path()).await.writer.close().await.expect("nothing is wrong");
}

#[tokio::test]
async fn a_database_that_was_cut_under_its_log_is_damaged() {
    let folder = with_jobs().await;
    let opened = open(folder.path()).await;
    opened.store.record(vec![submit().1]).await.expect("the store works");
    // What a crash leaves: the database and a log that was not written back.
    let files = ["etlplus.db", "etlplus.db-wal"];
    let crashed = [temporary(), temporary(), temporary()];
    for (folder_of_copy, name) in crashed.iter().flat_map(|folder| files.map(|name| (folder, name))) {
        fs::copy(folder.path().join(name), folder_of_copy.path().join(name)).expect("there is room");
    }
    opened.writer.close().await.expect("nothing is wrong");
    let [whole, cut, emptied] = crashed;
    let opened = open(whole.path()).await;
    assert_eq!(opened.bus.position().offset.get(), 201, "a crash alone loses nothing");

    let half = fs::metadata(database(cut.path())).expect("it is there").len() / 8192 * 4096;
    for (folder, length) in [(cut, half), (emptied, 0)] {
        let file = OpenOptions::new().write(true).open(database(folder.path())).expect("it is there");
        file.set_len(length).expect("it is ours");
        let log = fs::read(folder.path().join("etlplus.db-wal")).expect("it is there");
        let error = refused(folder.path()).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(fs::read(folder.path().join("etlplus.db-wal")).expect("it is there") == log, "the log was changed");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let folder = temporary();
    for garbage in ["not a database", &"garbage ".repeat(10_000)] {
        fs::write(database(folder.path()), garbage).expect("there is room");
        let error = refused(folder.path()).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
    let whole = with_jobs().await;
    let mut file = OpenOptions::new().write(true).open(database(whole.path())).expect("it is there");
    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&[0; 100])).expect("it is ours");
    let error = refused(whole.path()).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_not_taken() {
    let folder = temporary();
    let mut other = connect(folder.path()).await;
    sqlx::query("CREATE TABLE theirs (a)").execute(&mut other).await.expect("it is empty");
    other.close().await.expect("nothing is wrong");
    let error = refused(folder.path()).await;
    assert!(error.to_string().contains("no tables of ETL Plus"), "{error}");
}

#[tokio::test]
async fn a_log_without_its_database_is_not_replayed_over_a_new_one() {
    let folder = temporary();
    fs::write(folder.path().join("etlplus.db-wal"), "a log").expect("there is room");
    let error = Store::open(folder.path()).await.expect_err("the database is gone");
    assert!(matches!(&error, OpenError::Damaged { reason, .. } if reason.contains("is missing")), "{error}");
    assert!(!database(folder.path()).exists());
}

#[tokio::test]
async fn a_database_that_was_half_made_is_made_anew() {
    let folder = temporary();
    fs::write(folder.path().join("etlplus.db.new"), "half").expect("there is room");
    open(folder.path()).await.writer.close().await.expect("nothing is wrong");
    assert!(!folder.path().join("etlplus.db.new").exists());
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused() {
    let folder = with_jobs().await;
    let mut other = connect(folder.path()).await;
    sqlx::query("PRAGMA user_version = 4").execute(&mut other).await.expect("nobody writes");
    other.close().await.expect("nothing is wrong");
    let error = refused(folder.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 4, known: 3, .. }), "{error}");
}

/// Holds a store until it is killed.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn holds_a_store() {
    let Some(folder) = folder() else { return };
    let mut opened = open(&folder).await;
    tell("open", "now");
    opened.writer.failed().await;
}

#[tokio::test]
async fn a_folder_has_one_owner_who_is_named() {
    let folder = temporary();
    let mut holder = Told::by(on(this_program(), "open::holds_a_store", folder.path()));
    assert_eq!(holder.next().expect("it tells").0, "open");
    let error = Store::open(folder.path()).await.expect_err("somebody else holds it");
    let OpenError::Locked { pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*pid, Some(holder.child.id()));
    assert!(error.to_string().contains(&format!("process {}", holder.child.id())), "{error}");
    holder.child.kill().expect("it runs");
    holder.child.wait().expect("it was a child");
    // The kernel gave the lock back.
    let opened = open(folder.path()).await;
    let error = Store::open(folder.path()).await.expect_err("this process holds it");
    assert!(matches!(error, OpenError::Locked { pid, .. } if pid == Some(std::process::id())));
    opened.writer.close().await.expect("nothing is wrong");
    open(folder.path()).await;
}

#[tokio::test]
async fn closing_records_what_was_queued() {
    let folder = temporary();
    let opened = open(folder.path()).await;
    let jobs: Vec<_> = (0..100).map(|_| submit()).collect();
    let calls: Vec<_> = jobs
        .iter()
        .map(|(_, change)| {
            let (store, change) = (opened.store.clone(), change.clone());
            tokio::spawn(async move { store.record(vec![change]).await })
        })
        .collect();
    // On this one thread the calls are in the queue, and the writer has answered none, when the closing begins.
    tokio::task::yield_now().await;
    opened.writer.close().await.expect("nothing is wrong");
    let opened = open(folder.path()).await;
    let mut recorded = 0;
    for ((job, _), call) in jobs.iter().zip(calls) {
        let is_recorded = call.await.expect("it does not panic").is_ok();
        assert_eq!(opened.store.job(*job).await.expect("the store answers").is_some(), is_recorded);
        recorded += usize::from(is_recorded);
    }
    assert_eq!(recorded, 100);
}

#[tokio::test]
async fn dropping_the_writer_closes_the_store() {
    let folder = temporary();
    let Opened { store, bus, writer } = open(folder.path()).await;
    let mut subscription = bus.subscribe_after(bus.position().offset);
    drop(writer);
    assert_eq!(subscription.next().await, Err(etlplus_bus::NoFacts::Closed));
    assert!(store.record(vec![]).await.is_err());
}
