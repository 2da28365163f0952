//! Rows to COPY BINARY.
//!
//! The format is that of the documentation of COPY, "Binary Format": a header; for each row the count of its fields and each
//! field with its length before it, -1 for no value; a trailer. Everything is big-endian.

use std::ops::Range;

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Schema, TimestampMicrosecondType,
};
use etlplus_core::Failure;

use super::numeric;
use super::types::{PgType, carried};
use crate::failure::arrow_failure;

/// What every COPY BINARY begins with: a signature, no flags, no extension.
pub(super) const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Days from 1970-01-01, where Arrow begins to count, to 2000-01-01, where the server does.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// Days and microseconds that mean infinity to the server.
pub(super) const INFINITE_DAYS: [i32; 2] = [i32::MIN, i32::MAX];
pub(super) const INFINITE_MICROS: [i64; 2] = [i64::MIN, i64::MAX];
/// The first day and the last instant that the server has: 4714-11-24 BC and the end of 294276, of 5874897 for days.
const DAYS: Range<i32> = -2_451_545..2_145_031_949;
const MICROS: Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// How rows of one schema are sent to one table.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    columns: Vec<Sent>,
}

/// How a column is sent.
#[derive(Debug, Clone)]
struct Sent {
    name: String,
    /// What it is turned into before.
    carried: DataType,
    /// As what it is sent.
    ty: PgType,
}

/// A value that the server cannot hold.
struct Unfit {
    column: usize,
    code: &'static str,
    why: String,
}

impl Encoder {
    /// Rows of `schema` to columns of the types `types`, which hold them. A column that cannot be sent is a defect here:
    /// `differences` finds it before.
    pub(super) fn new(schema: &Schema, types: &[PgType]) -> Result<Self, Failure> {
        let columns = schema.fields().iter().zip(types).map(|(field, ty)| {
            let unfit = || Failure::bug(format!("the column {:?} cannot be sent as {}", field.name(), ty.sql()));
            let (_, from) = carried(field).filter(|(_, from)| ty.holds(*from)).ok_or_else(unfit)?;
            let carried = match (from, ty) {
                (PgType::Int2 | PgType::Int4 | PgType::Int8, PgType::Int2) => DataType::Int16,
                (PgType::Int2 | PgType::Int4 | PgType::Int8, PgType::Int4) => DataType::Int32,
                (PgType::Int2 | PgType::Int4 | PgType::Int8, PgType::Int8) => DataType::Int64,
                (PgType::Int2 | PgType::Int4 | PgType::Int8, PgType::Numeric(_)) => DataType::Decimal128(19, 0),
                (PgType::Float4, PgType::Float8) => DataType::Float64,
                _ => carried(field).map(|(data_type, _)| data_type).ok_or_else(unfit)?,
            };
            Ok(Sent { name: field.name().clone(), carried, ty: *ty })
        });
        Ok(Self { columns: columns.collect::<Result<_, Failure>>()? })
    }

    /// The columns of a batch, ready to be sent.
    pub(super) fn prepare(&self, batch: &RecordBatch) -> Result<Prepared<'_>, Failure> {
        let columns = self.columns.iter().zip(batch.columns()).map(|(sent, array)| {
            let array = match array.data_type() == &sent.carried {
                true => array.clone(),
                false => cast(array, &sent.carried).map_err(arrow_failure)?,
            };
            Ok(Cells::new(&array, sent.ty))
        });
        Ok(Prepared { encoder: self, columns: columns.collect::<Result<_, Failure>>()?, rows: batch.num_rows() })
    }
}

/// A batch whose rows can be written one by one.
pub(super) struct Prepared<'a> {
    encoder: &'a Encoder,
    columns: Vec<Cells>,
    rows: usize,
}

impl Prepared<'_> {
    /// Appends rows from `row` on to `out`, until it has about `bytes` bytes or they are all written; the row after them.
    /// `first_row` is the number of the batch's first row in the load, from 1.
    pub(super) fn write(
        &self,
        mut row: usize,
        out: &mut Vec<u8>,
        bytes: usize,
        first_row: u64,
    ) -> Result<usize, Failure> {
        let count = (self.columns.len() as i16).to_be_bytes();
        while row < self.rows && out.len() < bytes {
            out.extend_from_slice(&count);
            for (column, cells) in self.columns.iter().enumerate() {
                let put = cells.put(row, out).map_err(|(code, why)| Unfit { column, code, why });
                put.map_err(|unfit| self.failure(&unfit, first_row + row as u64))?;
            }
            row += 1;
        }
        Ok(row)
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    fn failure(&self, unfit: &Unfit, row: u64) -> Failure {
        let name = &self.encoder.columns[unfit.column].name;
        let message = format!("row {row} of the load cannot be written: its column {name:?} {}", unfit.why);
        Failure::data(unfit.code, message, "reject such rows by a rule of the schema, or mend them in SQL")
    }
}

/// The values of one column.
struct Cells {
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Bool(BooleanArray),
    Int2(arrow::buffer::ScalarBuffer<i16>),
    Int4(arrow::buffer::ScalarBuffer<i32>),
    Int8(arrow::buffer::ScalarBuffer<i64>),
    Float4(arrow::buffer::ScalarBuffer<f32>),
    Float8(arrow::buffer::ScalarBuffer<f64>),
    Decimal(arrow::buffer::ScalarBuffer<i128>, usize),
    /// Texts of at most so many characters, with the byte that jsonb has before its text.
    Text {
        texts: StringArray,
        most: Option<u32>,
        may_have_nul: bool,
        /// Whether the server takes spaces at the end for none of the value.
        loses_spaces: bool,
        version: &'static [u8],
    },
    Uuid(StringArray),
    Bytea(BinaryArray),
    Date(arrow::buffer::ScalarBuffer<i32>),
    Timestamp(arrow::buffer::ScalarBuffer<i64>),
}

impl Cells {
    fn new(array: &ArrayRef, ty: PgType) -> Self {
        fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> arrow::buffer::ScalarBuffer<T::Native> {
            array.as_primitive::<T>().values().clone()
        }
        let values = match array.data_type() {
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int16 => Values::Int2(numbers::<Int16Type>(array)),
            DataType::Int32 => Values::Int4(numbers::<Int32Type>(array)),
            DataType::Int64 => Values::Int8(numbers::<Int64Type>(array)),
            DataType::Float32 => Values::Float4(numbers::<Float32Type>(array)),
            DataType::Float64 => Values::Float8(numbers::<Float64Type>(array)),
            DataType::Decimal128(_, scale) => {
                Values::Decimal(numbers::<Decimal128Type>(array), usize::from(scale.unsigned_abs()))
            }
            DataType::Utf8 if ty == PgType::Uuid => Values::Uuid(array.as_string().clone()),
            DataType::Utf8 => texts(array.as_string(), ty),
            DataType::Date32 => Values::Date(numbers::<Date32Type>(array)),
            DataType::Timestamp(..) => Values::Timestamp(numbers::<TimestampMicrosecondType>(array)),
            // `Encoder::new` lets no other type through.
            _ => Values::Bytea(array.as_binary().clone()),
        };
        Self { nulls: array.nulls().cloned(), values }
    }

    /// Appends a value with its length before it; otherwise a failure's code, and what is wrong with the value.
    #[inline]
    fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), (&'static str, String)> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        match &self.values {
            Values::Bool(values) => put_fixed(out, [u8::from(values.value(row))]),
            Values::Int2(values) => put_fixed(out, values[row].to_be_bytes()),
            Values::Int4(values) => put_fixed(out, values[row].to_be_bytes()),
            Values::Int8(values) => put_fixed(out, values[row].to_be_bytes()),
            Values::Float4(values) => put_fixed(out, values[row].to_be_bytes()),
            Values::Float8(values) => put_fixed(out, values[row].to_be_bytes()),
            Values::Decimal(values, scale) => numeric::put(out, values[row], *scale),
            Values::Text { texts, most, may_have_nul, loses_spaces, version } => {
                let text = texts.value(row);
                if *may_have_nul && text.contains('\0') {
                    return Err(("nul_in_text", "has the character NUL, which PostgreSQL cannot hold".to_owned()));
                }
                if *loses_spaces && text.ends_with(' ') {
                    let why = "ends with a space, which a column of the type character does not keep";
                    return Err(("spaces_lost", why.to_owned()));
                }
                if let Some(most) = most {
                    ensure_short(text, *most)?;
                }
                put_bytes(out, version, text.as_bytes())?;
            }
            Values::Uuid(texts) => {
                let text = texts.value(row);
                let uuid = uuid::Uuid::try_parse(text);
                let uuid = uuid.map_err(|_| ("cast_failed", format!("is no uuid: {text:?}")))?;
                put_fixed(out, *uuid.as_bytes());
            }
            Values::Bytea(values) => put_bytes(out, &[], values.value(row))?,
            Values::Date(values) => {
                let days = values[row].checked_sub(EPOCH_DAYS).filter(|days| DAYS.contains(days));
                put_fixed(out, days.ok_or_else(|| out_of_range("day"))?.to_be_bytes());
            }
            Values::Timestamp(values) => {
                let micros = values[row].checked_sub(EPOCH_MICROS).filter(|micros| MICROS.contains(micros));
                put_fixed(out, micros.ok_or_else(|| out_of_range("time"))?.to_be_bytes());
            }
        }
        Ok(())
    }
}

fn texts(texts: &StringArray, ty: PgType) -> Values {
    let most = match ty {
        PgType::Text(most) | PgType::Char(most) => most,
        _ => None,
    };
    // JSON has no NUL that is not escaped. One look at all texts spares the look at each.
    let offsets = texts.value_offsets();
    let bytes = &texts.value_data()[offsets[0] as usize..offsets[texts.len()] as usize];
    let may_have_nul = memchr::memchr(0, bytes).is_some();
    let version: &[u8] = if ty == PgType::Jsonb { &[1] } else { &[] };
    let loses_spaces = matches!(ty, PgType::Char(_));
    Values::Text { texts: texts.clone(), most, may_have_nul, loses_spaces, version }
}

fn ensure_short(text: &str, most: u32) -> Result<(), (&'static str, String)> {
    let most = most as usize;
    if text.len() <= most || text.chars().count() <= most {
        return Ok(());
    }
    Err(("value_too_long", format!("has {} characters, and the table takes {most}", text.chars().count())))
}

fn out_of_range(what: &str) -> (&'static str, String) {
    ("out_of_range", format!("is a {what} that PostgreSQL does not have"))
}

#[inline]
fn put_fixed<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&value);
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, before: &[u8], value: &[u8]) -> Result<(), (&'static str, String)> {
    let too_long = || ("value_too_long", "has more bytes than PostgreSQL takes, 1 GiB".to_owned());
    let length = i32::try_from(before.len() + value.len()).map_err(|_| too_long())?;
    // The server's own bound, MaxAllocSize, without which it would end the session.
    if length > 0x3fff_ff00 {
        return Err(too_long());
    }
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(before);
    out.extend_from_slice(value);
    Ok(())
}
