//! Checking: a block of source records becomes typed columns of the rows that keep every rule, and rejects of the others.

mod columns;
mod compare;
mod cursor;
mod keys;
mod notations;
mod plan;
mod predicates;
mod references;
mod rules;
mod unique;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter, filter_record_batch, take};
use arrow::datatypes::SchemaRef;
use etlplus_core::{BrokenRule, Failure, Reject, Value};

pub(crate) use columns::Cell;
pub(crate) use compare::cast_without_loss;
pub(crate) use cursor::greater;
pub(crate) use notations::{build_column, number_text};
pub(crate) use plan::arrow_type;
pub use plan::{CheckPlan, ColumnPlan, TYPE_KEY, column_type};
pub use references::{Reference, ReferenceKeys, is_comparable};
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

/// A rule across the columns of a row, judged on whole batches by whoever knows SQL.
pub trait RowPredicate: std::fmt::Debug + Send + Sync {
    /// The rule's name.
    fn name(&self) -> &str;
    /// The expression, as the pipeline has it.
    fn sql(&self) -> &str;
    /// Whether each row keeps it; null where that cannot be said, which breaks nothing. `batch` has the declared columns, and
    /// null where a field does not fit its type.
    ///
    /// # Errors
    /// Where it cannot be calculated.
    fn judge(&self, batch: &RecordBatch) -> Result<BooleanArray, Failure>;
}

/// What one block of the source became.
pub(crate) struct Checked {
    /// The rows that keep every rule but `unique`, which needs all earlier rows and is judged later, in order.
    pub(crate) batch: RecordBatch,
    /// For each row of `batch`, the number of its record in `records`.
    pub(crate) origins: Vec<u32>,
    /// The rows that broke a rule, as far as their unique keys can be read.
    pub(crate) broken: BrokenRows,
    /// The records that the rows came from.
    pub(crate) records: Arc<dyn Records>,
    /// The rows that broke a rule, and the malformed ones, in no order.
    pub(crate) rejects: Vec<Reject>,
    /// Bytes of the source that lie behind the reader with this block.
    pub(crate) bytes: u64,
    /// Rows that an incremental load passes over.
    pub(crate) skipped: u64,
    /// The greatest cursor of all its rows, in an incremental load.
    pub(crate) cursor: Option<Value>,
}

/// Rows that broke a rule: they claim no unique keys, and may repeat some.
#[derive(Default)]
pub(crate) struct BrokenRows {
    /// For each of them, the number of its record.
    pub(crate) origins: Vec<u32>,
    /// The number of the first one's reject; those of the others follow it in order.
    pub(crate) first_reject: usize,
    /// The unique columns of them, in the order of the schema; null where a field could not be read.
    pub(crate) keys: Vec<ArrayRef>,
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

impl BrokenRows {
    /// Leaves out the rows of records of which `keep` does not say true.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize) -> bool) -> Result<(), Failure> {
        let kept: BooleanArray = self.origins.iter().map(|record| Some(keep(*record as usize))).collect();
        self.origins.retain(|record| keep(*record as usize));
        let keys = self.keys.iter().map(|keys| filter(keys, &kept).map_err(arrow_failure));
        self.keys = keys.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn find_keys(&mut self, batch: &RecordBatch, plan: &CheckPlan) -> Result<(), Failure> {
        let unique = plan.columns.iter().enumerate().filter(|(_, column)| column.is_unique);
        let rows = UInt32Array::from(self.origins.clone());
        let keys = unique.map(|(index, _)| take(batch.column(index), &rows, None).map_err(arrow_failure));
        self.keys = keys.collect::<Result<_, _>>()?;
        Ok(())
    }
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
    set_apart(batch, records, plan, broken, malformed, bytes)
}

/// Checks `records` that are columns already and declare nothing: the rules across columns are all that there is.
pub(crate) fn check_undeclared(
    records: Arc<dyn Records>,
    batch: RecordBatch,
    plan: &CheckPlan,
    bytes: u64,
) -> Result<Checked, Failure> {
    set_apart(batch, records, plan, BrokenCells::default(), Vec::new(), bytes)
}

/// Divides a batch into the rows that keep every rule and the rejects of the others, which are added to `rejects`.
fn set_apart(
    batch: RecordBatch,
    records: Arc<dyn Records>,
    plan: &CheckPlan,
    broken: BrokenCells,
    mut rejects: Vec<Reject>,
    bytes: u64,
) -> Result<Checked, Failure> {
    let rows = batch.num_rows();
    let mut keep = vec![true; rows];
    let (mut old, mut greatest) = (None, None);
    if let Some(cursor) = &plan.cursor {
        old = cursor.read_before(batch.column(cursor.column))?;
        greatest = cursor.greatest(batch.column(cursor.column))?;
    }
    let is_old = |row: usize| old.as_ref().is_some_and(|old| old.is_valid(row) && old.value(row));
    let mut cells = broken.cells;
    cells.sort_by_key(|cell| (cell.row, cell.column));
    cells.iter().for_each(|cell| keep[cell.row as usize] = false);
    (0..rows).filter(|row| is_old(*row)).for_each(|row| keep[row] = false);
    let predicates = predicates::judge(&batch, &plan.predicates, &keep, &*records)?;
    predicates.iter().for_each(|(row, _)| keep[*row as usize] = false);
    let (mut cells, mut predicates) = (cells.as_slice(), predicates.as_slice());
    let mut broken = BrokenRows { first_reject: rejects.len(), ..BrokenRows::default() };
    for row in (0..rows).filter(|row| !keep[*row]) {
        let of_cells = cells.partition_point(|cell| cell.row as usize == row);
        let of_predicates = predicates.partition_point(|(broken, _)| *broken as usize == row);
        let errors = cells[..of_cells].iter().map(|cell| broken_rule(cell, &*records, plan));
        let across = predicates[..of_predicates].iter();
        let errors = errors.chain(across.map(|(_, index)| predicates::broken_rule(&*plan.predicates[*index])));
        if !is_old(row) {
            broken.origins.push(row as u32);
            rejects.push(records.reject(row, errors.collect()));
        }
        (cells, predicates) = (&cells[of_cells..], &predicates[of_predicates..]);
    }
    broken.find_keys(&batch, plan)?;
    let origins = (0..rows as u32).filter(|row| keep[*row as usize]).collect::<Vec<_>>();
    let batch = match origins.len() == rows {
        true => batch,
        false => filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(arrow_failure)?,
    };
    let skipped = old.map_or(0, |old| old.true_count() as u64);
    Ok(Checked { batch, origins, broken, records, rejects, bytes, skipped, cursor: greatest })
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
