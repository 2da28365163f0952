//! NDJSON: one JSON object on each line.

mod keys;
mod object;
mod records;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use encoding_rs::UTF_8;
use etlplus_core::Failure;
use etlplus_core::pipeline::{FileCompression, JobSpec, NdjsonSource, Source, SourceFiles};

use self::keys::{Keys, Names};
use self::object::find_fields;
pub(crate) use self::object::parse_object;
use self::records::NdjsonRecords;
use self::scan::{Field, scan};
use super::reject::{malformed_rule, text_reject};
use super::text::{Block, BlockReader, Framing, Malformed, OneRecord, TextFormat, TextInput, TextReader};
use super::{OpenSource, Reader, SourceFile};
use crate::check::{CheckPlan, Checked, check};

/// NDJSON files of one source.
pub(super) struct Ndjson {
    options: NdjsonSource,
    compression: FileCompression,
    plan: Arc<CheckPlan>,
    names: Names,
    record_limit: usize,
    show_columns: bool,
}

/// Opens the files; they say nothing about themselves before their first record.
pub(super) fn open(
    source: &Source,
    origin: &SourceFiles,
    options: &NdjsonSource,
    job: &JobSpec,
    files: Vec<Arc<SourceFile>>,
) -> Result<OpenSource, Failure> {
    let ndjson = Ndjson::new(source, options, origin.compression, job);
    let plan = ndjson.plan.clone();
    let reader: Box<dyn Reader> = Box::new(TextReader::new(ndjson, files.clone())?);
    Ok(OpenSource { plan, files, rows_total: None, reader })
}

impl TextFormat for Ndjson {
    type Layout = ();

    fn plan(&self) -> Arc<CheckPlan> {
        self.plan.clone()
    }

    fn layout(&self, _: Option<&str>, _: &SourceFile) -> Result<(), Failure> {
        Ok(())
    }

    /// An object may have been written over several lines.
    fn one_record(&self, raw: &[u8]) -> OneRecord {
        let malformed = (raw.len() > self.record_limit).then_some(Malformed::RecordTooLong);
        OneRecord::Ends { end: raw.len(), malformed }
    }

    /// The braces and the line end, and the name and one digit of each field that has to be there.
    fn least_row_bytes(&self) -> u64 {
        let required = self.plan.columns.iter().filter(|column| column.is_required());
        3 + required.map(|column| column.name.len() as u64 + 4).sum::<u64>()
    }

    fn start(&self, file: &SourceFile) -> Result<(BlockReader<TextInput>, ()), Failure> {
        let input = TextInput::open(file, self.compression, self.options.encoding)?;
        let mut reader = BlockReader::new(input, Framing::Lines, self.record_limit, true);
        // An object without fields takes three bytes and makes a row of all columns.
        reader.limit_values(self.names.len());
        Ok((reader, ()))
    }

    fn check(&self, file: Arc<SourceFile>, _: Arc<()>, block: Block, plan: &CheckPlan) -> Result<Checked, Failure> {
        let width = self.names.len();
        let mut rows = Vec::with_capacity(block.spans.len());
        let mut fields = Vec::with_capacity(block.spans.len() * width);
        let mut rejects = Vec::new();
        let mut keys = Keys::new(&self.names);
        let is_utf8 = simdutf8::basic::from_utf8(&block.data).is_ok();
        for (index, span) in block.spans.iter().enumerate() {
            let record = span.start as usize..span.end as usize;
            let first = fields.len();
            fields.resize(first + width, Field::ABSENT);
            let found = match span.malformed {
                Some(why) => Err(vec![malformed_rule(why, self.record_limit)]),
                None if is_utf8
                    && scan(&block.data[..record.end], record.start, &mut keys, &mut fields[first..]).is_some() =>
                {
                    Ok(())
                }
                None => {
                    fields[first..].fill(Field::ABSENT);
                    find_fields(&block.data, record, &self.names, &mut fields[first..])
                }
            };
            match found {
                Ok(()) => rows.push(index as u32),
                Err(rules) => {
                    fields.truncate(first);
                    rejects.push(text_reject(&file, &block, index, rules));
                }
            }
        }
        let bytes = block.bytes;
        let records = NdjsonRecords { file, block, width, rows, fields, show_columns: self.show_columns };
        check(Arc::new(records), plan, rejects, bytes)
    }
}

impl Ndjson {
    pub(super) fn new(source: &Source, options: &NdjsonSource, compression: FileCompression, job: &JobSpec) -> Self {
        let plan = Arc::new(CheckPlan::new(&source.columns, job));
        let names: Vec<_> = plan.columns.iter().map(|column| column.name.as_str()).collect();
        Self {
            options: options.clone(),
            compression,
            names: Names::new(&names, source.extra_fields),
            plan,
            record_limit: job.pipeline().limits.record_bytes as usize,
            show_columns: false,
        }
    }

    /// One for objects that show rows of columns, as rejects of sources do that are no text.
    pub(super) fn of_columns(source: &Source, job: &JobSpec) -> Self {
        let options = NdjsonSource { encoding: UTF_8 };
        Self { show_columns: true, ..Self::new(source, &options, FileCompression::None, job) }
    }
}
