//! The few functions that loads need and the query engine lacks.
//!
//! - `hash_key(value, ...)`: a key of 32 hexadecimal digits made of any values: the first half of the SHA-256 of their texts,
//!   each with its length before it, so that ('a', 'bc') and ('ab', 'c') differ, and no value and the empty text do.
//! - `parse_date(text, format, ...)` and `parse_timestamp(text, format, ...)`: the date or time that the text is in the first
//!   of the strftime formats that it fits wholly; no value where it fits none. COALESCE gives a fallback.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, StringArray, StringBuilder, TimestampMicrosecondArray, cast::AsArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use sha2::{Digest, Sha256};

/// All of them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(HashKey { signature: Signature::variadic_any(Volatility::Immutable) }),
        ScalarUDF::new_from_impl(Parse::new("parse_date", DataType::Date32)),
        ScalarUDF::new_from_impl(Parse::new("parse_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None))),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct HashKey {
    signature: Signature,
}

impl ScalarUDFImpl for HashKey {
    fn name(&self) -> &str {
        "hash_key"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let options = FormatOptions::new().with_display_error(false);
        let formatters = columns.iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let formatters = formatters.collect::<std::result::Result<Vec<_>, _>>()?;
        let rows = columns.first().map_or(arguments.number_rows, |column| column.len());
        let mut keys = StringBuilder::with_capacity(rows, rows * 32);
        let mut text = String::new();
        for row in 0..rows {
            let mut hash = Sha256::new();
            for (column, formatter) in columns.iter().zip(&formatters) {
                if column.is_null(row) {
                    hash.update(u64::MAX.to_le_bytes());
                    continue;
                }
                text.clear();
                formatter.value(row).write(&mut text)?;
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(&text);
            }
            let digest = hash.finalize();
            let (half, _) = digest.split_at(16);
            for byte in half {
                // Writing to a builder of strings cannot fail.
                let _ = write!(keys, "{byte:02x}");
            }
            keys.append_value("");
        }
        Ok(ColumnarValue::Array(Arc::new(keys.finish())))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parse {
    name: &'static str,
    to: DataType,
    signature: Signature,
}

impl Parse {
    fn new(name: &'static str, to: DataType) -> Self {
        Self { name, to, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Parse {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.len() {
            0 | 1 => exec_err!("{} takes a text and one format or more, such as '%d.%m.%Y'", self.name),
            _ => Ok(self.to.clone()),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let columns = columns.iter().map(|column| cast(column, &DataType::Utf8));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        let Some((texts, formats)) = columns.split_first() else {
            return exec_err!("{} takes a text and one format or more", self.name);
        };
        let formats: Vec<&StringArray> = formats.iter().map(|formats| formats.as_string::<i32>()).collect();
        let rows = texts.as_string::<i32>().iter().enumerate();
        let parsed: ArrayRef = if self.to == DataType::Date32 {
            let day = |text: &str, format: &str| NaiveDate::parse_from_str(text, format).ok();
            let days = rows.map(|(row, text)| first(row, text, &formats, day).map(Date32Type::from_naive_date));
            Arc::new(days.collect::<Date32Array>())
        } else {
            let time = |text: &str, format: &str| NaiveDateTime::parse_from_str(text, format).ok();
            let times =
                rows.map(|(row, text)| first(row, text, &formats, time).map(|time| time.and_utc().timestamp_micros()));
            Arc::new(times.collect::<TimestampMicrosecondArray>())
        };
        Ok(ColumnarValue::Array(parsed))
    }
}

/// What `parse` makes of a row's text in the first format that fits.
fn first<T>(
    row: usize,
    text: Option<&str>,
    formats: &[&StringArray],
    parse: impl Fn(&str, &str) -> Option<T>,
) -> Option<T> {
    let text = text?;
    formats.iter().filter(|formats| formats.is_valid(row)).find_map(|formats| parse(text, formats.value(row)))
}
