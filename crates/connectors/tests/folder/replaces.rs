//! Loads that replace a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use etlplus_connectors::target::{self, Load};

use crate::support::{assert_clean, files, ids_in, job, load, names, orders};

const REPLACE: &str = "{ parquet: { folder: out } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_the_last_job_are_there_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, REPLACE), 0..300_000).await.unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o750)).unwrap();
    load(&job(folder.path(), 2, REPLACE), 500..600).await.unwrap();
    assert_eq!(ids_in(&out), (500..600).collect::<Vec<_>>());
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o750, "as private as before");
    assert_eq!(names(folder.path()).len(), 1, "{:?}", names(folder.path()));
    assert!(load(&job(folder.path(), 2, REPLACE), 0..1).await.unwrap().is_none(), "a re-run loads nothing");
    let first = target::of(&job(folder.path(), 1, REPLACE)).state().await.unwrap();
    assert_eq!(first.loaded, None, "its rows are gone, so that it can load them again");
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_commit_the_old_rows_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, REPLACE), 0..100).await.unwrap();
    let second = job(folder.path(), 2, REPLACE);
    let target = target::of(&second);
    let load = Load { schema: orders(0..0).schema(), control: Default::default() };
    let mut loader = target.start(load).await.unwrap();
    loader.write(orders(100..200)).await.unwrap();
    let ready = loader.finish(None).await.unwrap();
    assert_eq!(ids_in(&out), (0..100).collect::<Vec<_>>());
    ready.commit().await.unwrap();
    assert_eq!(ids_in(&out), (100..200).collect::<Vec<_>>());
    assert_clean(&out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_rows_leaves_a_file_that_tells_the_columns() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, REPLACE), 0..100).await.unwrap();
    load(&job(folder.path(), 2, REPLACE), 0..0).await.unwrap();
    assert_eq!(files(&out, "parquet").len(), 1);
    assert!(ids_in(&out).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_load_has_made_are_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis.txt"), "years of work").unwrap();
    let first = job(folder.path(), 1, REPLACE);
    let misfits = target::of(&first).check(&orders(0..0).schema()).await.unwrap();
    assert!(misfits.len() == 1 && misfits[0].message.contains("thesis.txt"), "{misfits:?}");
    let failure = load(&first, 0..10).await.unwrap_err();
    assert_eq!(failure.code, "folder_not_ours");
    assert_eq!(names(&out).into_iter().collect::<Vec<_>>(), ["thesis.txt"]);
    fs::remove_file(out.join("thesis.txt")).unwrap();
    load(&first, 0..10).await.unwrap();
    assert_eq!(ids_in(&out), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_link_the_folder_that_it_leads_to_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("disk/real");
    fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("out")).unwrap();
    for number in 1..=2 {
        load(&job(folder.path(), number, REPLACE), 0..number as i64 * 10).await.unwrap();
    }
    assert!(folder.path().join("out").is_symlink());
    assert_eq!(ids_in(&real).len(), 20);
}
