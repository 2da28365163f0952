//! Unique keys: the first row by position that passes all its other checks keeps the key. Rows that do not pass them claim none,
//! and are told which ones they repeat.

use std::collections::HashSet;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter_record_batch;
use etlplus_core::{BrokenRule, Failure, Type};

use super::keys::{KeyMaker, set_bytes};
use super::{BrokenRows, CheckPlan, Checked};
use crate::failure::arrow_failure;
use crate::memory::{Memory, Reservation};

/// The keys seen so far of every unique column.
pub(crate) struct UniqueKeys {
    columns: Vec<SeenKeys>,
    /// All columns, in the order of the schema.
    names: Vec<String>,
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
        let names = plan.columns.iter().map(|column| column.name.clone()).collect();
        Self { columns: columns.collect(), names, memory: memory.reserve("unique keys"), maker: KeyMaker::new() }
    }

    /// Makes `values` count as seen in the unique column `column`; where there is none of the name, nothing happens.
    pub(crate) fn have_seen(&mut self, column: &str, values: &ArrayRef) -> Result<(), Failure> {
        let Some(seen) = self.columns.iter_mut().find(|seen| seen.name == column) else { return Ok(()) };
        seen.there.extend(self.maker.keys(seen.ty, values)?.into_iter().flatten());
        self.account()
    }

    /// Moves the rows whose key was seen before from the batch to the rejects, and adds the rule to the rejects that repeat one,
    /// too. Calls must come in the source's order.
    pub(crate) fn check(&mut self, checked: &mut Checked) -> Result<(), Failure> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let own = self.columns.iter().map(|seen| checked.batch.column(seen.column));
        let keys = self.keys_of(own)?;
        let broken = std::mem::take(&mut checked.broken);
        let broken_keys = self.keys_of(broken.keys.iter())?;
        let rows = checked.batch.num_rows();
        let mut keep = vec![true; rows];
        let mut passed = 0;
        for row in 0..rows {
            let earlier = broken.origins[passed..].partition_point(|record| *record < checked.origins[row]);
            (passed..passed + earlier).for_each(|row| self.add_to_reject(row, &broken, &broken_keys, checked));
            passed += earlier;
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
        (passed..broken.origins.len()).for_each(|row| self.add_to_reject(row, &broken, &broken_keys, checked));
        self.account()?;
        if keep.contains(&false) {
            checked.origins = (0..rows).filter(|row| keep[*row]).map(|row| checked.origins[row]).collect();
            checked.batch = filter_record_batch(&checked.batch, &BooleanArray::from(keep)).map_err(arrow_failure)?;
        }
        Ok(())
    }

    fn reject(&self, row: usize, keys: &[Vec<Option<u128>>], checked: &mut Checked) {
        let record = checked.origins[row] as usize;
        let errors = self.repeated(row, record, keys, checked).into_iter().map(|(_, rule)| rule).collect();
        let reject = checked.records.reject(record, errors);
        checked.rejects.push(reject);
    }

    /// Adds the keys that a rejected row repeats to the rules that it broke, each after those of its column and the ones before.
    fn add_to_reject(&self, row: usize, broken: &BrokenRows, keys: &[Vec<Option<u128>>], checked: &mut Checked) {
        let repeated = self.repeated(row, broken.origins[row] as usize, keys, checked);
        let errors = &mut checked.rejects[broken.first_reject + row].errors;
        for (column, rule) in repeated {
            let up_to_column = &self.names[..=column];
            let is_before = |error: &BrokenRule| error.field.as_ref().is_some_and(|field| up_to_column.contains(field));
            let place = errors.iter().take_while(|error| is_before(error)).count();
            errors.insert(place, rule);
        }
    }

    /// The rules that the keys of a row break, with their columns.
    fn repeated(
        &self,
        row: usize,
        record: usize,
        keys: &[Vec<Option<u128>>],
        checked: &Checked,
    ) -> Vec<(usize, BrokenRule)> {
        let repeated = self.columns.iter().zip(keys).filter_map(|(seen, keys)| {
            let key = keys[row]?;
            let message = match (seen.loaded.contains(&key), seen.there.contains(&key)) {
                (true, _) => "repeats the value of an earlier row",
                (false, true) => "repeats a value that the target has",
                (false, false) => return None,
            };
            let value = checked.records.value(record, seen.column);
            let (field, rule) = (Some(seen.name.clone()), "unique".to_owned());
            Some((seen.column, BrokenRule { field, rule, value, message: message.to_owned() }))
        });
        repeated.collect()
    }

    /// The keys of the unique columns, which come in their order.
    fn keys_of<'a>(&self, columns: impl Iterator<Item = &'a ArrayRef>) -> Result<Vec<Vec<Option<u128>>>, Failure> {
        self.columns.iter().zip(columns).map(|(seen, column)| self.maker.keys(seen.ty, column)).collect()
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
