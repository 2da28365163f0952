//! Random rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use etlplus_core::Type;
use etlplus_core::pipeline::Column;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::{column, schema};

/// The first and the last day that four digits of a year can name, as days since 1970-01-01.
const DAYS: std::ops::RangeInclusive<i32> = -719_528..=2_932_896;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Every type that a column can have.
pub(crate) const TYPES: [Type; 15] = [
    Type::Boolean,
    Type::Int16,
    Type::Int32,
    Type::Int64,
    Type::Float32,
    Type::Float64,
    Type::Decimal { precision: 12, scale: 2 },
    Type::Decimal { precision: 38, scale: 20 },
    Type::String,
    Type::Date,
    Type::Timestamp,
    Type::TimestampTz,
    Type::Uuid,
    Type::Json,
    Type::Binary,
];

/// Columns `id` and one of each of `types`.
pub(crate) fn columns(types: &[Type]) -> Vec<Column> {
    let named = types.iter().enumerate().map(|(index, ty)| column(&format!("c{index}"), *ty));
    std::iter::once(column("id", Type::Int64)).chain(named).collect()
}

/// Rows of [`columns`], whose `id`s count from `first`.
pub(crate) fn batch(
    types: Vec<Type>,
    first: i64,
    rows: impl Into<proptest::collection::SizeRange>,
) -> impl Strategy<Value = RecordBatch> {
    let schema = schema(&columns(&types));
    // A batch of columns that all have as many values as were drawn for the first.
    let rows = rows.into();
    vec(any::<()>(), rows).prop_flat_map(move |drawn| {
        let rows = drawn.len();
        let schema = schema.clone();
        let columns: Vec<_> = types.iter().map(|ty| array(*ty, rows)).collect();
        columns.prop_map(move |arrays| {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| first + row)));
            let arrays = std::iter::once(ids).chain(arrays).collect();
            RecordBatch::try_new(schema.clone(), arrays).expect("the arrays are of the schema")
        })
    })
}

fn array(ty: Type, rows: usize) -> BoxedStrategy<ArrayRef> {
    fn values<T: Strategy + 'static>(one: T, rows: usize) -> impl Strategy<Value = Vec<Option<T::Value>>>
    where
        T::Value: Clone,
    {
        vec(option::weighted(0.9, one), rows)
    }
    let micros = || (DAYS, 0..MICROS_PER_DAY).prop_map(|(day, micros)| i64::from(day) * MICROS_PER_DAY + micros);
    match ty {
        Type::Boolean => values(any::<bool>(), rows).prop_map(|v| Arc::new(BooleanArray::from(v)) as ArrayRef).boxed(),
        Type::Int16 => values(any::<i16>(), rows).prop_map(|v| Arc::new(Int16Array::from(v)) as ArrayRef).boxed(),
        Type::Int32 => values(any::<i32>(), rows).prop_map(|v| Arc::new(Int32Array::from(v)) as ArrayRef).boxed(),
        Type::Int64 => values(any::<i64>(), rows).prop_map(|v| Arc::new(Int64Array::from(v)) as ArrayRef).boxed(),
        // The two zeros are one number.
        Type::Float32 => values(any::<f32>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| v + 0.0), rows)
            .prop_map(|v| Arc::new(Float32Array::from(v)) as ArrayRef)
            .boxed(),
        Type::Float64 => values(any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| v + 0.0), rows)
            .prop_map(|v| Arc::new(Float64Array::from(v)) as ArrayRef)
            .boxed(),
        Type::Decimal { precision, scale } => {
            let most = 10_i128.pow(precision.into()) - 1;
            values(-most..=most, rows)
                .prop_map(move |v| {
                    let array = Decimal128Array::from(v).with_precision_and_scale(precision, scale as i8);
                    Arc::new(array.expect("it fits")) as ArrayRef
                })
                .boxed()
        }
        Type::String => values(text(), rows).prop_map(|v| Arc::new(StringArray::from(v)) as ArrayRef).boxed(),
        Type::Date => values(DAYS, rows).prop_map(|v| Arc::new(Date32Array::from(v)) as ArrayRef).boxed(),
        Type::Timestamp => {
            values(micros(), rows).prop_map(|v| Arc::new(TimestampMicrosecondArray::from(v)) as ArrayRef).boxed()
        }
        Type::TimestampTz => values(micros(), rows)
            .prop_map(|v| Arc::new(TimestampMicrosecondArray::from(v).with_timezone("UTC")) as ArrayRef)
            .boxed(),
        Type::Uuid => values(any::<u128>().prop_map(|bits| Uuid::from_u128(bits).to_string()), rows)
            .prop_map(|v| Arc::new(StringArray::from(v)) as ArrayRef)
            .boxed(),
        Type::Json => values(json(), rows).prop_map(|v| Arc::new(StringArray::from(v)) as ArrayRef).boxed(),
        Type::Binary => values(vec(any::<u8>(), 0..20), rows)
            .prop_map(|v| {
                let bytes: Vec<_> = v.iter().map(|bytes| bytes.as_deref()).collect();
                Arc::new(BinaryArray::from(bytes)) as ArrayRef
            })
            .boxed(),
    }
}

fn json() -> impl Strategy<Value = String> {
    let text = text().prop_map(|text| serde_json::Value::String(text).to_string());
    let number = any::<i64>().prop_map(|number| number.to_string());
    prop_oneof![text, number, Just("[1, 2.50]".to_owned()), Just("{\"a\": {\"b\": false}}".to_owned())]
}

/// Any text but the one character that PostgreSQL has no place for.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}
