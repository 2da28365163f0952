//! What writing costs: made-up orders go through a target, and the time of all threads is told.
//!
//! `cargo run --release -p etlplus-connectors --example write_parquet -- out.parquet [ROWS]`; the ending says the format.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people at a terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use etlplus_connectors::target::{self, Load};
use etlplus_core::pipeline::{JobSpec, parse};
use etlplus_core::ports::Control;

const BATCH_ROWS: u64 = 8192;
/// Batches that are made before the clock starts, and written over and over with new numbers and times.
const MADE_BATCHES: u64 = 64;
const NOTES: [&str; 6] =
    ["Please ring twice", "Leave at the door", "Gate code 4711#, second bell", "ありがとう", "Size 42; else 43", "-"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().unwrap_or_else(|| "orders.parquet".to_owned()));
    let rows = arguments.next().map_or(10_000_000, |rows| rows.parse().unwrap());
    let made: Vec<_> = (0..MADE_BATCHES).map(orders).collect();
    tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(write(&path, rows, &made));
}

async fn write(path: &Path, rows: u64, made: &[RecordBatch]) {
    let target = target::of(&job(path));
    let (clock, cpu) = (Instant::now(), cpu_time());
    let load = Load { schema: made[0].schema(), control: Arc::new(Control::default()) };
    let mut loader = target.start(load).await.unwrap();
    for number in 0..rows.div_ceil(BATCH_ROWS) {
        let batch = renumbered(&made[(number % MADE_BATCHES) as usize], number);
        let rows_left = rows - number * BATCH_ROWS;
        loader.write(batch.slice(0, batch.num_rows().min(rows_left as usize))).await.unwrap();
    }
    let ready = loader.finish(None).await.unwrap();
    let written = clock.elapsed();
    let loaded = ready.commit().await.unwrap();
    let cpu = cpu_time() - cpu;
    println!(
        "{rows} rows, {} bytes: {:.2} s of processor, {:.2} s until written, {:.2} s until durable",
        loaded.bytes.unwrap_or_default(),
        cpu.as_secs_f64(),
        written.as_secs_f64(),
        clock.elapsed().as_secs_f64()
    );
}

/// A job whose target is the file at `path`.
fn job(path: &Path) -> JobSpec {
    let path = std::path::absolute(path).unwrap();
    let format = path.extension().and_then(|ending| ending.to_str()).unwrap();
    let yaml = format!(
        "name: orders\nsource: {{ parquet: {{ path: in.parquet }} }}\ntarget: {{ {format}: {{ path: {path:?} }} }}\n"
    );
    let pipeline = Arc::new(parse(&yaml).unwrap());
    let id = "00000000-0000-7000-8000-000000000000".parse().unwrap();
    JobSpec::new(id, pipeline, Path::new("/"), &BTreeMap::new(), chrono::DateTime::UNIX_EPOCH).unwrap()
}

/// User and system time of all threads so far, in hundredths of a second (proc(5), `stat`).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

/// The batch as batch `number`: later orders have greater numbers and later times.
fn renumbered(batch: &RecordBatch, number: u64) -> RecordBatch {
    let first = (number * BATCH_ROWS) as i64;
    let mut columns = batch.columns().to_vec();
    columns[0] = Arc::new(Int64Array::from_iter_values(first + 100_001..first + 100_001 + batch.num_rows() as i64));
    let times = (0..batch.num_rows() as i64).map(|row| {
        let row = first + row;
        1_704_067_200_000_000 + row * 6_000_000 + (mix(row as u64) % 120) as i64 * 1_000_000
    });
    columns[2] = Arc::new(TimestampMicrosecondArray::from_iter_values(times));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Some orders of a shop: the columns and the variety of `etlplus init`'s demo data.
fn orders(number: u64) -> RecordBatch {
    let draws = || (number * BATCH_ROWS..(number + 1) * BATCH_ROWS).map(mix);
    let column = |name, array: ArrayRef| (name, array, true);
    RecordBatch::try_from_iter_with_nullable([
        column("order_id", Arc::new(Int64Array::from_iter_values(draws().map(|draw| draw as i64)))),
        column(
            "customer_id",
            Arc::new(Int64Array::from_iter(draws().map(|d| (d % 33 != 0).then(|| 1 + (d >> 9) as i64 % 1_000_000)))),
        ),
        column("placed_at", Arc::new(TimestampMicrosecondArray::from_iter_values(draws().map(|draw| draw as i64)))),
        column(
            "ship_by",
            Arc::new(Date32Array::from_iter(draws().map(|d| (d % 10 != 0).then(|| 19_723 + (d >> 13) as i32 % 700)))),
        ),
        column(
            "country",
            Arc::new(StringArray::from_iter_values(draws().map(|d| ["DE", "AT", "CH", "FR", "NL"][d as usize % 5]))),
        ),
        column(
            "sku",
            Arc::new(StringArray::from_iter_values(draws().map(|d| format!("EL-{:04}", 1000 + (d >> 5) % 4000)))),
        ),
        column("quantity", Arc::new(Int32Array::from_iter_values(draws().map(|d| 1 + (d >> 17) as i32 % 4)))),
        column(
            "unit_price",
            Arc::new(
                Decimal128Array::from_iter_values(draws().map(|d| i128::from(mix((d >> 5) % 4000) % 250 * 100 + 99)))
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        column("weight", Arc::new(Float64Array::from_iter_values(draws().map(|d| ((d >> 21) % 4096) as f64 / 1000.0)))),
        column("gift", Arc::new(BooleanArray::from_iter(draws().map(|d| Some((d >> 3) % 16 == 0))))),
        column(
            "status",
            Arc::new(StringArray::from_iter_values(draws().map(|d| ["paid", "shipped", "new"][(d >> 7) as usize % 3]))),
        ),
        column(
            "email",
            Arc::new(StringArray::from_iter_values(
                draws().map(|d| format!("customer{}@example.com", (d >> 9) % 1_000_000)),
            )),
        ),
        column(
            "note",
            Arc::new(StringArray::from_iter(
                draws().map(|d| ((d >> 11) % 10 > 5).then(|| NOTES[(d >> 25) as usize % 6])),
            )),
        ),
    ])
    .unwrap()
}

/// A number that looks drawn (splitmix64), below 2^47.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 17
}
