//! Rules across the columns of a row.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use etlplus_core::{BrokenRule, Failure};

use super::rules::shortened;
use super::{Records, RowPredicate};
use crate::failure::arrow_failure;

/// The rows that broke a predicate, each with the predicate's number, in the order of the predicates.
pub(super) type BrokenPredicates = Vec<(u32, usize)>;

/// Judges every row of `batch`. `is_good` tells the rows that keep the rules of their columns.
///
/// An error while judging a good row fails the job and names the row. One while judging a row that is rejected anyway is no
/// failure: it was the columns' rules that should have kept the expression from such values.
pub(super) fn judge(
    batch: &RecordBatch,
    predicates: &[Arc<dyn RowPredicate>],
    is_good: &[bool],
    records: &dyn Records,
) -> Result<BrokenPredicates, Failure> {
    let mut broken = Vec::new();
    for (index, predicate) in predicates.iter().enumerate() {
        match predicate.judge(batch) {
            Ok(keeps) => broken.extend(broken_rows(&keeps).map(|row| (row, index))),
            Err(failure) => {
                let rows = judge_apart(batch, &**predicate, is_good, records, failure)?;
                broken.extend(rows.into_iter().map(|row| (row, index)));
            }
        }
    }
    broken.sort_by_key(|(row, _)| *row);
    Ok(broken)
}

fn broken_rows(keeps: &BooleanArray) -> impl Iterator<Item = u32> {
    (0..keeps.len()).filter(|row| keeps.is_valid(*row) && !keeps.value(*row)).map(|row| row as u32)
}

/// Judges the good rows together and the others one by one, after `failure` for all of them.
fn judge_apart(
    batch: &RecordBatch,
    predicate: &dyn RowPredicate,
    is_good: &[bool],
    records: &dyn Records,
    failure: Failure,
) -> Result<Vec<u32>, Failure> {
    let good: Vec<u32> = (0..is_good.len()).filter(|row| is_good[*row]).map(|row| row as u32).collect();
    let rows = filter_record_batch(batch, &BooleanArray::from(is_good.to_vec())).map_err(arrow_failure)?;
    let keeps = match predicate.judge(&rows) {
        Ok(keeps) => keeps,
        Err(_) => return Err(named(predicate, first_failing(&rows, predicate, failure), &good, records)),
    };
    let mut broken: Vec<u32> = broken_rows(&keeps).map(|row| good[row as usize]).collect();
    for row in (0..is_good.len()).filter(|row| !is_good[*row]) {
        if let Ok(keeps) = predicate.judge(&batch.slice(row, 1)) {
            broken.extend(broken_rows(&keeps).map(|_| row as u32));
        }
    }
    Ok(broken)
}

/// The first row of `rows` that cannot be judged, and why; no row where each of them can be judged by itself.
fn first_failing(rows: &RecordBatch, predicate: &dyn RowPredicate, whole: Failure) -> (Option<usize>, Failure) {
    let (mut start, mut length, mut failure) = (0, rows.num_rows(), whole);
    while length > 1 {
        let half = length / 2;
        match predicate.judge(&rows.slice(start, half)) {
            Err(found) => (length, failure) = (half, found),
            Ok(_) => (start, length) = (start + half, length - half),
        }
    }
    match predicate.judge(&rows.slice(start, length)) {
        Err(found) => (Some(start), found),
        Ok(_) => (None, failure),
    }
}

/// The failure with the predicate and the row that it is about.
fn named(
    predicate: &dyn RowPredicate,
    (row, failure): (Option<usize>, Failure),
    good: &[u32],
    records: &dyn Records,
) -> Failure {
    let place = row.map(|row| {
        let shown = records.reject(good[row] as usize, Vec::new());
        let place = shown.line.map_or_else(|| format!("row {}", shown.row), |line| format!("line {line}"));
        format!(", {}, {place}", shown.file)
    });
    let message = format!("check {}{}: {}", predicate.name(), place.unwrap_or_default(), failure.message);
    Failure { message, ..failure }
}

/// What is told of a row that breaks `predicate`.
pub(super) fn broken_rule(predicate: &dyn RowPredicate) -> BrokenRule {
    let words = predicate.sql().split_whitespace().collect::<Vec<_>>().join(" ");
    let words = shortened(&words);
    BrokenRule { field: None, rule: predicate.name().to_owned(), value: None, message: format!("must satisfy {words}") }
}
