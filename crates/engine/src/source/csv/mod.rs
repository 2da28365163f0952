//! CSV (RFC 4180), with any ASCII delimiter and quote.

mod header;
mod records;

use std::fs::File;
use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::pipeline::{CsvSource, ExtraFields, JobSpec, Source};

use self::header::Layout;
use self::records::CsvRecords;
pub(crate) use self::records::unquoted;
use super::reject::{malformed_rule, row_rule, text_reject};
use super::text::{Block, BlockReader, Framing, TextFormat, TextReader, skip_encoding_mark, split_fields};
use super::{OpenSource, SourceFile};
use crate::check::{CheckPlan, Checked, check};

/// CSV files of one source.
#[derive(Clone)]
pub(super) struct Csv {
    options: Arc<CsvSource>,
    plan: Arc<CheckPlan>,
    extra_fields: ExtraFields,
    record_limit: usize,
}

/// Looks at the header of each file.
pub(super) fn open(
    source: &Source,
    options: &CsvSource,
    job: &JobSpec,
    files: Vec<Arc<SourceFile>>,
) -> Result<OpenSource, Failure> {
    let plan = Arc::new(CheckPlan::new(&source.columns, job));
    let csv = Csv {
        options: Arc::new(options.clone()),
        plan: plan.clone(),
        extra_fields: source.extra_fields,
        record_limit: job.pipeline().limits.record_bytes as usize,
    };
    for file in &files {
        csv.start(file)?;
    }
    let reader = Box::new(TextReader { format: csv, files: files.clone() });
    Ok(OpenSource { plan, files, rows_total: None, reader })
}

impl Csv {
    fn framing(&self) -> Framing {
        match self.options.quote {
            Some(quote) => Framing::Quoted { delimiter: self.options.delimiter, quote },
            None => Framing::Lines,
        }
    }
}

impl TextFormat for Csv {
    type Layout = Layout;

    fn start(&self, file: &SourceFile) -> Result<(BlockReader<File>, Layout), Failure> {
        let mut reader = BlockReader::new(file.open()?, self.framing(), self.record_limit, false);
        skip_encoding_mark(&mut reader, file)?;
        let layout = if self.options.header {
            let header = reader.header().map_err(|error| file.read_failure(&error))?;
            header::layout(header, file, &self.options, &self.plan, self.extra_fields)?
        } else {
            Layout::by_position(self.plan.columns.len())
        };
        // A blank line is a record of one empty field; where records have more, it can only be a blank line.
        reader.skip_blank_lines(layout.field_count > 1);
        Ok((reader, layout))
    }

    fn check(&self, file: Arc<SourceFile>, layout: Arc<Layout>, block: Block) -> Result<Checked, Failure> {
        let (mut rows, mut fields, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        let all_utf8 = simdutf8::basic::from_utf8(&block.data).is_ok();
        for (index, span) in block.spans.iter().enumerate() {
            if let Some(why) = span.malformed {
                let rule = malformed_rule(why, self.record_limit);
                rejects.push(text_reject(&file, &block, index, vec![rule]));
                continue;
            }
            let (record, first) = (block.record(index), fields.len());
            split_fields(record, self.options.delimiter, self.options.quote, &mut fields);
            let found = fields.len() - first;
            let broken = if found != layout.field_count {
                let noun = if found == 1 { "field" } else { "fields" };
                Some(row_rule("field_count", format!("has {found} {noun} instead of {}", layout.field_count)))
            } else if !all_utf8 {
                records::not_utf8(record, &fields[first..], &layout, &self.plan, self.options.quote)
            } else {
                None
            };
            match broken {
                Some(rule) => {
                    fields.truncate(first);
                    rejects.push(text_reject(&file, &block, index, vec![rule]));
                }
                None => rows.push(index as u32),
            }
        }
        let bytes = block.bytes;
        let records = CsvRecords { file, block, layout, options: self.options.clone(), rows, fields };
        check(Arc::new(records), &self.plan, rejects, bytes)
    }
}
