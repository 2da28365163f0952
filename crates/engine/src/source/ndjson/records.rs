//! The records of a block of NDJSON, taken apart into fields.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use etlplus_core::{BrokenRule, Failure, Reject, Type};

use crate::check::{BrokenCells, Cell, ColumnPlan, Records, build_column};
use crate::source::SourceFile;
use crate::source::reject::{shown_value, text_reject};
use crate::source::text::Block;

pub(super) struct NdjsonRecords {
    pub(super) file: Arc<SourceFile>,
    pub(super) block: Block,
    /// Declared columns.
    pub(super) width: usize,
    /// The numbers of the well-formed records in the block.
    pub(super) rows: Vec<u32>,
    /// The byte ranges of the values within their records; `width` a row, `None` where the object lacks the field.
    pub(super) fields: Vec<Option<Range<u32>>>,
}

impl NdjsonRecords {
    fn json(&self, row: usize, column: usize) -> Option<&[u8]> {
        let range = self.fields[row * self.width + column].as_ref()?;
        Some(&self.block.record(self.rows[row] as usize)[range.start as usize..range.end as usize])
    }

    fn cell(&self, row: usize, column: usize, ty: Type) -> Cell<'_> {
        let Some(json) = self.json(row, column) else { return Cell::Null };
        match (json.first(), ty) {
            (Some(b'n'), _) => Cell::Null,
            (Some(b'"'), _) => string(json),
            (Some(b'{'), _) => Cell::Wrong(format!("is an object, and the column is {ty}")),
            (Some(b'['), _) => Cell::Wrong(format!("is an array, and the column is {ty}")),
            (Some(b't' | b'f'), Type::Boolean) => Cell::Text(Cow::Borrowed(json)),
            (Some(b't' | b'f'), _) => Cell::Wrong(format!("is a boolean, and the column is {ty}")),
            (_, Type::String | Type::Date | Type::Timestamp | Type::TimestampTz | Type::Boolean) => {
                Cell::Wrong(format!("is a number, and the column is {ty}"))
            }
            _ => Cell::Text(Cow::Borrowed(json)),
        }
    }
}

impl Records for NdjsonRecords {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        let cells = (0..self.rows.len()).map(|row| self.cell(row, column, plan.ty));
        Ok(build_column(column, plan, cells, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        self.json(row, column).map(shown_value)
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        text_reject(&self.file, &self.block, self.rows[row] as usize, errors)
    }
}

/// The text of a JSON string.
fn string(json: &[u8]) -> Cell<'_> {
    let inner = &json[1..json.len() - 1];
    if !inner.contains(&b'\\') {
        return Cell::Text(Cow::Borrowed(inner));
    }
    match serde_json::from_slice::<String>(json) {
        Ok(text) => Cell::Text(Cow::Owned(text.into_bytes())),
        // Half of a surrogate pair is JSON by its grammar and no text by Unicode.
        Err(_) => Cell::Wrong("has an escape that is no character".to_owned()),
    }
}

/// Where `part`, a slice of `whole`, stands in it.
pub(super) fn byte_range(whole: &str, part: &str) -> Range<u32> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start as u32..(start + part.len()) as u32
}
