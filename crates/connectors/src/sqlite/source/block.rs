//! Rows as SQLite has them, each value with its kind.

use std::sync::Arc;

use etlplus_core::Type;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

/// Rows of a block: as many as are checked at a time.
const BLOCK_ROWS: usize = 8192;
/// A block is full once its texts and blobs have so many bytes, however few rows that are.
const BLOCK_BYTES: usize = 8 << 20;

/// A value. Texts and blobs stand in the bytes of their block.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) enum Raw {
    Null,
    Integer(i64),
    Real(f64),
    Text(Span),
    Blob(Span),
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct Span {
    start: u32,
    length: u32,
}

/// Some rows, column by column.
pub(in crate::sqlite) struct Block {
    columns: Vec<Vec<Raw>>,
    bytes: Vec<u8>,
    rows: usize,
}

impl Block {
    /// An empty block of rows with so many columns.
    pub(in crate::sqlite) fn new(columns: usize) -> Self {
        let column = || Vec::with_capacity(BLOCK_ROWS);
        Self { columns: std::iter::repeat_with(column).take(columns).collect(), bytes: Vec::new(), rows: 0 }
    }

    pub(in crate::sqlite) fn rows(&self) -> usize {
        self.rows
    }

    pub(in crate::sqlite) fn is_full(&self) -> bool {
        self.rows >= BLOCK_ROWS || self.bytes.len() >= BLOCK_BYTES
    }

    /// The values of a column.
    pub(in crate::sqlite) fn column(&self, index: usize) -> &[Raw] {
        &self.columns[index]
    }

    /// A text or a blob.
    pub(in crate::sqlite) fn bytes(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..][..span.length as usize]
    }

    /// Takes a row.
    pub(in crate::sqlite) fn push(&mut self, row: &SqliteRow) -> Result<(), sqlx::Error> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            column.push(raw(row, index, &mut self.bytes)?);
        }
        self.rows += 1;
        Ok(())
    }
}

fn raw(row: &SqliteRow, index: usize, bytes: &mut Vec<u8>) -> Result<Raw, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(Raw::Null);
    }
    let failed = |source| sqlx::Error::ColumnDecode { index: index.to_string(), source };
    // The bytes of a text, too, since a text need not be UTF-8.
    let mut span = |value| {
        let added = <&[u8] as Decode<Sqlite>>::decode(value).map_err(failed)?;
        // A value has at most 10^9 bytes, and a block is full long before the sum of two; a row of a query can have many.
        let place = u32::try_from(bytes.len()).and_then(|start| Ok((start, u32::try_from(added.len())?)));
        let (start, length) = place.map_err(|_| failed("its row has more than 4 GiB".into()))?;
        bytes.extend_from_slice(added);
        Ok(Span { start, length })
    };
    // A value's own kind comes before what its column declares.
    let kind = value.type_info();
    match kind.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Raw::Integer).map_err(failed),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Raw::Real).map_err(failed),
        "TEXT" => span(value).map(Raw::Text),
        _ => span(value).map(Raw::Blob),
    }
}

/// What rejects say of where their rows come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The file, and what was read of it.
    pub(super) name: Arc<str>,
    /// The names and types of the columns, in order.
    pub(super) columns: Arc<[(String, Type)]>,
}
