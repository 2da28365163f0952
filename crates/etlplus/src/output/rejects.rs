//! Rejected rows and the rules that they broke.

use std::fmt::Write;

use console::truncate_str;
use etlplus_core::ports::{RunReport, TargetReport};
use etlplus_core::progress::grouped;
use etlplus_core::reject::{BrokenRule, Reject, RejectSample, RejectSummary};

use super::printable;
use super::style::{FAINT, WARN};
use super::units::count;

/// The most (field, rule) pairs that a summary lists; the reject file has them all.
const REASONS_MAX: usize = 20;
/// The most rejected rows that a preview lists.
const ROWS_MAX: usize = 10;
/// Columns of the terminal that a value of a sample may take.
const VALUE_MAX_WIDTH: usize = 40;
/// The most columns that a row's own text takes where no terminal sets an edge.
const RAW_MAX_WIDTH: usize = 1000;
/// What stands for the field where the row as a whole is malformed.
const WHOLE_ROW: &str = "(row)";

/// Each broken (field, rule) with its count and a few rows that broke it.
pub(crate) fn reasons(summaries: &[RejectSummary]) -> String {
    let mut text = String::new();
    let shown = &summaries[..summaries.len().min(REASONS_MAX)];
    let count_width = shown.iter().map(|reason| grouped(reason.rows).len()).max().unwrap_or(0);
    let names: Vec<String> = shown.iter().map(|reason| name(reason.field.as_deref(), &reason.rule)).collect();
    let name_width = names.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0);
    for (reason, name) in shown.iter().zip(&names) {
        let samples: Vec<String> = reason.samples.iter().map(sample).collect();
        let space = " ".repeat(name_width.saturating_sub(console::measure_text_width(name)));
        let _ = writeln!(
            text,
            "    {WARN}{:>count_width$}{WARN:#}  {name}{space}  {FAINT}{}{FAINT:#}",
            grouped(reason.rows),
            samples.join(", ")
        );
    }
    if summaries.len() > REASONS_MAX {
        let _ = writeln!(text, "    and {}", count((summaries.len() - REASONS_MAX) as u64, "more reason"));
    }
    text
}

/// The first of the rows that a preview met and had to reject.
pub(crate) fn rows(rejects: &[Reject]) -> String {
    let mut text = format!("{WARN}Rejected rows, the first ones met:{WARN:#}\n");
    for reject in rejects.iter().take(ROWS_MAX) {
        let place = place(reject.line, reject.row);
        for BrokenRule { field, rule, message, .. } in &reject.errors {
            let name = name(field.as_deref(), rule);
            let _ = writeln!(text, "  {}: {place}: {name}: {}", printable(&reject.file), printable(message));
        }
    }
    text
}

/// What is in a reject file: how many rows, what they broke, and the first of them as they stood in the source.
pub(crate) fn inspected(
    records_failed: u64,
    matching: u64,
    summaries: &[RejectSummary],
    rows: &[Reject],
    width: Option<usize>,
) -> String {
    let of_all = if matching < records_failed { format!(" of {}", grouped(records_failed)) } else { String::new() };
    let mut text = format!("{}{of_all} rejected\n", count(matching, "row"));
    if !summaries.is_empty() {
        let _ = write!(text, "\n  By field and rule:\n{}", reasons(summaries));
    }
    for reject in rows {
        let _ = writeln!(text, "\n{}: {}", printable(&reject.file), place(reject.line, reject.row));
        for BrokenRule { field, rule, message, .. } in &reject.errors {
            let name = name(field.as_deref(), rule);
            let _ = writeln!(text, "  {WARN}{name}{WARN:#}: {}", printable(message));
        }
        let raw = format!("  {}", printable(&reject.raw));
        let _ = writeln!(text, "{FAINT}{}{FAINT:#}", truncate_str(&raw, width.unwrap_or(RAW_MAX_WIDTH), "..."));
    }
    if (rows.len() as u64) < matching {
        let _ = writeln!(text, "\nand {}", count(matching - rows.len() as u64, "more row"));
    }
    text
}

/// What a replay would do.
pub(crate) fn would_load(report: &RunReport, target: &TargetReport) -> String {
    let (read, failed) = (report.progress.records_processed(), report.progress.records_failed);
    let mut text = format!(
        "nothing is written: of {}, {} would fail again, and {} would be loaded into {}\n",
        count(read, "row"),
        grouped(failed),
        count(target.rows, "row"),
        printable(&target.location)
    );
    if !report.rejects.is_empty() {
        let _ = write!(text, "\n  Rejected, by field and rule:\n{}", reasons(&report.rejects));
    }
    text.truncate(text.trim_end().len());
    text
}

/// `amount type`, or `(row) field_count`.
fn name(field: Option<&str>, rule: &str) -> String {
    format!("{} {}", printable(field.unwrap_or(WHOLE_ROW)), printable(rule))
}

fn sample(sample: &RejectSample) -> String {
    let place = place(sample.line, sample.row);
    match &sample.value {
        Some(value) => {
            let value = printable(value);
            format!("{place} \"{}\"", truncate_str(&value, VALUE_MAX_WIDTH, "..."))
        }
        None => place,
    }
}

/// Where a person finds the row: its line, or its number in a format without lines.
fn place(line: Option<u64>, row: u64) -> String {
    match line {
        Some(line) => format!("line {line}"),
        None => format!("row {row}"),
    }
}
