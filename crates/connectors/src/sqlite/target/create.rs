//! What SQLite stores for each type, and the table that is made from a schema.
//!
//! | rows | column | value |
//! |---|---|---|
//! | boolean | INTEGER | 0 or 1 |
//! | integers | INTEGER | the number; an unsigned one up to 2^63 - 1 |
//! | floats | REAL | the number |
//! | decimals | TEXT | all digits after the point: `1.50` |
//! | texts, uuid, json | TEXT | as they are |
//! | bytes | BLOB | as they are |
//! | date | TEXT | `2026-02-28` |
//! | timestamp | TEXT | `2026-02-28T13:45:00.250000`, with as many decimals as the type has |
//! | timestamp with zone | TEXT | the same in UTC, with a `Z` |
//!
//! Moments have all their decimals so that the order of the texts is that of time. Tables are STRICT: what a column declares
//! then holds for whoever else writes to it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use etlplus_core::pipeline::{LoadMode, TableName};

use crate::sqlite::database::quoted;
use crate::target::TargetColumn;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    Integer,
    Real,
    Text,
    Blob,
}

impl Storage {
    /// What is stored for values of a type; `None` where nothing holds them without loss.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        use DataType::*;
        match data_type {
            Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Some(Self::Integer),
            Float16 | Float32 | Float64 => Some(Self::Real),
            Utf8 | LargeUtf8 | Utf8View | Date32 | Timestamp(..) => Some(Self::Text),
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => Some(Self::Text),
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Some(Self::Blob),
            Dictionary(_, values) if matches!(**values, Utf8 | LargeUtf8 | Utf8View) => Some(Self::Text),
            _ => None,
        }
    }

    /// The type of a column that keeps it.
    pub(super) fn column_type(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

/// The columns of the table that is made for rows of `schema`.
pub(super) fn columns(schema: &Schema, mode: &LoadMode) -> Vec<TargetColumn> {
    let key: &[String] = match mode {
        LoadMode::Upsert { key } => key,
        LoadMode::Replace | LoadMode::Append => &[],
    };
    let column = |field: &Arc<Field>| TargetColumn {
        name: field.name().clone(),
        // No table is made for other rows.
        type_name: Storage::of(field.data_type()).map_or("ANY", Storage::column_type).to_owned(),
        is_nullable: !key.iter().any(|name| name.eq_ignore_ascii_case(field.name())),
        has_default: false,
    };
    schema.fields().iter().map(column).collect()
}

/// The statement that makes the table for rows of `schema`.
pub(super) fn create_table(schema: &Schema, table: &TableName, mode: &LoadMode) -> String {
    let column = |column: TargetColumn| {
        let not_null = if column.is_nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", quoted(&column.name), column.type_name)
    };
    let mut parts: Vec<_> = columns(schema, mode).into_iter().map(column).collect();
    if let LoadMode::Upsert { key } = mode {
        let names: Vec<_> = key.iter().map(|name| quoted(name)).collect();
        parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
    }
    format!("CREATE TABLE main.{} ({}) STRICT", quoted(&table.table), parts.join(", "))
}
