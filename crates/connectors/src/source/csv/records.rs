//! The records of a block of CSV, as the check asks for them.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::ArrayRef;
use etlplus_core::{BrokenRule, Failure, Reject, Type};
use memchr::{memchr, memchr2};

use super::header::Layout;
use super::split::Fields;
use crate::check::{BrokenCells, Cell, CheckPlan, ColumnPlan, Records, build_column};
use crate::source::SourceFile;
use crate::source::reject::{shown_value, text_reject};
use crate::source::text::{Block, Dialect};

pub(super) struct CsvRecords {
    pub(super) file: Arc<SourceFile>,
    pub(super) block: Block,
    pub(super) layout: Arc<Layout>,
    pub(super) dialect: Dialect,
    pub(super) nulls: Arc<NullTokens>,
    pub(super) fields: Fields,
}

impl Records for CsvRecords {
    fn len(&self) -> usize {
        self.fields.rows()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        let texts = self.fields.texts(&self.block, self.layout.positions[column]);
        let cells = Cells { texts, dialect: self.dialect, nulls: &self.nulls, ty: plan.ty };
        Ok(build_column(column, plan, cells, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        let range = self.fields.range(&self.block, row, self.layout.positions[column]);
        let (text, _) = unquoted(&self.block.data[range], self.dialect);
        Some(shown_value(&text))
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        text_reject(&self.file, &self.block, self.fields.record(row), errors)
    }
}

/// The texts that mean "no value".
pub(super) struct NullTokens {
    tokens: Vec<Vec<u8>>,
    /// A bit for each length that one of them has, the last bit being for all greater ones: nearly every text that is
    /// none has another length.
    lengths: u64,
}

impl NullTokens {
    pub(super) fn new(tokens: &[String]) -> Self {
        let tokens: Vec<_> = tokens.iter().map(|token| token.as_bytes().to_vec()).collect();
        let lengths = tokens.iter().fold(0, |lengths, token| lengths | Self::length(token));
        Self { tokens, lengths }
    }

    #[inline]
    fn length(text: &[u8]) -> u64 {
        1 << text.len().min(63)
    }

    #[inline(always)]
    pub(super) fn contain(&self, text: &[u8]) -> bool {
        // A text without a byte has its length alone.
        self.lengths & Self::length(text) != 0 && (text.is_empty() || self.is_token(text))
    }

    #[cold]
    fn is_token(&self, text: &[u8]) -> bool {
        self.tokens.iter().any(|token| token == text)
    }
}

/// What the fields of one column hold.
struct Cells<'a, T> {
    texts: T,
    dialect: Dialect,
    nulls: &'a NullTokens,
    ty: Type,
}

impl<'a, T: ExactSizeIterator<Item = &'a [u8]>> Iterator for Cells<'a, T> {
    type Item = Cell<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Cell<'a>> {
        let text = self.texts.next()?;
        Some(if self.dialect.quote.is_some() && text.first().copied() == self.dialect.quote {
            quoted_cell(text, self.dialect, self.nulls, self.ty)
        } else if self.nulls.contain(text) {
            Cell::Null
        } else {
            Cell::Text(Cow::Borrowed(text))
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.texts.size_hint()
    }
}

impl<'a, T: ExactSizeIterator<Item = &'a [u8]>> ExactSizeIterator for Cells<'a, T> {}

fn quoted_cell<'a>(text: &'a [u8], dialect: Dialect, nulls: &NullTokens, ty: Type) -> Cell<'a> {
    let (text, _) = unquoted(text, dialect);
    // A quoted text in a string column is a text even where it looks like "no value": `""` is the empty string.
    if ty != Type::String && nulls.contain(&text) { Cell::Null } else { Cell::Text(text) }
}

/// A field of a well-formed record without its quotes, and whether it had any.
pub(crate) fn unquoted(field: &[u8], dialect: Dialect) -> (Cow<'_, [u8]>, bool) {
    let Some(quote) = dialect.quote.filter(|quote| field.first() == Some(quote)) else {
        return (Cow::Borrowed(field), false);
    };
    let inner = &field[1..field.len() - 1];
    let special = |text| match dialect.escape {
        Some(escape) => memchr2(quote, escape, text),
        None => memchr(quote, text),
    };
    let Some(mut at) = special(inner) else { return (Cow::Borrowed(inner), true) };
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        // An escape, or the first quote of a pair, gives way to the character after it.
        text.extend_from_slice(&rest[..at]);
        text.extend(rest.get(at + 1));
        rest = rest.get(at + 2..).unwrap_or_default();
        match special(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    text.extend_from_slice(rest);
    (Cow::Owned(text), true)
}

/// The numbers of the records of `block` with bytes that are not UTF-8, in order.
pub(super) fn not_utf8(block: &Block) -> Vec<usize> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Err(error) = simdutf8::compat::from_utf8(&block.data[at..]) {
        let place = at + error.valid_up_to();
        let index = block.spans.partition_point(|span| span.end as usize <= place);
        let Some(span) = block.spans.get(index) else { break };
        // What stands between records is no data.
        let is_inside = span.start as usize <= place;
        found.extend(is_inside.then_some(index));
        at = if is_inside { span.end } else { span.start } as usize;
    }
    found
}

/// The broken rule of a record with bytes that are not UTF-8, naming the first column that has some.
pub(super) fn utf8_rule(
    block: &Block,
    fields: &Fields,
    row: usize,
    layout: &Layout,
    plan: &CheckPlan,
    dialect: Dialect,
) -> BrokenRule {
    let text = |field| &block.data[fields.range(block, row, field)];
    let is_broken = |field: &usize| simdutf8::basic::from_utf8(text(*field)).is_err();
    // Delimiters and quotes are ASCII, so that no character reaches from one field into the next.
    let field = (0..layout.field_count).find(is_broken).unwrap_or_default();
    let column = layout.positions.iter().position(|position| *position == field);
    BrokenRule {
        field: column.map(|column| plan.columns[column].name.clone()),
        rule: "utf8".to_owned(),
        value: Some(shown_value(&unquoted(text(field), dialect).0)),
        message: format!("field {} has bytes that are not UTF-8", field + 1),
    }
}
