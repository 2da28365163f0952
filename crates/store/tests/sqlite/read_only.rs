//! Files and folders that may be read and no more. The superuser may write to them all the same, so the store is opened by
//! another user where the tests run as that one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use etlplus_store::{OpenError, Store};
use tempfile::TempDir;

use crate::children::{Told, folder, on, submit, tell};
use etlplus_core::ports::Ledger;

/// The user `nobody`, who owns no files.
const NOBODY: u32 = 65_534;

/// Opens a store and tells which error that is.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn opens_and_tells() {
    let Some(folder) = folder() else { return };
    let kind = match Store::open(&folder).await {
        Ok(_) => "none",
        Err(OpenError::ReadOnly { .. }) => "read-only",
        Err(OpenError::Folder { .. }) => "folder",
        Err(other) => panic!("{other}"),
    };
    tell("error", kind);
}

/// A folder with a store in it, all of which belongs to who will open it.
async fn a_store() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let opened = Store::open(folder.path()).await.expect("the folder is free");
    opened.store.record(vec![submit().1]).await.expect("the store works");
    opened.writer.close().await.expect("nothing is wrong");
    if is_root(folder.path()) {
        let files = fs::read_dir(folder.path()).expect("it is a folder").map(|file| file.expect("a file").path());
        for path in files.chain([folder.path().to_owned()]) {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
    folder
}

/// Files that were just made belong to the user that this process runs as.
fn is_root(made: &Path) -> bool {
    fs::metadata(made).expect("it is there").uid() == 0
}

/// The error that an ordinary user gets who opens the store.
fn error_of(folder: &Path) -> String {
    let bin = tempfile::tempdir().expect("a temporary folder");
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = if is_root(bin.path()) {
        // The build's folder may be closed to others.
        fs::set_permissions(bin.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let copy = bin.path().join("program");
        fs::copy(program, &copy).expect("there is room");
        let mut command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    let mut told = Told::by(on(command, "read_only::opens_and_tells", folder));
    let error = told.find(|(word, _)| word == "error").expect("it tells").1;
    assert!(told.child.wait().expect("it was a child").success());
    error
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_named_as_that() {
    let folder = a_store().await;
    let database = folder.path().join("etlplus.db");
    assert_eq!(error_of(folder.path()), "none", "the user can open what they can write to");
    let before = fs::read(&database).expect("it is there");
    fs::set_permissions(&database, Permissions::from_mode(0o444)).expect("it is ours");
    assert_eq!(error_of(folder.path()), "read-only");
    assert!(fs::read(&database).expect("it is there") == before);
}

#[tokio::test]
async fn a_folder_that_may_only_be_read_is_named_as_that() {
    let folder = a_store().await;
    fs::remove_file(folder.path().join("lock")).expect("it is there");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).expect("it is ours");
    assert_eq!(error_of(folder.path()), "folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
}
