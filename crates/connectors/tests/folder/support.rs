//! Pipelines, rows, loads, and what a reader of the folder sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use etlplus_connectors::target::{self, Load, Loaded, Target};
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, parse};
use etlplus_core::ports::Control;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Rows that one test batch has at most.
pub(crate) const BATCH_ROWS: i64 = 8192;

pub(crate) fn id(number: u64) -> JobId {
    format!("00000000-0000-7000-8000-{number:012x}").parse().unwrap()
}

/// Job `number` of a pipeline whose target is `target`, in `folder`.
pub(crate) fn job(folder: &Path, number: u64, target: &str) -> JobSpec {
    job_with(folder, number, target, "")
}

/// The same with more keys of the pipeline.
pub(crate) fn job_with(folder: &Path, number: u64, target: &str, more: &str) -> JobSpec {
    pipeline_job(folder, number, "orders", target, more)
}

/// A job of the pipeline `name`.
pub(crate) fn pipeline_job(folder: &Path, number: u64, name: &str, target: &str, more: &str) -> JobSpec {
    let yaml = format!("name: {name}\nsource: {{ parquet: {{ path: in.parquet }} }}\ntarget: {target}\n{more}\n");
    let pipeline = Arc::new(parse(&yaml).unwrap_or_else(|mistakes| panic!("{mistakes:?}")));
    JobSpec::new(id(number), pipeline, folder, &BTreeMap::new(), chrono::DateTime::UNIX_EPOCH).unwrap()
}

/// Orders with these numbers; the country of every tenth is not known.
pub(crate) fn orders(ids: Range<i64>) -> RecordBatch {
    let country = |id: i64| (id % 10 != 0).then(|| ["DE", "AT", "CH"][(id % 3) as usize]);
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("country", Arc::new(StringArray::from_iter(ids.clone().map(country)))),
        ("day", Arc::new(Date32Array::from_iter_values(ids.clone().map(|id| 19_723 + (id % 400) as i32)))),
        (
            "amount",
            Arc::new(Decimal128Array::from_iter_values(ids.map(amount)).with_precision_and_scale(12, 2).unwrap()),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// An amount that neither differences nor compression make small (the mixing of splitmix64).
fn amount(id: i64) -> i128 {
    let mut mixed = (id as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    i128::from((mixed ^ (mixed >> 31)) % 10_000_000_000)
}

/// Loads orders, as a job does: not at all where an earlier attempt has done so.
pub(crate) async fn load(job: &JobSpec, ids: Range<i64>) -> Result<Option<Loaded>, Failure> {
    load_with_cursor(job, ids, None).await
}

pub(crate) async fn load_with_cursor(
    job: &JobSpec,
    ids: Range<i64>,
    cursor: Option<&str>,
) -> Result<Option<Loaded>, Failure> {
    let target = target::of(job);
    if target.state().await?.loaded.is_some() {
        return Ok(None);
    }
    write(&*target, ids, cursor).await.map(Some)
}

/// Writes orders to a target and commits them.
pub(crate) async fn write(target: &dyn Target, ids: Range<i64>, cursor: Option<&str>) -> Result<Loaded, Failure> {
    let load = Load { schema: orders(0..0).schema(), control: Arc::new(Control::default()) };
    let mut loader = target.start(load).await?;
    let mut first = ids.start;
    while first < ids.end {
        let end = ids.end.min(first + BATCH_ROWS);
        loader.write(orders(first..end)).await?;
        first = end;
    }
    loader.finish(cursor.map(str::to_owned)).await?.commit().await
}

/// Every file that a reader finds who looks into hidden folders, too.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let pattern = format!("{}/**/*.{ending}", folder.display());
    glob::glob(&pattern).unwrap().map(Result::unwrap).collect()
}

/// The numbers of all orders in Parquet files, sorted, with those that are there twice.
pub(crate) fn ids_in(folder: &Path) -> Vec<i64> {
    let mut ids: Vec<i64> = files(folder, "parquet").iter().flat_map(|file| ids_of(file)).collect();
    ids.sort_unstable();
    ids
}

/// The numbers of the orders in one Parquet file, in its order.
pub(crate) fn ids_of(file: &Path) -> Vec<i64> {
    let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
    let ids = batches.map(|batch| batch.unwrap().column_by_name("id").unwrap().as_primitive::<Int64Type>().clone());
    ids.flat_map(|ids| ids.values().to_vec()).collect()
}

/// The names in a folder, hidden ones too.
pub(crate) fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Asserts that no file of a load that did not happen is left in the folder or beside it.
pub(crate) fn assert_clean(folder: &Path) {
    let beside = names(folder.parent().unwrap());
    assert!(!beside.iter().any(|name| name.ends_with(".etlplus-tmp")), "left beside: {beside:?}");
    let notes = folder.join(".etlplus");
    if notes.is_dir() {
        let within = names(&notes);
        assert!(!within.iter().any(|name| name.parse::<JobId>().is_ok()), "left within: {within:?}");
    }
}
