//! Unique keys: the first row by position that passes all its other checks keeps the key.

use std::collections::HashSet;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use etlplus_core::{BrokenRule, Failure, Type};

use super::keys::{KeyMaker, set_bytes};
use super::{CheckPlan, Checked};
use crate::failure::arrow_failure;
use crate::memory::{Memory, Reservation};

/// The keys seen so far of every unique column.
pub(crate) struct UniqueKeys {
    columns: Vec<SeenKeys>,
    memory: Box<dyn Reservation>,
    maker: KeyMaker,
}

struct SeenKeys {
    column: usize,
    name: String,
    ty: Type,
    /// Of earlier rows of this load.
    loaded: HashSet<u128>,
    /// Of rows that the target has.
    there: HashSet<u128>,
}

impl UniqueKeys {
    /// No keys yet. Their memory is taken from `memory`, so that it counts among what the job may use.
    pub(crate) fn new(plan: &CheckPlan, memory: &dyn Memory) -> Self {
        let unique = plan.columns.iter().enumerate().filter(|(_, column)| column.is_unique);
        let columns = unique.map(|(index, column)| SeenKeys {
            column: index,
            name: column.name.clone(),
            ty: column.ty,
            loaded: HashSet::new(),
            there: HashSet::new(),
        });
        Self { columns: columns.collect(), memory: memory.reserve("unique keys"), maker: KeyMaker::new() }
    }

    /// Makes `values` count as seen in the unique column `column`; where there is none of the name, nothing happens.
    pub(crate) fn have_seen(&mut self, column: &str, values: &ArrayRef) -> Result<(), Failure> {
        let Some(seen) = self.columns.iter_mut().find(|seen| seen.name == column) else { return Ok(()) };
        seen.there.extend(self.maker.keys(seen.ty, values)?.into_iter().flatten());
        self.account()
    }

    /// Moves the rows whose key was seen before from the batch to the rejects. Calls must come in the source's order.
    pub(crate) fn check(&mut self, checked: &mut Checked) -> Result<(), Failure> {
        if self.columns.is_empty() || checked.batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.keys_of(&checked.batch)?;
        let rows = checked.batch.num_rows();
        let mut keep = vec![true; rows];
        for row in 0..rows {
            let repeats = |(seen, keys): &(&SeenKeys, &Vec<Option<u128>>)| {
                keys[row].is_some_and(|key| seen.loaded.contains(&key) || seen.there.contains(&key))
            };
            if self.columns.iter().zip(&keys).any(|column| repeats(&column)) {
                keep[row] = false;
                self.reject(row, &keys, checked);
            } else {
                for (seen, keys) in self.columns.iter_mut().zip(&keys) {
                    seen.loaded.extend(keys[row]);
                }
            }
        }
        self.account()?;
        if keep.contains(&false) {
            checked.origins = (0..rows).filter(|row| keep[*row]).map(|row| checked.origins[row]).collect();
            checked.batch = filter_record_batch(&checked.batch, &BooleanArray::from(keep)).map_err(arrow_failure)?;
        }
        Ok(())
    }

    fn reject(&self, row: usize, keys: &[Vec<Option<u128>>], checked: &mut Checked) {
        let record = checked.origins[row] as usize;
        let errors = self.columns.iter().zip(keys).filter_map(|(seen, keys)| {
            let key = keys[row]?;
            let message = match (seen.loaded.contains(&key), seen.there.contains(&key)) {
                (true, _) => "repeats the value of an earlier row",
                (false, true) => "repeats a value that the target has",
                (false, false) => return None,
            };
            Some(BrokenRule {
                field: Some(seen.name.clone()),
                rule: "unique".to_owned(),
                value: checked.records.value(record, seen.column),
                message: message.to_owned(),
            })
        });
        let reject = checked.records.reject(record, errors.collect());
        checked.rejects.push(reject);
    }

    fn keys_of(&self, batch: &RecordBatch) -> Result<Vec<Vec<Option<u128>>>, Failure> {
        self.columns.iter().map(|seen| self.maker.keys(seen.ty, batch.column(seen.column))).collect()
    }

    fn account(&mut self) -> Result<(), Failure> {
        let bytes =
            self.columns.iter().map(|seen| set_bytes(seen.loaded.capacity()) + set_bytes(seen.there.capacity()));
        if self.memory.try_resize(bytes.sum()) {
            return Ok(());
        }
        let names: Vec<_> = self.columns.iter().map(|seen| seen.name.as_str()).collect();
        Err(Failure::limit(
            "memory_exceeded",
            format!("the unique keys of {} need more than the job's memory", names.join(", ")),
            "raise limits.memory, or drop the rule `unique`",
        ))
    }
}
