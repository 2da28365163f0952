//! Decoding by several threads. Each has some of the columns and reads them through all files, in batches of the same rows;
//! put side by side, these are the rows in their order, and nothing waits for more than a few batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{FieldRef, Schema};
use etlplus_core::Failure;
use futures::stream::{Stream, try_unfold};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::batch_rows::BatchRows;
use super::file::{ParquetFile, Place};
use super::page_limit::{LimitedFile, PAGE_MAX_BYTES};
use crate::check::{CheckPlan, record_batch};
use crate::failure::{first_line, parquet_failure};

/// Batches of each thread that wait to be taken.
const WAITING_BATCHES: usize = 2;
/// Batches that are held here: those that wait, one that waits to wait, and one that is being decoded.
pub(super) const HELD_BATCHES: usize = WAITING_BATCHES + 2;

/// Some rows of a file.
pub(super) struct Decoded {
    /// The number of the file among all.
    pub(super) file: usize,
    /// The number of the first row in its file, from 1.
    pub(super) first_row: u64,
    /// The columns that were asked for, in order.
    pub(super) batch: RecordBatch,
}

/// Some rows of some columns.
struct Part {
    file: usize,
    first_row: u64,
    rows: usize,
    /// The columns, by their positions among all that are read.
    columns: Vec<(usize, ArrayRef)>,
}

type PartSender = mpsc::Sender<Result<Part, Failure>>;

/// Reads the rows of all files, in order.
pub(super) fn decode(
    files: Arc<Vec<ParquetFile>>,
    batch_rows: BatchRows,
    plan: &CheckPlan,
) -> impl Stream<Item = Result<Decoded, Failure>> + Send + use<> {
    let places: Arc<Vec<_>> = Arc::new(files.iter().map(|file| file.places(plan)).collect());
    let batch_rows = Arc::new(batch_rows);
    let mut parts = Vec::new();
    for columns in shares(&files, &places) {
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let (files, places, batch_rows) = (files.clone(), places.clone(), batch_rows.clone());
        spawn_blocking(move || {
            if let Err(failure) = read_files(&files, &places, &batch_rows, &columns, &sender) {
                // A receiver that is gone has stopped listening on purpose.
                let _ = sender.blocking_send(Err(failure));
            }
        });
        parts.push(receiver);
    }
    try_unfold((parts, files, places), |(mut parts, files, places)| async {
        let Some(decoded) = side_by_side(&mut parts, &files, &places).await? else { return Ok(None) };
        Ok(Some((decoded, (parts, files, places))))
    })
}

/// Divides the columns among the cores, so that each has about as many bytes to decode.
fn shares(files: &[ParquetFile], places: &[Vec<(FieldRef, Place)>]) -> Vec<Vec<usize>> {
    let columns = places.first().map_or(0, Vec::len);
    let mut weighed: Vec<_> = (0..columns).map(|column| (weight(files, places, column), column)).collect();
    weighed.sort_unstable_by(|a, b| b.cmp(a));
    let threads = available_parallelism().map_or(1, |cores| cores.get()).min(columns.max(1));
    let mut shares = vec![(0, Vec::new()); threads];
    for (weight, column) in weighed {
        if let Some(lightest) = shares.iter_mut().min_by_key(|(weight, _)| *weight) {
            // A column without bytes is some work, too.
            lightest.0 += weight + 1;
            lightest.1.push(column);
        }
    }
    shares.into_iter().map(|(_, columns)| columns).collect()
}

/// The bytes of a column in the first file, before compression.
fn weight(files: &[ParquetFile], places: &[Vec<(FieldRef, Place)>], column: usize) -> u64 {
    let (Some(file), Some(Place::File(root))) = (files.first(), places.first().map(|places| &places[column].1)) else {
        return 0;
    };
    let schema = file.metadata.parquet_schema();
    let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == *root);
    let groups = file.row_groups();
    leaves.flat_map(|leaf| groups.iter().map(move |group| group.column(leaf).uncompressed_size().unsigned_abs())).sum()
}

/// The next rows of all columns; `None` at the end of the last file.
async fn side_by_side(
    parts: &mut [mpsc::Receiver<Result<Part, Failure>>],
    files: &[ParquetFile],
    places: &[Vec<(FieldRef, Place)>],
) -> Result<Option<Decoded>, Failure> {
    let mut read: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts.iter_mut() {
        match part.recv().await {
            Some(part) => read.push(part?),
            None if read.is_empty() => continue,
            None => return Err(Failure::bug("a part of the columns ended before the others")),
        }
    }
    if read.len() < parts.len() || read.is_empty() {
        let is_end = read.is_empty();
        return if is_end { Ok(None) } else { Err(Failure::bug("a part of the columns ended before the others")) };
    }
    let (file, first_row, rows) = (read[0].file, read[0].first_row, read[0].rows);
    if read.iter().any(|part| (part.file, part.first_row, part.rows) != (file, first_row, rows)) {
        return Err(files[file].damaged_at(first_row - 1, "its columns have different numbers of rows"));
    }
    let mut columns: Vec<_> = read.into_iter().flat_map(|part| part.columns).collect();
    columns.sort_by_key(|(position, _)| *position);
    let fields: Vec<_> = places[file].iter().map(|(field, _)| field.as_ref().clone().with_nullable(true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = record_batch(Arc::new(Schema::new(fields)), arrays, rows)?;
    Ok(Some(Decoded { file, first_row, batch }))
}

/// Reads some columns of all files, until their end or until nobody listens.
fn read_files(
    files: &[ParquetFile],
    places: &[Vec<(FieldRef, Place)>],
    batch_rows: &BatchRows,
    columns: &[usize],
    sender: &PartSender,
) -> Result<(), Failure> {
    for (index, (file, places)) in files.iter().zip(places).enumerate() {
        let mut first_row = 1;
        // The library panics on some pages that no writer makes; that is the file's fault.
        let all: Vec<_> = places.iter().map(|(_, place)| place.clone()).collect();
        let rows_of = |group| batch_rows.of(index, file, group, &all);
        let read = || read_file(index, file, places, rows_of, columns, &mut first_row, sender);
        let read = catch_unwind(AssertUnwindSafe(read));
        if !read.unwrap_or_else(|_| Err(file.damaged_at(first_row - 1, "a page is damaged")))? {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads some columns of a file; false where nobody listens any more. `first_row` is the number of the next row. Each row
/// group is read for itself, so that a fault is told with the group that has it; `rows_of` says how many rows of it at a time.
fn read_file(
    index: usize,
    file: &ParquetFile,
    places: &[(FieldRef, Place)],
    rows_of: impl Fn(usize) -> usize,
    columns: &[usize],
    first_row: &mut u64,
    sender: &PartSender,
) -> Result<bool, Failure> {
    // The reader gives columns in the order of the file.
    let mut own: Vec<_> = columns
        .iter()
        .filter_map(|position| match &places[*position].1 {
            Place::File(root) => Some((*root, *position)),
            Place::Path(_) => None,
        })
        .collect();
    own.sort_unstable();
    let opened = file.file.open()?;
    for group in 0..file.row_groups().len() {
        let limited = LimitedFile::new(opened.try_clone().map_err(|error| file.file.read_failure(&error))?);
        let claimed = limited.claimed();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(limited, file.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), own.iter().map(|(root, _)| *root));
        let batches =
            builder.with_projection(mask).with_row_groups(vec![group]).with_batch_size(rows_of(group)).build();
        let end = *first_row + file.row_groups()[group].num_rows().unsigned_abs();
        for batch in batches.map_err(|error| parquet_failure(file.file.path(), &error))? {
            let batch = batch.map_err(|error| match claimed.load(Ordering::Relaxed) {
                0 => file.damaged(group, &first_line(&error.to_string())),
                claimed => too_large(file, claimed),
            })?;
            let rows = batch.num_rows();
            let mut read: Vec<_> =
                own.iter().zip(batch.columns()).map(|((_, at), array)| (*at, array.clone())).collect();
            for position in columns {
                if let Place::Path(value) = &places[*position].1 {
                    let texts = std::iter::repeat_n(value.as_deref(), rows);
                    read.push((*position, Arc::new(StringArray::from_iter(texts)) as ArrayRef));
                }
            }
            let part = Part { file: index, first_row: *first_row, rows, columns: read };
            *first_row += rows as u64;
            if sender.blocking_send(Ok(part)).is_err() {
                return Ok(false);
            }
        }
        if *first_row != end {
            let message = format!("it ends {} rows from where the footer says", first_row.abs_diff(end));
            return Err(file.damaged(group, &message));
        }
    }
    if *first_row - 1 != file.rows() {
        let (read, promised) = (*first_row - 1, file.rows());
        return Err(file.damaged_at(read, &format!("the file has {read} rows, and its footer says {promised}")));
    }
    Ok(true)
}

fn too_large(file: &ParquetFile, claimed: u64) -> Failure {
    Failure::limit(
        "page_too_large",
        format!(
            "{} has a page of {claimed} bytes before compression, and a page may have {PAGE_MAX_BYTES}",
            file.file.name()
        ),
        "write the file with smaller pages, or fetch it again: no usual writer makes such pages",
    )
}
