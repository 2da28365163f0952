//! How far a reader has come.

use parquet::file::metadata::RowGroupMetaData;

/// How many bytes of a file are read after so many of its rows: those of the row groups that are behind the reader, and
/// of the current one in proportion.
pub(super) struct BytesRead {
    /// Rows and bytes up to the end of each row group.
    ends: Vec<(u64, u64)>,
    file_bytes: u64,
    told: u64,
}

impl BytesRead {
    pub(super) fn new(file_bytes: u64, groups: &[RowGroupMetaData]) -> Self {
        let mut end = (0, 0);
        let ends = groups.iter().map(|group| {
            end.0 += group.num_rows().unsigned_abs();
            end.1 += group.compressed_size().unsigned_abs();
            end
        });
        Self { ends: ends.collect(), file_bytes, told: 0 }
    }

    /// The bytes to account for, now that `rows` rows are read.
    pub(super) fn after(&mut self, rows: u64) -> u64 {
        let next = self.ends.iter().position(|(end, _)| *end > rows);
        let read = match next {
            None => self.file_bytes,
            Some(group) => {
                let (row, byte) = if group == 0 { (0, 0) } else { self.ends[group - 1] };
                let (row_end, byte_end) = self.ends[group];
                let share = (rows - row) as f64 / (row_end - row) as f64;
                byte + ((byte_end - byte) as f64 * share) as u64
            }
        };
        let bytes = read.saturating_sub(self.told);
        self.told = self.told.max(read);
        bytes
    }
}
