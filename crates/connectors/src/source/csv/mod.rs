//! CSV (RFC 4180), with any ASCII delimiter and quote.

mod header;
mod records;
mod split;

use std::sync::Arc;

use etlplus_core::pipeline::{CsvSource, ExtraFields, FileCompression, JobSpec, Source, SourceFiles};
use etlplus_core::{BrokenRule, Failure, Type};

use self::header::Layout;
pub(crate) use self::records::unquoted;
use self::records::{CsvRecords, NullTokens};
pub(super) use self::split::{Fault, split};
use super::reject::{malformed_rule, row_rule, text_reject};
use super::text::{
    Block, BlockReader, Dialect, Framing, Malformed, OneRecord, Scan, TextFormat, TextInput, TextReader,
};
use super::{OpenSource, Reader, SourceFile};
use crate::check::{CheckPlan, Checked, ColumnPlan, check};

/// CSV files of one source.
#[derive(Clone)]
pub(super) struct Csv {
    options: Arc<CsvSource>,
    dialect: Dialect,
    nulls: Arc<NullTokens>,
    compression: FileCompression,
    plan: Arc<CheckPlan>,
    extra_fields: ExtraFields,
    record_limit: usize,
}

/// Looks at the header of each file.
pub(super) fn open(
    source: &Source,
    origin: &SourceFiles,
    options: &CsvSource,
    job: &JobSpec,
    files: Vec<Arc<SourceFile>>,
) -> Result<OpenSource, Failure> {
    let csv = Csv::new(source, options, origin.compression, job);
    let plan = csv.plan.clone();
    let reader: Box<dyn Reader> = Box::new(TextReader::new(csv, files.clone())?);
    Ok(OpenSource { plan, files, rows_total: None, reader })
}

/// The characters that mean something in the files.
fn dialect(options: &CsvSource) -> Dialect {
    let CsvSource { delimiter, quote, escape, comment, .. } = *options;
    Dialect { delimiter, quote, escape, comment }
}

impl Csv {
    pub(super) fn new(source: &Source, options: &CsvSource, compression: FileCompression, job: &JobSpec) -> Self {
        Self {
            options: Arc::new(options.clone()),
            dialect: dialect(options),
            nulls: Arc::new(NullTokens::new(&options.null)),
            compression,
            plan: Arc::new(CheckPlan::new(&source.columns, job)),
            extra_fields: source.extra_fields,
            record_limit: job.pipeline().limits.record_bytes as usize,
        }
    }

    /// What a record that could not be taken apart is rejected for.
    fn rule(&self, fault: Fault, layout: &Layout) -> BrokenRule {
        match fault {
            Fault::Malformed(why) => malformed_rule(why, self.record_limit),
            Fault::FieldCount(found) => {
                let noun = if found == 1 { "field" } else { "fields" };
                row_rule("field_count", format!("has {found} {noun} instead of {}", layout.field_count))
            }
        }
    }
}

impl TextFormat for Csv {
    type Layout = Layout;

    fn plan(&self) -> Arc<CheckPlan> {
        self.plan.clone()
    }

    fn layout(&self, header: Option<&str>, file: &SourceFile) -> Result<Layout, Failure> {
        match header {
            _ if !self.options.header => Ok(Layout::by_position(self.plan.columns.len())),
            Some(header) => {
                let header = Some(Ok(header.as_bytes().to_vec()));
                header::layout(header, file, self.dialect, &self.plan, self.extra_fields)
            }
            None => Err(Failure::user(
                "reject_without_header",
                format!("{} has a row without the header of its file, which says which field is which", file.name()),
                "put the header record into `header` of each row",
            )),
        }
    }

    fn one_record(&self, raw: &[u8]) -> OneRecord {
        match Framing::Fields(self.dialect).scan(raw, true, self.record_limit) {
            Scan::Record { end, next } if raw[next..].trim_ascii().is_empty() => {
                OneRecord::Ends { end, malformed: None }
            }
            Scan::Record { .. } => OneRecord::Several,
            // It was a record where it came from.
            Scan::Comment { .. } | Scan::LongComment => OneRecord::Ends { end: raw.len(), malformed: None },
            Scan::Broken { why, .. } => OneRecord::Ends { end: raw.len(), malformed: Some(why) },
            Scan::TooLong | Scan::Incomplete => {
                OneRecord::Ends { end: raw.len(), malformed: Some(Malformed::RecordTooLong) }
            }
        }
    }

    /// A delimiter or a line end for each field, and something in each that cannot be empty: the empty text is a value of a
    /// string, unless it means that there is none.
    fn least_row_bytes(&self) -> u64 {
        let takes_empty = |column: &&ColumnPlan| column.ty == Type::String && !self.nulls.contain(b"");
        let required = self.plan.columns.iter().filter(|column| column.is_required());
        let filled = required.filter(|column| !takes_empty(column)).count();
        (self.plan.columns.len() + filled).max(1) as u64
    }

    fn start(&self, file: &SourceFile) -> Result<(BlockReader<TextInput>, Layout), Failure> {
        let input = TextInput::open(file, self.compression, self.options.encoding)?;
        let mut reader = BlockReader::new(input, Framing::Fields(self.dialect), self.record_limit, false);
        reader.skip_lines(self.options.skip_lines).map_err(|error| file.read_failure(&error))?;
        let layout = if self.options.header {
            let header = reader.header().map_err(|error| file.read_failure(&error))?;
            if let Some(Ok(header)) = &header {
                file.found_header(header);
            }
            header::layout(header, file, self.dialect, &self.plan, self.extra_fields)?
        } else {
            Layout::by_position(self.plan.columns.len())
        };
        reader.skip_blank_lines(layout.skips_blank_lines());
        reader.limit_values(self.plan.columns.len());
        Ok((reader, layout))
    }

    fn check(
        &self,
        file: Arc<SourceFile>,
        layout: Arc<Layout>,
        mut block: Block,
        plan: &CheckPlan,
    ) -> Result<Checked, Failure> {
        let (mut fields, faults) = split(&mut block, self.dialect, layout.field_count, layout.skips_blank_lines());
        let reject = |(index, fault)| text_reject(&file, &block, index, vec![self.rule(fault, &layout)]);
        let mut rejects: Vec<_> = faults.into_iter().map(reject).collect();
        let not_utf8 = records::not_utf8(&block);
        if !not_utf8.is_empty() {
            fields.retain(|fields, row| {
                let index = fields.record(row);
                if not_utf8.binary_search(&index).is_err() {
                    return true;
                }
                let rule = records::utf8_rule(&block, fields, row, &layout, plan, self.dialect);
                rejects.push(text_reject(&file, &block, index, vec![rule]));
                false
            });
        }
        let (bytes, dialect, nulls) = (block.bytes, self.dialect, self.nulls.clone());
        let records = CsvRecords { file, block, layout, dialect, nulls, fields };
        check(Arc::new(records), plan, rejects, bytes)
    }
}
