//! Checking: a block of source records becomes typed columns of the rows that keep every rule, and rejects of the others.

mod columns;
mod compare;
mod plan;
mod rules;
mod unique;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use etlplus_core::{BrokenRule, Failure, Reject};

pub(crate) use columns::{Cell, build_column};
pub(crate) use compare::cast_without_loss;
pub(crate) use plan::{CheckPlan, ColumnPlan};
pub(crate) use unique::UniqueKeys;

use crate::failure::arrow_failure;

/// Well-formed records of a source: what a format hands to the check.
pub(crate) trait Records: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// One column of all records, typed. Fields that do not fit are told to `broken` and are null in the array.
    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure>;
    /// A field's text as it stood in the source; `None` where there was none.
    fn value(&self, row: usize, column: usize) -> Option<String>;
    /// The reject of one record.
    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject;
}

/// What one block of the source became.
pub(crate) struct Checked {
    /// The rows that keep every rule but `unique`, which needs all earlier rows and is judged later, in order.
    pub(crate) batch: RecordBatch,
    /// For each row of `batch`, the number of its record in `records`.
    pub(crate) origins: Vec<u32>,
    /// The records that the rows came from.
    pub(crate) records: Arc<dyn Records>,
    /// The rows that broke a rule, and the malformed ones, in no order.
    pub(crate) rejects: Vec<Reject>,
    /// Bytes of the source that lie behind the reader with this block.
    pub(crate) bytes: u64,
}

/// Broken rules of single fields, gathered column by column.
#[derive(Default)]
pub(crate) struct BrokenCells {
    cells: Vec<BrokenCell>,
}

struct BrokenCell {
    row: u32,
    column: usize,
    rule: &'static str,
    message: String,
}

impl BrokenCells {
    pub(crate) fn push(&mut self, row: usize, column: usize, rule: &'static str, message: String) {
        self.cells.push(BrokenCell { row: row as u32, column, rule, message });
    }
}

/// Checks `records` against `plan`. `malformed` are the block's records that could not be read at all.
pub(crate) fn check(
    records: Arc<dyn Records>,
    plan: &CheckPlan,
    malformed: Vec<Reject>,
    bytes: u64,
) -> Result<Checked, Failure> {
    let mut broken = BrokenCells::default();
    let mut arrays = Vec::with_capacity(plan.columns.len());
    for (index, column) in plan.columns.iter().enumerate() {
        let array = records.column(index, column, &mut broken)?;
        rules::check_rules(index, column, &array, &mut broken)?;
        arrays.push(array);
    }
    let batch = record_batch(plan.schema.clone(), arrays, records.len())?;
    let mut rejects = malformed;
    let (batch, origins) = set_apart(batch, &*records, plan, broken, &mut rejects)?;
    Ok(Checked { batch, origins, records, rejects, bytes })
}

/// Divides a batch into the rows without a broken cell and the rejects of the others.
fn set_apart(
    batch: RecordBatch,
    records: &dyn Records,
    plan: &CheckPlan,
    broken: BrokenCells,
    rejects: &mut Vec<Reject>,
) -> Result<(RecordBatch, Vec<u32>), Failure> {
    let rows = batch.num_rows();
    if broken.cells.is_empty() {
        return Ok((batch, (0..rows as u32).collect()));
    }
    let mut cells = broken.cells;
    cells.sort_by_key(|cell| (cell.row, cell.column));
    let mut keep = vec![true; rows];
    for cells in cells.chunk_by(|a, b| a.row == b.row) {
        let row = cells[0].row as usize;
        keep[row] = false;
        let errors = cells.iter().map(|cell| broken_rule(cell, records, plan)).collect();
        rejects.push(records.reject(row, errors));
    }
    let origins = (0..rows as u32).filter(|row| keep[*row as usize]).collect();
    let batch = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(arrow_failure)?;
    Ok((batch, origins))
}

fn broken_rule(cell: &BrokenCell, records: &dyn Records, plan: &CheckPlan) -> BrokenRule {
    BrokenRule {
        field: Some(plan.columns[cell.column].name.clone()),
        rule: cell.rule.to_owned(),
        value: records.value(cell.row as usize, cell.column),
        message: cell.message.clone(),
    }
}

/// A batch that knows its number of rows even without columns.
pub(crate) fn record_batch(schema: SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Failure> {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow_failure)
}
