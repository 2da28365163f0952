//! Files in folders that are named by the values of columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use etlplus_connectors::target::{self, Load};
use etlplus_core::Failure;
use etlplus_core::pipeline::JobSpec;

use crate::support::{assert_clean, files, ids_in, ids_of, job, load, names, orders};

async fn load_batches(job: &JobSpec, batches: Vec<RecordBatch>) -> Result<(), Failure> {
    let target = target::of(job);
    let load = Load { schema: batches[0].schema(), control: Default::default() };
    let mut loader = target.start(load).await?;
    for batch in batches {
        loader.write(batch).await?;
    }
    loader.finish(None).await?.commit().await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_in_the_folder_of_their_values_and_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let target = "{ parquet: { folder: out, partition_by: [country] }, mode: append }";
    load(&job(folder.path(), 1, target), 0..400_000).await.unwrap();
    let expected = ["country=AT", "country=CH", "country=DE", "country=__HIVE_DEFAULT_PARTITION__"];
    assert_eq!(names(&out).into_iter().filter(|name| name != ".etlplus").collect::<Vec<_>>(), expected);
    let unknown = files(&out.join(expected[3]), "parquet");
    assert_eq!(ids_of(&unknown[0]), (0..400_000).step_by(10).collect::<Vec<_>>());
    let austria = files(&out.join("country=AT"), "parquet");
    assert_eq!(ids_of(&austria[0]), (0..400_000).filter(|id| id % 3 == 1 && id % 10 != 0).collect::<Vec<_>>());
    assert_eq!(ids_in(&out), (0..400_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_names_folders_is_none_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let target = "{ csv: { folder: out, partition_by: [day, country] } }";
    load(&job(folder.path(), 1, target), 0..10).await.unwrap();
    let file = files(&folder.path().join("out/day=2024-01-02/country=AT"), "csv").remove(0);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "id,amount\n1,59923593.98\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_folders_than_files_may_be_open_get_all_rows_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // 400 days, each of which comes again and again.
    let target = "{ parquet: { folder: out, partition_by: [day] } }";
    load(&job(folder.path(), 1, target), 0..300_000).await.unwrap();
    assert_eq!(names(&out).len(), 401);
    assert_eq!(ids_in(&out), (0..300_000).collect::<Vec<_>>());
    assert_clean(&out);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_values_end_the_load_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = "{ parquet: { folder: out, partition_by: [id] } }";
    let failure = load(&job(folder.path(), 1, target), 0..100_000).await.unwrap_err();
    assert_eq!(failure.code, "too_many_partitions");
    assert!(failure.message.contains("10000"), "{failure}");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !names(folder.path()).is_empty() {
        assert!(std::time::Instant::now() < end, "left: {:?}", names(folder.path()));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_no_name_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let values = ["a/b", "..", "", "100%", "x=y", "Zürich"];
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..6)) as ArrayRef),
        ("k", Arc::new(StringArray::from_iter_values(values)) as ArrayRef),
    ]);
    let target = "{ parquet: { folder: out, partition_by: [k] } }";
    load_batches(&job(folder.path(), 1, target), vec![batch.unwrap()]).await.unwrap();
    let expected = [".etlplus", "k=", "k=..", "k=100%25", "k=Zürich", "k=a%2Fb", "k=x%3Dy"];
    assert_eq!(names(&folder.path().join("out")), BTreeSet::from(expected.map(str::to_owned)));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_cannot_name_folders_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let job = |columns: &str| {
        let target = format!("{{ parquet: {{ folder: out, partition_by: [{columns}] }} }}");
        job(folder.path(), 1, &target)
    };
    let schema = Schema::new(vec![Field::new("a", DataType::Float64, true), Field::new("b", DataType::Int32, true)]);
    for (columns, found) in [("b", 0), ("a", 1), ("c", 1), ("a, b", 2)] {
        let misfits = target::of(&job(columns)).misfits(&schema);
        assert_eq!(misfits.len(), found, "{columns}: {misfits:?}");
    }
    assert_eq!(target::of(&job("country")).misfits(&orders(0..0).schema()), []);
}
