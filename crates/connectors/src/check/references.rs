//! References: the values of a lookup's column, which the values of a column of the source have to be among.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, BooleanArray, StringArray, cast::AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use etlplus_core::value::parse_uuid;
use etlplus_core::{Failure, Type};

use super::cast_without_loss;
use super::keys::{KeyMaker, set_bytes};
use super::plan::arrow_type;
use crate::failure::arrow_failure;
use crate::memory::{Memory, Reservation};

/// A rule of the kind `references`, as whoever can read the lookup has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The column that has the rule.
    pub column: String,
    /// Its type.
    pub ty: Type,
    /// The lookup.
    pub lookup: String,
    /// The lookup's column.
    pub key: String,
}

/// The values of a lookup's column, as keys of a column of the source.
#[derive(Debug)]
pub struct ReferenceKeys {
    reference: Reference,
    keys: HashSet<u128>,
    maker: KeyMaker,
    /// Given back with the keys.
    memory: Mutex<Box<dyn Reservation>>,
}

impl ReferenceKeys {
    /// No keys yet. Their memory is taken from `memory`.
    pub fn new(reference: Reference, memory: &dyn Memory) -> Self {
        let memory = memory.reserve(&format!("keys of {}.{}", reference.lookup, reference.key));
        Self { reference, keys: HashSet::new(), maker: KeyMaker::new(), memory: Mutex::new(memory) }
    }

    /// Takes some values of the lookup's column, which is of a type that [`is_comparable`]. A value that the column of the
    /// source cannot have is none of its keys: no row can refer to it.
    ///
    /// # Errors
    /// Where the keys need more than the job's memory.
    pub fn add(&mut self, values: &ArrayRef) -> Result<(), Failure> {
        let values = as_column(values, self.reference.ty)?;
        self.keys.extend(self.maker.keys(self.reference.ty, &values)?.into_iter().flatten());
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        if memory.try_resize(set_bytes(self.keys.capacity())) {
            return Ok(());
        }
        let Reference { column, lookup, key, .. } = &self.reference;
        Err(Failure::limit(
            "memory_exceeded",
            format!("the keys of {lookup}.{key}, which {column} refers to, need more than the job's memory"),
            "raise limits.memory, or drop the rule `references`",
        ))
    }

    /// The rule that they are for.
    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// For each value of a checked column whether it is among the keys; null where there is no value.
    pub(crate) fn contain(&self, array: &ArrayRef) -> Result<BooleanArray, Failure> {
        let keys = self.maker.keys(self.reference.ty, array)?;
        Ok(keys.into_iter().map(|key| key.map(|key| self.keys.contains(&key))).collect())
    }
}

/// Whether values of the type `ty` can equal those of a lookup's column of the type `other`: numbers exact numbers, floats
/// floats, texts texts, times times of the same kind.
pub fn is_comparable(ty: Type, other: &DataType) -> bool {
    if let DataType::Dictionary(_, values) = other {
        return is_comparable(ty, values);
    }
    match ty {
        Type::Boolean => matches!(other, DataType::Boolean),
        Type::Int16 | Type::Int32 | Type::Int64 | Type::Decimal { .. } => {
            other.is_integer() || matches!(other, DataType::Decimal128(..) | DataType::Decimal256(..))
        }
        Type::Float32 | Type::Float64 => matches!(other, DataType::Float32 | DataType::Float64),
        Type::String | Type::Uuid => is_text(other),
        // Two texts of one JSON value may differ.
        Type::Json => false,
        Type::Binary => matches!(other, DataType::Binary | DataType::LargeBinary | DataType::BinaryView),
        Type::Date => matches!(other, DataType::Date32),
        Type::Timestamp => matches!(other, DataType::Timestamp(_, None)),
        Type::TimestampTz => matches!(other, DataType::Timestamp(_, Some(_))),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The values as a checked column of the type `ty` has them; null where one cannot be a value of it.
fn as_column(values: &ArrayRef, ty: Type) -> Result<ArrayRef, Failure> {
    let values = match values.data_type() {
        DataType::Dictionary(_, plain) => &cast(values, plain).map_err(arrow_failure)?,
        _ => values,
    };
    let data_type = arrow_type(ty);
    if ty == Type::Uuid {
        let texts = cast(values, &DataType::Utf8).map_err(arrow_failure)?;
        let canonical = |text: &str| parse_uuid(text.as_bytes()).ok().map(|uuid| uuid.hyphenated().to_string());
        let texts: StringArray = texts.as_string::<i32>().iter().map(|text| text.and_then(canonical)).collect();
        return Ok(Arc::new(texts));
    }
    if values.data_type() == &data_type {
        return Ok(values.clone());
    }
    if matches!(ty, Type::String | Type::Binary) {
        return cast(values, &data_type).map_err(arrow_failure);
    }
    cast_without_loss(values, &data_type).map(|(values, _)| values)
}
