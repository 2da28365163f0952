//! One file of a source: what its footer and its path tell.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use etlplus_core::Failure;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::RowGroupMetaData;

use crate::check::CheckPlan;
use crate::failure::parquet_failure;
use crate::source::SourceFile;
use crate::target::partition_of;

/// A Parquet file.
pub(super) struct ParquetFile {
    pub(super) file: Arc<SourceFile>,
    pub(super) metadata: ArrowReaderMetadata,
    /// Columns and values that the names of its folders tell, as `column=value`.
    told: Vec<(String, Option<String>)>,
}

/// Where a column of the rows is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file, as its root column of this number.
    File(usize),
    /// In the file's path: the same text in each row.
    Path(Option<String>),
}

impl ParquetFile {
    pub(super) fn open(file: &Arc<SourceFile>) -> Result<Self, Failure> {
        Ok(Self { file: file.clone(), metadata: load_metadata(file)?, told: partition_of(file.path()) })
    }

    pub(super) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }

    /// The number of rows that the footer promises.
    pub(super) fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().unsigned_abs()
    }

    /// The columns of the file, and those declared ones that its path tells, as texts.
    pub(super) fn schema(&self, plan: &CheckPlan) -> Schema {
        let own = self.metadata.schema().fields();
        let mut fields: Vec<FieldRef> = own.iter().cloned().collect();
        for column in plan.columns.iter().filter(|column| own.find(&column.name).is_none()) {
            if self.told.iter().any(|(name, _)| *name == column.name) {
                fields.push(Arc::new(Field::new(&column.name, DataType::Utf8, true)));
            }
        }
        Schema::new(fields)
    }

    /// The columns to read: the declared ones in order, or else all of the file.
    pub(super) fn places(&self, plan: &CheckPlan) -> Vec<(FieldRef, Place)> {
        let own = self.metadata.schema().fields();
        if plan.columns.is_empty() {
            return own.iter().cloned().enumerate().map(|(index, field)| (field, Place::File(index))).collect();
        }
        let schema = self.schema(plan);
        let fields = plan.columns.iter().filter_map(|column| schema.fields().find(&column.name));
        fields
            .map(|(index, field)| {
                let told =
                    || self.told.iter().find(|(name, _)| name == field.name()).and_then(|(_, value)| value.clone());
                (field.clone(), if index < own.len() { Place::File(index) } else { Place::Path(told()) })
            })
            .collect()
    }

    /// A fault of the file, at the row group that has row `row`, counted from 0.
    pub(super) fn damaged_at(&self, row: u64, message: &str) -> Failure {
        let mut end = 0;
        let group = self.row_groups().iter().position(|group| {
            end += group.num_rows().unsigned_abs();
            row < end
        });
        self.damaged(group.unwrap_or(self.row_groups().len().saturating_sub(1)), message)
    }

    /// A fault of the row group `group`, counted from 0.
    pub(super) fn damaged(&self, group: usize, message: &str) -> Failure {
        Failure::data(
            "parquet_unreadable",
            format!("cannot read row group {} of {}: {message}", group + 1, self.file.name()),
            "the file is damaged: fetch it again",
        )
    }
}

/// Reads the footer of a file. The library panics on some footers that no writer makes; that is the file's fault, too.
pub(crate) fn load_metadata(file: &SourceFile) -> Result<ArrowReaderMetadata, Failure> {
    let opened = file.open()?;
    match catch_unwind(AssertUnwindSafe(|| ArrowReaderMetadata::load(&opened, Default::default()))) {
        Ok(metadata) => metadata.map_err(|error| parquet_failure(file.path(), &error)),
        Err(_) => Err(Failure::data(
            "parquet_unreadable",
            format!("cannot read {}: its metadata is damaged", file.name()),
            "the file is damaged or no Parquet: fetch it again",
        )),
    }
}
