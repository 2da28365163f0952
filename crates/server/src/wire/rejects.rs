//! Rejected rows.

use etlplus_api as api;
use etlplus_core::reject::{BrokenRule, Reject, RejectSummary};

pub(crate) fn summaries(summaries: &[RejectSummary]) -> Vec<api::RejectSummary> {
    summaries.iter().cloned().map(summary).collect()
}

fn summary(RejectSummary { field, rule, rows, samples }: RejectSummary) -> api::RejectSummary {
    let sample = |sample: etlplus_core::reject::RejectSample| api::RejectSample {
        file: sample.file,
        line: sample.line,
        row: sample.row,
        value: sample.value,
        message: sample.message,
    };
    api::RejectSummary { field, rule, rows, samples: samples.into_iter().map(sample).collect() }
}

/// A row of the reject file.
pub(crate) fn row(reject: Reject) -> api::RejectedRow {
    let broken =
        |BrokenRule { field, rule, value, message }: BrokenRule| api::BrokenRule { field, rule, value, message };
    api::RejectedRow {
        file: reject.file,
        line: reject.line,
        row: reject.row,
        offset: reject.offset,
        errors: reject.errors.into_iter().map(broken).collect(),
        raw: reject.raw,
        raw_hex: reject.raw_hex,
        raw_truncated: reject.raw_truncated,
    }
}
