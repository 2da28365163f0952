//! NDJSON: one JSON object on each line.

mod object;
mod records;

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use etlplus_core::pipeline::{ExtraFields, JobSpec, Source};
use etlplus_core::{BrokenRule, Failure};

use self::object::Object;
pub(crate) use self::object::parse_object;
use self::records::{NdjsonRecords, byte_range};
use super::reject::{malformed_rule, row_rule, shown_value, text_reject};
use super::text::{Block, BlockReader, Framing, TextFormat, TextReader, skip_encoding_mark};
use super::{OpenSource, SourceFile};
use crate::check::{CheckPlan, Checked, check};

/// The most values that a block becomes.
const BLOCK_VALUES_MAX: usize = 1 << 20;

/// NDJSON files of one source.
struct Ndjson {
    plan: Arc<CheckPlan>,
    positions: HashMap<String, usize>,
    extra_fields: ExtraFields,
    record_limit: usize,
}

/// Opens the files; they say nothing about themselves before their first record.
pub(super) fn open(source: &Source, job: &JobSpec, files: Vec<Arc<SourceFile>>) -> Result<OpenSource, Failure> {
    let plan = Arc::new(CheckPlan::new(&source.columns, job));
    let names = plan.columns.iter().enumerate();
    let ndjson = Ndjson {
        positions: names.map(|(index, column)| (column.name.clone(), index)).collect(),
        plan: plan.clone(),
        extra_fields: source.extra_fields,
        record_limit: job.pipeline().limits.record_bytes as usize,
    };
    for file in &files {
        ndjson.start(file)?;
    }
    let reader = Box::new(TextReader { format: ndjson, files: files.clone() });
    Ok(OpenSource { plan, files, rows_total: None, reader })
}

impl TextFormat for Ndjson {
    type Layout = ();

    fn start(&self, file: &SourceFile) -> Result<(BlockReader<File>, ()), Failure> {
        let mut reader = BlockReader::new(file.open()?, Framing::Lines, self.record_limit, true);
        // An object without fields takes three bytes and makes a row of all columns.
        reader.limit_records(BLOCK_VALUES_MAX / self.plan.columns.len().max(1));
        skip_encoding_mark(&mut reader, file)?;
        Ok((reader, ()))
    }

    fn check(&self, file: Arc<SourceFile>, _: Arc<()>, block: Block) -> Result<Checked, Failure> {
        let width = self.plan.columns.len();
        let (mut rows, mut fields, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        for (index, span) in block.spans.iter().enumerate() {
            let broken = match span.malformed {
                Some(why) => Err(vec![malformed_rule(why, self.record_limit)]),
                None => self.fields(block.record(index), &mut fields),
            };
            match broken {
                Ok(()) => rows.push(index as u32),
                Err(rules) => {
                    fields.truncate(rows.len() * width);
                    rejects.push(text_reject(&file, &block, index, rules));
                }
            }
        }
        let bytes = block.bytes;
        let records = NdjsonRecords { file, block, width, rows, fields };
        check(Arc::new(records), &self.plan, rejects, bytes)
    }
}

impl Ndjson {
    /// Finds the declared fields of one record and appends their places, or says why it is malformed.
    fn fields(&self, record: &[u8], fields: &mut Vec<Option<Range<u32>>>) -> Result<(), Vec<BrokenRule>> {
        let text = simdutf8::basic::from_utf8(record)
            .map_err(|_| vec![row_rule("utf8", "has bytes that are not UTF-8".to_owned())])?;
        let object = parse_object(text).map_err(|error| vec![row_rule("json", error)])?;
        let first = fields.len();
        fields.resize(first + self.plan.columns.len(), None);
        let broken = self.place(text, &object, &mut fields[first..]);
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    fn place(&self, text: &str, object: &Object<'_>, fields: &mut [Option<Range<u32>>]) -> Vec<BrokenRule> {
        let mut broken = Vec::new();
        let rule = |name: &str, rule: &str, value: &str, message: &str| BrokenRule {
            field: Some(shown_value(name.as_bytes())),
            rule: rule.to_owned(),
            value: Some(shown_value(value.as_bytes())),
            message: message.to_owned(),
        };
        for (name, value) in &object.fields {
            match self.positions.get(name.as_ref()) {
                Some(column) if fields[*column].is_some() => {
                    broken.push(rule(name, "duplicate_field", value.get(), "is given twice in one object"));
                }
                Some(column) => fields[*column] = Some(byte_range(text, value.get())),
                None if self.extra_fields == ExtraFields::Reject => {
                    broken.push(rule(name, "extra_field", value.get(), "is not declared in the schema"));
                }
                None => {}
            }
        }
        broken
    }
}
