//! Rows by the folders that they go to.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use etlplus_core::Failure;

use super::super::chunks::{Gathered, bytes_of};
use super::super::encode::Cells;
use super::hive;
use crate::failure::arrow_failure;

/// Folders of one load. A column with more values than this is hardly meant to name folders, and each costs a file at least.
const PARTITIONS_MAX: usize = 10_000;
/// Rows that are gathered before they are divided, so that many folders do not get them one by one.
const DIVIDED_ROWS: usize = 1 << 16;
/// ... or their bytes, if they weigh much.
const DIVIDED_BYTES: usize = 16 << 20;
/// Bytes of rows that wait for more of their folder. Beyond it, the folders that have most of them are written.
const WAITING_MAX_BYTES: usize = 64 << 20;

/// The rows of one folder, ready to be encoded.
pub(super) type Part = (Arc<str>, Vec<RecordBatch>);

/// Divides rows by the values of some columns, which then are told by the folder and are no columns of its files.
pub(super) struct Partitions {
    names: Vec<String>,
    /// Positions of those columns, and of the others.
    keys: Vec<usize>,
    others: Vec<usize>,
    schema: SchemaRef,
    converter: RowConverter,
    /// Rows that are not divided yet.
    gathered: Gathered,
    /// Positions in `waiting` by the keys' bytes.
    places: HashMap<Box<[u8]>, usize>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    chunk_rows: usize,
    chunk_bytes: usize,
}

/// Rows that wait for more of their folder.
struct Waiting {
    place: Arc<str>,
    rows: Gathered,
}

impl Partitions {
    /// Divides rows of `schema` by `names`, which it has, into chunks of about so many rows and at most about so many bytes.
    pub(super) fn new(
        schema: &Schema,
        names: &[String],
        chunk_rows: usize,
        chunk_bytes: usize,
    ) -> Result<Self, Failure> {
        let keys =
            names.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>().map_err(arrow_failure)?;
        let others: Vec<_> = (0..schema.fields().len()).filter(|index| !keys.contains(index)).collect();
        let fields = keys.iter().map(|key| SortField::new(schema.field(*key).data_type().clone()));
        Ok(Self {
            names: names.to_owned(),
            schema: Arc::new(schema.project(&others).map_err(arrow_failure)?),
            converter: RowConverter::new(fields.collect()).map_err(arrow_failure)?,
            keys,
            others,
            gathered: Gathered::default(),
            places: HashMap::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            chunk_rows,
            chunk_bytes,
        })
    }

    /// The columns of the files.
    pub(super) fn file_schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Takes some rows, and hands out those that are enough for a chunk.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Vec<Part>, Failure> {
        self.gathered.push(batch);
        if self.gathered.rows < DIVIDED_ROWS && self.gathered.bytes < DIVIDED_BYTES.min(self.chunk_bytes) {
            return Ok(Vec::new());
        }
        self.divide()?;
        let mut parts = Vec::new();
        for index in 0..self.waiting.len() {
            let Waiting { rows, .. } = &self.waiting[index];
            if rows.rows >= self.chunk_rows || rows.bytes >= self.chunk_bytes {
                parts.extend(self.take(index));
            }
        }
        if self.waiting_bytes > WAITING_MAX_BYTES {
            let mut order: Vec<_> = (0..self.waiting.len()).collect();
            order.sort_by_key(|index| std::cmp::Reverse(self.waiting[*index].rows.bytes));
            for index in order {
                if self.waiting_bytes > WAITING_MAX_BYTES / 2 {
                    parts.extend(self.take(index));
                }
            }
        }
        Ok(parts)
    }

    /// Hands out all rows that are left.
    pub(super) fn finish(&mut self) -> Result<Vec<Part>, Failure> {
        self.divide()?;
        Ok((0..self.waiting.len()).filter_map(|index| self.take(index)).collect())
    }

    fn take(&mut self, index: usize) -> Option<Part> {
        let Waiting { place, rows } = &mut self.waiting[index];
        self.waiting_bytes -= rows.bytes;
        let batches = rows.take();
        (!batches.is_empty()).then(|| (place.clone(), batches))
    }

    /// Divides the gathered rows.
    fn divide(&mut self) -> Result<(), Failure> {
        let batches = self.gathered.take();
        let mut rows_of: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for (number, batch) in batches.iter().enumerate() {
            let keys: Vec<_> = self.keys.iter().map(|key| batch.column(*key).clone()).collect();
            let rows = self.converter.convert_columns(&keys).map_err(arrow_failure)?;
            for row in 0..batch.num_rows() {
                let key = rows.row(row);
                let place = match self.places.get(key.as_ref()) {
                    Some(place) => *place,
                    None => self.begin(key.as_ref(), &keys, row)?,
                };
                rows_of.entry(place).or_default().push((number, row));
            }
        }
        let others = batches.iter().map(|batch| batch.project(&self.others)).collect::<Result<Vec<_>, _>>();
        let others = others.map_err(arrow_failure)?;
        let others: Vec<_> = others.iter().collect();
        for (place, rows) in rows_of {
            let part = interleave_record_batch(&others, &rows).map_err(arrow_failure)?;
            self.waiting_bytes += bytes_of(&part);
            self.waiting[place].rows.push(part);
        }
        Ok(())
    }

    /// Makes a place for rows with keys like those of `row`.
    fn begin(&mut self, key: &[u8], keys: &[ArrayRef], row: usize) -> Result<usize, Failure> {
        if self.waiting.len() >= PARTITIONS_MAX {
            return Err(Failure::limit(
                "too_many_partitions",
                format!("the columns {:?} have more than {PARTITIONS_MAX} different values", self.names),
                "partition by columns with fewer values, such as a month instead of a time",
            ));
        }
        let mut folders = Vec::with_capacity(keys.len());
        for (name, array) in self.names.iter().zip(keys) {
            let cells = Cells::of(array).map_err(arrow_failure)?;
            let mut text = String::new();
            let is_null = array.logical_nulls().is_some_and(|nulls| nulls.is_null(row));
            let value = if is_null { None } else { Some(cells.text(row, &mut text).map_err(arrow_failure)?) };
            folders.push(hive::folder_name(name, value)?);
        }
        self.waiting.push(Waiting { place: folders.join("/").into(), rows: Gathered::default() });
        self.places.insert(key.into(), self.waiting.len() - 1);
        Ok(self.waiting.len() - 1)
    }
}

/// Whether values of a type have one text each, by which folders can be told apart.
pub(super) fn can_name_folders(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, Decimal128, LargeUtf8, Timestamp, Utf8, Utf8View};
    data_type.is_integer()
        || matches!(data_type, Boolean | Date32 | Decimal128(..) | LargeUtf8 | Timestamp(..) | Utf8 | Utf8View)
}
