//! COPY BINARY to columns.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etlplus_core::Failure;

use super::column::{Column, Odd};
use super::encode::HEADER;
use super::types::PgType;
use crate::check::record_batch;
use crate::source::arrow_records::UnfitCell;

/// The most rows of one batch.
pub(super) const BATCH_ROWS: usize = 8192;
/// A batch with so many bytes of values is ended, however few its rows are.
const BATCH_BYTES: usize = 8 << 20;

/// Reads the rows of one COPY.
pub(super) struct Decoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// The beginning of a row whose end is still to come.
    pending: Vec<u8>,
    state: State,
    rows: usize,
    bytes: usize,
    unfit: Vec<UnfitCell>,
    /// Where the values of the row at hand lie; `None`: no value.
    fields: Vec<Option<(usize, usize)>>,
}

#[derive(PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

/// Some rows as they came.
pub(super) struct Decoded {
    pub(super) batch: RecordBatch,
    /// Values that no column of Arrow holds; null in the batch.
    pub(super) unfit: Vec<UnfitCell>,
    /// The bytes that the rows took.
    pub(super) bytes: usize,
}

impl Decoder {
    /// For rows of `schema`, whose columns have the types `types` in the database.
    pub(super) fn new(schema: SchemaRef, types: &[PgType]) -> Self {
        let columns = schema.fields().iter().zip(types).map(|(field, ty)| Column::new(field.data_type(), *ty));
        Self {
            columns: columns.collect(),
            fields: Vec::with_capacity(schema.fields().len()),
            schema,
            pending: Vec::new(),
            state: State::Header,
            rows: 0,
            bytes: 0,
            unfit: Vec::new(),
        }
    }

    /// Takes what came next. It need not begin or end with a row.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.pending.is_empty() {
            let taken = self.take(bytes)?;
            self.pending.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let taken = self.take(&pending)?;
        pending.drain(..taken);
        self.pending = pending;
        Ok(())
    }

    /// Whether a batch is full.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The rows taken since the last call; `None` where there are none.
    pub(super) fn batch(&mut self) -> Result<Option<Decoded>, Failure> {
        if self.rows == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|()| not_utf8())?;
        let batch = record_batch(self.schema.clone(), columns, self.rows)?;
        self.rows = 0;
        Ok(Some(Decoded { batch, unfit: std::mem::take(&mut self.unfit), bytes: std::mem::take(&mut self.bytes) }))
    }

    /// Whether the trailer has come.
    pub(super) fn ensure_ended(&self) -> Result<(), Failure> {
        if self.state == State::Ended { Ok(()) } else { Err(damaged("it has no end")) }
    }

    /// Takes all whole rows; how many bytes they have.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        let mut at = 0;
        if self.state == State::Header {
            // An extension of the header would follow; the server writes none.
            let Some(header) = bytes.get(..HEADER.len()) else { return Ok(0) };
            if header != HEADER {
                return Err(damaged("it begins with no header"));
            }
            self.state = State::Rows;
            at = HEADER.len();
        }
        while self.state == State::Rows {
            match self.row_end(bytes, at)? {
                Some(end) if self.state == State::Rows => {
                    self.append(bytes)?;
                    self.bytes += end - at;
                    at = end;
                }
                Some(end) => at = end,
                None => break,
            }
        }
        Ok(at)
    }

    /// Finds the fields of the row that begins at `at`; the end of the row, or `None` where it is still to come.
    fn row_end(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, Failure> {
        let Some(count) = bytes.get(at..at + 2) else { return Ok(None) };
        let count = i16::from_be_bytes([count[0], count[1]]);
        at += 2;
        if count == -1 {
            self.state = State::Ended;
            return Ok(Some(at));
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(damaged(&format!("a row has {count} fields, not {}", self.columns.len())));
        }
        self.fields.clear();
        for _ in 0..count {
            let Some(length) = bytes.get(at..at + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4;
            match usize::try_from(length) {
                Ok(length) if bytes.len() - at < length => return Ok(None),
                Ok(length) => {
                    self.fields.push(Some((at, at + length)));
                    at += length;
                }
                Err(_) => self.fields.push(None),
            }
        }
        Ok(Some(at))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        for (index, (column, field)) in self.columns.iter_mut().zip(&self.fields).enumerate() {
            let value = field.map(|(start, end)| &bytes[start..end]);
            match column.append(value) {
                Ok(()) => {}
                Err(Odd::Unfit(value, message)) => {
                    self.unfit.push(UnfitCell { row: self.rows, column: index, value, message });
                }
                Err(Odd::Damaged) => {
                    let name = self.schema.field(index).name();
                    return Err(damaged(&format!("a value of the column {name:?} is none of its type")));
                }
            }
        }
        self.rows += 1;
        Ok(())
    }
}

fn damaged(why: &str) -> Failure {
    Failure::transient(
        "copy_unreadable",
        format!("what the database sent cannot be read: {why}"),
        "run again; the table may have been changed meanwhile",
    )
}

fn not_utf8() -> Failure {
    Failure::data(
        "not_utf8",
        "a text of the database is not UTF-8: the database's encoding is SQL_ASCII, which checks nothing",
        "read it with convert_from(column::bytea, 'LATIN1'), or whatever encoding it is",
    )
}
