//! Incremental loads: only the rows whose cursor lies in an interval.
//!
//! SQLite finds most of them, by an index where there is one; which ones it are exactly is decided on typed values, because
//! texts have more than one form for a moment in time. Values of a kind that the cursor cannot have are read too, and rejected
//! row by row: they would else be passed over in silence, each time.

use arrow::array::{Array, ArrayRef, BooleanArray, Scalar};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp;
use chrono::{Days, NaiveDate};
use etlplus_core::pipeline::{Interval, JobSpec, ValueFormat};
use etlplus_core::{Failure, Type, Value};
use sqlx::sqlite::SqliteArguments;

use super::records::SqliteRecords;
use super::relation::Relation;
use crate::check::{BrokenCells, CheckPlan, Checked, Records};
use crate::failure::arrow_failure;
use crate::sqlite::database::add;
use crate::sqlite::table::Affinity;

/// How SQLite's order of a column's values is that of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Numbers compare as numbers.
    Numbers,
    /// Texts compare byte by byte.
    Texts,
    /// Texts that begin with a day compare by it.
    Days,
    /// It says nothing.
    None,
}

impl Order {
    pub(super) fn of(ty: Type, format: &ValueFormat, affinity: Affinity) -> Self {
        match (ty, affinity) {
            _ if *format != ValueFormat::Standard => Self::None,
            // A column of texts would make texts of the bounds.
            (Type::Int16 | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64, affinity) => {
                if affinity == Affinity::Text { Self::None } else { Self::Numbers }
            }
            // A column of numbers would make numbers of the bounds.
            (Type::String, Affinity::Text | Affinity::Blob) | (Type::Date, _) => Self::Texts,
            (Type::Timestamp | Type::TimestampTz, _) => Self::Days,
            _ => Self::None,
        }
    }
}

/// The interval of a load. That its rows come after the last load's is judged where all rows are checked.
pub(super) struct Bounds {
    column: usize,
    /// The last cursor of the interval, where SQLite gives rows beyond it.
    up_to: Option<Scalar<ArrayRef>>,
    sql: (String, SqliteArguments),
}

impl Bounds {
    pub(super) fn new(
        job: &JobSpec,
        plan: &CheckPlan,
        relation: &Relation,
        interval: &Interval,
    ) -> Result<Self, Failure> {
        let Some(incremental) = &job.pipeline().incremental else {
            return Err(Failure::bug("an interval of a load that is not incremental"));
        };
        let name = &incremental.cursor;
        let Some(column) = plan.columns.iter().position(|column| column.name == *name) else {
            let message = format!("{} has no column {name:?}, the cursor", relation.name);
            return Err(Failure::user("missing_column", message, "name a column of the source"));
        };
        let planned = &plan.columns[column];
        let found = relation.table.column(name);
        let affinity = found.map_or(Affinity::Blob, |column| column.affinity(relation.table.is_strict));
        let order = Order::of(planned.ty, &planned.format, affinity);
        let is_exact = matches!(order, Order::Numbers | Order::Texts);
        let up_to = interval.up_to.as_ref().filter(|_| !is_exact).map(|value| planned.scalar(value));
        let margin_days = u64::from(planned.ty == Type::TimestampTz);
        let sql = filter(&relation.column_sql(name), order, interval, margin_days);
        Ok(Self { column, up_to, sql })
    }

    /// What SQLite is asked for: all rows of the interval, and some more.
    pub(super) fn filter(&self) -> (String, SqliteArguments) {
        self.sql.clone()
    }

    /// Which of `records` come after the interval; `None` where none can.
    pub(super) fn beyond(&self, records: &SqliteRecords, plan: &CheckPlan) -> Result<Option<BooleanArray>, Failure> {
        let Some(up_to) = &self.up_to else { return Ok(None) };
        let cursors = records.column(self.column, &plan.columns[self.column], &mut BrokenCells::default())?;
        cmp::gt(&cursors, up_to).map(Some).map_err(arrow_failure)
    }
}

/// Leaves out the rows of `beyond`, and what is said of them: the load that reads them says it.
pub(super) fn without(mut checked: Checked, beyond: &BooleanArray, first_row: u64) -> Result<Checked, Failure> {
    let is_beyond = |row: usize| beyond.is_valid(row) && beyond.value(row);
    checked.rejects.retain(|reject| !is_beyond((reject.row - first_row) as usize));
    checked.broken.retain(|row| !is_beyond(row))?;
    checked.skipped += beyond.true_count() as u64;
    let keep: Vec<_> = checked.origins.iter().map(|row| !is_beyond(*row as usize)).collect();
    checked.origins.retain(|row| !is_beyond(*row as usize));
    checked.batch = filter_record_batch(&checked.batch, &BooleanArray::from(keep)).map_err(arrow_failure)?;
    Ok(checked)
}

/// A condition that all rows of the interval meet, and those whose cursor is of a kind that it cannot have. Each part is one
/// that an index serves.
fn filter(column: &str, order: Order, interval: &Interval, margin_days: u64) -> (String, SqliteArguments) {
    let mut arguments = SqliteArguments::default();
    // Kinds have an order: NULL, numbers, texts, blobs. No text comes before '', and no blob before X''.
    let (column, others) = match order {
        Order::None => return (String::new(), arguments),
        Order::Numbers => (column.to_owned(), format!("{column} >= ''")),
        Order::Texts => (format!("{column} COLLATE BINARY"), format!("{column} < '' OR {column} >= X''")),
        // ':' is the character after '9'. What begins with no digit is no time.
        Order::Days => (format!("{column} COLLATE BINARY"), format!("{column} < '0' OR {column} >= ':'")),
    };
    let mut parts = Vec::new();
    let mut part = |operator: &str, value: &Value| {
        bind(&mut arguments, value);
        parts.push(format!("{column} {operator} ?"));
    };
    match order {
        Order::Days => {
            let day = |value: &Option<Value>| value.as_ref().and_then(day_of);
            if let Some(day) = day(&interval.after).and_then(|day| day.checked_sub_days(Days::new(margin_days))) {
                part(">=", &Value::Date(day));
            }
            if let Some(day) = day(&interval.up_to).and_then(|day| day.checked_add_days(Days::new(margin_days + 1))) {
                part("<", &Value::Date(day));
            }
        }
        _ => {
            interval.after.iter().for_each(|value| part(">", value));
            interval.up_to.iter().for_each(|value| part("<=", value));
        }
    }
    if parts.is_empty() {
        return (String::new(), arguments);
    }
    (format!("WHERE ({}) OR {column} IS NULL OR {others}", parts.join(" AND ")), arguments)
}

fn bind(arguments: &mut SqliteArguments, value: &Value) {
    match value {
        Value::Integer(number) => add(arguments, *number),
        Value::Float(number) => add(arguments, *number),
        other => add(arguments, other.to_string()),
    }
}

fn day_of(value: &Value) -> Option<NaiveDate> {
    match value {
        Value::Timestamp(time) => Some(time.date()),
        Value::TimestampTz(time) => Some(time.naive_utc().date()),
        _ => None,
    }
}
