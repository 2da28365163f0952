//! The records of a block of NDJSON, taken apart into fields.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::ArrayRef;
use etlplus_core::pipeline::ValueFormat;
use etlplus_core::{BrokenRule, Failure, Reject, Type};

use super::scan::{Field, Kind};
use crate::check::{BrokenCells, Cell, ColumnPlan, Records, build_column, number_text};
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
    /// Where their values stand; `width` a row.
    pub(super) fields: Vec<Field>,
    /// Whether the objects show rows of columns: one of JSON is a text there, and a whole number may be a float's.
    pub(super) show_columns: bool,
}

/// Which values are cells of a column as they stand: what nearly all values are.
#[derive(Clone, Copy)]
struct Plain {
    strings: bool,
    numbers: bool,
}

impl Plain {
    fn of(plan: &ColumnPlan, show_columns: bool) -> Self {
        let is_number = matches!(
            plan.ty,
            Type::Int16 | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 | Type::Decimal { .. }
        );
        let numbers = is_number && plan.format == ValueFormat::Standard && !show_columns;
        Self { strings: plan.ty != Type::Json, numbers }
    }
}

impl NdjsonRecords {
    /// The cell of a value that is one as it stands.
    #[inline]
    fn plain_cell(&self, field: Field, plain: Plain) -> Option<Cell<'_>> {
        let Some(range) = field.range() else { return Some(Cell::Null) };
        let text = match field.kind() {
            Kind::Text if plain.strings => range.start + 1..range.end - 1,
            Kind::Number if plain.numbers => range,
            _ => return None,
        };
        Some(Cell::Text(Cow::Borrowed(&self.block.data[text])))
    }

    /// The cell of any value.
    #[cold]
    fn cell(&self, field: Field, plan: &ColumnPlan) -> Cell<'_> {
        let ty = plan.ty;
        let Some(range) = field.range() else { return Cell::Null };
        let json = &self.block.data[range];
        match (json[0], ty) {
            (b'"', Type::Json) if self.show_columns => unescaped(json),
            (b'n', Type::Json) if self.show_columns => Cell::Null,
            (b'-' | b'0'..=b'9', Type::Int16 | Type::Int32 | Type::Int64) if self.show_columns => {
                Cell::Text(Cow::Borrowed(json.strip_suffix(b".0").unwrap_or(json)))
            }
            // A column of JSON keeps whatever stands there, `null` too.
            (_, Type::Json) => Cell::Text(Cow::Borrowed(json)),
            (b'"', _) if field.kind() == Kind::Escaped => unescaped(json),
            (b'"', _) => Cell::Text(Cow::Borrowed(&json[1..json.len() - 1])),
            (b'n', _) => Cell::Null,
            (b'{', _) => Cell::Wrong(format!("is an object, and the column is {ty}")),
            (b'[', _) => Cell::Wrong(format!("is an array, and the column is {ty}")),
            (b't' | b'f', Type::Boolean) => Cell::Text(Cow::Borrowed(json)),
            (b't' | b'f', _) => Cell::Wrong(format!("is a boolean, and the column is {ty}")),
            _ if plan.format.is_epoch() => Cell::Text(Cow::Borrowed(json)),
            (
                _,
                Type::String
                | Type::Uuid
                | Type::Binary
                | Type::Date
                | Type::Timestamp
                | Type::TimestampTz
                | Type::Boolean,
            ) => Cell::Wrong(format!("is a number, and the column is {ty}")),
            _ => Cell::Text(number_text(json, &plan.format)),
        }
    }
}

impl Records for NdjsonRecords {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        let plain = Plain::of(plan, self.show_columns);
        let cells = (0..self.rows.len()).map(|row| {
            let field = self.fields[row * self.width + column];
            self.plain_cell(field, plain).unwrap_or_else(|| self.cell(field, plan))
        });
        Ok(build_column(column, plan, cells, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        let range = self.fields[row * self.width + column].range()?;
        Some(shown_value(&self.block.data[range]))
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        text_reject(&self.file, &self.block, self.rows[row] as usize, errors)
    }
}

/// The text of a JSON string with an escape.
fn unescaped(json: &[u8]) -> Cell<'_> {
    match serde_json::from_slice::<String>(json) {
        Ok(text) => Cell::Text(Cow::Owned(text.into_bytes())),
        // Half of a surrogate pair is JSON by its grammar and no text by Unicode.
        Err(_) => Cell::Wrong("has an escape that is no character".to_owned()),
    }
}
