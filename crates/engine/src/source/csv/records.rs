//! The records of a block of CSV, taken apart into fields.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::ArrayRef;
use etlplus_core::pipeline::CsvSource;
use etlplus_core::{BrokenRule, Failure, Reject, Type};
use memchr::memchr;

use super::header::Layout;
use crate::check::{BrokenCells, Cell, CheckPlan, ColumnPlan, Records, build_column};
use crate::source::SourceFile;
use crate::source::reject::{shown_value, text_reject};
use crate::source::text::Block;

pub(super) struct CsvRecords {
    pub(super) file: Arc<SourceFile>,
    pub(super) block: Block,
    pub(super) layout: Arc<Layout>,
    pub(super) options: Arc<CsvSource>,
    /// The numbers of the well-formed records in the block.
    pub(super) rows: Vec<u32>,
    /// The byte ranges of their fields, quotes included, within their records; `field_count` a row.
    pub(super) fields: Vec<(u32, u32)>,
}

impl CsvRecords {
    fn field(&self, row: usize, column: usize) -> &[u8] {
        let field = row * self.layout.field_count + self.layout.positions[column];
        let (start, end) = self.fields[field];
        &self.block.record(self.rows[row] as usize)[start as usize..end as usize]
    }

    fn cell(&self, row: usize, column: usize, ty: Type) -> Cell<'_> {
        let (text, is_quoted) = unquoted(self.field(row, column), self.options.quote);
        // A quoted text in a string column is a text even where it looks like "no value": `""` is the empty string.
        let may_be_null = !(is_quoted && ty == Type::String);
        if may_be_null && self.options.null.iter().any(|null| null.as_bytes() == &*text) {
            return Cell::Null;
        }
        Cell::Text(text)
    }
}

impl Records for CsvRecords {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        let cells = (0..self.rows.len()).map(|row| self.cell(row, column, plan.ty));
        Ok(build_column(column, plan, cells, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        let (text, _) = unquoted(self.field(row, column), self.options.quote);
        Some(shown_value(&text))
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        text_reject(&self.file, &self.block, self.rows[row] as usize, errors)
    }
}

/// A field without its quotes, and whether it had any.
pub(crate) fn unquoted(field: &[u8], quote: Option<u8>) -> (Cow<'_, [u8]>, bool) {
    let Some(quote) = quote.filter(|quote| field.first() == Some(quote)) else {
        return (Cow::Borrowed(field), false);
    };
    let inner = &field[1..field.len() - 1];
    if memchr(quote, inner).is_none() {
        return (Cow::Borrowed(inner), true);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(quote, rest) {
        text.extend_from_slice(&rest[..=at]);
        // Inside a field quotes come in pairs.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    (Cow::Owned(text), true)
}

/// The broken rule of a record with bytes that are not UTF-8, naming the first column that has some.
pub(super) fn not_utf8(
    record: &[u8],
    fields: &[(u32, u32)],
    layout: &Layout,
    plan: &CheckPlan,
    quote: Option<u8>,
) -> Option<BrokenRule> {
    let is_broken =
        |(start, end): &(u32, u32)| simdutf8::basic::from_utf8(&record[*start as usize..*end as usize]).is_err();
    let field = fields.iter().position(is_broken)?;
    let column = layout.positions.iter().position(|position| *position == field);
    let (start, end) = fields[field];
    Some(BrokenRule {
        field: column.map(|column| plan.columns[column].name.clone()),
        rule: "utf8".to_owned(),
        value: Some(shown_value(&unquoted(&record[start as usize..end as usize], quote).0)),
        message: format!("field {} has bytes that are not UTF-8", field + 1),
    })
}
