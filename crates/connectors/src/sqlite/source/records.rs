//! Rows as the check sees them, and as rejects show them.

use arrow::array::ArrayRef;
use etlplus_core::reject::RAW_MAX_BYTES;
use etlplus_core::{BrokenRule, Failure, Reject, Type};
use uuid::Uuid;

use super::block::{Block, Origin, Raw};
use super::columns::typed_column;
use crate::check::{BrokenCells, ColumnPlan, Records};
use crate::source::reject::{hex, shown_value};

pub(super) struct SqliteRecords {
    pub(super) origin: Origin,
    pub(super) block: Block,
    /// The number of the first row, in the order read, from 1.
    pub(super) first_row: u64,
}

impl Records for SqliteRecords {
    fn len(&self) -> usize {
        self.block.rows()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        Ok(typed_column(column, plan, &self.block, column, broken))
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        Some(match self.block.column(column)[row] {
            Raw::Null => return None,
            Raw::Integer(number) => number.to_string(),
            Raw::Real(number) => number.to_string(),
            Raw::Text(span) => shown_value(self.block.bytes(span)),
            Raw::Blob(span) => shown_value(blob_text(self.block.bytes(span)).as_bytes()),
        })
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        let json = self.json(row);
        let raw = String::from_utf8_lossy(&json);
        let raw_hex = matches!(raw, std::borrow::Cow::Owned(_)).then(|| hex(&json[..json.len().min(RAW_MAX_BYTES)]));
        Reject {
            file: self.origin.name.to_string(),
            header: None,
            line: None,
            row: self.first_row + row as u64,
            offset: None,
            errors,
            raw: raw[..raw.floor_char_boundary(RAW_MAX_BYTES)].to_owned(),
            raw_hex,
            raw_truncated: json.len() > RAW_MAX_BYTES,
        }
    }
}

impl SqliteRecords {
    /// A row as a JSON object, from which a replay makes the same values again. The bytes of a text are those of the database,
    /// also where they are no UTF-8.
    fn json(&self, row: usize) -> Vec<u8> {
        let mut json = b"{".to_vec();
        for (column, (name, ty)) in self.origin.columns.iter().enumerate() {
            if column > 0 {
                json.push(b',');
            }
            push_string(&mut json, name.as_bytes());
            json.push(b':');
            match (self.block.column(column)[row], ty) {
                (Raw::Null, _) => json.extend_from_slice(b"null"),
                (Raw::Integer(0), Type::Boolean) => json.extend_from_slice(b"false"),
                (Raw::Integer(1), Type::Boolean) => json.extend_from_slice(b"true"),
                (Raw::Integer(number), _) => json.extend_from_slice(number.to_string().as_bytes()),
                // Without an exponent, which a decimal does not take.
                (Raw::Real(number), _) if number.is_finite() => json.extend_from_slice(number.to_string().as_bytes()),
                (Raw::Real(number), _) => push_string(&mut json, number.to_string().as_bytes()),
                (Raw::Text(span), _) => push_string(&mut json, self.block.bytes(span)),
                (Raw::Blob(span), ty) => {
                    let bytes = self.block.bytes(span);
                    let uuid = Uuid::from_slice(bytes).ok().filter(|_| *ty == Type::Uuid);
                    let text = uuid.map_or_else(|| blob_text(bytes), |uuid| uuid.to_string());
                    push_string(&mut json, text.as_bytes());
                }
            }
        }
        json.push(b'}');
        json
    }
}

/// A blob as texts of the type `binary` are written; more than a reject keeps is not made.
fn blob_text(bytes: &[u8]) -> String {
    format!("\\x{}", hex(&bytes[..bytes.len().min(RAW_MAX_BYTES)]))
}

/// A JSON string; more than a reject keeps is left out.
fn push_string(json: &mut Vec<u8>, text: &[u8]) {
    json.push(b'"');
    for byte in text.iter().take(RAW_MAX_BYTES) {
        match byte {
            b'"' | b'\\' => json.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => json.push(*byte),
        }
    }
    json.push(b'"');
}
