//! Unique keys: the first row by position that passes all its other checks keeps the key.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, cast::AsArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use etlplus_core::{BrokenRule, Failure, Type};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{CheckPlan, Checked};
use crate::failure::arrow_failure;

/// The keys seen so far of every unique column.
pub(crate) struct UniqueKeys {
    columns: Vec<SeenKeys>,
    memory: MemoryReservation,
    hash_keys: (u64, u64),
}

struct SeenKeys {
    column: usize,
    name: String,
    ty: Type,
    keys: HashSet<u128>,
}

impl UniqueKeys {
    /// No keys yet. Their memory is taken from `pool`, so that it counts among what the job may use.
    pub(crate) fn new(plan: &CheckPlan, pool: &Arc<dyn MemoryPool>) -> Self {
        let unique = plan.columns.iter().enumerate().filter(|(_, column)| column.is_unique);
        let columns = unique.map(|(index, column)| SeenKeys {
            column: index,
            name: column.name.clone(),
            ty: column.ty,
            keys: HashSet::new(),
        });
        // Keys that nobody outside can guess: an input made to collide cannot pass off two texts as one.
        let random = RandomState::new();
        Self {
            columns: columns.collect(),
            memory: MemoryConsumer::new("unique keys").register(pool),
            hash_keys: (random.hash_one(0), random.hash_one(1)),
        }
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
            let repeated: Vec<_> = (0..self.columns.len())
                .filter(|index| keys[*index][row].is_some_and(|key| self.columns[*index].keys.contains(&key)))
                .collect();
            if repeated.is_empty() {
                for (seen, keys) in self.columns.iter_mut().zip(&keys) {
                    seen.keys.extend(keys[row]);
                }
            } else {
                keep[row] = false;
                self.reject(row, &repeated, checked);
            }
        }
        self.account()?;
        if keep.contains(&false) {
            checked.origins = (0..rows).filter(|row| keep[*row]).map(|row| checked.origins[row]).collect();
            checked.batch = filter_record_batch(&checked.batch, &BooleanArray::from(keep)).map_err(arrow_failure)?;
        }
        Ok(())
    }

    fn reject(&self, row: usize, repeated: &[usize], checked: &mut Checked) {
        let record = checked.origins[row] as usize;
        let errors = repeated.iter().map(|index| {
            let seen = &self.columns[*index];
            BrokenRule {
                field: Some(seen.name.clone()),
                rule: "unique".to_owned(),
                value: checked.records.value(record, seen.column),
                message: "repeats the value of an earlier row".to_owned(),
            }
        });
        let reject = checked.records.reject(record, errors.collect());
        checked.rejects.push(reject);
    }

    fn keys_of(&self, batch: &RecordBatch) -> Result<Vec<Vec<Option<u128>>>, Failure> {
        self.columns.iter().map(|seen| self.column_keys(seen.ty, batch.column(seen.column))).collect()
    }

    /// Values as 128-bit keys: the value itself where it fits, else a keyed hash of it, which two different texts share
    /// with a chance of one in 2^128.
    fn column_keys(&self, ty: Type, array: &ArrayRef) -> Result<Vec<Option<u128>>, Failure> {
        let as_type = |data_type: DataType| cast(array, &data_type).map_err(arrow_failure);
        Ok(match ty {
            Type::String => array.as_string::<i32>().iter().map(|text| text.map(|text| self.hash(text))).collect(),
            Type::Decimal { .. } => {
                array.as_primitive::<Decimal128Type>().iter().map(|value| value.map(|value| value as u128)).collect()
            }
            Type::Float32 | Type::Float64 => as_type(DataType::Float64)?
                .as_primitive::<Float64Type>()
                .iter()
                // Adding zero makes the two zeros, which are equal, one.
                .map(|value| value.map(|value| u128::from((value + 0.0).to_bits())))
                .collect(),
            Type::Date => as_type(DataType::Int32).and_then(|days| whole_numbers(&days))?,
            Type::Boolean | Type::Int16 | Type::Int32 | Type::Int64 | Type::Timestamp | Type::TimestampTz => {
                whole_numbers(array)?
            }
        })
    }

    fn hash(&self, text: &str) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128()
    }

    fn account(&mut self) -> Result<(), Failure> {
        let slots: usize = self.columns.iter().map(|seen| seen.keys.capacity()).sum();
        // A slot holds the key and one byte of control, and a table keeps an eighth of its slots free.
        let bytes = slots * (size_of::<u128>() + 1) * 8 / 7;
        self.memory.try_resize(bytes).map_err(|_| {
            let names: Vec<_> = self.columns.iter().map(|seen| seen.name.as_str()).collect();
            Failure::limit(
                "memory_exceeded",
                format!("the unique keys of {} need more than the job's memory", names.join(", ")),
                "raise limits.memory, or drop the rule `unique`",
            )
        })
    }
}

fn whole_numbers(array: &ArrayRef) -> Result<Vec<Option<u128>>, Failure> {
    let numbers = cast(array, &DataType::Int64).map_err(arrow_failure)?;
    Ok(numbers.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value as u128)).collect())
}
