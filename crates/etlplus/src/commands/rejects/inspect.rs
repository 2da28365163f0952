//! `etlplus rejects inspect FILE`: what is in a reject file.

use std::path::Path;

use etlplus_core::Failure;
use etlplus_core::reject::{Reject, RejectSummary};
use etlplus_engine::{RejectReader, Summaries};
use serde::Serialize;

use crate::cli::OutputFormat;
use crate::cli::rejects::InspectArgs;
use crate::exit::Exit;
use crate::output::{self, rejects};

/// The answer of `rejects inspect --output json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    file: &'a Path,
    /// Rows of the file.
    records_failed: u64,
    /// Those among them that were asked for.
    matching: u64,
    /// What the matching rows broke.
    summary: &'a [RejectSummary],
    /// The first of the matching rows.
    rows: &'a [Reject],
}

/// Shows what is in a reject file.
pub(super) fn execute(arguments: &InspectArgs) -> Result<Exit, Failure> {
    let (mut records_failed, mut matching) = (0, 0);
    let (mut summaries, mut rows) = (Summaries::default(), Vec::new());
    for read in RejectReader::open(&arguments.file)? {
        let reject = read?.reject;
        records_failed += 1;
        if is_asked_for(&reject, arguments) {
            matching += 1;
            summaries.count(&reject);
            if rows.len() < arguments.limit {
                rows.push(reject);
            }
        }
    }
    let summary = summaries.by_count();
    match arguments.output {
        OutputFormat::Json => {
            let (file, summary, rows) = (arguments.file.as_path(), summary.as_slice(), rows.as_slice());
            output::json(&Answer { file, records_failed, matching, summary, rows })?;
        }
        OutputFormat::Text => {
            output::data(&rejects::inspected(records_failed, matching, &summary, &rows, output::stdout_width()))?;
        }
    }
    Ok(Exit::Done)
}

/// Whether one and the same broken rule is of the rule and the field that were asked for.
fn is_asked_for(reject: &Reject, arguments: &InspectArgs) -> bool {
    let InspectArgs { rule, field, .. } = arguments;
    if rule.is_none() && field.is_none() {
        return true;
    }
    reject.errors.iter().any(|error| {
        rule.as_ref().is_none_or(|rule| error.rule == *rule)
            && field.as_ref().is_none_or(|field| error.field.as_ref() == Some(field))
    })
}
