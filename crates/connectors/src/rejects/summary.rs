//! What was broken how often.

use std::collections::HashMap;

use etlplus_core::reject::RejectSample;
use etlplus_core::{BrokenRule, Reject, RejectSummary};

/// Rows shown for each broken rule of each field.
const SAMPLES_MAX: usize = 3;
/// The most characters of a value in a sample.
const SAMPLE_VALUE_MAX_CHARS: usize = 80;
/// The most pairs of field and rule that are counted apart. Fields and rules are declared, so that only undeclared
/// fields of NDJSON can reach it; what goes beyond is counted under no field.
const SUMMARIES_MAX: usize = 10_000;

/// Counts rejects by field and rule.
#[derive(Debug, Default)]
pub struct Summaries {
    found: HashMap<(Option<String>, String), RejectSummary>,
}

impl Summaries {
    /// Counts a row once for each field and rule that it broke.
    pub fn count(&mut self, reject: &Reject) {
        for (index, error) in reject.errors.iter().enumerate() {
            let is_same = |other: &BrokenRule| other.field == error.field && other.rule == error.rule;
            if !reject.errors[..index].iter().any(is_same) {
                self.count_rule(reject, error);
            }
        }
    }

    fn count_rule(&mut self, reject: &Reject, error: &BrokenRule) {
        let mut field = error.field.clone();
        let is_known = self.found.contains_key(&(field.clone(), error.rule.clone()));
        if !is_known && self.found.len() >= SUMMARIES_MAX {
            field = None;
        }
        let summary = self.found.entry((field.clone(), error.rule.clone())).or_insert_with(|| RejectSummary {
            field,
            rule: error.rule.clone(),
            rows: 0,
            samples: Vec::new(),
        });
        summary.rows += 1;
        if summary.samples.len() < SAMPLES_MAX {
            let shorten = |value: &String| value.chars().take(SAMPLE_VALUE_MAX_CHARS).collect();
            summary.samples.push(RejectSample {
                file: reject.file.clone(),
                line: reject.line,
                row: reject.row,
                value: error.value.as_ref().map(shorten),
                message: error.message.clone(),
            });
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Every field and rule that was broken, by falling count.
    pub fn by_count(&self) -> Vec<RejectSummary> {
        let mut summaries: Vec<_> = self.found.values().cloned().collect();
        summaries
            .sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.field.cmp(&b.field)).then_with(|| a.rule.cmp(&b.rule)));
        summaries
    }
}
