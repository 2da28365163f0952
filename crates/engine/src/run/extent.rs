//! How many rows a source can have at most, which says early that too many are rejected.

use etlplus_connectors::source::OpenSource;
use etlplus_core::progress::Progress;

/// What is known of the size of a source before it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extent {
    /// The rows of the whole.
    Rows(u64),
    /// The bytes of all files, and how many of them a row without a mistake has at least. The last row of a file may lack
    /// its line end.
    Bytes { total: u64, least_row: u64, files: u64 },
    /// Nothing.
    Unknown,
}

impl Extent {
    pub(crate) fn of(source: &OpenSource) -> Self {
        if let Some(rows) = source.rows_total() {
            return Self::Rows(rows);
        }
        match (source.bytes_total(), source.least_row_bytes()) {
            (Some(total), Some(least_row)) => Self::Bytes { total, least_row, files: source.files().count() as u64 },
            _ => Self::Unknown,
        }
    }

    /// The most rows that there can be in all, if none of those to come has a mistake; `None` where nobody knows.
    pub(crate) fn most_rows(self, so_far: &Progress) -> Option<u64> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Bytes { total, least_row, files } => {
                let left = total.saturating_sub(so_far.bytes_read);
                Some(so_far.records_processed() + left / least_row.max(1) + files)
            }
            Self::Unknown => None,
        }
    }
}
