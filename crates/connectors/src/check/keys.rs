//! Values as keys of 128 bits, for sets of them.

use std::hash::{BuildHasher, Hasher, RandomState};

use arrow::array::{ArrayRef, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use etlplus_core::{Failure, Type};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::failure::arrow_failure;

/// Makes keys: the value itself where it fits, else a keyed hash of it, which two different texts share with a chance of one
/// in 2^128.
#[derive(Debug)]
pub(crate) struct KeyMaker {
    hash_keys: (u64, u64),
}

impl KeyMaker {
    /// One with a secret of its own, that nobody outside can guess: an input made to collide cannot pass off two texts as one.
    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Self { hash_keys: (random.hash_one(0), random.hash_one(1)) }
    }

    /// The keys of `array`, a column of the type `ty` as a check makes it. Equal values have equal keys; no value has none.
    pub(crate) fn keys(&self, ty: Type, array: &ArrayRef) -> Result<Vec<Option<u128>>, Failure> {
        Ok(match ty {
            Type::String | Type::Uuid | Type::Json => {
                let texts = array.as_string::<i32>().iter();
                texts.map(|text| text.map(|text| self.hash(text.as_bytes()))).collect()
            }
            Type::Binary => array.as_binary::<i32>().iter().map(|bytes| bytes.map(|bytes| self.hash(bytes))).collect(),
            Type::Decimal { .. } => {
                array.as_primitive::<Decimal128Type>().iter().map(|value| value.map(|value| value as u128)).collect()
            }
            Type::Float32 | Type::Float64 => {
                let numbers = cast(array, &DataType::Float64).map_err(arrow_failure)?;
                let numbers = numbers.as_primitive::<Float64Type>().iter();
                // Adding zero makes the two zeros, which are equal, one.
                numbers.map(|value| value.map(|value| u128::from((value + 0.0).to_bits()))).collect()
            }
            Type::Date => cast(array, &DataType::Int32).map_err(arrow_failure).and_then(|days| whole_numbers(&days))?,
            Type::Boolean | Type::Int16 | Type::Int32 | Type::Int64 | Type::Timestamp | Type::TimestampTz => {
                whole_numbers(array)?
            }
        })
    }

    fn hash(&self, bytes: &[u8]) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }
}

/// The memory of a set of keys with room for `capacity` of them, in bytes: a slot holds the key and one byte of control, and
/// a table keeps an eighth of its slots free.
pub(crate) fn set_bytes(capacity: usize) -> usize {
    capacity * (size_of::<u128>() + 1) * 8 / 7
}

fn whole_numbers(array: &ArrayRef) -> Result<Vec<Option<u128>>, Failure> {
    let numbers = cast(array, &DataType::Int64).map_err(arrow_failure)?;
    Ok(numbers.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value as u128)).collect())
}
