//! Loads that add files to a folder.

use std::fs;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use etlplus_connectors::target;
use etlplus_core::{FailureKind, Type};
use futures::TryStreamExt;

use crate::support::{assert_clean, files, id, ids_in, ids_of, job, load, names, orders, write};

const APPEND: &str = "{ parquet: { folder: out }, mode: append }";

#[tokio::test(flavor = "multi_thread")]
async fn each_job_adds_its_rows_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for number in 1..=3 {
        let first = number as i64 * 1_000_000;
        let loaded = load(&job(folder.path(), number, APPEND), first..first + 300_000).await.unwrap().unwrap();
        let file = out.join(format!("{}-00000.parquet", id(number)));
        assert_eq!(loaded.bytes, Some(fs::metadata(&file).unwrap().len()));
        assert_eq!(ids_of(&file), (first..first + 300_000).collect::<Vec<_>>());
    }
    assert_eq!(files(&out, "parquet").len(), 3);
    let state = target::of(&job(folder.path(), 2, APPEND)).state().await.unwrap();
    assert_eq!(state.loaded, Some(300_000));
    assert!(load(&job(folder.path(), 2, APPEND), 0..10).await.unwrap().is_none());
    assert_eq!(ids_in(&out).len(), 900_000);
    assert_clean(&out);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_ended_at_their_size() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, limit) in [("parquet", "64KiB"), ("csv", "64KiB"), ("ndjson", "64KiB")] {
        let target = format!("{{ {ending}: {{ folder: {ending}, file_size: {limit} }}, mode: append }}");
        load(&job(folder.path(), 1, &target), 0..100_000).await.unwrap();
        let sizes: Vec<_> =
            files(&folder.path().join(ending), ending).iter().map(|file| fs::metadata(file).unwrap().len()).collect();
        assert!(sizes.len() > 3, "{ending}: {sizes:?}");
        // A file is ended by the chunk that makes it large enough; a chunk of text is a batch of rows.
        assert!(sizes.iter().all(|size| *size < 64 * 1024 + 700 * 1024), "{ending}: {sizes:?}");
    }
    assert_eq!(ids_in(&folder.path().join("parquet")), (0..100_000).collect::<Vec<_>>());
    let texts = files(&folder.path().join("csv"), "csv").into_iter().map(|file| fs::read_to_string(file).unwrap());
    let texts: Vec<_> = texts.collect();
    assert!(texts.iter().all(|text| text.starts_with("id,country,day,amount\n")), "each file names its columns");
    assert_eq!(texts.iter().map(|text| text.lines().count() - 1).sum::<usize>(), 100_000);
    assert!(texts[0].contains("\n1,AT,2024-01-02,59923593.98\n"), "{}", &texts[0][..200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_dropped_leaves_the_folder_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, APPEND), 0..10).await.unwrap();
    let second = job(folder.path(), 2, APPEND);
    let target = target::of(&second);
    let load = target::Load { schema: orders(0..0).schema(), control: Default::default() };
    let mut loader = target.start(load).await.unwrap();
    for _ in 0..40 {
        loader.write(orders(10..8000)).await.unwrap();
    }
    drop(loader);
    // The thread that writes ends by itself.
    let end = Instant::now() + Duration::from_secs(20);
    while names(&out.join(".etlplus")).contains(&id(2).to_string()) {
        assert!(Instant::now() < end, "the files of the load stay");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ids_in(&out), (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_job_is_told_that_the_first_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, APPEND), 0..10).await.unwrap();
    let (second, third) = (job(folder.path(), 2, APPEND), job(folder.path(), 3, APPEND));
    let (second, late) = (target::of(&second), target::of(&third));
    late.state().await.unwrap();
    let begin = || target::Load { schema: orders(0..0).schema(), control: Default::default() };
    let mut loader = second.start(begin()).await.unwrap();
    let busy = late.start(begin()).await.err().unwrap();
    assert_eq!((busy.code.as_str(), busy.kind), ("target_busy", FailureKind::Transient));
    loader.write(orders(10..20)).await.unwrap();
    loader.finish(None).await.unwrap().commit().await.unwrap();
    // It decided what to read by what it saw; that is not what is there.
    let changed = late.start(begin()).await.err().unwrap();
    assert_eq!((changed.code.as_str(), changed.kind), ("target_changed", FailureKind::Transient));
    load(&third, 20..30).await.unwrap();
    assert_eq!(ids_in(&out), (0..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_a_column_are_those_of_all_files() {
    for ending in ["parquet", "csv", "ndjson"] {
        let folder = tempfile::tempdir().unwrap();
        let target = format!("{{ {ending}: {{ folder: out, partition_by: [country] }}, mode: append }}");
        for number in 1..=2 {
            load(&job(folder.path(), number, &target), number as i64 * 100..number as i64 * 100 + 50).await.unwrap();
        }
        let third = job(folder.path(), 3, &target);
        let target = target::of(&third);
        let arrays = target.values("id", Type::Int64).await.unwrap().unwrap().try_collect::<Vec<_>>().await.unwrap();
        let mut ids: Vec<_> =
            arrays.iter().flat_map(|array| array.as_primitive::<Int64Type>().values().to_vec()).collect();
        ids.sort_unstable();
        assert_eq!(ids, (100..150).chain(200..250).collect::<Vec<_>>(), "{ending}");
        let arrays =
            target.values("country", Type::String).await.unwrap().unwrap().try_collect::<Vec<_>>().await.unwrap();
        let countries: Vec<_> =
            arrays.iter().flat_map(|array| array.as_string::<i32>().iter().map(|v| v.unwrap().to_owned())).collect();
        assert_eq!(countries, ["AT", "CH", "DE"], "{ending}");
        assert!(target.values("nothing", Type::Int64).await.unwrap().is_none());
        assert!(arrays.iter().all(|array| array.null_count() == 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_other_columns_than_the_files_do_not_fit() {
    for ending in ["parquet", "csv", "ndjson"] {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{{ {ending}: {{ folder: out, partition_by: [country] }}, mode: append }}");
        load(&job(folder.path(), 1, &text), 0..50).await.unwrap();
        let second = job(folder.path(), 2, &text);
        let target = target::of(&second);
        let there = orders(0..0).schema();
        assert_eq!(target.check(&there).await.unwrap(), [], "{ending}");
        let mut fields: Vec<_> = there.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields[3] = Field::new("amount", DataType::Int64, true);
        fields.push(Field::new("more", DataType::Utf8, true));
        fields.retain(|field| field.name() != "day");
        let misfits = target.check(&Schema::new(fields)).await.unwrap();
        let told =
            |column: &str| misfits.iter().filter(|misfit| misfit.message.contains(&format!("{column:?}"))).count();
        // Text has no types of its own.
        let types = if ending == "parquet" { 1 } else { 0 };
        assert_eq!((told("amount"), told("more"), told("day")), (types, 1, 1), "{ending}: {misfits:?}");
        let other = job(folder.path(), 3, &format!("{{ {ending}: {{ folder: out }}, mode: append }}"));
        assert_eq!(target::of(&other).check(&there).await.unwrap().len(), 1, "partitioned otherwise");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_put_in_place_by_the_next_who_looks_and_what_was_not_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    load(&job(folder.path(), 1, APPEND), 0..10).await.unwrap();
    load(&job(folder.path(), 2, APPEND), 10..20).await.unwrap();
    // As a process leaves it that is killed between the log of loads and the moving of its files.
    let stage = out.join(".etlplus").join(id(2).to_string());
    let name = format!("{}-00000.parquet", id(2));
    fs::create_dir(&stage).unwrap();
    fs::rename(out.join(&name), stage.join(format!("{name}.etlplus-tmp"))).unwrap();
    // ... and one that is killed before it.
    let lost = out.join(".etlplus").join(id(3).to_string());
    fs::create_dir(&lost).unwrap();
    fs::write(lost.join(format!("{}-00000.parquet.etlplus-tmp", id(3))), "half").unwrap();
    // ... and one whose line in the log is cut.
    let log = out.join(".etlplus/loads.log");
    let mut text = fs::read_to_string(&log).unwrap();
    text.push_str(&format!("{{\"job\":\"{}\",\"rows\":10", id(3)));
    fs::write(&log, text).unwrap();
    assert_eq!(ids_in(&out), (0..10).collect::<Vec<_>>(), "nothing of either is seen");

    assert_eq!(target::of(&job(folder.path(), 9, APPEND)).state().await.unwrap().loaded, None);
    assert_eq!(ids_in(&out), (0..20).collect::<Vec<_>>());
    assert_clean(&out);
    load(&job(folder.path(), 3, APPEND), 20..30).await.unwrap().unwrap();
    assert_eq!(ids_in(&out), (0..30).collect::<Vec<_>>());
    assert_eq!(target::of(&job(folder.path(), 3, APPEND)).state().await.unwrap().loaded, Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_of_loads_stops_a_job_before_it_doubles_rows() {
    let folder = tempfile::tempdir().unwrap();
    load(&job(folder.path(), 1, APPEND), 0..10).await.unwrap();
    fs::write(folder.path().join("out/.etlplus/loads.log"), "no record\n").unwrap();
    let failure = load(&job(folder.path(), 2, APPEND), 10..20).await.unwrap_err();
    assert_eq!(failure.code, "notes_unreadable");
    assert!(failure.message.contains("line 1"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_where_the_folder_should_be_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out"), "a file").unwrap();
    let failure = write(&*target::of(&job(folder.path(), 1, APPEND)), 0..10, None).await.unwrap_err();
    assert_eq!(failure.code, "not_a_directory");
    assert_eq!(fs::read_to_string(folder.path().join("out")).unwrap(), "a file");
}
