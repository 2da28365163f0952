//! The cursor of an incremental load: rows that an earlier load has read are passed over, and how far this one got is known.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, cast::AsArray};
use arrow::compute::{SortOptions, is_not_null, kernels::cmp, sort_to_indices};
use arrow::datatypes::{Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use etlplus_core::{Failure, Type, Value};

use super::RowPredicate;
use crate::failure::arrow_failure;

/// Which rows an incremental load reads.
#[derive(Debug, Clone)]
pub(crate) struct CursorPlan {
    /// The number of the cursor's column.
    pub(crate) column: usize,
    /// Its type.
    pub(crate) ty: Type,
    /// Rows whose cursor is at most this were read by an earlier load; `None`: none were.
    pub(crate) after: Option<Scalar<ArrayRef>>,
}

impl CursorPlan {
    /// Which rows an earlier load has read; `None` where it can be none. A row without a cursor is not among them.
    pub(super) fn read_before(&self, cursors: &ArrayRef) -> Result<Option<BooleanArray>, Failure> {
        let Some(after) = &self.after else { return Ok(None) };
        let old = cmp::lt_eq(cursors, after).map_err(arrow_failure)?;
        Ok((old.true_count() > 0).then_some(old))
    }

    /// The greatest of `cursors`, of rejected rows too: the next load does not read those again. It is none of the rows that
    /// an earlier load has read: the source may have lost those after them, and the cursor does not go back.
    pub(super) fn greatest(&self, cursors: &ArrayRef) -> Result<Option<Value>, Failure> {
        let descending = SortOptions { descending: true, nulls_first: false };
        let first = sort_to_indices(cursors, Some(descending), Some(1)).map_err(arrow_failure)?;
        let greatest = first.values().first().and_then(|row| value_at(cursors, *row as usize, self.ty));
        let after = self.after.as_ref().and_then(|after| value_at(&after.clone().into_inner(), 0, self.ty));
        Ok(greatest.filter(|greatest| after.is_none_or(|after| greatest.compare(&after) == Some(Ordering::Greater))))
    }
}

/// The rule that a row of an incremental load has a cursor.
#[derive(Debug)]
pub(super) struct HasCursor {
    pub(super) column: usize,
    pub(super) sql: String,
}

impl RowPredicate for HasCursor {
    fn name(&self) -> &str {
        "cursor"
    }

    fn sql(&self) -> &str {
        &self.sql
    }

    fn judge(&self, batch: &RecordBatch) -> Result<BooleanArray, Failure> {
        is_not_null(batch.column(self.column)).map_err(arrow_failure)
    }
}

/// The greater of two cursors of one type.
pub(crate) fn greater(a: Option<Value>, b: Option<Value>) -> Option<Value> {
    match (a, b) {
        (Some(a), Some(b)) if a.compare(&b) == Some(Ordering::Less) => Some(b),
        (Some(a), _) => Some(a),
        (None, b) => b,
    }
}

/// The value of a row of a column of type `ty`; `None` where it has none, or is of a type that is no cursor.
fn value_at(array: &ArrayRef, row: usize, ty: Type) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    let micros = || timestamp_us_to_datetime(array.as_primitive::<TimestampMicrosecondType>().value(row));
    Some(match ty {
        Type::Int16 => Value::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        Type::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        Type::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        Type::Decimal { scale, .. } => {
            Value::Decimal { unscaled: array.as_primitive::<Decimal128Type>().value(row), scale }
        }
        Type::Date => Value::Date(date32_to_datetime(array.as_primitive::<Date32Type>().value(row))?.date()),
        Type::Timestamp => Value::Timestamp(micros()?),
        Type::TimestampTz => Value::TimestampTz(micros()?.and_utc()),
        Type::String => Value::String(array.as_string::<i32>().value(row).to_owned()),
        Type::Uuid => Value::parse(Type::Uuid, array.as_string::<i32>().value(row)).ok()?,
        Type::Boolean | Type::Float32 | Type::Float64 | Type::Json | Type::Binary => return None,
    })
}
